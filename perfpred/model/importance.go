package model

import (
	"cmp"
	"slices"
)

// rank turns weights by feature into shares that sum to 1, largest first; ties
// are in alphabetical order. Weights that are all 0 give no shares.
func rank(weights map[string]float64) []Importance {
	out := make([]Importance, 0, len(weights))
	for name, w := range weights {
		out = append(out, Importance{Feature: name, Share: w})
	}
	slices.SortFunc(out, func(a, b Importance) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Feature, b.Feature))
	})
	sum := 0.0
	for _, i := range out { // in the sorted order, so that the sum repeats exactly
		sum += i.Share
	}
	if sum == 0 {
		return nil
	}
	for i := range out {
		out[i].Share /= sum
	}
	return out
}
