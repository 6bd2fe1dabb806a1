// Package alu measures the arithmetic units: latency and throughput of scalar
// instructions on floats, halves and integers, of the special functions and of
// conversions.
package alu

import "github.com/gpubench/gpubench/micro"

// Benchmarks lists the benchmarks of this package.
func Benchmarks() []micro.Benchmark {
	return []micro.Benchmark{latency(), throughput(), shuffleLatency()}
}
