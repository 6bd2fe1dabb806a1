// Package eval measures how well models predict machines whose group (CPU
// model, family, GPU model) they did not learn from.
package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// ErrNothing says that a fold left nothing to learn from or to test.
var ErrNothing = errors.New("nothing to evaluate")

// Options say what is evaluated and how.
type Options struct {
	// Group is the group column that training and test never share.
	Group string
	// Folds is the number of folds, 0 to leave out one group at a time.
	Folds int
	// Targets are the targets' names; all if empty.
	Targets []string
	Seed    uint64
	// Progress, if set, is told what is being trained.
	Progress func(done, total int, what string)
}

// Run trains every trainer on every fold and predicts what the fold left out.
func Run(ctx context.Context, t *dataset.Table, trainers []model.Trainer, o Options) (*Report, error) {
	groups, err := t.Group(o.Group)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", t.Name, err)
	}
	folds, err := split(groups, o)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s by %s: %w", t.Name, o.Group, err)
	}
	if len(o.Targets) == 0 {
		o.Targets = t.TargetNames()
	}
	r := newReport(t, o, len(folds))
	for i, tr := range trainers {
		p, seconds, err := predictFolds(ctx, t, tr, folds, o, i*len(folds), len(trainers)*len(folds))
		if err != nil {
			return nil, fmt.Errorf("evaluate %s on %s: %w", tr.Name(), t.Name, err)
		}
		for k, target := range o.Targets {
			if err := r.add(t, tr.Name(), target, p[k], seconds); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

func split(groups []string, o Options) ([]dataset.Fold, error) {
	if o.Folds == 0 {
		return dataset.LeaveOneOut(groups)
	}
	return dataset.GroupFolds(groups, o.Folds, o.Seed)
}

// predictFolds returns what the trainer's models predict for the rows that they
// did not see, [target][row], and the time per training.
func predictFolds(ctx context.Context, t *dataset.Table, tr model.Trainer, folds []dataset.Fold, o Options, done, total int) ([][]model.Estimate, float64, error) {
	out := make([][]model.Estimate, len(o.Targets))
	for k := range out {
		out[k] = make([]model.Estimate, t.Rows)
		for i := range out[k] {
			out[k][i] = model.Estimate{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
		}
	}
	start := time.Now()
	for n, f := range folds {
		if o.Progress != nil {
			o.Progress(done+n, total, tr.Name()+" on "+t.Name+", "+f.Name)
		}
		m, err := tr.Fit(ctx, t.Select(f.Train), o.Targets, o.Seed)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", f.Name, err)
		}
		p, err := m.Predict(t.Select(f.Test))
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", f.Name, err)
		}
		for k := range p {
			for i, row := range f.Test {
				out[k][row] = p[k][i]
			}
		}
	}
	return out, time.Since(start).Seconds() / float64(len(folds)), nil
}
