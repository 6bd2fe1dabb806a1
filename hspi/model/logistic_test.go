package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A conditional logit finds the weights that its cases were drawn with.
func TestChoiceFindsTheWeights(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	truth := []float64{2, 0.5, 0}
	var cases []choice
	for range 4000 {
		var c choice
		var scores []float64
		for range 5 {
			x := []float64{random.NormFloat64(), 10 * random.NormFloat64(), random.NormFloat64()}
			c.x = append(c.x, x)
			scores = append(scores, dot(x, truth))
		}
		at := random.Float64()
		for i, p := range softmax(scores) {
			if at -= p; at < 0 {
				c.right = i
				break
			}
		}
		cases = append(cases, c)
	}
	w, err := fitChoice(cases, 1e-6)
	require.NoError(t, err)
	require.InDeltaSlice(t, truth, w, 0.12)
	require.InDelta(t, 1, temperature(cases, w), 0.05)
	for i := range w {
		w[i] *= 3
	}
	require.InDelta(t, 3, temperature(cases, w), 0.15, "scores that are too sure are cooled")
}

func TestWeightsAreNotNegative(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 1))
	var cases []yesNo
	for range 500 {
		x := []float64{random.NormFloat64(), random.NormFloat64()}
		cases = append(cases, yesNo{x, x[0]-x[1]+0.3*random.NormFloat64() > 0.5, 1})
	}
	w, err := fitYesNo(cases, 0.01)
	require.NoError(t, err)
	require.Negative(t, w[0], "the constant may be")
	require.Positive(t, w[1])
	require.Zero(t, w[2])
}

// What can be separated by a plane is, by a plane as far from both sides as can be.
func TestLinearSVM(t *testing.T) {
	x := [][]float64{{2, 0, 1}, {2, 5, 1}, {0, 0, 1}, {0, -5, 1}, {3, 1, 1}, {-1, 2, 1}}
	y := []float64{1, 1, -1, -1, 1, -1}
	w := linearSVM(x, y, 1)
	for i := range x {
		require.Positive(t, y[i]*dot(w, x[i]))
	}
	require.Equal(t, w, linearSVM(x, y, 1), "deterministic")
	require.InDelta(t, 1, -w[2]/w[0], 0.3, "the plane is near x = 1")
	require.Less(t, math.Abs(w[1]), 0.1)
}

func TestAtMost(t *testing.T) {
	require.InDelta(t, 1-math.Pow(0.05, 1.0/100), AtMost(0, 100), 1e-9, "the rule of three")
	require.InDelta(t, 0.0616, AtMost(2, 100), 5e-4)
	require.InDelta(t, 1, AtMost(5, 5), 0)
	require.InDelta(t, 1, AtMost(0, 0), 0)
}
