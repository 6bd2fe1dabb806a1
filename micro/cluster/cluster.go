package cluster

import "github.com/gpubench/gpubench/micro"

// Benchmarks lists the benchmarks of this unit.
func Benchmarks() []micro.Benchmark { return nil }
