//go:build !linux

package run

// kernelRelease is not known here.
func kernelRelease() string { return "" }
