package monitor

import "math"

// wealth is the e-value of a sequence of rounds, of which each either exceeds all
// calibration rounds or does not, against "the rounds and the calibration are
// exchangeable", that is, nothing changed.
//
// The law under that hypothesis is exact: the share q of rounds that exceed the
// greatest of m calibration scores has the distribution Beta(1, m), whatever the
// scores' own is. The alternative is that the share was that until some round, and
// is anything from then on; the change is at round t with weight 1/(t(t+1)). The
// ratio of the two likelihoods is a martingale that starts at 1 where nothing
// changes, so the chance that it ever reaches 1/alpha is alpha at most (Ville), no
// matter how often one looks. Ties count as not exceeding.
func wealth(calibration int, exceeds []bool) float64 {
	n := len(exceeds)
	before := make([]int, n+1) // how many of the first t exceed
	for i, x := range exceeds {
		before[i+1] = before[i]
		if x {
			before[i+1]++
		}
	}
	null := logShare(1, calibration, before[n], n)
	e := 1 / float64(n+1) // no change yet: the weights of later rounds
	for t := 1; t <= n; t++ {
		k := before[t-1]
		changed := logShare(1, calibration, k, t-1) + logShare(1, 1, before[n]-k, n-t+1)
		e += math.Exp(changed-null) / float64(t) / float64(t+1)
	}
	return e
}

// logShare is the logarithm of the chance of a given sequence of n trials with k
// hits, where the share of hits has the distribution Beta(a, b).
func logShare(a, b, k, n int) float64 { return logBeta(a+k, b+n-k) - logBeta(a, b) }

func logBeta(a, b int) float64 { return logGamma(a) + logGamma(b) - logGamma(a+b) }

func logGamma(n int) float64 {
	v, _ := math.Lgamma(float64(n))
	return v
}
