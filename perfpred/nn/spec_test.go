package nn

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// TestSPEC trains a short while on published results and predicts CPU models
// that it did not see. The accuracy reached in full is eval's business.
func TestSPEC(t *testing.T) {
	dir := os.Getenv("GPUBENCH_DATA")
	if dir == "" {
		t.Skip("GPUBENCH_DATA does not name a folder with spec-cpu2017")
	}
	table, err := dataset.SPEC2017(filepath.Join(dir, "spec-cpu2017", "int_rate.csv.gz"))
	require.NoError(t, err)
	folds, err := dataset.GroupFolds(table.Groups[dataset.GroupCPU], 5, 1)
	require.NoError(t, err)
	train, test := table.Select(folds[0].Train), table.Select(folds[0].Test)
	c := small()
	c.Epochs, c.Bins = 6, 8
	m := fit(t, c, train, dataset.SPECScore)

	groups := map[string]bool{}
	for _, g := range m.Attention().Groups {
		groups[g.Group] = true
	}
	for _, g := range []string{"cache", "software", "memory", "processor", "system"} {
		assert.True(t, groups[g], g)
	}
	assert.False(t, groups["other"], "every feature of SPEC's has its group")

	got := mape(t, predict(t, m, test)[0], test, dataset.SPECScore)
	t.Logf("MAPE of unseen CPU models after %d epochs: %.2f %%", c.Epochs, got)
	assert.Less(t, got, 6.0, "one score per core and clock for all is off by %.1f %%", meanRatioMAPE(t, train, test))
}

// meanRatioMAPE is what the mean of score over base predicts.
func meanRatioMAPE(t *testing.T, train, test *dataset.Table) float64 {
	t.Helper()
	logs, err := train.LogRatio(dataset.SPECScore)
	require.NoError(t, err)
	mean, scale := (&part{x: &encoded{rows: len(logs)}, y: logs, known: known(logs)}).moments(1)
	require.NotZero(t, scale[0])
	truth, err := test.LogRatio(dataset.SPECScore)
	require.NoError(t, err)
	sum, n := 0.0, 0.0
	for _, y := range truth {
		if !math.IsNaN(y) {
			sum += math.Abs(math.Exp(mean[0]-y) - 1)
			n++
		}
	}
	return 100 * sum / n
}

func known(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		if !math.IsNaN(v) {
			out[i] = 1
		}
	}
	return out
}
