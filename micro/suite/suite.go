// Package suite knows all benchmarks, and the suites: lists of their names.
package suite

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/internal/spelling"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/alu"
	"github.com/gpubench/gpubench/micro/async"
	"github.com/gpubench/gpubench/micro/clock"
	"github.com/gpubench/gpubench/micro/cluster"
	"github.com/gpubench/gpubench/micro/dpx"
	"github.com/gpubench/gpubench/micro/isamap"
	"github.com/gpubench/gpubench/micro/memory"
	"github.com/gpubench/gpubench/micro/tensor"
	"github.com/gpubench/gpubench/stream/device"
)

// All lists every benchmark in the order of reports.
func All() []micro.Benchmark {
	return slices.Concat(alu.Benchmarks(), dpx.Benchmarks(), tensor.Benchmarks(),
		memory.Benchmarks(), cluster.Benchmarks(), async.Benchmarks(), isamap.Benchmarks(), clock.Benchmarks(),
		device.Benchmarks(device.Options{}))
}

// Suite is a named list of patterns of benchmark names.
type Suite struct {
	Name     string
	Question string
	Patterns []string
}

// Suites lists the suites. A suite that runs on a GPU of another architecture
// measures what that GPU can and marks the rest unsupported.
func Suites() []Suite {
	ampere := []string{"alu/*", "dpx/*", "tensor/mma-*", "memory/*", "isa/*", "clock/*", "stream/*"}
	return []Suite{
		{"hopper", "Everything that a Hopper GPU can do: all benchmarks.", []string{"*/*"}},
		{"ada", "What an Ada GPU can do: no wgmma, clusters or bulk copies.", ampere},
		{"ampere", "What an Ampere GPU can do: as ada; fp8 rows come out unsupported.", ampere},
	}
}

// ErrUnknown marks a name or pattern that selects nothing.
var ErrUnknown = errors.New("no such benchmark or suite")

// Select finds benchmarks by names, globs ("tensor/*") and suites, each once, in
// the order of All. Without arguments nothing is selected.
func Select(args []string) ([]micro.Benchmark, error) {
	all := All()
	chosen := map[string]bool{}
	for _, arg := range args {
		names, err := expand(arg, all)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			chosen[n] = true
		}
	}
	return slices.DeleteFunc(all, func(b micro.Benchmark) bool { return !chosen[b.Name] }), nil
}

func expand(arg string, all []micro.Benchmark) ([]string, error) {
	patterns := []string{arg}
	for _, s := range Suites() {
		if s.Name == arg {
			patterns = s.Patterns
		}
	}
	var names []string
	for _, p := range patterns {
		for _, b := range all {
			ok, err := path.Match(p, b.Name)
			if err != nil {
				return nil, fmt.Errorf("pattern %q is malformed: write it like 'tensor/*'", arg)
			}
			if ok {
				names = append(names, b.Name)
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: %q%s; 'gpubench list' shows all", ErrUnknown, arg, didYouMean(arg, all))
	}
	return names, nil
}

// didYouMean suggests the name that a misspelt one takes the fewest edits to
// become, or else the one that shares the longest stretch with it.
func didYouMean(arg string, all []micro.Benchmark) string {
	var candidates []string
	for _, s := range Suites() {
		candidates = append(candidates, s.Name)
	}
	for _, b := range all {
		candidates = append(candidates, b.Name)
	}
	arg = strings.ToLower(arg)
	nearest := slices.MinFunc(candidates, func(a, b string) int { return spelling.Distance(arg, a) - spelling.Distance(arg, b) })
	alike := slices.MaxFunc(candidates, func(a, b string) int { return shared(arg, a) - shared(arg, b) })
	switch {
	case spelling.Distance(arg, nearest) <= max(len(nearest)/4, 1):
		return fmt.Sprintf(" (did you mean %q?)", nearest)
	case shared(arg, alike) >= 4:
		return fmt.Sprintf(" (did you mean %q?)", alike)
	}
	return ""
}

// shared is the length of the longest common substring.
func shared(a, b string) int {
	longest := 0
	for i := range a {
		for j := range b {
			n := 0
			for i+n < len(a) && j+n < len(b) && a[i+n] == b[j+n] {
				n++
			}
			longest = max(longest, n)
		}
	}
	return longest
}
