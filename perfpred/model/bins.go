package model

import (
	"math"
	"slices"
)

// maxBins is the number of bins of a feature; bin 0 holds missing values.
const maxBins = 64

// binned is a feature matrix in small integers, column by column.
type binned struct {
	// Edges are, per feature, the values that separate its bins: bin b > 0
	// holds values in (Edges[b-2], Edges[b-1]], the last what is above all.
	edges   [][]float64
	columns [][]uint8
}

// binColumns finds the edges on these rows and bins all rows.
func binColumns(x [][]float64, rows []int) *binned {
	if len(x) == 0 {
		return &binned{}
	}
	b := &binned{edges: make([][]float64, len(x[0])), columns: make([][]uint8, len(x[0]))}
	for j := range b.edges {
		values := make([]float64, 0, len(rows))
		for _, i := range rows {
			if v := x[i][j]; !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		b.edges[j] = edgesOf(values)
		b.columns[j] = make([]uint8, len(x))
		for i := range x {
			b.columns[j][i] = binOf(b.edges[j], x[i][j])
		}
	}
	return b
}

// edgesOf returns midpoints between distinct values, thinned to equal numbers
// of values per bin where there are too many.
func edgesOf(values []float64) []float64 {
	slices.Sort(values)
	distinct := slices.Compact(slices.Clone(values))
	if len(distinct) < maxBins {
		edges := make([]float64, 0, len(distinct))
		for i := 1; i < len(distinct); i++ {
			edges = append(edges, (distinct[i-1]+distinct[i])/2)
		}
		return edges
	}
	var edges []float64
	for b := 1; b < maxBins-1; b++ {
		at := b * len(values) / (maxBins - 1)
		above, _ := slices.BinarySearch(distinct, values[at])
		if above == 0 {
			continue
		}
		edges = append(edges, (distinct[above-1]+distinct[above])/2)
	}
	return slices.Compact(edges)
}

func binOf(edges []float64, v float64) uint8 {
	if math.IsNaN(v) {
		return 0
	}
	b, _ := slices.BinarySearch(edges, v)
	return uint8(b + 1)
}
