package eval

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/dataset/datatest"
	"github.com/gpubench/gpubench/perfpred/model"
)

func TestHoldout(t *testing.T) {
	train := table(t)
	test, err := dataset.SPEC2017(datatest.File(t, "fp_rate", datatest.Rows(9, 77)))
	require.NoError(t, err)
	r, err := Holdout(t.Context(), train, test, []model.Trainer{model.Constant{}, model.Ridge{}}, 1)
	require.NoError(t, err)
	require.Len(t, r.Scores, 6)
	assert.Less(t, r.Scores[3].MAPE, 100*5*datatest.Noise)
	assert.Equal(t, 36, r.Scores[3].N)

	r, err = Holdout(t.Context(), train.Select([]int{0}), test, []model.Trainer{model.Ridge{}, model.Constant{}}, 1)
	require.NoError(t, err)
	require.Len(t, r.LeftOut, 1, "a line needs two points")
	assert.Contains(t, r.LeftOut[0], "not enough rows")
	var b strings.Builder
	require.NoError(t, WriteTable(&b, r))
	assert.Contains(t, b.String(), "left out, ridge")

	test.Targets = test.Targets[:0]
	_, err = Holdout(t.Context(), train, test, nil, 1)
	assert.ErrorIs(t, err, ErrNothing)
}

// PerfCastDB's sample runs from end to end. It proves nothing about accuracy:
// each workload has one machine in training and another in test.
func TestPerfCastDBRuns(t *testing.T) {
	dir := filepath.Join(datatest.Data(t), "perfcastdb")
	train, err := dataset.PerfCastDB(filepath.Join(dir, "train.csv"))
	require.NoError(t, err)
	test, err := dataset.PerfCastDB(filepath.Join(dir, "test.csv"))
	require.NoError(t, err)
	require.Len(t, test, len(train))
	for i := range train {
		require.Equal(t, train[i].Name, test[i].Name)
		assert.NotEmpty(t, dataset.Shift(train[i], test[i]))
		r, err := Holdout(t.Context(), train[i], test[i], []model.Trainer{model.Constant{}, model.Neighbour{}, model.Ridge{}, model.DefaultBoost()}, 1)
		require.NoError(t, err, train[i].Name)
		var b strings.Builder
		require.NoError(t, WriteTable(&b, r))
		assert.Contains(t, b.String(), "split as it came")
		t.Log(b.String())
	}
}
