package gpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUtilisationIsBounded(t *testing.T) {
	for _, score := range []float64{-700, -30, -1, 0, 1, 20} {
		log, slope := utilisation(score)
		assert.LessOrEqual(t, log, 0.0)
		assert.False(t, math.IsInf(log, 0) || math.IsNaN(log))
		const h = 1e-6
		up, _ := utilisation(score + h)
		down, _ := utilisation(score - h)
		assert.InDelta(t, (up-down)/2/h, slope, 1e-4, "slope at %v", score)
	}
}

func made(rng *rand.Rand, n int, l link, noise float64) ([]example, regression) {
	truth := regression{intercept: 0.3, "a": 1.2, "b": -0.8, "x": 0.5}
	var list []example
	for range n {
		var f features
		if rng.IntN(2) == 0 {
			f.is("a")
		}
		if rng.IntN(2) == 0 {
			f.is("b")
		}
		f.number("x", math.Exp(rng.NormFloat64()), 1)
		log, _ := l(truth.score(f))
		list = append(list, example{f, log + noise*rng.NormFloat64(), 1})
	}
	return list, truth
}

func TestFitFindsTheCoefficients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, l := range map[string]link{"utilisation": utilisation, "free": free} {
		examples, truth := made(rng, 400, l, 0.01)
		got, err := fitRegression(examples, l, 1e-6)
		require.NoError(t, err)
		for k, want := range truth {
			assert.InDelta(t, want, got[k], 0.03, "%s: %s", name, k)
		}
	}
}

func TestFitIsRobustAndShrinks(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	examples, truth := made(rng, 400, utilisation, 0.01)
	for i := range 20 {
		examples[i].target += 2 // wrong figures
	}
	got, err := fitRegression(examples, utilisation, 1e-6)
	require.NoError(t, err)
	assert.InDelta(t, truth["a"], got["a"], 0.1)
	shrunk, err := fitRegression(examples, utilisation, 1e4)
	require.NoError(t, err)
	assert.InDelta(t, 0, shrunk["a"], 0.01)
}

func TestKnows(t *testing.T) {
	r := regression{intercept: 0, "op=read": 1}
	var f features
	f.needs("op=read")
	f.is("never seen")
	assert.True(t, r.knows(f))
	f.needs("op=write")
	assert.False(t, r.knows(f))
}

// With errors drawn alike on every GPU, the interval holds its share of new ones.
func TestConformalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	inside, trials := 0, 4000
	for range trials {
		var list []residual
		for _, g := range []string{"a", "b", "c", "d"} {
			for range 10 {
				list = append(list, residual{"s", g, rng.NormFloat64()})
			}
		}
		if math.Abs(rng.NormFloat64()) <= quantiles(list)["s"] {
			inside++
		}
	}
	assert.InDelta(t, coverage, float64(inside)/float64(trials), 0.03)
}

func TestConformalWeighsGPUsAlike(t *testing.T) {
	var list []residual
	for range 1000 {
		list = append(list, residual{"s", "one recorded run", 0.01})
	}
	for range 3 {
		list = append(list, residual{"s", "a paper", -0.5}, residual{"s", "another", 0.4})
	}
	q := quantiles(list)
	assert.Equal(t, 0.5, q["s"])
	assert.Equal(t, 0.5, q[""])
	assert.Empty(t, quantiles(nil))
	_, alone := quantiles(list[:1000])["s"]
	assert.False(t, alone, "one GPU makes no stratum")
}
