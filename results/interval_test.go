package results

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMedianIntervalKnownRanks(t *testing.T) {
	for _, tt := range []struct {
		n        int
		lo, hi   float64 // ranks
		coverage float64
	}{
		{1, 1, 1, 0},
		{2, 1, 2, 0.5},
		{5, 1, 5, 0.9375}, // too few for 95 %: the whole range, and it says so
		{6, 1, 6, 0.96875},
		{9, 2, 8, 0.9609375},
		{10, 2, 9, 0.978515625},
		{20, 6, 15, 0.958610534668},
		{100, 40, 61, 0.964799799782},
	} {
		samples := make([]float64, tt.n)
		for i := range samples {
			samples[i] = float64(tt.n - i) // rank = value, in reverse
		}
		lo, hi, actual := MedianInterval(samples, 0.95)
		assert.Equal(t, tt.lo, lo, "n = %d", tt.n)
		assert.Equal(t, tt.hi, hi, "n = %d", tt.n)
		assert.InDelta(t, tt.coverage, actual, 1e-9, "n = %d", tt.n)
	}
}

func TestMedianIntervalRefuses(t *testing.T) {
	for _, tt := range []struct {
		samples    []float64
		confidence float64
	}{{nil, 0.95}, {[]float64{1, math.NaN()}, 0.95}, {[]float64{1, 2}, 0}, {[]float64{1, 2}, 1}, {[]float64{1, 2}, -1}, {[]float64{1, 2}, math.NaN()}} {
		lo, hi, actual := MedianInterval(tt.samples, tt.confidence)
		assert.True(t, math.IsNaN(lo) && math.IsNaN(hi) && actual == 0, tt)
	}
}

func TestMedianIntervalProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		samples := make([]float64, 1+random.IntN(60))
		for i := range samples {
			samples[i] = float64(random.IntN(20))
		}
		kept := slices.Clone(samples)
		lo, hi, actual := MedianInterval(samples, 0.95)
		assert.Equal(t, kept, samples)
		m := median(samples)
		assert.True(t, lo <= m && m <= hi)
		assert.True(t, slices.Contains(samples, lo) && slices.Contains(samples, hi), "ends are samples")
		assert.True(t, actual >= 0.95 || len(samples) < 6)
		wider, wideHi, more := MedianInterval(samples, 0.99)
		assert.True(t, wider <= lo && wideHi >= hi && more >= actual)
	}
}

// TestMedianIntervalCoverage draws from a skewed distribution whose median is
// known and counts how often the interval holds it.
func TestMedianIntervalCoverage(t *testing.T) {
	const trials = 4000
	random := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{5, 6, 9, 15, 30} {
		held, promised := 0, 0.0
		for range trials {
			samples := make([]float64, n)
			for i := range samples {
				samples[i] = random.ExpFloat64()
			}
			lo, hi, actual := MedianInterval(samples, 0.95)
			promised = actual
			if lo <= math.Ln2 && math.Ln2 <= hi {
				held++
			}
		}
		// Four standard deviations of the count.
		slack := 4 * math.Sqrt(promised*(1-promised)/trials)
		assert.InDelta(t, promised, float64(held)/trials, slack, "n = %d", n)
	}
}
