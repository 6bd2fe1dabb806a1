package gpu

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
)

// lambdas are the penalties to choose from.
var lambdas = [...]float64{0.0005, 0.004, 0.02, 0.1}

// Model is what was learnt, class by class.
type Model struct {
	classes map[class]*learnt
	// Origin says what the model was made from.
	Origin Origin
}

// Origin counts the rows that a model was made from.
type Origin struct {
	Recorded  []string `json:"recorded"`
	Rows      int      `json:"rows"`
	Published int      `json:"published_rows"`
	MLPerf    int      `json:"mlperf_rows"`
}

// learnt is one class of work.
type learnt struct {
	coefficients regression
	lambda       float64
	// factors are quantiles of |log(measured/predicted)| on GPUs left out; strange
	// are those with the whole architecture left out. The key "" holds all strata.
	factors, strange map[string]float64
	// tested are the strata that a GPU left out has put to the test.
	tested []string
	gpus   []string // data sheets in the fit
}

// datum is a row with its problem.
type datum struct {
	row     Row
	sheet   sheet.Sheet
	problem problem
	target  float64 // logarithm of the share of the ceiling
}

// Fit learns a model. Classes with fewer than two GPU models are left out; no
// class at all is ErrTooFewGPUs.
func Fit(rows []Row) (*Model, error) {
	data, err := prepare(rows)
	if err != nil {
		return nil, err
	}
	m := &Model{classes: map[class]*learnt{}}
	for _, c := range slices.Sorted(maps.Keys(data)) {
		l, err := fitClass(c, data[c])
		if err != nil {
			return nil, fmt.Errorf("class %s: %w", c, err)
		}
		if l != nil {
			m.classes[c] = l
		}
	}
	if len(m.classes) == 0 {
		return nil, fmt.Errorf("fit: %w to learn from", ErrTooFewGPUs)
	}
	return m, nil
}

// prepare formulates the rows and parts them by class.
func prepare(rows []Row) (map[class][]datum, error) {
	data := map[class][]datum{}
	for _, r := range rows {
		s, err := sheet.Lookup(r.GPU)
		if err != nil {
			return nil, err
		}
		p, err := formulate(s, r.Query)
		if err != nil {
			return nil, err
		}
		if !(r.Value > 0) || math.IsInf(r.Value, 0) {
			return nil, fmt.Errorf("%s on %s: value %v is not a positive number", r.Query, r.GPU, r.Value)
		}
		target := math.Log(p.rate(r.Value) / p.least().Value)
		data[p.class] = append(data[p.class], datum{r, s, p, target})
	}
	return data, nil
}

// fitClass learns one class, or returns nil where its GPUs say nothing of each other.
func fitClass(c class, data []datum) (*learnt, error) {
	if len(groups(data, byModel)) < 2 {
		return nil, nil
	}
	lambda, residuals, err := chooseLambda(c, data)
	if err != nil {
		return nil, err
	}
	if len(residuals) == 0 {
		return nil, nil // no GPU says anything of another
	}
	r, err := fitData(c, data, lambda)
	if err != nil {
		return nil, err
	}
	away, err := leftOut(c, data, byArch, lambda)
	if err != nil {
		return nil, err
	}
	l := &learnt{coefficients: r, lambda: lambda, factors: quantiles(residuals), strange: quantiles(away)}
	for _, x := range residuals {
		if !slices.Contains(l.tested, x.stratum) {
			l.tested = append(l.tested, x.stratum)
		}
	}
	for _, d := range data {
		if !slices.Contains(l.gpus, d.sheet.Name) {
			l.gpus = append(l.gpus, d.sheet.Name)
		}
	}
	slices.Sort(l.tested)
	slices.Sort(l.gpus)
	return l, nil
}

func byModel(d datum) string { return d.sheet.Model }
func byArch(d datum) string  { return d.sheet.Arch }

func groups(data []datum, by func(datum) string) []string {
	set := map[string]bool{}
	for _, d := range data {
		set[by(d)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// fitData fits a class; every GPU model has, in each benchmark, the weight of the
// square root of its rows, so that one recorded run does not drown ten published figures.
func fitData(c class, data []datum, lambda float64) (regression, error) {
	count := map[string]int{}
	for _, d := range data {
		count[d.sheet.Model+d.problem.stratum]++
	}
	examples := make([]example, len(data))
	for i, d := range data {
		examples[i] = example{d.problem.features, d.target, 1 / math.Sqrt(float64(count[d.sheet.Model+d.problem.stratum]))}
	}
	return fitRegression(examples, linkOf(c), lambda)
}

// residual is the error made on a row whose group was left out of the fit.
type residual struct {
	stratum, group string
	log            float64 // of measured over predicted
}

// leftOut fits without each group in turn and collects the errors made on it.
func leftOut(c class, data []datum, by func(datum) string, lambda float64) ([]residual, error) {
	var list []residual
	if len(groups(data, by)) < 2 {
		return nil, nil
	}
	for _, g := range groups(data, by) {
		var in, out []datum
		for _, d := range data {
			if by(d) == g {
				out = append(out, d)
			} else {
				in = append(in, d)
			}
		}
		r, err := fitData(c, in, lambda)
		if err != nil {
			return nil, err
		}
		for _, d := range out {
			if !r.knows(d.problem.features) {
				continue // would be refused
			}
			log, _ := linkOf(c)(r.score(d.problem.features))
			list = append(list, residual{d.problem.stratum, d.sheet.Model, d.target - log})
		}
	}
	return list, nil
}

// chooseLambda takes the penalty whose mean absolute error on GPUs left out is
// least, every GPU model counted alike.
func chooseLambda(c class, data []datum) (float64, []residual, error) {
	var best float64
	var residuals []residual
	least := math.Inf(1)
	for _, lambda := range lambdas {
		r, err := leftOut(c, data, byModel, lambda)
		if err != nil {
			return 0, nil, err
		}
		if loss := balanced(r); loss < least || residuals == nil {
			best, residuals, least = lambda, r, loss
		}
	}
	return best, residuals, nil
}

// balanced is the mean over groups of their mean absolute errors.
func balanced(list []residual) float64 {
	sum, n := map[string]float64{}, map[string]float64{}
	for _, r := range list {
		sum[r.group] += math.Abs(r.log)
		n[r.group]++
	}
	var total float64
	for _, g := range slices.Sorted(maps.Keys(n)) {
		total += sum[g] / n[g]
	}
	return total / float64(len(n))
}

const (
	// coverage is the share of values that intervals are made to hold.
	coverage = 0.9
	// enoughGroups and enoughRows make a stratum speak for itself.
	enoughGroups, enoughRows = 3, 6
)

// quantiles are the conformal quantiles of the absolute errors of each stratum that
// has enough, and of all under ""; of nothing there are none.
func quantiles(list []residual) map[string]float64 {
	if len(list) == 0 {
		return map[string]float64{}
	}
	parts := map[string][]residual{"": list}
	for _, r := range list {
		parts[r.stratum] = append(parts[r.stratum], r)
	}
	q := map[string]float64{}
	for stratum, part := range parts {
		set := map[string]bool{}
		for _, r := range part {
			set[r.group] = true
		}
		if stratum == "" || len(set) >= enoughGroups && len(part) >= enoughRows {
			q[stratum] = conformal(part)
		}
	}
	return q
}

// conformal is the quantile of the absolute errors at the coverage raised by one
// row in all, every group weighing alike.
func conformal(list []residual) float64 {
	n := map[string]float64{}
	for _, r := range list {
		n[r.group]++
	}
	type weighed struct{ err, weight float64 }
	sorted := make([]weighed, len(list))
	for i, r := range list {
		sorted[i] = weighed{math.Abs(r.log), 1 / n[r.group] / float64(len(n))}
	}
	slices.SortFunc(sorted, func(a, b weighed) int { return cmp.Compare(a.err, b.err) })
	level := coverage * (1 + 1/float64(len(list)))
	var sum float64
	for _, w := range sorted {
		if sum += w.weight; sum >= level-1e-12 {
			return w.err
		}
	}
	return sorted[len(sorted)-1].err
}
