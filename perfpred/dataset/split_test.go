package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkFolds says what every split must hold: each row is tested once, and no
// group is on both sides.
func checkFolds(t *testing.T, groups []string, folds []Fold) {
	t.Helper()
	tested := make([]int, len(groups))
	for _, f := range folds {
		assert.Len(t, groups, len(f.Train)+len(f.Test))
		trained := map[string]bool{}
		for _, i := range f.Train {
			trained[groups[i]] = true
		}
		for _, i := range f.Test {
			tested[i]++
			assert.False(t, trained[groups[i]], "%s: %s is on both sides", f.Name, groups[i])
		}
	}
	for i, n := range tested {
		assert.Equal(t, 1, n, "row %d", i)
	}
}

func TestGroupFolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		groups := make([]string, 5+rng.IntN(100))
		for i := range groups {
			groups[i] = fmt.Sprint(rng.IntN(1 + rng.IntN(40)))
		}
		k := 2 + rng.IntN(4)
		folds, err := GroupFolds(groups, k, rng.Uint64())
		if len(distinct(groups)) < k {
			require.ErrorIs(t, err, ErrShape)
			continue
		}
		require.NoError(t, err)
		require.Len(t, folds, k)
		checkFolds(t, groups, folds)
	}
}

func TestGroupFoldsRepeat(t *testing.T) {
	groups := make([]string, 200)
	for i := range groups {
		groups[i] = fmt.Sprint(i / 4)
	}
	a, err := GroupFolds(groups, 5, 7)
	require.NoError(t, err)
	b, err := GroupFolds(groups, 5, 7)
	require.NoError(t, err)
	c, err := GroupFolds(groups, 5, 8)
	require.NoError(t, err)
	assert.Equal(t, a, b)
	assert.NotEqual(t, a, c)
	for _, f := range a {
		assert.Len(t, f.Test, 40, "10 groups of 4 rows")
	}
}

func TestLeaveOneOut(t *testing.T) {
	groups := []string{"b", "a", "b", "c"}
	folds, err := LeaveOneOut(groups)
	require.NoError(t, err)
	checkFolds(t, groups, folds)
	assert.Equal(t, []string{"a", "b", "c"}, []string{folds[0].Name, folds[1].Name, folds[2].Name})
	assert.Equal(t, []int{0, 2}, folds[1].Test)
	assert.True(t, slices.Equal([]int{1, 3}, folds[1].Train))

	_, err = LeaveOneOut([]string{"a", "a"})
	assert.ErrorIs(t, err, ErrShape)
	_, err = GroupFolds(groups, 1, 0)
	assert.ErrorIs(t, err, ErrShape)
}
