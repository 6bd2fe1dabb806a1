package results

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBootstrapRepeats(t *testing.T) {
	samples := []float64{3, 1, 4, 1, 5, 9, 2, 6}
	a := Bootstrap(1, samples, mean, 500, 0.95)
	assert.Equal(t, a, Bootstrap(1, samples, mean, 500, 0.95), "same seed, same interval")
	assert.NotEqual(t, a, Bootstrap(2, samples, mean, 500, 0.95), "another seed, another interval")
	assert.Equal(t, []float64{3, 1, 4, 1, 5, 9, 2, 6}, samples)
	assert.Equal(t, a, BootstrapGroups(1, [][]float64{samples}, func(g [][]float64) float64 { return mean(g[0]) }, 500, 0.95))
	wide := Bootstrap(1, samples, mean, 500, 0.99)
	assert.True(t, wide[0] <= a[0] && a[1] <= wide[1])
	assert.True(t, a[0] < mean(samples) && mean(samples) < a[1])
}

// TestBootstrapIsTheExactDistribution compares with the 27 resamples of three
// samples: their sums are 0, 1, 2, 3, 5, 6, 7, 10, 11, 15, and a fifth of them
// ends within 2, four fifths within 10.
func TestBootstrapIsTheExactDistribution(t *testing.T) {
	got := Bootstrap(9, []float64{0, 1, 5}, mean, 20_000, 0.6)
	assert.InDelta(t, 2.0/3, got[0], 1e-9)
	assert.InDelta(t, 10.0/3, got[1], 1e-9)
}

func TestBootstrapConstant(t *testing.T) {
	assert.Equal(t, [2]float64{4, 4}, Bootstrap(1, []float64{4, 4, 4}, mean, 100, 0.95))
}

func TestBootstrapRefuses(t *testing.T) {
	two := []float64{1, 2}
	isNaN := func(p [2]float64) bool { return math.IsNaN(p[0]) && math.IsNaN(p[1]) }
	assert.True(t, isNaN(Bootstrap(1, nil, mean, 100, 0.95)))
	assert.True(t, isNaN(Bootstrap(1, []float64{1}, mean, 100, 0.95)))
	assert.True(t, isNaN(Bootstrap(1, two, mean, 0, 0.95)))
	for _, c := range []float64{0, 1, -1, 2, math.NaN()} {
		assert.True(t, isNaN(Bootstrap(1, two, mean, 100, c)))
	}
	first := func(g [][]float64) float64 { return g[0][0] }
	assert.True(t, isNaN(BootstrapGroups(1, nil, first, 100, 0.95)))
	assert.True(t, isNaN(BootstrapGroups(1, [][]float64{two, {}}, first, 100, 0.95)))
	assert.True(t, isNaN(BootstrapGroups(1, [][]float64{{1}, {2}}, first, 100, 0.95)))
	assert.False(t, isNaN(BootstrapGroups(1, [][]float64{{1}, two}, first, 100, 0.95)), "one group with two samples is enough")
}

func TestBootstrapOfAnUndefinedStatistic(t *testing.T) {
	samples := make([]float64, 40)
	for i := range samples {
		samples[i] = float64(i)
	}
	calls := 0
	everyNth := func(n int) func([]float64) float64 {
		calls = 0
		return func(x []float64) float64 {
			if calls++; calls%n == 0 {
				return math.NaN()
			}
			return mean(x)
		}
	}
	rare := Bootstrap(1, samples, everyNth(25), 1000, 0.95) // 4 %
	assert.True(t, rare[0] < rare[1])
	often := Bootstrap(1, samples, everyNth(10), 1000, 0.95) // 10 %
	assert.True(t, math.IsNaN(often[0]) && math.IsNaN(often[1]))
}

// TestBootstrapCoverage counts how often the interval of a slope over groups,
// the statistic that latencies use, holds the true slope.
func TestBootstrapCoverage(t *testing.T) {
	const trials, slope = 400, 4.0
	lengths := []float64{16, 32, 48, 64}
	random := rand.New(rand.NewPCG(11, 12))
	held := 0
	for trial := range trials {
		groups := make([][]float64, len(lengths))
		for i, x := range lengths {
			for range 20 {
				groups[i] = append(groups[i], 30+slope*x+random.NormFloat64())
			}
		}
		fit := func(g [][]float64) float64 {
			y := make([]float64, len(g))
			for i := range g {
				y[i] = mean(g[i])
			}
			return FitLine(lengths, y).Slope
		}
		ci := BootstrapGroups(uint64(trial), groups, fit, 200, 0.95)
		require.True(t, ci[0] < ci[1])
		if ci[0] <= slope && slope <= ci[1] {
			held++
		}
	}
	share := float64(held) / trials
	// The percentile interval of 20 samples is a little too narrow: about 93 %.
	assert.Greater(t, share, 0.90)
	assert.Less(t, share, 0.98)
}
