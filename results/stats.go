package results

import (
	"math"
	"slices"
)

// OutlierLimit is the modified z-score above which a sample counts as an
// outlier: 3.5, the limit of Iglewicz and Hoaglin, How to Detect and Handle
// Outliers, 1993.
const OutlierLimit = 3.5

// Summarize gives the order statistics of samples, in the unit of the samples.
// Quantiles interpolate linearly between order statistics (definition 7 of
// Hyndman and Fan, 1996); MAD is the unscaled median absolute deviation.
//
// An outlier is a sample whose distance from the median is more than
// OutlierLimit times the spread, where the spread is 1.4826 MAD or, where more
// than half of the samples are equal (MAD 0), 1.2533 times the mean absolute
// deviation; both estimate a normal distribution's standard deviation. Outliers
// are counted and stay in every statistic.
//
// Without samples, or with a NaN among them, N is the number of samples and all
// else is NaN: such a summary cannot be mistaken for a measurement.
func Summarize(samples []float64) Stats {
	if len(samples) == 0 || slices.ContainsFunc(samples, math.IsNaN) {
		nan := math.NaN()
		return Stats{N: len(samples), Min: nan, Q1: nan, Median: nan, Q3: nan, Max: nan, MAD: nan}
	}
	sorted := slices.Sorted(slices.Values(samples))
	s := Stats{
		N:      len(sorted),
		Min:    sorted[0],
		Q1:     quantile(sorted, 0.25),
		Median: quantile(sorted, 0.5),
		Q3:     quantile(sorted, 0.75),
		Max:    sorted[len(sorted)-1],
	}
	away := deviations(sorted, s.Median)
	s.MAD = quantile(away, 0.5)
	s.Outliers = outliers(away, s.MAD)
	return s
}

// deviations lists the absolute distances from the centre, sorted. Infinite
// samples equal to an infinite centre are at distance 0.
func deviations(samples []float64, centre float64) []float64 {
	away := make([]float64, len(samples))
	for i, x := range samples {
		if x != centre {
			away[i] = math.Abs(x - centre)
		}
	}
	slices.Sort(away)
	return away
}

// outliers counts the distances beyond the limit; see Summarize.
func outliers(away []float64, mad float64) int {
	spread := 1.4826 * mad
	if mad == 0 {
		spread = 1.2533 * mean(away)
	}
	n := 0
	for _, d := range away {
		if d > OutlierLimit*spread || math.IsInf(d, 1) {
			n++
		}
	}
	return n
}

// quantile interpolates in sorted samples; p is within 0 and 1.
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := int(at)
	lo := sorted[i]
	if f := at - float64(i); f > 0 && sorted[i+1] != lo {
		return lo*(1-f) + sorted[i+1]*f
	}
	return lo
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	return quantile(slices.Sorted(slices.Values(x)), 0.5)
}
