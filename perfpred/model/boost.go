package model

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Boost is gradient boosting: each tree is fitted to what the trees before it
// left, on a random share of rows and features (J. H. Friedman, "Stochastic
// gradient boosting", 2002), on binned features.
type Boost struct {
	Trees  int
	Rate   float64 // share of each tree that is added
	Leaves int     // per tree, at most
	Least  int     // rows per leaf, at least
	// Rows and Features are the shares drawn for each tree.
	Rows, Features float64
	// Penalty is added to a leaf's number of rows, which draws its value to 0.
	Penalty float64
}

// DefaultBoost suits some thousand rows of some dozen features.
func DefaultBoost() Boost {
	return Boost{Trees: 300, Rate: 0.06, Leaves: 15, Least: 12, Rows: 0.7, Features: 0.35, Penalty: 4}
}

// Name is "trees".
func (Boost) Name() string { return "trees" }

// Fit grows the trees of each target, two targets at a time.
func (b Boost) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error) {
	p, err := newProblem(train, targets, 2)
	if err != nil {
		return nil, fmt.Errorf("fit trees: %w", err)
	}
	enc, err := dataset.FitEncoder(train, dataset.EncoderOptions{MinCount: 5})
	if err != nil {
		return nil, fmt.Errorf("fit trees: %w", err)
	}
	if n := len(enc.Names()); n > maxFeatures {
		return nil, fmt.Errorf("fit trees: %d features, at most %d can be numbered: %w", n, maxFeatures, dataset.ErrShape)
	}
	m := &boosted{Encoder: enc, Outputs: p.outputs, Fits: make([]boostFit, len(targets))}
	x := enc.Encode(train)
	m.Edges = binEdges(x)
	bins := binRows(m.Edges, x)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for k, y := range p.y {
		g.Go(func() (err error) {
			m.Fits[k], err = b.fit(ctx, bins, y, seed+uint64(k))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("fit trees: %w", err)
	}
	return m, nil
}

// workers is the number of targets that are learnt at a time.
const workers = 2

// boostFit is the sum of Start and the trees.
type boostFit struct {
	Start float64   `json:"start"`
	Trees []tree    `json:"-"`
	Gains []float64 `json:"-"`
}

// fit leaves out rows whose y is NaN.
func (b Boost) fit(ctx context.Context, x *binned, y []float64, seed uint64) (boostFit, error) {
	rows, features := finite(y), len(x.edges)
	fit := boostFit{Start: mean(y, rows), Gains: make([]float64, features)}
	if features == 0 {
		return fit, nil
	}
	rng := rand.New(rand.NewPCG(seed, 0xb0057))
	g := &grower{b: x, leaves: min(b.Leaves, maxLeaves), least: b.Least, penalty: b.Penalty, rate: b.Rate}
	residual := make([]float64, len(y))
	for _, i := range rows {
		residual[i] = y[i] - fit.Start
	}
	for range b.Trees {
		if err := ctx.Err(); err != nil {
			return fit, err
		}
		drawn := sample(rng, len(rows), b.Rows)
		for k, i := range drawn {
			drawn[k] = rows[i]
		}
		t := g.grow(residual, drawn, sample(rng, features, b.Features), fit.Gains)
		fit.Trees = append(fit.Trees, t)
		for _, i := range rows {
			residual[i] -= t.at(x.rows[i])
		}
	}
	return fit, nil
}

// at returns the sum for each row. Trees are the outer loop: one stays in the
// processor's cache for all rows.
func (f *boostFit) at(rows [][]uint8) []float64 {
	out := slices.Repeat([]float64{f.Start}, len(rows))
	for _, t := range f.Trees {
		for i, row := range rows {
			out[i] += t.at(row)
		}
	}
	return out
}

// boosted is a fitted Boost.
type boosted struct {
	Encoder *dataset.Encoder `json:"encoder"`
	Edges   [][]float64      `json:"-"`
	Outputs []output         `json:"outputs"`
	Fits    []boostFit       `json:"fits"`
}

// Kind is "boosted".
func (m *boosted) Kind() string { return "boosted" }

// Targets returns the names given to Fit.
func (m *boosted) Targets() []string { return outputNames(m.Outputs) }

// Predict sums the trees.
func (m *boosted) Predict(rows *dataset.Table) ([][]Estimate, error) {
	return estimates(rows, m.Outputs, m.logs(rows))
}

func (m *boosted) logs(rows *dataset.Table) [][]float64 {
	x := binRows(m.Edges, m.Encoder.Encode(rows)).rows
	out := make([][]float64, len(m.Fits))
	for k := range m.Fits {
		out[k] = m.Fits[k].at(x)
	}
	return out
}

func (m *boosted) narrow(target int) (Model, bool) {
	one := *m
	one.Outputs, one.Fits = m.Outputs[target:target+1], m.Fits[target:target+1]
	return &one, true
}

// Importances are the shares of the squared error that splits on a feature
// took away.
func (m *boosted) Importances(target int) []Importance {
	shares := map[string]float64{}
	for j, name := range m.Encoder.Names() {
		column, _, _ := strings.Cut(name, "=")
		shares[column] += m.Fits[target].Gains[j]
	}
	return rank(shares)
}

// Parts pack the bins' edges, the gains and the trees.
func (m *boosted) Parts() Parts {
	var p packer
	for _, e := range m.Edges {
		p.count(len(e))
		p.float64s(e)
	}
	for _, f := range m.Fits {
		p.float64s(f.Gains)
		p.count(len(f.Trees))
		for _, t := range f.Trees {
			p.data = append(p.data, t...)
		}
	}
	return Parts{Settings: m, Packed: p.data}
}

func decodeBoosted(s *Stored, _ []Model) (Model, error) {
	m := &boosted{}
	if err := s.ReadSettings(m); err != nil {
		return nil, err
	}
	if m.Encoder == nil || len(m.Fits) != len(m.Outputs) {
		return nil, fmt.Errorf("%w: %d fits for %d targets", ErrFile, len(m.Fits), len(m.Outputs))
	}
	features := len(m.Encoder.Names())
	u := &unpacker{data: s.Packed}
	for range features {
		m.Edges = append(m.Edges, u.float64s(u.count()))
		u.broken = u.broken || len(m.Edges[len(m.Edges)-1]) > maxBins-2
	}
	for k := range m.Fits {
		f := &m.Fits[k]
		f.Gains = u.float64s(features)
		for n := u.count(); len(f.Trees) < n && !u.broken; {
			var t tree
			t, u.data = firstTree(u.data, features)
			f.Trees, u.broken = append(f.Trees, t), t == nil
		}
	}
	return m, u.finish()
}
