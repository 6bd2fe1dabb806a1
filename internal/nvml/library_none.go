//go:build !(cuda && linux && cgo)

package nvml

// newLibrary is nil: this build has no NVML in it.
func newLibrary() library { return nil }
