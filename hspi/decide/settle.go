package decide

import (
	"cmp"
	"fmt"
	"slices"
)

// Test gives the finding a test's p value, which counts in the correction by Settle.
func (f *Finding) Test(p float64) { f.P, f.tested = p, true }

// Settle adjusts the p values of the parts of a claim that were tested, and takes
// back contradictions that do not stand after that, unless the grid made them.
func Settle(all []Finding, alpha float64) {
	holm(all)
	for i := range all {
		f := &all[i]
		if f.Verdict == Contradicted && !f.grid && f.Adjusted > alpha {
			f.Verdict = Inconclusive
			f.Evidence = append(f.Evidence, fmt.Sprintf("after Holm's correction over the parts p is %.2g, above %g", f.Adjusted, alpha))
		}
	}
}

// holm adjusts p values (Holm's step-down).
func holm(all []Finding) {
	var tested []*Finding
	for i := range all {
		if all[i].tested {
			tested = append(tested, &all[i])
		}
	}
	slices.SortStableFunc(tested, func(a, b *Finding) int { return cmp.Compare(a.P, b.P) })
	last := 0.0
	for i, f := range tested {
		last = max(last, min(1, f.P*float64(len(tested)-i)))
		f.Adjusted = last
	}
}
