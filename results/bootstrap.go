package results

import (
	"math"
	"math/rand/v2"
	"slices"
)

// bootstrapStream is the second word of the generator's seed; it keeps these
// draws apart from other uses of a run's seed.
const bootstrapStream = 0x6270_626f_6f74

// maxUndefined is the share of resamples for which the statistic may be
// undefined (NaN) before the interval itself is undefined.
const maxUndefined = 0.05

// Bootstrap is a confidence interval, in the unit of stat, for a statistic of
// one group of samples: the percentile interval (Efron, 1979) over n resamples
// with replacement, drawn by PCG from the seed, so that the same call gives the
// same interval on every machine. Use MedianInterval for a plain median.
//
// With fewer than 2 samples, n < 1, a confidence outside (0, 1), or a statistic
// that is NaN for more than 5 % of the resamples, both ends are NaN.
func Bootstrap(seed uint64, samples []float64, stat func([]float64) float64, n int, confidence float64) [2]float64 {
	return BootstrapGroups(seed, [][]float64{samples}, func(g [][]float64) float64 { return stat(g[0]) }, n, confidence)
}

// BootstrapGroups is Bootstrap for a statistic of several groups, such as a
// slope over chain lengths or a ratio of two medians: each group is resampled
// within itself. stat must not keep or change its argument. Both ends are NaN
// as for Bootstrap, or where any group is empty or no group has 2 samples.
func BootstrapGroups(seed uint64, groups [][]float64, stat func([][]float64) float64, n int, confidence float64) [2]float64 {
	undefined := [2]float64{math.NaN(), math.NaN()}
	if n < 1 || !(confidence > 0 && confidence < 1) || !resampleable(groups) {
		return undefined
	}
	values := replicates(seed, groups, stat, n)
	if len(values) == 0 || float64(n-len(values)) > maxUndefined*float64(n) {
		return undefined
	}
	slices.Sort(values)
	tail := (1 - confidence) / 2
	return [2]float64{quantile(values, tail), quantile(values, 1-tail)}
}

func resampleable(groups [][]float64) bool {
	most := 0
	for _, g := range groups {
		if len(g) == 0 {
			return false
		}
		most = max(most, len(g))
	}
	return most >= 2
}

// replicates evaluates the statistic on n resamples and leaves out NaN.
func replicates(seed uint64, groups [][]float64, stat func([][]float64) float64, n int) []float64 {
	random := rand.New(rand.NewPCG(seed, bootstrapStream))
	draw := make([][]float64, len(groups))
	for i, g := range groups {
		draw[i] = make([]float64, len(g))
	}
	values := make([]float64, 0, n)
	for range n {
		for i, g := range groups {
			for j := range draw[i] {
				draw[i][j] = g[random.IntN(len(g))]
			}
		}
		if v := stat(draw); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}
