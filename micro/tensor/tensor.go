// Package tensor measures the matrix units: mma.sync and mma.sp (a warp), wgmma
// (a warpgroup), latency and throughput, by shape and element type.
package tensor

import "github.com/gpubench/gpubench/micro"

// Benchmarks lists the benchmarks of this package.
func Benchmarks() []micro.Benchmark {
	return []micro.Benchmark{mmaLatency(), mmaThroughput(), wgmmaLatency(), wgmmaThroughput()}
}
