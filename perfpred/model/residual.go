package model

import (
	"context"
	"fmt"
	"math"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Residual lets one trainer learn what another's model leaves: a line that
// carries on beyond the known machines, and trees for what is not a line.
type Residual struct{ First, Then Trainer }

// Name is the two names joined by a plus.
func (r Residual) Name() string { return r.First.Name() + "+" + r.Then.Name() }

// Fit trains First on the targets and Then on measured over predicted.
func (r Residual) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error) {
	first, err := r.First.Fit(ctx, train, targets, seed)
	if err != nil {
		return nil, err
	}
	left, err := divide(train, targets, first)
	if err != nil {
		return nil, fmt.Errorf("what %s leaves: %w", r.First.Name(), err)
	}
	then, err := r.Then.Fit(ctx, left, targets, seed)
	if err != nil {
		return nil, err
	}
	return &residual{first, then}, nil
}

// divide returns the table with the targets divided by a model's predictions
// and without a base.
func divide(t *dataset.Table, targets []string, m Model) (*dataset.Table, error) {
	p, err := m.Predict(t)
	if err != nil {
		return nil, err
	}
	out := *t
	out.Targets = nil
	for k, name := range targets {
		y, err := t.Target(name)
		if err != nil {
			return nil, err
		}
		ratio := dataset.Target{Name: name, Unit: "1", Values: make([]float64, t.Rows)}
		for i, v := range y.Values {
			ratio.Values[i] = v / p[k][i].Value
		}
		out.Targets = append(out.Targets, ratio)
	}
	return &out, nil
}

// residual is the product of two models.
type residual struct{ first, then Model }

func (m *residual) Kind() string      { return "residual" }
func (m *residual) Targets() []string { return m.first.Targets() }

func (m *residual) Predict(rows *dataset.Table) ([][]Estimate, error) {
	p, err := m.first.Predict(rows)
	if err != nil {
		return nil, err
	}
	factor, err := m.then.Predict(rows)
	if err != nil {
		return nil, err
	}
	for k := range p {
		for i := range p[k] {
			p[k][i] = Estimate{Value: p[k][i].Value * factor[k][i].Value, Low: math.NaN(), High: math.NaN()}
		}
	}
	return p, nil
}

func (m *residual) narrow(target int) (Model, bool) {
	first, ok := narrow(m.first, target)
	then, also := narrow(m.then, target)
	return &residual{first, then}, ok && also
}

// Importances are the mean of both models' shares.
func (m *residual) Importances(target int) []Importance {
	return blend(target, []Model{m.first, m.then}, []float64{0.5, 0.5})
}

func (m *residual) Parts() Parts { return Parts{Inner: []Model{m.first, m.then}} }

func decodeResidual(_ *Stored, inner []Model) (Model, error) {
	if len(inner) != 2 {
		return nil, fmt.Errorf("%w: %d models where there are two", ErrFile, len(inner))
	}
	return &residual{inner[0], inner[1]}, sameTargets(inner...)
}
