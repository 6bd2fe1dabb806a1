//go:build !linux

package host

import "runtime"

// binds says that threads can be bound to CPUs.
const binds = false

type affinity struct{}

// allowedCPUs counts what the runtime found.
func allowedCPUs() ([]int, error) {
	list := make([]int, runtime.NumCPU())
	for i := range list {
		list[i] = i
	}
	return list, nil
}

// Threads cannot be bound here.
func getAffinity() (affinity, error) { return affinity{}, nil }
func setAffinity(affinity) error     { return nil }
func pin(int) error                  { return nil }
