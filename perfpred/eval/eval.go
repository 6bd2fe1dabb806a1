// Package eval measures how well models predict machines whose group (CPU
// model, family, GPU model) they did not learn from.
package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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
		told := 0
		out, err := predictFolds(ctx, t, tr, folds, o, func(fold string) {
			if o.Progress != nil {
				o.Progress(i*len(folds)+told, len(trainers)*len(folds), tr.Name()+" on "+t.Name+", "+fold)
			}
			told++
		})
		if err != nil {
			return nil, fmt.Errorf("evaluate %s on %s: %w", tr.Name(), t.Name, err)
		}
		if err := r.add(t, tr.Name(), o.Targets, out); err != nil {
			return nil, err
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

// outcome is what a trainer's models predict for rows that they did not see,
// [target][row]; constant with intervals of one width, nil if they have none.
type outcome struct {
	predicted, constant [][]model.Estimate
	// importances are those of each fold's model for the first target.
	importances [][]model.Importance
	// seconds is the mean time of a training.
	seconds float64
}

func newOutcome(targets, rows int) *outcome {
	out := &outcome{predicted: make([][]model.Estimate, targets)}
	for k := range out.predicted {
		out.predicted[k] = slices.Repeat([]model.Estimate{{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}}, rows)
	}
	return out
}

// predictFolds trains once per fold.
func predictFolds(ctx context.Context, t *dataset.Table, tr model.Trainer, folds []dataset.Fold, o Options, tell func(fold string)) (*outcome, error) {
	out := newOutcome(len(o.Targets), t.Rows)
	for _, f := range folds {
		tell(f.Name)
		start := time.Now()
		m, err := tr.Fit(ctx, t.Select(f.Train), o.Targets, o.Seed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		out.seconds += time.Since(start).Seconds() / float64(len(folds))
		if err := out.ask(m, t.Select(f.Test), f.Test); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return out, nil
}

// ask predicts a fold's test table, whose rows have these places in the outcome.
func (o *outcome) ask(m model.Model, test *dataset.Table, places []int) error {
	p, err := m.Predict(test)
	if err != nil {
		return err
	}
	place(o.predicted, p, places)
	if im, ok := m.(model.Importancer); ok {
		o.importances = append(o.importances, im.Importances(0))
	}
	plain, ok := m.(model.Plain)
	if !ok {
		return nil
	}
	constant := plain.ConstantWidth()
	if constant == nil {
		return nil
	}
	if p, err = constant.Predict(test); err != nil {
		return err
	}
	if o.constant == nil {
		o.constant = newOutcome(len(o.predicted), len(o.predicted[0])).predicted
	}
	place(o.constant, p, places)
	return nil
}

func place(into, from [][]model.Estimate, places []int) {
	for k := range from {
		for i, row := range places {
			into[k][row] = from[k][i]
		}
	}
}
