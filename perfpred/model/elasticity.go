package model

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Elasticity says by how many percent a prediction grows with a percent more of
// a resource: near 1 the resource bounds the machine, near 0 there is enough.
type Elasticity struct {
	Knob  string  `json:"knob"`
	Value float64 `json:"value"`
}

// turn is how far a knob is turned up and down: trees are steps, and less would
// fall between two.
const turn = 1.25

// Elasticities turns each knob up and down at the rows, all else being equal,
// and returns [row][knob] for the target (as numbered in Targets), greatest
// first.
func Elasticities(m Model, rows *dataset.Table, target int, knobs []dataset.Knob) ([][]Elasticity, error) {
	if one, ok := narrow(m, target); ok {
		m, target = one, 0
	}
	n := rows.Rows
	var copies []int
	for range 2 * len(knobs) {
		for i := range n {
			copies = append(copies, i)
		}
	}
	turned := rows.Select(copies)
	for k, knob := range knobs {
		at := 2 * k * n
		knob.Turn(turned, turn, at, at+n)
		knob.Turn(turned, 1/turn, at+n, at+2*n)
	}
	p, err := m.Predict(turned)
	if err != nil {
		return nil, fmt.Errorf("turn the knobs: %w", err)
	}
	out := make([][]Elasticity, n)
	for k, knob := range knobs {
		for i := range out {
			at := 2*k*n + i
			slope := math.Log(p[target][at].Value/p[target][at+n].Value) / (2 * math.Log(turn))
			out[i] = append(out[i], Elasticity{knob.Name, slope})
		}
	}
	for i := range out {
		slices.SortStableFunc(out[i], func(a, b Elasticity) int { return cmp.Compare(b.Value, a.Value) })
	}
	return out, nil
}
