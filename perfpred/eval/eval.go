// Package eval measures how well models predict machines whose group (CPU
// model, family, GPU model) they did not learn from.
package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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
	// Repeats is how often folds are drawn anew, with Seed, Seed+1 and so on; 1 if
	// 0. How folds fall moves the coverage of intervals by some percent.
	Repeats int
	// Targets are the targets' names; all if empty.
	Targets []string
	Seed    uint64
	// Progress, if set, is told what is being trained.
	Progress func(done, total int, what string)
}

func (o Options) repeats() int { return max(1, o.Repeats) }

// Run trains every trainer on every fold and predicts what the fold left out, as
// many folds at a time as there are processors for.
func Run(ctx context.Context, t *dataset.Table, trainers []model.Trainer, o Options) (*Report, error) {
	groups, err := t.Group(o.Group)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", t.Name, err)
	}
	jobs, err := split(groups, o)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s by %s: %w", t.Name, o.Group, err)
	}
	if len(o.Targets) == 0 {
		o.Targets = t.TargetNames()
	}
	r := newReport(t, o, len(jobs)/o.repeats())
	told := &teller{total: len(trainers) * len(jobs), tell: o.Progress}
	for _, tr := range trainers {
		out, err := predictFolds(ctx, t, tr, jobs, o, told)
		if err != nil {
			return nil, fmt.Errorf("evaluate %s on %s: %w", tr.Name(), t.Name, err)
		}
		if err := r.add(t, tr.Name(), o.Targets, out); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// job is a fold to train and test. In the outcome its rows are those of the
// repetition, from this one on.
type job struct {
	dataset.Fold
	seed uint64
	from int
}

// split draws the folds of each repetition with its own seed.
func split(groups []string, o Options) ([]job, error) {
	var out []job
	for k := range o.repeats() {
		seed := o.Seed + uint64(k)
		folds, err := dataset.LeaveOneOut(groups)
		if o.Folds > 0 {
			folds, err = dataset.GroupFolds(groups, o.Folds, seed)
		}
		if err != nil {
			return nil, err
		}
		for _, f := range folds {
			out = append(out, job{f, seed, k * len(groups)})
		}
	}
	return out, nil
}

// teller tells the progress, one at a time.
type teller struct {
	mu          sync.Mutex
	done, total int
	tell        func(done, total int, what string)
}

func (t *teller) next(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tell != nil {
		t.tell(t.done, t.total, what)
	}
	t.done++
}

// outcome is what a trainer's models predict for rows that they did not see,
// [target][row]; constant with intervals of one width, nil if they have none.
// With repetitions, all rows of one come behind all of the one before.
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

// trainerCores is how many processors most trainers keep busy.
const trainerCores = 2

// predictFolds trains once per fold.
func predictFolds(ctx context.Context, t *dataset.Table, tr model.Trainer, jobs []job, o Options, told *teller) (*outcome, error) {
	models, seconds := make([]model.Model, len(jobs)), make([]float64, len(jobs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, runtime.GOMAXPROCS(0)/trainerCores))
	for i, j := range jobs {
		g.Go(func() (err error) {
			told.next(tr.Name() + " on " + t.Name + ", " + j.Name)
			start := time.Now()
			if models[i], err = tr.Fit(ctx, t.Select(j.Train), o.Targets, j.seed); err != nil {
				return fmt.Errorf("%s: %w", j.Name, err)
			}
			seconds[i] = time.Since(start).Seconds()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := newOutcome(len(o.Targets), o.repeats()*t.Rows)
	for i, j := range jobs {
		out.seconds += seconds[i] / float64(len(jobs))
		if err := out.ask(models[i], t.Select(j.Test), j.places()); err != nil {
			return nil, fmt.Errorf("%s: %w", j.Name, err)
		}
	}
	return out, nil
}

// places are those of the tested rows in the outcome.
func (j job) places() []int {
	out := make([]int, len(j.Test))
	for i, row := range j.Test {
		out[i] = j.from + row
	}
	return out
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
