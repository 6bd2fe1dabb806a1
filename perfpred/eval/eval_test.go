package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/dataset/datatest"
	"github.com/gpubench/gpubench/perfpred/model"
)

func table(t *testing.T) *dataset.Table {
	t.Helper()
	out, err := dataset.SPEC2017(datatest.File(t, "fp_rate", datatest.Rows(24, 1)))
	require.NoError(t, err)
	return out
}

func TestMeasure(t *testing.T) {
	s := Measure([]float64{10, 20, 40}, []model.Estimate{{Value: 11, Low: 9, High: 13}, {Value: 20, Low: 19, High: 21}, {Value: 30, Low: 27, High: 33}})
	assert.Equal(t, 3, s.N)
	assert.InDelta(t, (10+0+25)/3.0, s.MAPE, 1e-9)
	assert.InDelta(t, 10, s.Median, 1e-9)
	assert.InDelta(t, 11/3.0, s.MAE, 1e-9)
	variance := math.Pow(10-70/3.0, 2) + math.Pow(20-70/3.0, 2) + math.Pow(40-70/3.0, 2)
	assert.InDelta(t, 1-101/variance, s.R2, 1e-9)
	assert.InDelta(t, 200/3.0, s.Coverage, 1e-9)
	assert.InDelta(t, 100*(4/11.0+2/20.0+6/30.0)/3, s.Width, 1e-9)

	s = Measure([]float64{5, 5}, []model.Estimate{{Value: 5, Low: math.NaN(), High: math.NaN()}, {Value: 5, Low: math.NaN(), High: math.NaN()}})
	assert.Zero(t, s.MAPE)
	assert.Zero(t, s.R2, "nothing varies")
	assert.Zero(t, s.Width, "no intervals")
}

// memory remembers which machines it saw: it predicts 1 for those and 2 for
// others.
type memory struct{ seen map[string]bool }

func (memory) Name() string { return "memory" }

func (memory) Fit(_ context.Context, train *dataset.Table, targets []string, _ uint64) (model.Model, error) {
	m := remembered{memory{map[string]bool{}}, targets}
	for _, name := range train.Groups[dataset.GroupCPU] {
		m.seen[name] = true
	}
	return m, nil
}

type remembered struct {
	memory
	targets []string
}

func (remembered) Kind() string        { return "memory" }
func (m remembered) Targets() []string { return m.targets }
func (remembered) Parts() model.Parts  { return model.Parts{} }
func (m remembered) Predict(rows *dataset.Table) ([][]model.Estimate, error) {
	out := make([][]model.Estimate, len(m.targets))
	for k := range out {
		for _, name := range rows.Groups[dataset.GroupCPU] {
			v := 2.0
			if m.seen[name] {
				v = 1
			}
			out[k] = append(out[k], model.Estimate{Value: v, Low: math.NaN(), High: math.NaN()})
		}
	}
	return out, nil
}

// No machine is tested by a model that has seen its CPU.
func TestNothingLeaks(t *testing.T) {
	for _, folds := range []int{0, 5} {
		r, err := Run(t.Context(), table(t), []model.Trainer{memory{}}, Options{Group: dataset.GroupCPU, Folds: folds})
		require.NoError(t, err)
		for _, s := range r.Points {
			assert.Len(t, s.Row, 96)
			for _, v := range s.Predicted {
				assert.Equal(t, 2.0, v)
			}
		}
	}
}

// The formula of the invented results is found up to their noise, the constant
// is not.
func TestRun(t *testing.T) {
	calls := 0
	o := Options{Group: dataset.GroupCPU, Folds: 4, Seed: 3, Progress: func(done, total int, _ string) {
		assert.Equal(t, calls, done)
		assert.Equal(t, 8, total)
		calls++
	}}
	r, err := Run(t.Context(), table(t), []model.Trainer{model.Constant{}, model.Conformal{Trainer: model.Ridge{}}}, o)
	require.NoError(t, err)
	assert.Equal(t, 8, calls)
	assert.Equal(t, 24, r.Groups)
	require.Len(t, r.Scores, 6)
	constant, ridge := r.Scores[0], r.Scores[3]
	assert.Greater(t, constant.MAPE, 20.0)
	assert.Less(t, ridge.MAPE, 100*4*datatest.Noise)
	assert.InDelta(t, 90, ridge.Coverage, 9)
	assert.Zero(t, constant.Coverage)
	assert.Zero(t, constant.ConstantWidth, "it has no intervals")
	assert.InDelta(t, 90, ridge.ConstantCoverage, 9)
	assert.Positive(t, ridge.ConstantWidth)
	require.Len(t, r.Importances, 1, "a constant goes by nothing")
	assert.Equal(t, "ridge", r.Importances[0].Model)
	sum := 0.0
	for _, i := range r.Importances[0].Shares {
		sum += i.Share
	}
	assert.InDelta(t, 1, sum, 1e-9)
	for _, s := range r.Points[3:] {
		assert.Len(t, s.Low, len(s.Measured))
	}

	singles, err := r.Mean("ridge", dataset.SPECScore)
	require.NoError(t, err)
	assert.InDelta(t, (r.Scores[4].MAPE+r.Scores[5].MAPE)/2, singles.MAPE, 1e-9)
	_, err = r.Mean("oracle")
	assert.ErrorIs(t, err, ErrNothing)
}

// Folds that are trained side by side give what they give one by one.
func TestProcessorsChangeNothing(t *testing.T) {
	run := func(processors int) *Report {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		r, err := Run(t.Context(), table(t), []model.Trainer{model.Conformal{Trainer: model.Ridge{}}}, Options{Group: dataset.GroupCPU, Folds: 5})
		require.NoError(t, err)
		for i := range r.Scores {
			r.Scores[i].Seconds = 0
		}
		return r
	}
	assert.Equal(t, run(1), run(16))
}

// Repetitions draw other folds, whose results are pooled.
func TestRepeats(t *testing.T) {
	o := Options{Group: dataset.GroupCPU, Folds: 4, Seed: 3, Targets: []string{dataset.SPECScore}}
	trainers := []model.Trainer{model.Conformal{Trainer: model.Ridge{}}}
	var mape, coverage, least, most float64
	least = 100
	for _, o.Seed = range []uint64{3, 4, 5} {
		r, err := Run(t.Context(), table(t), trainers, o)
		require.NoError(t, err)
		mape, coverage = mape+r.Scores[0].MAPE/3, coverage+r.Scores[0].Coverage/3
		least, most = min(least, r.Scores[0].Coverage), max(most, r.Scores[0].Coverage)
	}
	o.Seed, o.Repeats = 3, 3
	r, err := Run(t.Context(), table(t), trainers, o)
	require.NoError(t, err)
	assert.Equal(t, 4, r.Folds)
	assert.Equal(t, 3*96, r.Scores[0].N)
	assert.InDelta(t, mape, r.Scores[0].MAPE, 1e-9)
	assert.InDelta(t, coverage, r.Scores[0].Coverage, 1e-9)
	assert.InDelta(t, least, r.Scores[0].LeastCoverage, 1e-9)
	assert.InDelta(t, most, r.Scores[0].MostCoverage, 1e-9)
	assert.NotEqual(t, least, most)
	var b strings.Builder
	require.NoError(t, WriteTable(&b, r))
	assert.Contains(t, b.String(), "4 folds, 3 times, seeds 3 to 5")
	assert.Contains(t, b.String(), fmt.Sprintf("(%.1f-%.1f)", least, most))
}

func TestRunRefuses(t *testing.T) {
	tb := table(t)
	_, err := Run(t.Context(), tb, nil, Options{Group: "planet"})
	assert.ErrorIs(t, err, dataset.ErrNoColumn)
	_, err = Run(t.Context(), tb, nil, Options{Group: dataset.GroupVendor})
	assert.ErrorIs(t, err, dataset.ErrShape, "all are Intel's")
	_, err = Run(t.Context(), tb, []model.Trainer{model.Ridge{}}, Options{Group: dataset.GroupCPU, Folds: 3, Targets: []string{"nope"}})
	assert.ErrorIs(t, err, dataset.ErrNoColumn)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Run(ctx, tb, []model.Trainer{model.Ridge{}}, Options{Group: dataset.GroupCPU, Folds: 3})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestWriteTable(t *testing.T) {
	r := &Report{Table: "fp_rate", Rows: 100, Group: "cpu", Groups: 20, Folds: 5, Seed: 1, Scores: []Score{
		{Model: "ridge", Target: "score", MAPE: 4, Median: 3, MAE: 1.5, R2: 0.99, Seconds: 1},
		{Model: "ridge", Target: "one", MAPE: 6, Median: 5, MAE: 2, R2: 0.9, Seconds: 1},
		{Model: "stack", Target: "score", MAPE: 2, Median: 1, MAE: 1, R2: 0.999, Coverage: 90.4, Width: 8.5, ConstantCoverage: 90.1, ConstantWidth: 9.5, Seconds: 2},
		{Model: "stack", Target: "one", MAPE: 3, Median: 2, MAE: 1, R2: 0.99, Coverage: 91, Width: 10, ConstantCoverage: 89.5, ConstantWidth: 11, Seconds: 2},
	}}
	var b strings.Builder
	require.NoError(t, WriteTable(&b, r))
	want := []string{
		"fp_rate: 100 results, 20 groups by cpu, 5 folds, seed 1; score, then the mean of the single targets",
		"model MAPE % median % MAE R2 cover % width % same width: cover % width % singles MAPE % cover % width % same: cover % width % train s",
		"ridge 4.00 3.00 1.5 0.9900 - - - - 6.00 - - - - 1.0",
		"stack 2.00 1.00 1 0.9990 90.4 8.5 90.1 9.5 3.00 91.0 10.0 89.5 11.0 2.0",
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if words := strings.Fields(line); len(words) > 0 {
			got = append(got, strings.Join(words, " "))
		}
	}
	assert.Equal(t, want, got)
	assert.ErrorIs(t, WriteTable(&b, &Report{}), ErrNothing)
	assert.Error(t, WriteTable(broken{}, r))
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }
