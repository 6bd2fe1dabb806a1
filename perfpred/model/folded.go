package model

import (
	"context"
	"fmt"
	"math"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// folded is a trainer that can predict its own training rows honestly: each by
// a model that did not see its fold. logs is [target][row] of ln(prediction).
type folded interface {
	fitFolds(ctx context.Context, train *dataset.Table, targets []string, folds []dataset.Fold, seed uint64) (m Model, logs [][]float64, err error)
}

// fitFolds does that for any trainer.
func fitFolds(ctx context.Context, tr Trainer, train *dataset.Table, targets []string, folds []dataset.Fold, seed uint64) (Model, [][]float64, error) {
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
			return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		p, err := m.Predict(train.Select(f.Test))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		for k := range p {
			for i, row := range f.Test {
				logs[k][row] = math.Log(p[k][i].Value)
			}
		}
	}
	m, err := tr.Fit(ctx, train, targets, seed)
	return m, logs, err
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
