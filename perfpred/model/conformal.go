package model

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Conformal adds intervals to a trainer's predictions that hold the truth with
// the probability Level, also on groups that were not seen. A difficulty is
// learnt from the features first, so that easy machines get narrow intervals (J.
// Lei et al., "Distribution-free predictive inference for regression", 2018,
// section 5.2). Then all of this, difficulty included, is done anew without each
// fold of groups, and the Level quantile of the folds' errors over their
// difficulty is the half width (R. F. Barber et al., "Predictive inference with
// the jackknife+", 2021).
//
// It is not enough to leave a fold out of the difficulty's own training: errors
// of other folds, by models that have seen this one, are small just where this
// fold's machines are, so that it looks easier than a new machine will.
type Conformal struct {
	Trainer Trainer
	Level   float64 // 0.9 if 0
	Group   string  // dataset.GroupCPU if empty
	// Folds are those of the calibration, 6 if 0; Inner those that the difficulty
	// is learnt on, 2 if 0. The trainer is trained Folds x Inner times as long.
	Folds, Inner int
	// Constant takes the same relative width for every machine instead; the
	// trainer is trained Folds times as long.
	Constant bool
	// Folded, if set, is trained on the folds in Trainer's place, being quicker and
	// hardly better: intervals are then a little too wide. Only with Constant.
	Folded Trainer
}

// Name is the trainer's.
func (c Conformal) Name() string { return c.Trainer.Name() }

// Fit trains, learns the difficulty and calibrates.
func (c Conformal) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error) {
	c.Level, c.Group = cmp.Or(c.Level, 0.9), groupOr(c.Group)
	c.Folds, c.Inner = cmp.Or(c.Folds, 6), cmp.Or(c.Inner, 2)
	if c.Folded == nil {
		c.Folded = c.Trainer
	}
	folds := innerFolds(train, c.Group, c.Folds, seed)
	if len(folds) < 2 {
		return nil, fmt.Errorf("calibrate %s on %d rows: %w", c.Name(), train.Rows, ErrTooFew)
	}
	m, err := c.learn(ctx, c.Trainer, train, targets, seed)
	if err != nil {
		return nil, err
	}
	errs, hard := unknown(len(targets), train.Rows), unknown(len(targets), train.Rows)
	for _, f := range folds {
		left, err := c.learn(ctx, c.Folded, train.Select(f.Train), targets, seed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if err := left.judge(train, f.Test, errs, hard); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	for k := range targets {
		w, err := calibrate(errs[k], hard[k], c.Level)
		if err != nil {
			return nil, fmt.Errorf("calibrate %s for %s: %w", c.Name(), targets[k], err)
		}
		m.Widths = append(m.Widths, w)
	}
	return m, nil
}

// learn trains the model and the difficulty; widths are left out.
func (c Conformal) learn(ctx context.Context, tr Trainer, train *dataset.Table, targets []string, seed uint64) (*conformal, error) {
	if c.Constant {
		inner, err := tr.Fit(ctx, train, targets, seed)
		return &conformal{inner: inner, Level: c.Level}, err
	}
	f, err := fitFolds(ctx, tr, train, targets, innerFolds(train, c.Group, c.Inner, seed), seed)
	if err != nil {
		return nil, err
	}
	errs, err := f.errors(train, targets)
	if err != nil {
		return nil, err
	}
	difficulty, err := difficultyTrees().Fit(ctx, errorTable(f.withSpread(train), targets, errs), targets, seed)
	if err != nil {
		return nil, fmt.Errorf("learn where %s errs: %w", c.Name(), err)
	}
	return &conformal{inner: f.model, difficulty: difficulty, Level: c.Level}, nil
}

// unknown is [target][row] of NaN.
func unknown(targets, rows int) [][]float64 {
	out := make([][]float64, targets)
	for k := range out {
		out[k] = slices.Repeat([]float64{math.NaN()}, rows)
	}
	return out
}

// judge writes the errors and the difficulty of these rows, [target][row].
func (m *conformal) judge(t *dataset.Table, rows []int, errs, hard [][]float64) error {
	p, h, err := m.predictHard(t.Select(rows))
	if err != nil {
		return err
	}
	for k, target := range m.Targets() {
		y, err := logValues(t, target)
		if err != nil {
			return err
		}
		for i, row := range rows {
			errs[k][row] = math.Abs(y[row] - math.Log(p[k][i].Value))
			hard[k][row] = h[k][i].Value
		}
	}
	return nil
}

// errors returns |ln(measured/predicted)| per target and row.
func (f *foldFit) errors(train *dataset.Table, targets []string) ([][]float64, error) {
	out := make([][]float64, len(targets))
	for k, target := range targets {
		y, err := logValues(train, target)
		if err != nil {
			return nil, err
		}
		out[k] = make([]float64, len(y))
		for i := range y {
			out[k][i] = math.Abs(y[i] - f.logs[k][i])
		}
	}
	return out, nil
}

func (f *foldFit) withSpread(t *dataset.Table) *dataset.Table {
	return addSpread(t, f.model.Targets(), f.spread)
}

// addSpread returns the table with a column per target of how far the members
// of a stack differ: where they do, one of them is wrong.
func addSpread(t *dataset.Table, targets []string, spread [][]float64) *dataset.Table {
	if spread == nil {
		return t
	}
	out := *t
	out.Numeric = slices.Clone(t.Numeric)
	for k, name := range targets {
		out.Numeric = append(out.Numeric, dataset.Column{Name: "spread of " + name, Unit: "1", Values: spread[k]})
	}
	return &out
}

// difficultyTrees are few and small: errors are noisy.
func difficultyTrees() Boost {
	return Boost{Trees: 120, Rate: 0.05, Leaves: 6, Least: 60, Rows: 0.7, Features: 0.4, Penalty: 20}
}

// errorTable is the table with the errors as its targets. A quarter of the
// typical error is added: the logarithm of a lucky hit says nothing.
func errorTable(train *dataset.Table, targets []string, errs [][]float64) *dataset.Table {
	t := *train
	t.Targets = nil
	for k, target := range targets {
		floor := typical(errs[k]) / 4
		values := make([]float64, len(errs[k]))
		for i, e := range errs[k] {
			values[i] = e + floor
		}
		t.Targets = append(t.Targets, dataset.Target{Name: target, Unit: "1", Values: values})
	}
	return &t
}

// typical is the median error, or a very small one where all errors are 0.
func typical(errs []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(errs), math.IsNaN)
	slices.Sort(known)
	if len(known) == 0 {
		return 1
	}
	return max(known[len(known)/2], 1e-6)
}

// width is how wide a target's intervals are: their half width in logarithms is
// Quantile times the difficulty to the power of Trust. With Constant for all
// machines they would hold as many.
type width struct {
	Quantile float64 `json:"quantile"`
	Trust    float64 `json:"trust"`
	Constant float64 `json:"constant"`
}

// calibrate chooses the trust in the difficulty that gives the narrowest
// intervals; 0 is a constant width.
func calibrate(errs, hard []float64, level float64) (width, error) {
	best, narrowest := width{}, math.Inf(1)
	for _, trust := range []float64{0, 0.25, 0.5, 0.75, 1} {
		q, err := quantile(errs, hard, trust, level)
		if err != nil {
			return best, err
		}
		if trust == 0 {
			best.Constant = q
		}
		w := width{q, trust, best.Constant}
		sum := 0.0
		for i, h := range hard {
			if !math.IsNaN(errs[i]) {
				sum += w.at(h)
			}
		}
		if sum < narrowest {
			best, narrowest = w, sum
		}
	}
	return best, nil
}

func (w width) at(hard float64) float64 { return w.Quantile * math.Pow(hard, w.Trust) }

// quantile of the errors over their difficulty, with the correction for a
// finite sample; it returns ErrTooFew where the sample cannot give the level.
func quantile(errs, hard []float64, trust, level float64) (float64, error) {
	var scores []float64
	for i, e := range errs {
		if !math.IsNaN(e) {
			scores = append(scores, e/math.Pow(hard[i], trust))
		}
	}
	n := len(scores)
	at := int(math.Ceil(level * float64(n+1)))
	if at > n {
		return 0, fmt.Errorf("a level of %g with %d rows: %w", level, n, ErrTooFew)
	}
	slices.Sort(scores)
	return scores[at-1], nil
}

// conformal is a model with intervals; difficulty is nil for a constant width.
type conformal struct {
	inner, difficulty Model
	Level             float64
	Widths            []width
}

func (m *conformal) Kind() string      { return "conformal" }
func (m *conformal) Targets() []string { return m.inner.Targets() }

func (m *conformal) Predict(rows *dataset.Table) ([][]Estimate, error) {
	p, hard, err := m.predictHard(rows)
	if err != nil {
		return nil, err
	}
	for k := range p {
		for i, e := range p[k] {
			half := math.Exp(m.Widths[k].at(hard[k][i].Value))
			p[k][i] = Estimate{Value: e.Value, Low: e.Value / half, High: e.Value * half}
		}
	}
	return p, nil
}

// predictHard returns the predictions and their difficulty, 1 if it is not
// known.
func (m *conformal) predictHard(rows *dataset.Table) (p, hard [][]Estimate, err error) {
	var spread [][]float64
	if s, ok := m.inner.(spreader); ok {
		p, spread, err = s.predictSpread(rows)
	} else {
		p, err = m.inner.Predict(rows)
	}
	if err != nil {
		return nil, nil, err
	}
	if m.difficulty == nil {
		return p, slices.Repeat([][]Estimate{slices.Repeat([]Estimate{{Value: 1}}, rows.Rows)}, len(p)), nil
	}
	hard, err = m.difficulty.Predict(addSpread(rows, m.Targets(), spread))
	return p, hard, err
}

// ConstantWidth returns the model with intervals of the same relative width for
// every machine, calibrated on the same errors.
func (m *conformal) ConstantWidth() Model {
	out := &conformal{inner: m.inner, Level: m.Level}
	for _, w := range m.Widths {
		out.Widths = append(out.Widths, width{Quantile: w.Constant, Constant: w.Constant})
	}
	return out
}

// reweigh leaves the widths as they are.
func (m *conformal) reweigh(weights []float64) (Model, bool) {
	r, ok := m.inner.(reweigher)
	if !ok {
		return nil, false
	}
	inner, ok := r.reweigh(weights)
	return &conformal{inner, m.difficulty, m.Level, m.Widths}, ok
}

func (m *conformal) narrow(target int) (Model, bool) { return narrow(m.inner, target) }

// Importances are those of the model inside, if it knows.
func (m *conformal) Importances(target int) []Importance {
	return blend(target, []Model{m.inner}, []float64{1})
}

type conformalFile struct {
	Level  float64 `json:"level"`
	Widths []width `json:"widths"`
}

// Parts have the difficulty, if there is one, behind the model inside.
func (m *conformal) Parts() Parts {
	p := Parts{Settings: conformalFile{m.Level, m.Widths}, Inner: []Model{m.inner}}
	if m.difficulty != nil {
		p.Inner = append(p.Inner, m.difficulty)
	}
	return p
}

func decodeConformal(s *Stored, inner []Model) (Model, error) {
	var f conformalFile
	if err := s.ReadSettings(&f); err != nil {
		return nil, err
	}
	if len(inner) != 1 && len(inner) != 2 {
		return nil, fmt.Errorf("%w: %d models where there are one or two", ErrFile, len(inner))
	}
	m := &conformal{inner: inner[0], Level: f.Level, Widths: f.Widths}
	if len(m.Widths) != len(m.Targets()) {
		return nil, fmt.Errorf("%w: %d widths for %d targets", ErrFile, len(m.Widths), len(m.Targets()))
	}
	if len(inner) == 2 {
		m.difficulty = inner[1]
	}
	return m, sameTargets(inner...)
}
