package model

import (
	"context"
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
	// Shift, if set, is what Trainer wraps. It is trained on the first target,
	// leaving out one family at a time, which shows how much further off
	// predictions are for a family that nobody has seen: the intervals of such are
	// stretched by that. If it is a Stack, it also shows which of the members carry
	// over to other families: such are predicted with the weights that suit them.
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
	if g.Shift == nil {
		return m, nil
	}
	if err := m.learnShift(ctx, g.Shift, train, targets[0], seed); err != nil {
		return nil, fmt.Errorf("learn how far off unseen families are: %w", err)
	}
	return m, nil
}

// learnShift sets the families, the stretch and the weights away from them, by
// one target. Without two families or without intervals there is nothing to
// learn.
func (m *Guarded) learnShift(ctx context.Context, tr Trainer, train *dataset.Table, target string, seed uint64) error {
	families := train.Groups[dataset.GroupFamily]
	folds, err := dataset.LeaveOneOut(families)
	if err != nil {
		return nil // one family: nothing to compare
	}
	f, err := fitFolds(ctx, tr, train, []string{target}, folds, seed)
	if errors.Is(err, ErrTooFew) {
		return nil // nearly all is one family's
	}
	if err != nil {
		return err
	}
	if s, ok := f.model.(*stack); ok {
		if m.setAway(s.Weights[0]); m.away != nil {
			m.Known.Away = s.Weights[0]
		}
	}
	errs, err := f.errors(train, []string{target})
	if err != nil {
		return err
	}
	half, err := m.halfWidths(train, errs[0])
	if err != nil {
		return err
	}
	stretch, err := quantile(errs[0], half, 1, shiftLevel)
	if err != nil {
		m.Known.Away, m.away = nil, nil
		return nil // too few rows with intervals
	}
	m.Known.Families, m.Known.Stretch = slices.Compact(slices.Sorted(slices.Values(families))), max(1, stretch)
	return nil
}

// setAway makes the model for families that nobody has seen.
func (m *Guarded) setAway(weights []float64) {
	if r, ok := m.Model.(reweigher); ok {
		if away, ok := r.reweigh(weights); ok {
			m.away = away
		}
	}
}

// halfWidths of the first target's intervals on the training rows, in
// logarithms; where there is none, the row's error is made unknown.
func (m *Guarded) halfWidths(train *dataset.Table, errs []float64) ([]float64, error) {
	from := m.Model
	if m.away != nil {
		from = m.away
	}
	p, err := from.Predict(train)
	if err != nil {
		return nil, err
	}
	half := make([]float64, train.Rows)
	for i, e := range p[0] {
		if half[i] = math.Log(e.High / e.Value); !(half[i] > 0) {
			errs[i] = math.NaN()
		}
	}
	return half, nil
}

// shiftLevel is the share of unseen families' rows that stretched intervals hold.
const shiftLevel = 0.9

// Guarded is a fitted Guard.
type Guarded struct {
	Model
	Known *Known
	// away predicts machines of unseen families, if it is not nil.
	away Model
	// flat keeps the intervals as the model inside gives them.
	flat bool
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
	judged := m.Known.Judge(rows)
	if err := m.predictAway(rows, judged, p); err != nil {
		return nil, err
	}
	for i, j := range judged {
		factor := j.Wider()
		if factor == 1 || m.flat {
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

// predictAway predicts the rows of unseen families anew, in place.
func (m *Guarded) predictAway(rows *dataset.Table, judged []Judgement, p [][]Estimate) error {
	var strangers []int
	for i, j := range judged {
		if j.NewFamily != "" {
			strangers = append(strangers, i)
		}
	}
	if m.away == nil || len(strangers) == 0 {
		return nil
	}
	q, err := m.away.Predict(rows.Select(strangers))
	if err != nil {
		return err
	}
	for k := range q {
		for n, i := range strangers {
			p[k][i] = q[k][n]
		}
	}
	return nil
}

// ConstantWidth returns the model's predictions with intervals of the same
// relative width for every machine, near or far, or nil if it has none.
func (m *Guarded) ConstantWidth() Model {
	inner, ok := m.Model.(Plain)
	if !ok {
		return nil
	}
	out := &Guarded{Model: inner.ConstantWidth(), Known: m.Known, flat: true}
	if m.away != nil {
		out.setAway(m.Known.Away)
	}
	return out
}

func (m *Guarded) narrow(target int) (Model, bool) {
	inner, ok := narrow(m.Model, target)
	out := &Guarded{Model: inner, Known: m.Known, flat: true}
	if ok && m.away != nil {
		out.setAway(m.Known.Away)
	}
	return out, ok
}

// Importances are those of the model inside, if it knows.
func (m *Guarded) Importances(target int) []Importance {
	return blend(target, []Model{m.Model}, []float64{1})
}

// Parts pack the known machines' numbers.
func (m *Guarded) Parts() Parts {
	var p packer
	for _, x := range m.Known.X {
		p.float64s(x)
	}
	return Parts{Settings: m.Known, Packed: p.data, Inner: []Model{m.Model}}
}

func decodeGuarded(s *Stored, inner []Model) (Model, error) {
	known := &Known{}
	if err := s.ReadSettings(known); err != nil {
		return nil, err
	}
	if len(inner) != 1 || known.Encoder == nil {
		return nil, fmt.Errorf("%w: %d models where there is one, or known machines are missing", ErrFile, len(inner))
	}
	u := &unpacker{data: s.Packed}
	width := len(known.Encoder.Names())
	for range known.Machines {
		known.X = append(known.X, u.float64s(width))
	}
	if err := u.finish(); err != nil {
		return nil, err
	}
	m := &Guarded{Model: inner[0], Known: known}
	if known.Away != nil {
		if m.setAway(known.Away); m.away == nil {
			return nil, fmt.Errorf("%w: %d weights for unseen families, and no members for them", ErrFile, len(known.Away))
		}
	}
	return m, nil
}
