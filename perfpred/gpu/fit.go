package gpu

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// regression maps features to a linear score.
type regression map[string]float64

func (r regression) score(f features) float64 {
	sum := r[intercept]
	for _, x := range f {
		sum += r[x.name] * x.value
	}
	return sum
}

// knows reports whether all that is needed was seen in the fit.
func (r regression) knows(f features) bool {
	for _, x := range f {
		if _, seen := r[x.name]; x.needed && !seen {
			return false
		}
	}
	return true
}

const intercept = "(intercept)"

// link turns a score into the logarithm of what is predicted, as a share of the ceiling.
type link func(score float64) (log, slope float64)

// utilisation is a logistic share, in (0, 1).
func utilisation(score float64) (log, slope float64) {
	u := 1 / (1 + math.Exp(-score))
	if score < 0 {
		return score - math.Log1p(math.Exp(score)), 1 - u
	}
	return -math.Log1p(math.Exp(-score)), 1 - u
}

// free has no bound: latencies.
func free(score float64) (log, slope float64) { return score, 1 }

func linkOf(c class) link {
	if c == classLatency {
		return free
	}
	return utilisation
}

// example is a row that can be learnt from.
type example struct {
	features features
	target   float64 // logarithm of the share of the ceiling
	weight   float64
}

// Penalties of a coefficient, beside lambda: what is particular costs more than
// what is general, so that the general explains what it can.
const (
	penaltyIntercept = 1e-3
	penaltyNeeded    = 0.03
	penaltyWhole     = 0.5 // an architecture in all that is of one class
	penaltyUsual     = 1
	penaltyArch      = 2 // an architecture in one benchmark
	penaltySlope     = 5 // a handful of GPUs tell little of a slope
)

func penalty(f feature) float64 {
	switch {
	case f.needed:
		return penaltyNeeded
	case f.slope:
		return penaltySlope
	case strings.HasPrefix(f.name, "arch="):
		return penaltyWhole
	case strings.Contains(f.name, "arch="), strings.Contains(f.name, "cc="):
		return penaltyArch
	}
	return penaltyUsual
}

const (
	fitSteps = 40
	fitDone  = 1e-4
	// doubt is the error in logarithms from which on a row counts less: some
	// published figures are wrong without saying so.
	doubt = 0.15
)

// fitRegression minimises the squared errors of the logarithms, Huber's beyond
// doubt, plus lambda times the squared coefficients, by damped Gauss-Newton steps.
func fitRegression(examples []example, l link, lambda float64) (regression, error) {
	p := newFit(examples, l, lambda)
	beta := make([]float64, len(p.names))
	damping := 1e-6
	cost := p.objective(beta)
	for range fitSteps {
		step, err := p.gaussNewton(beta, damping)
		if err != nil {
			return nil, err
		}
		next := slices.Clone(beta)
		for i := range next {
			next[i] += step[i]
		}
		c := p.objective(next)
		if c > cost {
			if damping *= 8; damping > 1e9 {
				break
			}
			continue
		}
		done := cost-c < fitDone*cost
		beta, cost, damping = next, c, max(damping/4, 1e-9)
		if done {
			break
		}
	}
	r := regression{}
	for i, n := range p.names {
		r[n] = beta[i]
	}
	return r, nil
}

// fit is a regression under way: names, penalties and rows by column.
type fit struct {
	names    []string
	ridge    []float64 // lambda times the penalty
	rows     [][]cell
	examples []example
	link     link
}

func newFit(examples []example, l link, lambda float64) fit {
	costs := map[string]float64{intercept: penaltyIntercept}
	for _, e := range examples {
		for _, f := range e.features {
			costs[f.name] = penalty(f)
		}
	}
	p := fit{names: slices.Sorted(maps.Keys(costs)), examples: examples, link: l}
	column := map[string]int{}
	for i, n := range p.names {
		column[n] = i
		p.ridge = append(p.ridge, lambda*costs[n])
	}
	for _, e := range examples {
		row := []cell{{column[intercept], 1}}
		for _, f := range e.features {
			row = append(row, cell{column[f.name], f.value})
		}
		p.rows = append(p.rows, row)
	}
	return p
}

type cell struct {
	column int
	value  float64
}

func dot(row []cell, beta []float64) float64 {
	var sum float64
	for _, c := range row {
		sum += c.value * beta[c.column]
	}
	return sum
}

func (p fit) objective(beta []float64) float64 {
	var sum float64
	for i, row := range p.rows {
		log, _ := p.link(dot(row, beta))
		r := math.Abs(p.examples[i].target - log)
		if r > doubt {
			sum += p.examples[i].weight * doubt * (2*r - doubt)
		} else {
			sum += p.examples[i].weight * r * r
		}
	}
	for i, b := range beta {
		sum += p.ridge[i] * b * b
	}
	return sum
}

// gaussNewton is one step: the normal equations of the link's tangent, rows beyond
// doubt weighing less, damped in proportion to their diagonal.
func (p fit) gaussNewton(beta []float64, damping float64) ([]float64, error) {
	n := len(beta)
	normal := mat.NewSymDense(n, nil)
	right := mat.NewVecDense(n, nil)
	for i, row := range p.rows {
		log, slope := p.link(dot(row, beta))
		r := p.examples[i].target - log
		w := p.examples[i].weight
		if a := math.Abs(r); a > doubt {
			w *= doubt / a
		}
		for _, a := range row {
			right.SetVec(a.column, right.AtVec(a.column)+w*slope*a.value*r)
			for _, b := range row {
				if b.column >= a.column {
					normal.SetSym(a.column, b.column, normal.At(a.column, b.column)+w*slope*slope*a.value*b.value)
				}
			}
		}
	}
	for i := range n {
		d := normal.At(i, i) + p.ridge[i]
		normal.SetSym(i, i, d*(1+damping))
		right.SetVec(i, right.AtVec(i)-p.ridge[i]*beta[i])
	}
	var chol mat.Cholesky
	if !chol.Factorize(normal) {
		return nil, fmt.Errorf("fit of %d coefficients: the normal equations are singular", n)
	}
	var step mat.VecDense
	if err := chol.SolveVecTo(&step, right); err != nil {
		return nil, fmt.Errorf("fit of %d coefficients: %w", n, err)
	}
	return step.RawVector().Data, nil
}
