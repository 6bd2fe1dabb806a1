package model

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Conformal adds intervals to a trainer's predictions that hold the truth with
// the probability Level, also on groups that were not seen: every training row
// is predicted by a model that saw nothing of its group, and the Level quantile
// of those errors is the half width (R. F. Barber et al., "Predictive inference
// with the jackknife+", 2021, with folds of groups). The errors are divided by
// a difficulty learnt from the features first, so that easy machines get narrow
// intervals (J. Lei et al., "Distribution-free predictive inference for
// regression", 2018, section 5.2).
type Conformal struct {
	Trainer Trainer
	Level   float64 // 0.9 if 0
	Group   string  // dataset.GroupCPU if empty
	Folds   int     // 5 if 0
	// Constant takes the same relative width for every machine instead.
	Constant bool
}

// Name is the trainer's, with "-const" if the width is constant.
func (c Conformal) Name() string {
	if c.Constant {
		return c.Trainer.Name() + "-const"
	}
	return c.Trainer.Name()
}

// Fit trains, predicts the folds, learns the difficulty and calibrates.
func (c Conformal) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error) {
	if c.Level == 0 {
		c.Level = 0.9
	}
	folds := innerFolds(train, groupOr(c.Group), foldsOr(c.Folds), seed)
	if len(folds) < 2 {
		return nil, fmt.Errorf("calibrate %s on %d rows: %w", c.Name(), train.Rows, ErrTooFew)
	}
	f, err := fitFolds(ctx, c.Trainer, train, targets, folds, seed)
	if err != nil {
		return nil, err
	}
	m := &conformal{inner: f.model, Level: c.Level}
	errs, err := f.errors(train, targets)
	if err != nil {
		return nil, err
	}
	hard, err := m.learnDifficulty(ctx, c, f.withSpread(train), targets, errs, folds, seed)
	if err != nil {
		return nil, fmt.Errorf("learn where %s errs: %w", c.Name(), err)
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

// learnDifficulty fits trees to the errors and returns each row's difficulty by
// trees that did not see its fold, [target][row].
func (m *conformal) learnDifficulty(ctx context.Context, c Conformal, train *dataset.Table, targets []string, errs [][]float64, folds []dataset.Fold, seed uint64) ([][]float64, error) {
	if c.Constant {
		return slices.Repeat([][]float64{slices.Repeat([]float64{1}, train.Rows)}, len(targets)), nil
	}
	t := *train
	t.Targets = nil
	for k, target := range targets {
		floor := typical(errs[k]) / 4 // the logarithm of a lucky hit says nothing
		values := make([]float64, len(errs[k]))
		for i, e := range errs[k] {
			values[i] = e + floor
		}
		t.Targets = append(t.Targets, dataset.Target{Name: target, Unit: "1", Values: values})
	}
	f, err := fitFolds(ctx, difficultyTrees(), &t, targets, folds, seed)
	if err != nil {
		return nil, err
	}
	m.difficulty = f.model
	for _, logs := range f.logs {
		for i, v := range logs {
			logs[i] = math.Exp(v)
		}
	}
	return f.logs, nil
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
// Quantile times the difficulty to the power of Trust.
type width struct {
	Quantile float64 `json:"quantile"`
	Trust    float64 `json:"trust"`
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
		w := width{q, trust}
		sum := 0.0
		for _, h := range hard {
			sum += w.at(h)
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

// Importances are those of the model inside, if it knows.
func (m *conformal) Importances(target int) []Importance {
	return blend(target, []Model{m.inner}, []float64{1})
}

type conformalFile struct {
	Level      float64         `json:"level"`
	Widths     []width         `json:"widths"`
	Inner      json.RawMessage `json:"inner"`
	Difficulty json.RawMessage `json:"difficulty,omitempty"`
}

func (m *conformal) MarshalJSON() ([]byte, error) {
	f := conformalFile{Level: m.Level, Widths: m.Widths}
	var err error
	if f.Inner, err = Encode(m.inner); err != nil {
		return nil, err
	}
	if m.difficulty != nil {
		if f.Difficulty, err = Encode(m.difficulty); err != nil {
			return nil, err
		}
	}
	return json.Marshal(f)
}

func decodeConformal(data json.RawMessage, inner Decoders) (Model, error) {
	var f conformalFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	m := &conformal{Level: f.Level, Widths: f.Widths}
	var err error
	if m.inner, err = inner.Decode(f.Inner); err != nil {
		return nil, err
	}
	if len(m.Widths) != len(m.Targets()) {
		return nil, fmt.Errorf("%w: %d widths for %d targets", ErrFile, len(m.Widths), len(m.Targets()))
	}
	if len(f.Difficulty) == 0 {
		return m, nil
	}
	if m.difficulty, err = inner.Decode(f.Difficulty); err != nil {
		return nil, err
	}
	return m, sameTargets(m.inner, m.difficulty)
}
