// Package published holds figures that other people published, each with its source.
package published

import "github.com/gpubench/gpubench/results"

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

// Find lists the figures that match, in the order A100, RTX 4090, H800, then others.
// The zero Query finds none.
func Find(q Query) []results.Published { return nil }
