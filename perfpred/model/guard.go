package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Guard widens a trainer's intervals for machines unlike all that it learnt
// from, and lets the model judge how far they are.
type Guard struct {
	Trainer Trainer
	Group   string // names of machines; dataset.GroupCPU if empty
	// Shift, if set, learns quickly what Trainer learns at length: leaving out one
	// family at a time it shows how much further off predictions for a family
	// are that nobody has seen, and the intervals of such are stretched by that.
	Shift Trainer
}

// Name is the trainer's.
func (g Guard) Name() string { return g.Trainer.Name() }

// Fit trains and remembers the machines.
func (g Guard) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error) {
	inner, err := g.Trainer.Fit(ctx, train, targets, seed)
	if err != nil {
		return nil, err
	}
	known, err := newKnown(train, groupOr(g.Group))
	if err != nil {
		return nil, err
	}
	m := &Guarded{Model: inner, Known: known}
	if g.Shift != nil {
		if err := m.learnShift(ctx, g.Shift, train, targets[0], seed); err != nil {
			return nil, fmt.Errorf("learn how far off unseen families are: %w", err)
		}
	}
	return m, nil
}

// learnShift sets the families and the stretch, by the first target. Without
// two families or without intervals there is nothing to learn.
func (m *Guarded) learnShift(ctx context.Context, quick Trainer, train *dataset.Table, target string, seed uint64) error {
	families := train.Groups[dataset.GroupFamily]
	folds, err := dataset.LeaveOneOut(families)
	if err != nil {
		return nil // one family: nothing to compare
	}
	y, err := logValues(train, target)
	if err != nil {
		return err
	}
	p, err := m.Model.Predict(train)
	if err != nil {
		return err
	}
	errs, half := make([]float64, train.Rows), make([]float64, train.Rows)
	for i, e := range p[0] {
		errs[i], half[i] = math.NaN(), math.Log(e.High/e.Value)
	}
	for _, f := range folds {
		left, err := quick.Fit(ctx, train.Select(f.Train), []string{target}, seed)
		if errors.Is(err, ErrTooFew) {
			continue
		}
		if err != nil {
			return err
		}
		p, err := left.Predict(train.Select(f.Test))
		if err != nil {
			return err
		}
		for i, row := range f.Test {
			if half[row] > 0 {
				errs[row] = math.Abs(y[row] - math.Log(p[0][i].Value))
			}
		}
	}
	stretch, err := quantile(errs, half, 1, shiftLevel)
	if err != nil {
		return nil // too few rows with intervals
	}
	m.Known.Families, m.Known.Stretch = slices.Compact(slices.Sorted(slices.Values(families))), max(1, stretch)
	return nil
}

// shiftLevel is the share of unseen families' rows that stretched intervals hold.
const shiftLevel = 0.9

// Guarded is a fitted Guard.
type Guarded struct {
	Model
	Known *Known
}

// Kind is "guarded".
func (*Guarded) Kind() string { return "guarded" }

// Predict widens the intervals, in logarithms, in proportion to the distance
// from the known machines where it is above 1, or by the stretch of an unseen
// family where that is more.
func (m *Guarded) Predict(rows *dataset.Table) ([][]Estimate, error) {
	p, err := m.Model.Predict(rows)
	if err != nil {
		return nil, err
	}
	for i, j := range m.Known.Judge(rows) {
		factor := j.Wider()
		if factor == 1 {
			continue
		}
		for k := range p {
			e := &p[k][i]
			e.Low = e.Value * math.Pow(e.Low/e.Value, factor)
			e.High = e.Value * math.Pow(e.High/e.Value, factor)
		}
	}
	return p, nil
}

// Importances are those of the model inside, if it knows.
func (m *Guarded) Importances(target int) []Importance {
	return blend(target, []Model{m.Model}, []float64{1})
}

type guardedFile struct {
	Inner json.RawMessage `json:"inner"`
	Known *Known          `json:"known"`
}

// MarshalJSON writes the model inside and the known machines.
func (m *Guarded) MarshalJSON() ([]byte, error) {
	inner, err := Encode(m.Model)
	if err != nil {
		return nil, err
	}
	return json.Marshal(guardedFile{inner, m.Known})
}

func decodeGuarded(data json.RawMessage, inner Decoders) (Model, error) {
	var f guardedFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	m, err := inner.Decode(f.Inner)
	if err != nil {
		return nil, err
	}
	if f.Known == nil || f.Known.Encoder == nil || len(f.Known.X) != len(f.Known.Machines) {
		return nil, fmt.Errorf("%w: known machines are missing", ErrFile)
	}
	width := len(f.Known.Encoder.Names())
	for _, x := range f.Known.X {
		if len(x) != width {
			return nil, fmt.Errorf("%w: a known machine with %d numbers for %d features", ErrFile, len(x), width)
		}
	}
	return &Guarded{Model: m, Known: f.Known}, nil
}
