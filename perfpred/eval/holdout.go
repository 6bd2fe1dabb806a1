package eval

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// Holdout trains on one table and predicts another, for data that comes split.
// Only targets that both have are judged; ErrNothing says that there are none.
func Holdout(ctx context.Context, train, test *dataset.Table, trainers []model.Trainer, seed uint64) (*Report, error) {
	common := slices.DeleteFunc(test.TargetNames(), func(n string) bool { return !slices.Contains(train.TargetNames(), n) })
	if len(common) == 0 {
		return nil, fmt.Errorf("evaluate %s: training and test share no target: %w", test.Name, ErrNothing)
	}
	groups := slices.Clone(test.Groups[dataset.GroupCPU])
	slices.Sort(groups)
	r := &Report{Table: test.Name, Rows: test.Rows, Group: dataset.GroupCPU, Groups: len(slices.Compact(groups)), Seed: seed}
	for _, tr := range trainers {
		start := time.Now()
		m, err := tr.Fit(ctx, train, common, seed)
		if err != nil {
			return nil, fmt.Errorf("evaluate %s on %s: %w", tr.Name(), test.Name, err)
		}
		seconds := time.Since(start).Seconds()
		p, err := m.Predict(test)
		if err != nil {
			return nil, fmt.Errorf("evaluate %s on %s: %w", tr.Name(), test.Name, err)
		}
		for k, target := range common {
			if err := r.add(test, tr.Name(), target, p[k], seconds); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}
