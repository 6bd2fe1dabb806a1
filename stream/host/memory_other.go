//go:build !linux

package host

// mapMemory takes the Go heap where there is no mapping that we know.
func mapMemory(bytes uint64) ([]byte, error) { return make([]byte, bytes), nil }

func unmapMemory([]byte) error { return nil }
