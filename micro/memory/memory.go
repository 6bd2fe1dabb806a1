// Package memory measures the levels of the memory: latency by stride and by
// random chase, and bandwidth of shared memory, L1, L2 and DRAM.
package memory

import (
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// Benchmarks lists the benchmarks of this unit.
func Benchmarks() []micro.Benchmark {
	return []micro.Benchmark{
		strideLatency(), randomLatency(), sharedBandwidth(), l1Bandwidth(), l2Bandwidth(), dramBandwidth(),
	}
}

// group collects measurements by some keys of their points, in order of appearance.
func group(measured []*micro.Measured, keys ...string) [][]*micro.Measured {
	var order []string
	by := map[string][]*micro.Measured{}
	for _, m := range measured {
		key := shorten(m.Point, keys...).Key()
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
		by[key] = append(by[key], m)
	}
	lists := make([][]*micro.Measured, len(order))
	for i, key := range order {
		lists[i] = by[key]
	}
	return lists
}

// shorten keeps some keys of a point.
func shorten(p results.Point, keys ...string) results.Point {
	var out results.Point
	for _, kv := range p {
		if slices.Contains(keys, kv.Key) {
			out = append(out, kv)
		}
	}
	return out
}
