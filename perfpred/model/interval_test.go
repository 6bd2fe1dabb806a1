package model

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// measureIntervals returns coverage and the mean width over the prediction.
func measureIntervals(p []Estimate, y []float64) (coverage, width float64) {
	n := float64(len(p))
	for i, e := range p {
		if e.Low <= y[i] && y[i] <= e.High {
			coverage += 1 / n
		}
		width += (e.High - e.Low) / e.Value / n
	}
	return coverage, width
}

// On machines that nobody has seen, intervals hold nine of ten; those that know
// which machines are hard are narrower than those that are all alike, and wide
// where it is hard.
func TestConformal(t *testing.T) {
	train, test := invent(150, 1), invent(300, 2)
	fit := func(constant bool) []Estimate {
		m, err := Conformal{Trainer: Ridge{}, Constant: constant}.Fit(t.Context(), train, []string{"score"}, 0)
		require.NoError(t, err)
		p, err := m.Predict(test)
		require.NoError(t, err)
		return p[0]
	}
	y := test.Targets[0].Values
	learnt, same := fit(false), fit(true)
	coverage, width := measureIntervals(learnt, y)
	sameCoverage, sameWidth := measureIntervals(same, y)
	assert.InDelta(t, 0.9, coverage, 0.03)
	assert.InDelta(t, 0.9, sameCoverage, 0.03)
	assert.Less(t, width, 0.95*sameWidth)

	hard, err := test.Column("hard")
	require.NoError(t, err)
	var easy, difficult []Estimate
	var easyY, difficultY []float64
	for i, h := range hard.Values {
		if h == 1 {
			difficult, difficultY = append(difficult, learnt[i]), append(difficultY, y[i])
		} else {
			easy, easyY = append(easy, learnt[i]), append(easyY, y[i])
		}
	}
	_, easyWidth := measureIntervals(easy, easyY)
	_, difficultWidth := measureIntervals(difficult, difficultY)
	assert.Greater(t, difficultWidth, 2*easyWidth)
}

// Equal widths, to compare with, come with every calibrated model.
func TestConstantWidth(t *testing.T) {
	train, test := invent(150, 1), invent(300, 2)
	m, err := Guard{Trainer: Conformal{Trainer: Ridge{}}}.Fit(t.Context(), train, []string{"score"}, 0)
	require.NoError(t, err)
	learnt, err := m.Predict(test)
	require.NoError(t, err)
	same, err := m.(Plain).ConstantWidth().Predict(test)
	require.NoError(t, err)
	for i, e := range same[0] {
		require.Equal(t, learnt[0][i].Value, e.Value)
		require.InEpsilon(t, same[0][0].High/same[0][0].Low, e.High/e.Low, 1e-9)
	}
	y := test.Targets[0].Values
	coverage, width := measureIntervals(same[0], y)
	_, learntWidth := measureIntervals(learnt[0], y)
	assert.InDelta(t, 0.9, coverage, 0.03)
	assert.Less(t, learntWidth, width)

	none, err := Guard{Trainer: Ridge{}}.Fit(t.Context(), train, []string{"score"}, 0)
	require.NoError(t, err)
	assert.Nil(t, none.(Plain).ConstantWidth(), "there are no intervals")
}

// On the folds a quick trainer may stand in: the predictions are the trainer's.
func TestConformalFolded(t *testing.T) {
	train, test := invent(60, 1), invent(60, 2)
	fit := func(c Conformal) []Estimate {
		m, err := c.Fit(t.Context(), train, []string{"score"}, 0)
		require.NoError(t, err)
		p, err := m.Predict(test)
		require.NoError(t, err)
		return p[0]
	}
	alone := fit(Conformal{Trainer: Ridge{}, Constant: true})
	folded := fit(Conformal{Trainer: Ridge{}, Constant: true, Folded: Neighbour{K: 1}})
	assert.Equal(t, alone[0].Value, folded[0].Value)
	assert.Greater(t, folded[0].High, alone[0].High, "neighbours err more")
}

func TestConformalLevel(t *testing.T) {
	train, test := invent(150, 1), invent(200, 2)
	m, err := Conformal{Trainer: Ridge{}, Level: 0.5}.Fit(t.Context(), train, []string{"score"}, 0)
	require.NoError(t, err)
	p, err := m.Predict(test)
	require.NoError(t, err)
	coverage, _ := measureIntervals(p[0], test.Targets[0].Values)
	assert.InDelta(t, 0.5, coverage, 0.06)
}

func TestQuantile(t *testing.T) {
	errs, ones := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, math.NaN()}, make([]float64, 10)
	for i := range ones {
		ones[i] = 1
	}
	q, err := quantile(errs, ones, 1, 0.5)
	require.NoError(t, err)
	assert.Equal(t, 5.0, q)
	q, err = quantile(errs, ones, 1, 0.9)
	require.NoError(t, err)
	assert.Equal(t, 9.0, q)
	_, err = quantile(errs, ones, 1, 0.95)
	assert.ErrorIs(t, err, ErrTooFew)
}

// A machine far from all known ones is named, and its interval is wider.
func TestGuard(t *testing.T) {
	train := invent(60, 1)
	m, err := Guard{Trainer: Conformal{Trainer: Ridge{}}}.Fit(t.Context(), train, []string{"score"}, 0)
	require.NoError(t, err)
	g := m.(*Guarded)

	ordinary := train.Select([]int{10})
	j := g.Known.Judge(ordinary)[0]
	assert.Zero(t, j.Distance)
	assert.Equal(t, train.Groups[dataset.GroupCPU][10], j.Nearest[0])
	assert.Len(t, j.Nearest, 3)
	assert.Empty(t, j.Outside)

	far := train.Select([]int{10})
	cores, err := far.Column("cores")
	require.NoError(t, err)
	cores.Values[0] = 5000
	j = g.Known.Judge(far)[0]
	assert.Greater(t, j.Distance, 1.0)
	require.Len(t, j.Outside, 1)
	assert.Regexp(t, `^cores = 5000, known are [0-9.]+ to 6[01]`, j.Outside[0].String())

	inner, err := g.Model.Predict(far)
	require.NoError(t, err)
	outer, err := g.Predict(far)
	require.NoError(t, err)
	assert.Equal(t, inner[0][0].Value, outer[0][0].Value)
	ratio := math.Log(outer[0][0].High/outer[0][0].Value) / math.Log(inner[0][0].High/inner[0][0].Value)
	assert.InDelta(t, j.Distance, ratio, 1e-9)

	near, err := g.Model.Predict(ordinary)
	require.NoError(t, err)
	kept, err := g.Predict(ordinary)
	require.NoError(t, err)
	assert.Equal(t, near, kept)
}

// What was the same on all known machines is outside where it differs, and the
// interval is as much wider as that of an unseen family.
func TestOtherConstants(t *testing.T) {
	train := invent(60, 1)
	train.Numeric = append(train.Numeric, dataset.Column{Name: "parallel", Unit: "1", Values: slices.Repeat([]float64{1}, train.Rows)})
	m, err := Guard{Trainer: Conformal{Trainer: Ridge{}}}.Fit(t.Context(), train, []string{"score"}, 0)
	require.NoError(t, err)
	g := m.(*Guarded)
	g.Known.Stretch = 3
	rows := train.Select([]int{10, 10, 10})
	rows.Numeric[4].Values = []float64{1, 0, math.NaN()}
	for i, j := range g.Known.Judge(rows) {
		if i != 1 {
			assert.Empty(t, j.Outside, i)
			assert.Equal(t, 1.0, j.Wider(), i)
			continue
		}
		require.Len(t, j.Outside, 1)
		assert.Equal(t, "parallel = 0, known is 1 alone", j.Outside[0].String())
		assert.Equal(t, 3.0, j.Wider())
	}
	p, err := g.Predict(rows)
	require.NoError(t, err)
	checkFile(t, g, rows, p)
	assert.InEpsilon(t, math.Pow(p[0][0].High/p[0][0].Value, 3), p[0][1].High/p[0][1].Value, 1e-9)
}

// Families that follow another law are learnt to be further off: the intervals
// of one that nobody has seen are wide enough for it, those of known ones stay.
func TestUnseenFamilies(t *testing.T) {
	all := invent(120, 1)
	families := make([]string, all.Rows)
	for i := range families {
		f := i / 5 % 12
		families[i] = string(rune('a' + f))
		all.Targets[0].Values[i] *= 1 + 0.05*float64(f%5)
	}
	all.Groups[dataset.GroupFamily] = families
	all.Category = append(all.Category, dataset.Category{Name: "family", Values: families})
	folds, err := dataset.LeaveOneOut(families)
	require.NoError(t, err)
	tr := Guard{Trainer: Conformal{Trainer: Ridge{}}, Shift: Ridge{}}
	covered := 0.0
	for _, f := range folds {
		test := all.Select(f.Test)
		m, err := tr.Fit(t.Context(), all.Select(f.Train), []string{"score"}, 0)
		require.NoError(t, err)
		p, err := m.Predict(test)
		require.NoError(t, err)
		coverage, _ := measureIntervals(p[0], test.Targets[0].Values)
		covered += coverage / float64(len(folds))
		j := m.(*Guarded).Known.Judge(all.Select([]int{f.Test[0], f.Train[0]}))
		assert.Equal(t, f.Name, j[0].NewFamily)
		assert.Greater(t, j[0].Wider(), 1.3)
		assert.Empty(t, j[1].NewFamily)
		assert.Equal(t, 1.0, j[1].Stretch)
	}
	assert.Greater(t, covered, 0.85)
}

// parochial predicts its target, the number of cores, nearly right for families
// that it has seen and doubled for others; cautious is 10 % off everywhere.
type parochial struct{ cautious bool }

func (parochial) Name() string { return "parochial" }

func (p parochial) Fit(_ context.Context, train *dataset.Table, targets []string, _ uint64) (Model, error) {
	m := &parochialModel{parochial: p, targets: targets, seen: map[string]bool{}}
	for _, f := range train.Groups[dataset.GroupFamily] {
		m.seen[f] = true
	}
	return m, nil
}

type parochialModel struct {
	parochial
	targets []string
	seen    map[string]bool
}

func (*parochialModel) Kind() string        { return "parochial" }
func (m *parochialModel) Targets() []string { return m.targets }
func (*parochialModel) Parts() Parts        { return Parts{} }
func (m *parochialModel) Predict(rows *dataset.Table) ([][]Estimate, error) {
	cores, err := rows.Column("cores")
	if err != nil {
		return nil, err
	}
	out := make([]Estimate, rows.Rows)
	for i, f := range rows.Groups[dataset.GroupFamily] {
		factor := 1 + 0.001*float64(i%7)
		switch {
		case m.cautious:
			factor += 0.1
		case !m.seen[f]:
			factor *= 2
		}
		out[i] = Estimate{Value: cores.Values[i] * factor, Low: math.NaN(), High: math.NaN()}
	}
	return [][]Estimate{out}, nil
}

// A stack finds out on the families that it has which members carry over to
// others, and weighs them by that for a family that it has not seen.
func TestStacksWeighOtherwiseAway(t *testing.T) {
	all := invent(60, 1)
	families := make([]string, all.Rows)
	for i := range families {
		families[i] = string(rune('a' + i/5%6))
	}
	all.Groups[dataset.GroupFamily] = families
	all.Targets = []dataset.Target{{Name: "score", Unit: "1", Values: all.Numeric[0].Values}}
	folds, err := dataset.LeaveOneOut(families)
	require.NoError(t, err)
	stack := Stack{Label: "stack", Members: []Trainer{parochial{}, parochial{cautious: true}}}
	m, err := Guard{Trainer: Conformal{Trainer: stack}, Shift: stack}.Fit(t.Context(), all.Select(folds[0].Train), []string{"score"}, 0)
	require.NoError(t, err)
	for where, c := range map[string]struct {
		rows   []int
		factor float64
	}{"known": {folds[0].Train, 1}, "unseen": {folds[0].Test, 1.1}} {
		rows := all.Select(c.rows)
		p, err := m.Predict(rows)
		require.NoError(t, err)
		same, err := m.(Plain).ConstantWidth().Predict(rows)
		require.NoError(t, err)
		for i, y := range rows.Targets[0].Values {
			assert.InEpsilon(t, c.factor*y, p[0][i].Value, 0.02, where)
			assert.Equal(t, p[0][i].Value, same[0][i].Value, where)
		}
	}
}

// What was learnt of families is kept in the file.
func TestAwayInFiles(t *testing.T) {
	all := invent(60, 1)
	families := make([]string, all.Rows)
	for i := range families {
		families[i] = string(rune('a' + i/5%6))
	}
	all.Groups[dataset.GroupFamily] = families
	m, err := Guard{Trainer: Conformal{Trainer: trainers()["stack"]}, Shift: trainers()["stack"]}.Fit(t.Context(), all, []string{"score"}, 0)
	require.NoError(t, err)
	require.Len(t, m.(*Guarded).Known.Away, 3)
	strange := all.Select([]int{3, 80})
	strange.Groups[dataset.GroupFamily] = []string{"another", families[80]}
	want, err := m.Predict(strange)
	require.NoError(t, err)
	checkFile(t, m, strange, want)
	one, ok := narrow(m, 0)
	require.True(t, ok)
	got, err := one.Predict(strange)
	require.NoError(t, err)
	for i := range got[0] {
		assert.Equal(t, want[0][i].Value, got[0][i].Value, "also for one target alone")
	}
}

func TestElasticities(t *testing.T) {
	train := invent(150, 1)
	m, err := Ridge{}.Fit(t.Context(), train, []string{"score"}, 0)
	require.NoError(t, err)
	got, err := Elasticities(m, train.Select([]int{3}), 0, []dataset.Knob{{Name: "memory", Up: []string{"memory"}}, {Name: "clock", Up: []string{"ghz"}}, {Name: "cores", Up: []string{"cores"}}})
	require.NoError(t, err)
	require.Equal(t, []string{"cores", "clock", "memory"}, []string{got[0][0].Knob, got[0][1].Knob, got[0][2].Knob})
	assert.InDelta(t, 1, got[0][0].Value, 0.03)
	assert.InDelta(t, 0.7, got[0][1].Value, 0.03)
	assert.InDelta(t, 0, got[0][2].Value, 0.03)
}
