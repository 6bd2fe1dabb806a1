package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// Holdout trains on one table and predicts another, for data that comes split.
// Only targets that both have are judged; ErrNothing says that there are none.
// Trainers for which there are too few rows are left out, and the report says so.
func Holdout(ctx context.Context, train, test *dataset.Table, trainers []model.Trainer, seed uint64) (*Report, error) {
	common := slices.DeleteFunc(test.TargetNames(), func(n string) bool { return !slices.Contains(train.TargetNames(), n) })
	if len(common) == 0 {
		return nil, fmt.Errorf("evaluate %s: training and test share no target: %w", test.Name, ErrNothing)
	}
	groups := slices.Clone(test.Groups[dataset.GroupCPU])
	slices.Sort(groups)
	r := &Report{Table: test.Name, Rows: test.Rows, Group: dataset.GroupCPU, Groups: len(slices.Compact(groups)), Seed: seed}
	all := make([]int, test.Rows)
	for i := range all {
		all[i] = i
	}
	for _, tr := range trainers {
		start := time.Now()
		m, err := tr.Fit(ctx, train, common, seed)
		if errors.Is(err, model.ErrTooFew) {
			r.LeftOut = append(r.LeftOut, fmt.Sprintf("%s: %v", tr.Name(), err))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("evaluate %s on %s: %w", tr.Name(), test.Name, err)
		}
		out := newOutcome(len(common), test.Rows)
		out.seconds = time.Since(start).Seconds()
		if err := out.ask(m, test, all); err != nil {
			return nil, fmt.Errorf("evaluate %s on %s: %w", tr.Name(), test.Name, err)
		}
		if err := r.add(test, tr.Name(), common, out); err != nil {
			return nil, err
		}
	}
	return r, nil
}
