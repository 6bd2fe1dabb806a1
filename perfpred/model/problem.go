package model

import (
	"fmt"
	"math"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// output is what a model must know of a target to predict it again.
type output struct {
	Name string `json:"name"`
	Base string `json:"base,omitempty"`
}

// problem is a training table as logarithms: y is [target][row], NaN where a
// row does not count.
type problem struct {
	outputs []output
	y       [][]float64
}

// newProblem returns ErrTooFew if a target has fewer than least usable rows.
func newProblem(train *dataset.Table, targets []string, least int) (*problem, error) {
	if len(targets) == 0 {
		return nil, fmt.Errorf("no targets: %w", dataset.ErrNoColumn)
	}
	p := &problem{}
	for _, name := range targets {
		t, err := train.Target(name)
		if err != nil {
			return nil, err
		}
		y, err := train.LogRatio(name)
		if err != nil {
			return nil, err
		}
		if n := len(finite(y)); n < least {
			return nil, fmt.Errorf("%s: %d usable rows of %d, at least %d are needed: %w", name, n, train.Rows, least, ErrTooFew)
		}
		p.outputs = append(p.outputs, output{Name: name, Base: t.Base})
		p.y = append(p.y, y)
	}
	return p, nil
}

// finite returns the indexes of the values that are numbers.
func finite(y []float64) []int {
	var out []int
	for i, v := range y {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, i)
		}
	}
	return out
}

func outputNames(outputs []output) []string {
	names := make([]string, len(outputs))
	for i, o := range outputs {
		names[i] = o.Name
	}
	return names
}

// estimates turns predicted logarithms, [target][row], into the targets' units.
// Intervals are unknown.
func estimates(rows *dataset.Table, outputs []output, logs [][]float64) ([][]Estimate, error) {
	out := make([][]Estimate, len(outputs))
	for k, o := range outputs {
		base, err := rows.Baseline(o.Base)
		if err != nil {
			return nil, fmt.Errorf("predict %s: %w", o.Name, err)
		}
		out[k] = make([]Estimate, rows.Rows)
		for i := range out[k] {
			out[k][i] = Estimate{Value: base[i] * math.Exp(logs[k][i]), Low: math.NaN(), High: math.NaN()}
		}
	}
	return out, nil
}

// mean of the values of these rows.
func mean(values []float64, rows []int) float64 {
	sum := 0.0
	for _, i := range rows {
		sum += values[i]
	}
	return sum / float64(len(rows))
}
