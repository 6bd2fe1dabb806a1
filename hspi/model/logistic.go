package model

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// ErrTraining: a classifier cannot be fitted.
var ErrTraining = errors.New("training failed")

// choice is a case of which one alternative is right: features by alternative.
type choice struct {
	x     [][]float64
	right int
}

// scale is the spread of each feature over all cases, so that one penalty fits all.
func scale(rows [][]float64) []float64 {
	if len(rows) == 0 {
		return nil
	}
	s := make([]float64, len(rows[0]))
	for _, x := range rows {
		for j, v := range x {
			s[j] += v * v
		}
	}
	for j := range s {
		if s[j] = math.Sqrt(s[j] / float64(len(rows))); s[j] == 0 {
			s[j] = 1
		}
	}
	return s
}

// fitChoice finds the weights w, one for each feature, for which softmax(x·w) over
// the alternatives makes the right ones most likely, less penalty·|w|²/2 on scaled
// features. It is McFadden's conditional logit: the classes share the weights, so
// that a platform enrolled later needs no training.
func fitChoice(cases []choice, penalty float64) ([]float64, error) {
	var rows [][]float64
	for _, c := range cases {
		for _, x := range c.x {
			row := make([]float64, len(x))
			for j := range x {
				row[j] = x[j] - c.x[c.right][j]
			}
			rows = append(rows, row)
		}
	}
	s := scale(rows)
	return minimise(s, 0, penalty, func(w, gradient []float64, hessian *mat.SymDense) float64 {
		loss := 0.0
		for _, c := range cases {
			loss += choiceLoss(c, w, s, gradient, hessian)
		}
		return loss
	})
}

// choiceLoss adds one case to loss, gradient and Hessian.
func choiceLoss(c choice, w, s, gradient []float64, hessian *mat.SymDense) float64 {
	scores := make([]float64, len(c.x))
	for i, x := range c.x {
		for j := range x {
			scores[i] += x[j] / s[j] * w[j]
		}
	}
	p := softmax(scores)
	mean := make([]float64, len(w))
	for i, x := range c.x {
		for j := range x {
			mean[j] += p[i] * x[j] / s[j]
		}
	}
	for j := range w {
		gradient[j] += mean[j] - c.x[c.right][j]/s[j]
	}
	row := mat.NewVecDense(len(w), nil)
	for i, x := range c.x {
		for j := range x {
			row.SetVec(j, x[j]/s[j]-mean[j])
		}
		hessian.SymRankOne(hessian, p[i], row)
	}
	return -math.Log(math.Max(p[c.right], 1e-300))
}

// yesNo is a case of a binary logistic regression; weight is its importance.
type yesNo struct {
	x      []float64
	yes    bool
	weight float64
}

// fitYesNo is a logistic regression; the weight of its constant comes first.
func fitYesNo(cases []yesNo, penalty float64) ([]float64, error) {
	rows := make([][]float64, len(cases))
	for i, c := range cases {
		rows[i] = append([]float64{1}, c.x...)
	}
	s := scale(rows)
	return minimise(s, 1, penalty, func(w, gradient []float64, hessian *mat.SymDense) float64 {
		loss := 0.0
		for i, c := range cases {
			row, z := mat.NewVecDense(len(w), nil), 0.0
			for j, v := range rows[i] {
				row.SetVec(j, v/s[j])
				z += v / s[j] * w[j]
			}
			p := sigmoid(z)
			target := 0.0
			if c.yes {
				target = 1
			}
			for j := range w {
				gradient[j] += c.weight * (p - target) * row.AtVec(j)
			}
			hessian.SymRankOne(hessian, c.weight*math.Max(p*(1-p), 1e-9), row)
			loss -= c.weight * math.Log(math.Max(math.Abs(1-target-p), 1e-300))
		}
		return loss
	})
}

// objective adds loss, gradient and Hessian at scaled weights.
type objective func(w, gradient []float64, hessian *mat.SymDense) float64

// minimise finds weights for features that are not scaled, none of them negative
// but for the first free ones: all features are made so that more of them speaks
// for a platform, and few sessions must not teach the contrary. Those that would be
// negative are left out, one after the other.
func minimise(s []float64, free int, penalty float64, f objective) ([]float64, error) {
	out := make([]bool, len(s))
	for {
		w, err := newton(out, penalty, f)
		if err != nil {
			return nil, err
		}
		worst := -1
		for j := free; j < len(w); j++ {
			if w[j] < 0 && (worst < 0 || w[j] < w[worst]) {
				worst = j
			}
		}
		if worst < 0 {
			for j := range w {
				w[j] /= s[j]
			}
			return w, nil
		}
		out[worst] = true
	}
}

// newton minimises loss + penalty·|w|²/2 over the weights that are not out, which
// stay 0, with halved steps where a full one does not help.
func newton(out []bool, penalty float64, f objective) ([]float64, error) {
	n := len(out)
	if n == 0 {
		return nil, ErrTraining
	}
	w := make([]float64, n)
	at := func(w []float64) (float64, []float64, *mat.SymDense) {
		gradient, hessian := make([]float64, n), mat.NewSymDense(n, nil)
		loss := f(w, gradient, hessian)
		for j := range w {
			loss += penalty * w[j] * w[j] / 2
			gradient[j] += penalty * w[j]
			hessian.SetSym(j, j, hessian.At(j, j)+penalty)
			if out[j] {
				gradient[j] = 0
				for i := range w {
					hessian.SetSym(i, j, 0)
				}
				hessian.SetSym(j, j, 1)
			}
		}
		return loss, gradient, hessian
	}
	loss, gradient, hessian := at(w)
	for range 100 {
		var chol mat.Cholesky
		if !chol.Factorize(hessian) {
			return nil, ErrTraining
		}
		step := mat.NewVecDense(n, nil)
		if err := chol.SolveVecTo(step, mat.NewVecDense(n, gradient)); err != nil {
			return nil, errors.Join(ErrTraining, err)
		}
		next, improved := halve(w, step, loss, at)
		if improved < 1e-9*(1+math.Abs(loss)) {
			break
		}
		w = next
		loss, gradient, hessian = at(w)
	}
	return w, nil
}

// halve goes along a step, less far until the loss is smaller.
func halve(w []float64, step *mat.VecDense, loss float64, at func([]float64) (float64, []float64, *mat.SymDense)) ([]float64, float64) {
	for length := 1.0; length > 1e-6; length /= 2 {
		next := make([]float64, len(w))
		for j := range w {
			next[j] = w[j] - length*step.AtVec(j)
		}
		if l, _, _ := at(next); l < loss {
			return next, loss - l
		}
	}
	return w, 0
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

func softmax(z []float64) []float64 {
	top := math.Inf(-1)
	for _, v := range z {
		top = math.Max(top, v)
	}
	p, sum := make([]float64, len(z)), 0.0
	for i, v := range z {
		p[i] = math.Exp(v - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
