package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// sample is what is learnt from: rows with at least one target.
type sample struct {
	table *dataset.Table
	width int // targets
	// y holds rows x targets logarithms; known is 1 where there is one, else 0.
	y, known []float64
	group    []string
}

func newSample(t *dataset.Table, targets []string, splitBy string) (*sample, error) {
	logs := make([][]float64, len(targets))
	for k, name := range targets {
		var err error
		if logs[k], err = t.LogRatio(name); err != nil {
			return nil, err
		}
		if n := countKnown(logs[k]); n < minRows {
			return nil, fmt.Errorf("%s: %d usable rows of %d, at least %d are needed: %w", name, n, t.Rows, minRows, model.ErrTooFew)
		}
	}
	s := &sample{width: len(targets)}
	var rows []int
	for i := range t.Rows {
		if !slices.ContainsFunc(logs, func(y []float64) bool { return !math.IsNaN(y[i]) }) {
			continue
		}
		rows = append(rows, i)
		for _, y := range logs {
			known := 0.0
			if !math.IsNaN(y[i]) {
				known = 1
			}
			s.known = append(s.known, known)
			s.y = append(s.y, y[i])
		}
	}
	s.table = t.Select(rows)
	s.group = rowGroups(s.table, splitBy)
	return s, nil
}

func countKnown(values []float64) int {
	n := 0
	for _, v := range values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

// rowGroups names each row's group; rows without one are alone.
func rowGroups(t *dataset.Table, by string) []string {
	named, err := t.Group(by)
	groups := make([]string, t.Rows)
	for i := range groups {
		if groups[i] = fmt.Sprintf("row %d", i); err == nil && named[i] != "" {
			groups[i] = named[i]
		}
	}
	return groups
}

// folds divides the rows into at most n parts. Rows of one group stay together,
// unless there is only one group.
func (s *sample) folds(n int, seed uint64) ([]dataset.Fold, error) {
	groups := s.group
	if distinct(groups) < 2 {
		groups = rowGroups(s.table, "")
	}
	return dataset.GroupFolds(groups, min(n, distinct(groups)), seed)
}

func distinct(names []string) int {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted))
}
