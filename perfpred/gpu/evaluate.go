package gpu

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Score compares predictions of one GPU that was left out of everything, the
// choice of penalty and the intervals too, with what was measured.
type Score struct {
	Class string `json:"class"`
	// GPU is the model left out, with all its form factors; empty for the mean over GPUs.
	GPU string `json:"gpu,omitempty"`
	// Rows were predicted; Refused had nothing like them on the other GPUs.
	Rows    int `json:"rows"`
	Refused int `json:"refused"`
	// The rest are means over rows of |predicted/measured - 1|. Roofline is a
	// plain data-sheet roofline at utilisation 1, Scaled the same at the one
	// utilisation that fits the other GPUs best, PerBenchmark with one for each
	// benchmark, operation or model. Latencies have no roofline: there, Scaled is the
	// geometric mean of the other GPUs' class, PerBenchmark that of their benchmark.
	Roofline     float64 `json:"roofline"`
	Scaled       float64 `json:"scaled"`
	PerBenchmark float64 `json:"per_benchmark"`
	Model        float64 `json:"model"`
	// Median is the model's median error.
	Median float64 `json:"median"`
	// Covered is the share of rows inside their interval, Width the mean of its half in
	// logarithms; Intervals is false where a single GPU was left to learn from, which
	// makes no interval.
	Covered   float64 `json:"covered"`
	Width     float64 `json:"width"`
	Intervals bool    `json:"intervals"`
	// Probed is the model's error with both ceilings measured, over ProbedRows rows
	// other than the probes; 0 rows where the GPU has no probe.
	Probed     float64 `json:"probed,omitempty"`
	Unprobed   float64 `json:"unprobed,omitempty"` // the same rows without
	ProbedRows int     `json:"probed_rows,omitempty"`
}

// Leave says what is left out together.
type Leave string

// What Evaluate leaves out.
const (
	LeaveModel Leave = "GPU model"
	LeaveArch  Leave = "architecture"
)

// Evaluate predicts each GPU from the others, class by class, and returns a score
// for each class and GPU and, with an empty GPU, the mean over the GPUs of a class.
func Evaluate(rows []Row, leave Leave) ([]Score, error) {
	data, err := prepare(rows)
	if err != nil {
		return nil, err
	}
	by := byModel
	if leave == LeaveArch {
		by = byArch
	}
	var scores []Score
	for _, c := range slices.Sorted(maps.Keys(data)) {
		var parts []Score
		for _, g := range groups(data[c], by) {
			s, err := evaluateGroup(c, data[c], g, by)
			if errors.Is(err, ErrTooFewGPUs) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s without %s: %w", c, g, err)
			}
			parts = append(parts, s)
		}
		scores = append(scores, parts...)
		scores = append(scores, mean(string(c), parts))
	}
	return scores, nil
}

func evaluateGroup(c class, data []datum, group string, by func(datum) string) (Score, error) {
	var in, out []datum
	for _, d := range data {
		if by(d) == group {
			out = append(out, d)
		} else {
			in = append(in, d)
		}
	}
	s := Score{Class: string(c), GPU: group, Intervals: true}
	l, err := fitClass(c, in)
	if err != nil {
		return s, err
	}
	if l == nil { // one GPU is left: a fit, but no interval
		r, err := fitData(c, in, lambdas[0])
		if err != nil || len(in) == 0 {
			return s, errors.Join(ErrTooFewGPUs, err)
		}
		none := map[string]float64{"": 0}
		l = &learnt{coefficients: r, factors: none, strange: none}
		s.Intervals = false
	}
	m := &Model{classes: map[class]*learnt{c: l}}
	base := newBaseline(c, in)
	var errs []float64
	for _, d := range out {
		p, err := m.predict(d.sheet, d.row.Query, nil)
		if errors.Is(err, ErrNothingKnown) {
			s.Refused++
			continue
		}
		if err != nil {
			return s, err
		}
		s.Rows++
		v := d.row.Value
		s.Roofline += off(d.problem.value(d.problem.plain), v)
		s.Scaled += off(base.scaled(d), v)
		s.PerBenchmark += off(base.perBenchmark(d), v)
		s.Model += off(p.Value, v)
		errs = append(errs, off(p.Value, v))
		s.Width += math.Log(p.High/p.Low) / 2
		if v >= p.Low && v <= p.High {
			s.Covered++
		}
	}
	if s.Rows > 0 {
		n := float64(s.Rows)
		for _, sum := range []*float64{&s.Roofline, &s.Scaled, &s.PerBenchmark, &s.Model, &s.Width, &s.Covered} {
			*sum /= n
		}
		s.Median = median(errs)
	}
	return s, m.evaluateProbed(&s, out)
}

// evaluateProbed predicts the rows again, with the ceilings that the GPU's own
// probes set, one form factor at a time.
func (m *Model) evaluateProbed(s *Score, out []datum) error {
	bySheet := map[string][]Row{}
	for _, d := range out {
		bySheet[d.sheet.Name] = append(bySheet[d.sheet.Name], d.row)
	}
	for _, name := range slices.Sorted(maps.Keys(bySheet)) {
		probe, err := m.probe(firstProbes(bySheet[name]))
		if errors.Is(err, ErrProbe) {
			continue
		}
		if err != nil {
			return err
		}
		for _, d := range out {
			if d.sheet.Name != name || isProbe(d.row, bySheet[name]) {
				continue
			}
			plain, err := m.predict(d.sheet, d.row.Query, nil)
			if err != nil {
				continue // refused before
			}
			p, err := m.predict(d.sheet, d.row.Query, probe)
			if err != nil {
				return err
			}
			if p.Value == plain.Value {
				continue // the probes say nothing about it
			}
			s.ProbedRows++
			s.Probed += off(p.Value, d.row.Value)
			s.Unprobed += off(plain.Value, d.row.Value)
		}
	}
	if s.ProbedRows > 0 {
		s.Probed /= float64(s.ProbedRows)
		s.Unprobed /= float64(s.ProbedRows)
	}
	return nil
}

// firstProbes is the first row of each ceiling that can be measured.
func firstProbes(rows []Row) []Row {
	var list []Row
	seen := map[Bound]bool{}
	for _, r := range rows {
		if b, ok := probes(r.Query); ok && !seen[b] {
			seen[b] = true
			list = append(list, r)
		}
	}
	return list
}

func isProbe(r Row, rows []Row) bool {
	for _, p := range firstProbes(rows) {
		if p.Query.String() == r.Query.String() {
			return true
		}
	}
	return false
}

// off is the relative error of a prediction.
func off(predicted, measured float64) float64 { return math.Abs(predicted/measured - 1) }

// baseline is a roofline with constant utilisations.
type baseline struct {
	all  float64
	each map[string]float64
}

func newBaseline(c class, in []datum) baseline {
	var all []residual
	each := map[string][]residual{}
	for _, d := range in {
		r := residual{group: d.sheet.Model, log: plainTarget(d)}
		all = append(all, r)
		k := constantOf(d)
		each[k] = append(each[k], r)
	}
	b := baseline{all: balancedMean(all), each: map[string]float64{}}
	for k, list := range each {
		b.each[k] = balancedMean(list)
	}
	return b
}

// plainTarget is the logarithm of measured over the data sheet's ceiling.
func plainTarget(d datum) float64 {
	plain := d.problem.plain
	if plain == 0 {
		plain = 1
	}
	return math.Log(d.problem.rate(d.row.Value) / plain)
}

// constantOf names what has a constant of its own in the stronger baseline.
func constantOf(d datum) string {
	q := d.row.Query
	for _, key := range []string{"model", "level", "space", "fn", "op"} {
		if v := q.Point.Get(key); v != "" {
			return q.Benchmark + " " + v + q.Point.Get("scenario") + q.Point.Get("type")
		}
	}
	return q.Benchmark
}

func (b baseline) scaled(d datum) float64 { return b.value(d, b.all) }

func (b baseline) perBenchmark(d datum) float64 {
	if log, ok := b.each[constantOf(d)]; ok {
		return b.value(d, log)
	}
	return b.value(d, b.all)
}

func (b baseline) value(d datum, log float64) float64 {
	plain := d.problem.plain
	if plain == 0 {
		plain = 1
	}
	return d.problem.value(plain * math.Exp(log))
}

func balancedMean(list []residual) float64 {
	sum, n := map[string]float64{}, map[string]float64{}
	for _, r := range list {
		sum[r.group] += r.log
		n[r.group]++
	}
	var total float64
	for _, g := range slices.Sorted(maps.Keys(n)) {
		total += sum[g] / n[g]
	}
	return total / float64(len(n))
}

// mean weighs every GPU alike.
func mean(class string, parts []Score) Score {
	m := Score{Class: class}
	var n, intervals float64
	for _, s := range parts {
		m.Refused += s.Refused
		m.Rows += s.Rows
		if s.Rows == 0 {
			continue
		}
		n++
		m.Roofline += s.Roofline
		m.Scaled += s.Scaled
		m.PerBenchmark += s.PerBenchmark
		m.Model += s.Model
		m.Median += s.Median
		if s.Intervals {
			intervals++
			m.Covered += s.Covered
			m.Width += s.Width
		}
	}
	for _, sum := range []*float64{&m.Roofline, &m.Scaled, &m.PerBenchmark, &m.Model, &m.Median} {
		*sum /= max(n, 1)
	}
	m.Intervals = intervals > 0
	m.Covered /= max(intervals, 1)
	m.Width /= max(intervals, 1)
	return m
}
