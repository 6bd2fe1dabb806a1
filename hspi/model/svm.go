package model

import (
	"math"
	"math/rand/v2"
)

// linearSVM fits a linear support vector machine with squared hinge loss and C = 1
// by dual coordinate descent (Hsieh et al., "A Dual Coordinate Descent Method for
// Large-scale Linear SVM", ICML 2008, algorithm 1), which is what liblinear does. y
// is 1 or -1; a constant has to be among the features. The seed chooses the order.
func linearSVM(x [][]float64, y []float64, seed uint64) []float64 {
	const (
		c         = 1.0
		rounds    = 1000
		tolerance = 1e-4
	)
	random := rand.New(rand.NewPCG(seed, 0))
	w := make([]float64, len(x[0]))
	alpha, norm := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		norm[i] = dot(x[i], x[i]) + 1/(2*c)
	}
	for range rounds {
		worst := 0.0
		for _, i := range random.Perm(len(x)) {
			gradient := y[i]*dot(w, x[i]) - 1 + alpha[i]/(2*c)
			projected := gradient
			if alpha[i] == 0 {
				projected = math.Min(gradient, 0)
			}
			worst = math.Max(worst, math.Abs(projected))
			if projected == 0 {
				continue
			}
			old := alpha[i]
			alpha[i] = math.Max(old-gradient/norm[i], 0)
			step := (alpha[i] - old) * y[i]
			for j, v := range x[i] {
				w[j] += step * v
			}
		}
		if worst < tolerance {
			break
		}
	}
	return w
}
