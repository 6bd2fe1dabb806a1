package model

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Guard widens a trainer's intervals for machines unlike all that it learnt
// from, and lets the model judge how far they are.
type Guard struct {
	Trainer Trainer
	Group   string // names of machines; dataset.GroupCPU if empty
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
	return &Guarded{Model: inner, Known: known}, nil
}

// Guarded is a fitted Guard.
type Guarded struct {
	Model
	Known *Known
}

// Kind is "guarded".
func (*Guarded) Kind() string { return "guarded" }

// Predict widens the intervals, in logarithms, in proportion to the distance
// from the known machines where it is above 1.
func (m *Guarded) Predict(rows *dataset.Table) ([][]Estimate, error) {
	p, err := m.Model.Predict(rows)
	if err != nil {
		return nil, err
	}
	for i, j := range m.Known.Judge(rows) {
		if j.Distance <= 1 {
			continue
		}
		for k := range p {
			e := &p[k][i]
			e.Low = e.Value * math.Pow(e.Low/e.Value, j.Distance)
			e.High = e.Value * math.Pow(e.High/e.Value, j.Distance)
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
