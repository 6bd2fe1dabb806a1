package model

import (
	"math"
	"slices"
)

// maxBins is the number of bins of a feature, of which one is for missing
// values.
const (
	maxBins = 64
	missing = 0
)

// binEdges returns, per feature, the values that separate its bins: bin b > 0
// holds values in (edges[b-2], edges[b-1]], the last bin what is above all.
func binEdges(x [][]float64) [][]float64 {
	if len(x) == 0 {
		return nil
	}
	edges := make([][]float64, len(x[0]))
	for j := range edges {
		values := make([]float64, 0, len(x))
		for _, row := range x {
			if !math.IsNaN(row[j]) {
				values = append(values, row[j])
			}
		}
		edges[j] = edgesOf(values)
	}
	return edges
}

// binned is a feature matrix in bins, by row and by column.
type binned struct {
	edges   [][]float64
	rows    [][]uint8
	columns [][]uint8
}

func binRows(edges [][]float64, x [][]float64) *binned {
	b := &binned{edges: edges, rows: make([][]uint8, len(x)), columns: make([][]uint8, len(edges))}
	for j := range edges {
		b.columns[j] = make([]uint8, len(x))
	}
	for i, row := range x {
		b.rows[i] = make([]uint8, len(edges))
		for j, v := range row {
			k := binOf(edges[j], v)
			b.rows[i][j], b.columns[j][i] = k, k
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
		return missing
	}
	b, _ := slices.BinarySearch(edges, v)
	return uint8(b + 1)
}
