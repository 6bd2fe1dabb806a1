// Package clock measures the timers that all other measurements rest on.
package clock

import "github.com/gpubench/gpubench/micro"

// Benchmarks lists the benchmarks of this unit.
func Benchmarks() []micro.Benchmark { return []micro.Benchmark{timers()} }
