package results

import (
	"math"
	"slices"
)

// MedianInterval is a confidence interval for the median of the distribution
// that the samples came from, in their unit: the narrowest symmetric pair of
// order statistics whose coverage is at least the confidence asked for. The
// coverage follows from the binomial distribution of the number of samples
// below the median, so nothing is assumed of the samples but independence
// (David and Nagaraja, Order Statistics, section 7.1).
//
// actual is the coverage of the interval returned. Where n is too small for the
// confidence, the interval is the whole range of the samples and actual is below
// what was asked: at 95 % that is so for n < 6. Without samples, with a NaN
// among them, or with a confidence outside (0, 1), lo and hi are NaN and actual is 0.
func MedianInterval(samples []float64, confidence float64) (lo, hi, actual float64) {
	n := len(samples)
	if n == 0 || slices.ContainsFunc(samples, math.IsNaN) || !(confidence > 0 && confidence < 1) {
		return math.NaN(), math.NaN(), 0
	}
	k := medianRank(n, confidence)
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[k-1], sorted[n-k], medianCoverage(n, k)
}

// medianRank is the greatest k such that the k-th smallest and the k-th greatest
// of n samples hold the median between them with the confidence; 1 if none does.
func medianRank(n int, confidence float64) int {
	k := 1
	for k+1 <= n/2 && medianCoverage(n, k+1) >= confidence {
		k++
	}
	return k
}

// medianCoverage is 1 - 2 P(B < k) for B binomial with n trials of one half.
func medianCoverage(n, k int) float64 {
	tail := 0.0
	total, _ := math.Lgamma(float64(n + 1))
	for i := range k {
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		tail += math.Exp(total - a - b - float64(n)*math.Ln2)
	}
	return max(0, 1-2*tail)
}
