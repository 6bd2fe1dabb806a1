// Package published holds figures that other people published, each with its source.
//
// The figures are in figures.csv, random-latency.csv and dsm-pairs.csv, which
// the command in generate makes from the collected tables: units in the
// project's spelling, and a note on every figure that is known to be wrong or
// to mean something else than its name says, so that nobody corrects a
// measurement towards it.
package published

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/results"
)

//go:generate go run ./generate

// Query selects published figures by the columns of the table; an empty field matches everything.
type Query struct {
	// Benchmark, Instruction, Shape, In, Acc, Operand, Sparsity, Parameter and Metric
	// are exact matches of the columns of the table.
	Benchmark, Instruction, Shape, In, Acc, Operand, Sparsity, Parameter, Metric string
	// Scale converts the published unit to the row's, for figures that differ by a
	// constant factor; 0 means 1.
	Scale float64
	// Unit is the unit after scaling; empty keeps the published one.
	Unit string
}

// Find lists the figures that match, in the order A100, RTX 4090, H800, H100,
// H200, B200, then others, and in the order of the table within one GPU.
// The zero Query finds none, nor does one that only says Scale or Unit.
func Find(q Query) []results.Published {
	want := q.columns()
	if want == (columns{}) {
		return nil
	}
	var found []results.Published
	for _, f := range figures() {
		if want.match(f.columns) {
			found = append(found, q.convert(f.Published))
		}
	}
	slices.SortStableFunc(found, func(a, b results.Published) int {
		return cmp.Compare(rank(a.GPU), rank(b.GPU))
	})
	return found
}

func (q Query) columns() columns {
	return columns{q.Benchmark, q.Instruction, q.Shape, q.In, q.Acc, q.Operand, q.Sparsity, q.Parameter, q.Metric}
}

func (q Query) convert(p results.Published) results.Published {
	if q.Scale != 0 {
		p.Value *= q.Scale
	}
	if q.Unit != "" {
		p.Unit = q.Unit
	}
	return p
}

// rank is the place of a GPU in every list.
func rank(gpu string) int {
	order := [...]string{"A100", "RTX 4090", "H800", "H100", "H200", "B200"}
	for i, prefix := range order {
		if strings.HasPrefix(gpu, prefix) {
			return i
		}
	}
	return len(order)
}
