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
	out := make([][]Elasticity, rows.Rows)
	for _, k := range knobs {
		up, err := m.Predict(k.Turn(rows, turn))
		if err != nil {
			return nil, fmt.Errorf("with more %s: %w", k.Name, err)
		}
		down, err := m.Predict(k.Turn(rows, 1/turn))
		if err != nil {
			return nil, fmt.Errorf("with less %s: %w", k.Name, err)
		}
		for i := range out {
			slope := math.Log(up[target][i].Value/down[target][i].Value) / (2 * math.Log(turn))
			out[i] = append(out[i], Elasticity{k.Name, slope})
		}
	}
	for i := range out {
		slices.SortStableFunc(out[i], func(a, b Elasticity) int { return cmp.Compare(b.Value, a.Value) })
	}
	return out, nil
}
