package host

import (
	"errors"
	"fmt"
)

// ErrThreads marks a number of threads that the machine does not give.
var ErrThreads = errors.New("threads not available")

// CPUs chooses the CPUs that a measurement binds its threads to: one a physical
// core for 0 threads, else so many, within the affinity mask and the quota of the
// control group. The error matches ErrThreads where there are fewer.
func CPUs(threads int) ([]int, error) {
	m, err := thisMachine()
	if err != nil {
		return nil, err
	}
	return m.pickCPUs(threads)
}

// pickCPUs chooses a CPU for each thread: one a physical core, no more than the
// quota lets run at once. wish overrides the number within the allowed CPUs and
// the quota; then siblings come after all cores have one.
func (m machine) pickCPUs(wish int) ([]int, error) {
	most := len(m.Allowed)
	if m.Quota > 0 {
		most = min(most, max(1, int(m.Quota)))
	}
	if wish < 0 || wish > most {
		return nil, fmt.Errorf("%w: %d; this process may use %d CPUs%s", ErrThreads, wish, len(m.Allowed), m.quotaNote())
	}
	n := wish
	if n == 0 {
		n = min(most, len(m.cores))
	}
	return spread(m.cores, n), nil
}

func (m machine) quotaNote() string {
	if m.Quota == 0 {
		return ""
	}
	return fmt.Sprintf(", and its control group %.4g at once", m.Quota)
}

// spread takes n CPUs from cores: evenly where there are more cores than that,
// for they are numbered by socket and node, else also the cores' second threads.
func spread(cores [][]int, n int) []int {
	list := make([]int, 0, n)
	if n <= len(cores) {
		for i := range n {
			list = append(list, cores[i*len(cores)/n][0])
		}
		return list
	}
	for sibling := 0; len(list) < n; sibling++ {
		for _, c := range cores {
			if sibling < len(c) && len(list) < n {
				list = append(list, c[sibling])
			}
		}
	}
	return list
}
