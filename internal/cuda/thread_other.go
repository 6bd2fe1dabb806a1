//go:build !linux

package cuda

// threadID is 0: not known. The CUDA build is for Linux only.
func threadID() int { return 0 }
