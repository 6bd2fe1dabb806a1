package model

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Constant predicts the training rows' median in the target's unit, whatever
// the machine: the least that a model must beat.
type Constant struct{}

// Name is "constant".
func (Constant) Name() string { return "constant" }

// Fit takes the medians.
func (Constant) Fit(_ context.Context, train *dataset.Table, targets []string, _ uint64) (Model, error) {
	if _, err := newProblem(train, targets, 1); err != nil {
		return nil, fmt.Errorf("fit a constant: %w", err)
	}
	m := &constant{}
	for _, name := range targets {
		t, err := train.Target(name)
		if err != nil {
			return nil, fmt.Errorf("fit a constant: %w", err)
		}
		values := slices.DeleteFunc(slices.Clone(t.Values), func(v float64) bool { return !(v > 0) || math.IsInf(v, 0) })
		slices.Sort(values)
		n := len(values)
		m.Names, m.Values = append(m.Names, name), append(m.Values, (values[(n-1)/2]+values[n/2])/2)
	}
	return m, nil
}

type constant struct {
	Names  []string  `json:"names"`
	Values []float64 `json:"values"`
}

func (m *constant) Kind() string      { return "constant" }
func (m *constant) Targets() []string { return slices.Clone(m.Names) }

func (m *constant) Predict(rows *dataset.Table) ([][]Estimate, error) {
	out := make([][]Estimate, len(m.Values))
	for k, v := range m.Values {
		out[k] = slices.Repeat([]Estimate{{Value: v, Low: math.NaN(), High: math.NaN()}}, rows.Rows)
	}
	return out, nil
}

func (m *constant) Parts() Parts { return Parts{Settings: m} }

func decodeConstant(s *Stored, _ []Model) (Model, error) {
	m := &constant{}
	if err := s.ReadSettings(m); err != nil {
		return nil, err
	}
	if len(m.Names) != len(m.Values) {
		return nil, fmt.Errorf("%w: %d values for %d targets", ErrFile, len(m.Values), len(m.Names))
	}
	return m, nil
}

// Neighbour predicts the mean logarithm of the K nearest training rows (one if
// K is 0), nearest by the scaled features.
type Neighbour struct{ K int }

// Name is "nearest".
func (Neighbour) Name() string { return "nearest" }

// Fit keeps the rows.
func (n Neighbour) Fit(_ context.Context, train *dataset.Table, targets []string, _ uint64) (Model, error) {
	p, err := newProblem(train, targets, 1)
	if err != nil {
		return nil, fmt.Errorf("fit nearest neighbours: %w", err)
	}
	enc, err := dataset.FitEncoder(train, dataset.EncoderOptions{Scale: true})
	if err != nil {
		return nil, fmt.Errorf("fit nearest neighbours: %w", err)
	}
	m := &neighbour{K: max(1, n.K), Encoder: enc, Outputs: p.outputs, X: enc.Encode(train), Y: make([][]*float64, len(targets))}
	for k, y := range p.y {
		m.Y[k] = make([]*float64, len(y))
		for _, i := range finite(y) {
			m.Y[k][i] = &y[i]
		}
	}
	return m, nil
}

// neighbour is a fitted Neighbour: the training rows, nil where not measured.
type neighbour struct {
	K       int              `json:"k"`
	Encoder *dataset.Encoder `json:"encoder"`
	Outputs []output         `json:"outputs"`
	X       [][]float64      `json:"x"`
	Y       [][]*float64     `json:"y"`
}

func (m *neighbour) Kind() string      { return "neighbour" }
func (m *neighbour) Targets() []string { return outputNames(m.Outputs) }

func (m *neighbour) Predict(rows *dataset.Table) ([][]Estimate, error) {
	logs := make([][]float64, len(m.Outputs))
	for k := range logs {
		logs[k] = make([]float64, rows.Rows)
	}
	for i, x := range m.Encoder.Encode(rows) {
		order := nearest(m.X, x)
		for k := range logs {
			logs[k][i] = m.average(k, order)
		}
	}
	return estimates(rows, m.Outputs, logs)
}

// nearest returns the rows' indexes, nearest to x first; ties keep their order.
func nearest(rows [][]float64, x []float64) []int {
	distance := make([]float64, len(rows))
	order := make([]int, len(rows))
	for i, r := range rows {
		order[i] = i
		for j, v := range r {
			distance[i] += (v - x[j]) * (v - x[j])
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case distance[a] < distance[b]:
			return -1
		case distance[a] > distance[b]:
			return 1
		}
		return 0
	})
	return order
}

func (m *neighbour) average(target int, order []int) float64 {
	sum, n := 0.0, 0
	for _, i := range order {
		if y := m.Y[target][i]; y != nil {
			sum += *y
			n++
		}
		if n == m.K {
			break
		}
	}
	return sum / float64(n)
}

func (m *neighbour) Parts() Parts { return Parts{Settings: m} }

func decodeNeighbour(s *Stored, _ []Model) (Model, error) {
	m := &neighbour{}
	if err := s.ReadSettings(m); err != nil {
		return nil, err
	}
	if m.Encoder == nil || m.K < 1 || len(m.Y) != len(m.Outputs) || len(m.X) == 0 {
		return nil, fmt.Errorf("%w: neighbours without rows", ErrFile)
	}
	width := len(m.Encoder.Names())
	for _, x := range m.X {
		if len(x) != width {
			return nil, fmt.Errorf("%w: %d numbers for %d features", ErrFile, len(x), width)
		}
	}
	for _, y := range m.Y {
		if len(y) != len(m.X) {
			return nil, fmt.Errorf("%w: %d values for %d rows", ErrFile, len(y), len(m.X))
		}
	}
	return m, nil
}
