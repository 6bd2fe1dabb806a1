package tensor

import (
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
)

// flanked puts a chain of two steps before and after the others. The first timed
// section of a pass and the last are scheduled differently from those between, by
// some ten cycles, and are not used.
func flanked(lengths []int) []int {
	return append(append([]int{2}, lengths...), 2)
}

// latencyRow makes the row of a latency job with flanked lengths.
func latencyRow(m *micro.Measured, lengths []int) (micro.Row, error) {
	inner := *m
	inner.Readings = slices.Clone(m.Readings)
	for i, r := range inner.Readings {
		inner.Readings[i].Samples = unflanked(r.Samples, len(lengths))
	}
	row, err := harness.LatencyRow(&inner, lengths)
	row.From = []*micro.Measured{m}
	return row, err
}

// unflanked leaves out the first and last sample of each pass; n are between.
func unflanked(samples []uint64, n int) []uint64 {
	var inner []uint64
	for pass := range slices.Chunk(samples, n+2) {
		if len(pass) == n+2 {
			inner = append(inner, pass[1:n+1]...)
		}
	}
	return inner
}
