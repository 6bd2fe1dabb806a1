package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

func TestScaler(t *testing.T) {
	s := fitScaler(&dataset.Column{Scale: dataset.Log, Values: []float64{1, math.E, math.NaN(), math.Exp(2), math.Exp(4)}}, 2)
	assert.InDelta(t, 7.0/4, s.Mean, 1e-12)
	assert.InDeltaSlice(t, []float64{0, 1, 4}, s.Edges, 1e-12)
	code := func(v float64) []float64 {
		out := make([]float64, codeBins+2)
		s.code(out, v)
		return out
	}
	assert.InDeltaSlice(t, []float64{1, 0, (3 - s.Mean) / s.Scale, 1, 2.0 / 3}, code(math.Exp(3)), 1e-12)
	assert.Equal(t, code(math.Exp(4)), code(1e9), "above the training range is its edge")
	assert.Equal(t, code(1), code(1e-9), "below too")
	for _, unknown := range []float64{math.NaN(), 0, -1, math.Inf(1)} {
		assert.Equal(t, []float64{0, 1, 0, 0, 0}, code(unknown), "%g", unknown)
	}
}

func TestScalerOfNothing(t *testing.T) {
	for _, values := range [][]float64{nil, {math.NaN()}, {5, 5, 5}} {
		s := fitScaler(&dataset.Column{Values: values}, 4)
		out := make([]float64, codeBins+4)
		s.code(out, 7)
		for _, v := range out {
			assert.False(t, math.IsNaN(v) || math.IsInf(v, 0), "%v: %v", values, out)
		}
	}
}

func TestNamesNeverSeenShareOneRow(t *testing.T) {
	train := &dataset.Table{Rows: 8, Category: []dataset.Category{
		{Name: "os", Values: []string{"a", "a", "a", "b", "b", "b", "c", ""}},
		{Name: "compiler", Values: []string{"x", "x", "x", "x", "y", "y", "y", "y"}},
	}}
	l := newLayout(train, DefaultGroups())
	require.Len(t, l, 1)
	e, err := fitEncoder(train, l, 4)
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"a", "b"}, {"x", "y"}}, e.Vocabulary[0])
	rows := &dataset.Table{Rows: 4, Category: []dataset.Category{{Name: "os", Values: []string{"b", "c", "never", ""}}}}
	// Rows 0 to 2 of the table are os, 3 to 5 compiler, which these rows lack.
	assert.Equal(t, []int{2, 3, 0, 3, 0, 3, 0, 3}, e.encode(rows, l, 4).groups[0].names)
}

func TestLayout(t *testing.T) {
	table := &dataset.Table{Rows: 2,
		Numeric: []dataset.Column{
			{Name: "l3_kb", Values: []float64{1, 2}}, {Name: "bandwidth_per_core", Values: []float64{1, 2}},
			{Name: "cores", Values: []float64{1, 2}}, {Name: "same", Values: []float64{3, 3}},
			{Name: "unknown", Values: []float64{math.NaN(), math.NaN()}}, {Name: "weather", Values: []float64{1, math.NaN()}},
		},
		Category: []dataset.Category{{Name: "family", Values: []string{"a", "b"}}, {Name: "os", Values: []string{"a", "a"}}},
	}
	assert.Equal(t, layout{
		{Name: "cache", Numeric: []string{"l3_kb"}},
		{Name: "memory", Numeric: []string{"bandwidth_per_core"}},
		{Name: "processor", Numeric: []string{"cores"}, Categories: []string{"family"}},
		{Name: "other", Numeric: []string{"weather"}},
	}, newLayout(table, DefaultGroups()))
}
