package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Fold is one division of a table's rows: indexes to learn from and to test
// on. Rows of one group are never on both sides.
type Fold struct {
	// Name says what is tested: the group left out, or the fold's number.
	Name        string
	Train, Test []int
}

// GroupFolds deals the distinct names of groups (one per row) into k folds, in
// an order drawn with the seed, and tests each fold once. All folds have the
// same number of groups, give or take one. It returns ErrShape if there are
// fewer than k groups or k is less than 2.
func GroupFolds(groups []string, k int, seed uint64) ([]Fold, error) {
	names := distinct(groups)
	if k < 2 || len(names) < k {
		return nil, fmt.Errorf("%d folds of %d groups: %w", k, len(names), ErrShape)
	}
	rng := rand.New(rand.NewPCG(seed, 0x5f01d5))
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	of := make(map[string]int, len(names))
	folds := make([]Fold, k)
	for i, name := range names {
		of[name] = i % k
	}
	for f := range folds {
		folds[f].Name = fmt.Sprintf("fold %d", f+1)
		for row, name := range groups {
			folds[f].put(row, of[name] == f)
		}
	}
	return folds, nil
}

// LeaveOneOut tests each distinct name of groups once, in alphabetical order.
// It returns ErrShape if there are fewer than two.
func LeaveOneOut(groups []string) ([]Fold, error) {
	names := distinct(groups)
	if len(names) < 2 {
		return nil, fmt.Errorf("leave one of %d groups out: %w", len(names), ErrShape)
	}
	folds := make([]Fold, len(names))
	for f, left := range names {
		folds[f].Name = left
		for row, name := range groups {
			folds[f].put(row, name == left)
		}
	}
	return folds, nil
}

func (f *Fold) put(row int, test bool) {
	if test {
		f.Test = append(f.Test, row)
		return
	}
	f.Train = append(f.Train, row)
}

func distinct(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
