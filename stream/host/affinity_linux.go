package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// binds says that threads can be bound to CPUs.
const binds = true

// affinity is the set of CPUs that a thread may use.
type affinity = unix.CPUSet

// allowedCPUs lists the CPUs that the calling thread may use.
func allowedCPUs() ([]int, error) {
	set, err := getAffinity()
	if err != nil {
		return nil, err
	}
	var list []int
	for cpu := 0; len(list) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			list = append(list, cpu)
		}
	}
	return list, nil
}

func getAffinity() (affinity, error) {
	var set affinity
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return set, fmt.Errorf("reading the affinity mask: %w", err)
	}
	return set, nil
}

// setAffinity binds the calling thread.
func setAffinity(set affinity) error { return unix.SchedSetaffinity(0, &set) }

// pin binds the calling thread to one CPU.
func pin(cpu int) error {
	var set affinity
	set.Set(cpu)
	if err := setAffinity(set); err != nil {
		return fmt.Errorf("pinning a thread to CPU %d: %w", cpu, err)
	}
	return nil
}
