// Package async measures asynchronous copies: bulk copies that complete on an mbarrier.
package async

import "github.com/gpubench/gpubench/micro"

// Benchmarks lists the benchmarks of this unit.
func Benchmarks() []micro.Benchmark { return []micro.Benchmark{bulkLatency()} }
