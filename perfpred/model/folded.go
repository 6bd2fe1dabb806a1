package model

import (
	"context"
	"fmt"
	"math"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// foldFit is a model with honest predictions of its own training rows: each by
// a model that did not see the row's fold.
type foldFit struct {
	model Model
	// logs are ln(prediction), [target][row].
	logs [][]float64
	// spread is how far a stack's members differ on the row, [target][row]; nil
	// for other models.
	spread [][]float64
}

// folded is a trainer that makes its foldFit itself.
type folded interface {
	fitFolds(ctx context.Context, train *dataset.Table, targets []string, folds []dataset.Fold, seed uint64) (*foldFit, error)
}

// spreader is a model of several that may differ: Spread is [target][row].
type spreader interface {
	predictSpread(rows *dataset.Table) (p [][]Estimate, spread [][]float64, err error)
}

// fitFolds makes a foldFit of any trainer.
func fitFolds(ctx context.Context, tr Trainer, train *dataset.Table, targets []string, folds []dataset.Fold, seed uint64) (*foldFit, error) {
	if f, ok := tr.(folded); ok {
		return f.fitFolds(ctx, train, targets, folds, seed)
	}
	logs := make([][]float64, len(targets))
	for k := range logs {
		logs[k] = make([]float64, train.Rows)
	}
	for _, f := range folds {
		m, err := tr.Fit(ctx, train.Select(f.Train), targets, seed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		p, err := m.Predict(train.Select(f.Test))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		for k := range p {
			for i, row := range f.Test {
				logs[k][row] = math.Log(p[k][i].Value)
			}
		}
	}
	m, err := tr.Fit(ctx, train, targets, seed)
	if err != nil {
		return nil, err
	}
	return &foldFit{model: m, logs: logs}, nil
}

// logValues returns ln(value) of a target, NaN where it has none.
func logValues(t *dataset.Table, target string) ([]float64, error) {
	y, err := t.Target(target)
	if err != nil {
		return nil, err
	}
	out := make([]float64, t.Rows)
	for i, v := range y.Values {
		out[i] = math.NaN()
		if v > 0 {
			out[i] = math.Log(v)
		}
	}
	return out, nil
}
