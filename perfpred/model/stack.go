package model

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Stack is the weighted geometric mean of its members' predictions. The weights
// are not negative, sum to 1, and are those that predict groups best that the
// members did not see (D. H. Wolpert, "Stacked generalization", 1992; L.
// Breiman, "Stacked regressions", 1996).
type Stack struct {
	Label   string
	Members []Trainer
	Group   string // dataset.GroupCPU if empty
	Folds   int    // 5 if 0
}

// Name is the label.
func (s Stack) Name() string { return s.Label }

// Fit trains each member once per fold and once on all rows.
func (s Stack) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error) {
	f, err := s.fitFolds(ctx, train, targets, innerFolds(train, groupOr(s.Group), foldsOr(s.Folds), seed), seed)
	if err != nil {
		return nil, err
	}
	return f.model, nil
}

func foldsOr(n int) int {
	if n == 0 {
		return 5
	}
	return n
}

func (s Stack) fitFolds(ctx context.Context, train *dataset.Table, targets []string, folds []dataset.Fold, seed uint64) (*foldFit, error) {
	if len(s.Members) == 0 {
		return nil, fmt.Errorf("fit %s: no members: %w", s.Label, ErrTooFew)
	}
	m := &stack{Weights: make([][]float64, len(targets))}
	logs := make([][][]float64, len(s.Members)) // [member][target][row]
	for k, tr := range s.Members {
		f, err := fitFolds(ctx, tr, train, targets, folds, seed+uint64(k)*1000)
		if err != nil {
			return nil, fmt.Errorf("fit %s: %w", s.Label, err)
		}
		m.members, logs[k] = append(m.members, f.model), f.logs
	}
	out := &foldFit{model: m}
	for k, target := range targets {
		y, err := logValues(train, target)
		if err != nil {
			return nil, err
		}
		x := ofTarget(logs, k)
		m.Weights[k] = stackWeights(x, y)
		middle := mix(x, m.Weights[k])
		out.logs, out.spread = append(out.logs, middle), append(out.spread, spreadOf(x, middle))
	}
	return out, nil
}

// ofTarget returns the members' logarithms of one target, [member][row].
func ofTarget(logs [][][]float64, target int) [][]float64 {
	x := make([][]float64, len(logs))
	for j := range logs {
		x[j] = logs[j][target]
	}
	return x
}

// spreadOf is the members' mean distance from their mixture, per row.
func spreadOf(x [][]float64, middle []float64) []float64 {
	out := make([]float64, len(middle))
	for _, member := range x {
		for i, v := range member {
			out[i] += math.Abs(v-middle[i]) / float64(len(x))
		}
	}
	return out
}

// mix returns the weighted sum over members, x being [member][row].
func mix(x [][]float64, weights []float64) []float64 {
	out := make([]float64, len(x[0]))
	for j, w := range weights {
		for i, v := range x[j] {
			out[i] += w * v
		}
	}
	return out
}

// stackWeights minimises the squared error over the simplex by moving weight
// between pairs of members, as much as helps, until nothing moves.
func stackWeights(x [][]float64, y []float64) []float64 {
	n := len(x)
	w := slices.Repeat([]float64{1 / float64(n)}, n)
	c := errorProducts(x, y)
	for range 1000 {
		moved := 0.0
		for a := range n {
			for b := range a {
				moved += shift(c, w, a, b)
			}
		}
		if moved < 1e-9 {
			break
		}
	}
	return w
}

// errorProducts is the matrix of the mean products of two members' errors.
func errorProducts(x [][]float64, y []float64) [][]float64 {
	c := make([][]float64, len(x))
	rows := finite(y)
	for a := range x {
		c[a] = make([]float64, len(x))
		for b := range x {
			for _, i := range rows {
				c[a][b] += (x[a][i] - y[i]) * (x[b][i] - y[i])
			}
		}
	}
	return c
}

// shift moves weight from b to a (or back) to the least of w'Cw, and returns how
// much moved.
func shift(c [][]float64, w []float64, a, b int) float64 {
	bend := c[a][a] - 2*c[a][b] + c[b][b]
	if bend <= 0 {
		return 0
	}
	slope := 0.0
	for j, v := range w {
		slope += v * (c[a][j] - c[b][j])
	}
	step := min(max(-slope/bend, -w[a]), w[b])
	w[a] += step
	w[b] -= step
	return math.Abs(step)
}

// stack is a fitted Stack; Weights is [target][member].
type stack struct {
	members []Model
	Weights [][]float64
}

func (m *stack) Kind() string      { return "stack" }
func (m *stack) Targets() []string { return m.members[0].Targets() }

func (m *stack) Predict(rows *dataset.Table) ([][]Estimate, error) {
	p, _, err := m.predictSpread(rows)
	return p, err
}

func (m *stack) predictSpread(rows *dataset.Table) (p [][]Estimate, spread [][]float64, err error) {
	logs := make([][][]float64, len(m.members))
	for j, member := range m.members {
		p, err := member.Predict(rows)
		if err != nil {
			return nil, nil, err
		}
		logs[j] = logsOf(p)
	}
	for k, w := range m.Weights {
		x := ofTarget(logs, k)
		middle := mix(x, w)
		row := make([]Estimate, rows.Rows)
		for i, v := range middle {
			row[i] = Estimate{Value: math.Exp(v), Low: math.NaN(), High: math.NaN()}
		}
		p, spread = append(p, row), append(spread, spreadOf(x, middle))
	}
	return p, spread, nil
}

// reweigher is a model of several members that can be weighed otherwise.
type reweigher interface {
	// reweigh returns the model with these weights for every target, and false if
	// it has no such members.
	reweigh(weights []float64) (Model, bool)
}

func (m *stack) reweigh(weights []float64) (Model, bool) {
	if len(weights) != len(m.members) {
		return nil, false
	}
	return &stack{m.members, slices.Repeat([][]float64{weights}, len(m.Weights))}, true
}

func (m *stack) narrow(target int) (Model, bool) {
	one := &stack{Weights: m.Weights[target : target+1]}
	for _, member := range m.members {
		n, ok := narrow(member, target)
		if !ok {
			return nil, false
		}
		one.members = append(one.members, n)
	}
	return one, true
}

func logsOf(p [][]Estimate) [][]float64 {
	out := make([][]float64, len(p))
	for k := range p {
		out[k] = make([]float64, len(p[k]))
		for i, e := range p[k] {
			out[k][i] = math.Log(e.Value)
		}
	}
	return out
}

// Importances are the members' by their weights.
func (m *stack) Importances(target int) []Importance {
	return blend(target, m.members, m.Weights[target])
}

type stackFile struct {
	Weights [][]float64 `json:"weights"`
}

func (m *stack) Parts() Parts {
	return Parts{Settings: stackFile{m.Weights}, Inner: m.members}
}

func decodeStack(s *Stored, members []Model) (Model, error) {
	var f stackFile
	if err := s.ReadSettings(&f); err != nil {
		return nil, err
	}
	m := &stack{members, f.Weights}
	if len(members) == 0 || len(m.Weights) != len(m.Targets()) {
		return nil, fmt.Errorf("%w: a stack of %d members with weights for %d targets", ErrFile, len(members), len(m.Weights))
	}
	for _, w := range m.Weights {
		if len(w) != len(members) {
			return nil, fmt.Errorf("%w: %d weights for %d members", ErrFile, len(w), len(members))
		}
	}
	return m, sameTargets(members...)
}
