package results

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSummarizeKnownValues(t *testing.T) {
	for name, tt := range map[string]struct {
		samples []float64
		want    Stats
	}{
		"one":             {[]float64{7}, Stats{N: 1, Min: 7, Q1: 7, Median: 7, Q3: 7, Max: 7}},
		"two":             {[]float64{3, 1}, Stats{N: 2, Min: 1, Q1: 1.5, Median: 2, Q3: 2.5, Max: 3, MAD: 1}},
		"four":            {[]float64{4, 1, 3, 2}, Stats{N: 4, Min: 1, Q1: 1.75, Median: 2.5, Q3: 3.25, Max: 4, MAD: 1}},
		"five":            {[]float64{1, 2, 3, 4, 100}, Stats{N: 5, Min: 1, Q1: 2, Median: 3, Q3: 4, Max: 100, MAD: 1, Outliers: 1}},
		"most are equal":  {[]float64{10, 10, 10, 10, 100}, Stats{N: 5, Min: 10, Q1: 10, Median: 10, Q3: 10, Max: 100, Outliers: 1}},
		"all are equal":   {[]float64{4, 4, 4}, Stats{N: 3, Min: 4, Q1: 4, Median: 4, Q3: 4, Max: 4}},
		"infinite sample": {[]float64{1, 1, math.Inf(1)}, Stats{N: 3, Min: 1, Q1: 1, Median: 1, Q3: math.Inf(1), Max: math.Inf(1), Outliers: 1}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, Summarize(tt.samples)) })
	}
}

func TestSummarizeOfNothingIsNoMeasurement(t *testing.T) {
	for _, samples := range [][]float64{nil, {}, {1, math.NaN(), 2}} {
		s := Summarize(samples)
		assert.Equal(t, len(samples), s.N)
		for _, v := range []float64{s.Min, s.Q1, s.Median, s.Q3, s.Max, s.MAD} {
			assert.True(t, math.IsNaN(v))
		}
		assert.Zero(t, s.Outliers)
	}
}

// TestSummarizeProperties checks order, independence of the samples' order, and
// that location and scale carry over.
func TestSummarizeProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		samples := make([]float64, 1+random.IntN(40))
		for i := range samples {
			samples[i] = math.Round(random.NormFloat64()*8) / 4 // ties, and exact sums
		}
		kept := slices.Clone(samples)
		s := Summarize(samples)
		require.Equal(t, kept, samples, "the samples stay as they are")
		assert.True(t, s.Min <= s.Q1 && s.Q1 <= s.Median && s.Median <= s.Q3 && s.Q3 <= s.Max)
		assert.True(t, s.MAD >= 0 && s.Outliers >= 0 && s.Outliers < s.N)

		random.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
		assert.Equal(t, s, Summarize(kept))

		for i := range kept {
			kept[i] = 4*kept[i] + 16
		}
		moved := Summarize(kept)
		assert.Equal(t, 4*s.Median+16, moved.Median)
		assert.Equal(t, 4*s.Q1+16, moved.Q1)
		assert.Equal(t, 4*s.MAD, moved.MAD)
		assert.Equal(t, s.Outliers, moved.Outliers)
	}
}

func TestOutlierLimitIsThatOfNormalSamples(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	samples := make([]float64, 100_000)
	for i := range samples {
		samples[i] = random.NormFloat64()
	}
	s := Summarize(samples)
	assert.InDelta(t, 0.6745, s.MAD, 0.01)
	// 3.5 standard deviations: 47 of 100 000.
	assert.InDelta(t, 47, s.Outliers, 25)
}

func TestMedian(t *testing.T) {
	assert.True(t, math.IsNaN(median(nil)))
	assert.Equal(t, 2.0, median([]float64{3, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{4, 1, 2, 3}))
}
