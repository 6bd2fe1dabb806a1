package model

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Ridge is linear regression on the logarithms, its coefficients shrunk by the
// penalty that predicts groups left out best.
type Ridge struct {
	// Group names the group column whose groups the penalty is chosen on
	// (dataset.GroupCPU if empty); a table without it is split by row.
	Group string
	// Pairs adds the products of the table's Main columns, squares included.
	Pairs bool
}

// Name is "ridge", or "ridge2" with pairs.
func (r Ridge) Name() string {
	if r.Pairs {
		return "ridge2"
	}
	return "ridge"
}

const (
	// ridgeClip lets features, products of two as well, lie outside the training
	// range by a quarter of it; from there on a line says nothing.
	ridgeClip = 0.25
	// ridgeReach lets predictions lie outside the training range by a tenth of it,
	// in logarithms.
	ridgeReach = 0.1
)

// Fit learns all targets on one decomposition of the features.
func (r Ridge) Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error) {
	p, err := newProblem(train, targets, 2)
	if err != nil {
		return nil, fmt.Errorf("fit ridge: %w", err)
	}
	enc, err := dataset.FitEncoder(train, dataset.EncoderOptions{Scale: true, Clip: ridgeClip, MinCount: 5})
	if err != nil {
		return nil, fmt.Errorf("fit ridge: %w", err)
	}
	m := &linear{Name: r.Name(), Encoder: enc, Outputs: p.outputs, Pairs: pairsOf(enc, r.Pairs)}
	x := m.design(train)
	m.Limits = limitsOf(x, len(m.Pairs))
	if m.Fits, err = fitRidges(ctx, x, p.y, innerFolds(train, groupOr(r.Group), 5, seed)); err != nil {
		return nil, fmt.Errorf("fit ridge: %w", err)
	}
	return m, nil
}

func groupOr(name string) string {
	if name == "" {
		return dataset.GroupCPU
	}
	return name
}

// innerFolds splits a training table by group, or by row where it has too few
// groups of that name; with one row there is nothing to split.
func innerFolds(t *dataset.Table, group string, k int, seed uint64) []dataset.Fold {
	groups, err := t.Group(group)
	if err == nil {
		if folds, err := dataset.GroupFolds(groups, k, seed); err == nil {
			return folds
		}
		if folds, err := dataset.LeaveOneOut(groups); err == nil {
			return folds
		}
	}
	rows := make([]string, t.Rows)
	for i := range rows {
		rows[i] = fmt.Sprint(i)
	}
	folds, err := dataset.GroupFolds(rows, min(k, t.Rows), seed)
	if err != nil {
		return nil
	}
	return folds
}

// linear is a fitted Ridge.
type linear struct {
	Name    string           `json:"name"`
	Encoder *dataset.Encoder `json:"encoder"`
	// Pairs are the numeric columns multiplied with one another.
	Pairs [][2]int `json:"pairs,omitempty"`
	// Limits are those of each pair's product.
	Limits  [][2]float64 `json:"limits,omitempty"`
	Outputs []output     `json:"outputs"`
	Fits    []linearFit  `json:"fits"`
}

// linearFit is y = Intercept + sum of Weights times (x - Centre), from Low to
// High.
type linearFit struct {
	Penalty   float64   `json:"penalty"`
	Intercept float64   `json:"intercept"`
	Low       float64   `json:"low"`
	High      float64   `json:"high"`
	Centre    []float64 `json:"-"`
	Weights   []float64 `json:"-"`
}

func pairsOf(e *dataset.Encoder, wanted bool) [][2]int {
	var out [][2]int
	if !wanted {
		return nil
	}
	for i, a := range e.Numeric {
		for j, b := range e.Numeric[:i+1] {
			if a.Main && b.Main {
				out = append(out, [2]int{i, j})
			}
		}
	}
	return out
}

// design returns the encoded rows with the pairs behind them.
func (m *linear) design(t *dataset.Table) [][]float64 {
	x := m.Encoder.Encode(t)
	for i, row := range x {
		for k, p := range m.Pairs {
			v := row[p[0]] * row[p[1]]
			if m.Limits != nil {
				v = min(max(v, m.Limits[k][0]), m.Limits[k][1])
			}
			row = append(row, v)
		}
		x[i] = row
	}
	return x
}

// limitsOf the last columns of a training table's design.
func limitsOf(x [][]float64, columns int) [][2]float64 {
	out := make([][2]float64, columns)
	for k := range out {
		values := make([]float64, len(x))
		for i, row := range x {
			values[i] = row[len(row)-columns+k]
		}
		out[k][0], out[k][1] = widened(values, ridgeClip)
	}
	return out
}

// widened is the range of the values with a share of it on either side.
func widened(values []float64, share float64) (low, high float64) {
	low, high = slices.Min(values), slices.Max(values)
	room := share * (high - low)
	return low - room, high + room
}

func (m *linear) featureNames() []string {
	names := m.Encoder.Names()
	for _, p := range m.Pairs {
		names = append(names, names[p[0]]+" x "+names[p[1]])
	}
	return names
}

// fitRidges chooses each target's penalty on the folds and fits all its rows.
func fitRidges(ctx context.Context, x, y [][]float64, folds []dataset.Fold) ([]linearFit, error) {
	penalties := penaltyPath()
	errs := make([][]float64, len(y))
	for k := range errs {
		errs[k] = make([]float64, len(penalties))
	}
	var d decomposition
	for _, f := range folds {
		for k := range y {
			rows, test := usable(f.Train, y[k]), usable(f.Test, y[k])
			if len(rows) < 2 || len(test) == 0 {
				continue
			}
			if err := errors.Join(ctx.Err(), d.of(x, rows)); err != nil {
				return nil, err
			}
			for i, penalty := range penalties {
				fit := d.solve(y[k], penalty)
				for _, row := range test {
					errs[k][i] += math.Abs(fit.at(x[row]) - y[k][row])
				}
			}
		}
	}
	fits := make([]linearFit, len(y))
	for k := range y {
		if err := errors.Join(ctx.Err(), d.of(x, finite(y[k]))); err != nil {
			return nil, err
		}
		fits[k] = d.solve(y[k], bestPenalty(penalties, errs[k]))
	}
	return fits, nil
}

// bestPenalty is the one with the least error, or without any error the middle.
func bestPenalty(penalties, errs []float64) float64 {
	if slices.Max(errs) == 0 {
		return penalties[len(penalties)/2]
	}
	return penalties[slices.Index(errs, slices.Min(errs))]
}

func usable(rows []int, y []float64) []int {
	return slices.DeleteFunc(slices.Clone(rows), func(i int) bool { return math.IsNaN(y[i]) })
}

// penaltyPath is 1e-2 to 1e5: features are scaled, so that a penalty counts rows.
func penaltyPath() []float64 {
	var out []float64
	for e := -2.0; e <= 5; e += 0.5 {
		out = append(out, math.Pow(10, e))
	}
	return out
}

// decomposition is X'X = V L V' of some rows, from which every penalty and every
// target is solved: w = V (L + penalty)^-1 V' X'y.
type decomposition struct {
	rows    []int
	centre  []float64
	left    *mat.Dense
	vectors mat.Dense
	values  []float64
}

// of decomposes unless the rows are those of before.
func (d *decomposition) of(x [][]float64, rows []int) error {
	if slices.Equal(d.rows, rows) {
		return nil
	}
	d.rows, d.centre = rows, columnMeans(x, rows)
	width := len(d.centre)
	if width == 0 {
		return nil
	}
	flat := make([]float64, 0, len(rows)*width)
	for _, i := range rows {
		for j, v := range x[i] {
			flat = append(flat, v-d.centre[j])
		}
	}
	d.left = mat.NewDense(len(rows), width, flat)
	gram := mat.NewSymDense(width, nil)
	gram.SymOuterK(1, d.left.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return fmt.Errorf("decompose the covariance of %d features: no convergence", width)
	}
	d.vectors.Reset()
	eigen.VectorsTo(&d.vectors)
	d.values = eigen.Values(nil)
	return nil
}

func (d *decomposition) solve(y []float64, penalty float64) linearFit {
	fit := linearFit{Penalty: penalty, Intercept: mean(y, d.rows), Centre: d.centre}
	known := make([]float64, len(d.rows))
	for r, i := range d.rows {
		known[r] = y[i]
	}
	fit.Low, fit.High = widened(known, ridgeReach)
	if len(d.centre) == 0 {
		return fit
	}
	right := mat.NewVecDense(len(d.rows), nil)
	for r, i := range d.rows {
		right.SetVec(r, y[i]-fit.Intercept)
	}
	var xy, rotated, w mat.VecDense
	xy.MulVec(d.left.T(), right)
	rotated.MulVec(d.vectors.T(), &xy)
	for j, v := range d.values {
		rotated.SetVec(j, rotated.AtVec(j)/(max(v, 0)+penalty))
	}
	w.MulVec(&d.vectors, &rotated)
	fit.Weights = w.RawVector().Data
	return fit
}

func columnMeans(x [][]float64, rows []int) []float64 {
	out := make([]float64, len(x[0]))
	for _, i := range rows {
		for j, v := range x[i] {
			out[j] += v
		}
	}
	for j := range out {
		out[j] /= float64(len(rows))
	}
	return out
}

func (f *linearFit) at(x []float64) float64 {
	sum := f.Intercept
	for j, w := range f.Weights {
		sum += w * (x[j] - f.Centre[j])
	}
	return min(max(sum, f.Low), f.High)
}

// Kind is "linear".
func (m *linear) Kind() string { return "linear" }

// Targets returns the names given to Fit.
func (m *linear) Targets() []string { return outputNames(m.Outputs) }

// Predict sums the weighted features.
func (m *linear) Predict(rows *dataset.Table) ([][]Estimate, error) {
	return estimates(rows, m.Outputs, m.logs(rows))
}

func (m *linear) logs(rows *dataset.Table) [][]float64 {
	x := m.design(rows)
	out := make([][]float64, len(m.Fits))
	for k := range m.Fits {
		out[k] = make([]float64, len(x))
		for i := range x {
			out[k][i] = m.Fits[k].at(x[i])
		}
	}
	return out
}

func (m *linear) narrow(target int) (Model, bool) {
	one := *m
	one.Outputs, one.Fits = m.Outputs[target:target+1], m.Fits[target:target+1]
	return &one, true
}

// Importances are the shares of the absolute weights: features are scaled. A
// product's share is halved between its factors, a category's names are summed.
func (m *linear) Importances(target int) []Importance {
	shares := map[string]float64{}
	for j, name := range m.featureNames() {
		w := math.Abs(m.Fits[target].Weights[j])
		parts := strings.Split(name, " x ")
		for _, part := range parts {
			column, _, _ := strings.Cut(part, "=")
			shares[column] += w / float64(len(parts))
		}
	}
	return rank(shares)
}

// Parts packs the weights and centres.
func (m *linear) Parts() Parts {
	var p packer
	for _, f := range m.Fits {
		p.float64s(f.Centre)
		p.float64s(f.Weights)
	}
	return Parts{Settings: m, Packed: p.data}
}

func decodeLinear(s *Stored, _ []Model) (Model, error) {
	m := &linear{}
	if err := s.ReadSettings(m); err != nil {
		return nil, err
	}
	if m.Encoder == nil || len(m.Fits) != len(m.Outputs) {
		return nil, fmt.Errorf("%w: %d fits for %d targets", ErrFile, len(m.Fits), len(m.Outputs))
	}
	numeric, width := len(m.Encoder.Numeric), len(m.Encoder.Names())+len(m.Pairs)
	if len(m.Limits) != len(m.Pairs) {
		return nil, fmt.Errorf("%w: limits of %d pairs for %d", ErrFile, len(m.Limits), len(m.Pairs))
	}
	for _, p := range m.Pairs {
		if min(p[0], p[1]) < 0 || max(p[0], p[1]) >= numeric {
			return nil, fmt.Errorf("%w: a pair of columns that are not there", ErrFile)
		}
	}
	u := &unpacker{data: s.Packed}
	for k := range m.Fits {
		m.Fits[k].Centre, m.Fits[k].Weights = u.float64s(width), u.float64s(width)
	}
	return m, u.finish()
}
