package results

import "math"

// Line is a straight line through measured points.
type Line struct {
	// Slope is in units of y per unit of x; Intercept in units of y.
	Slope, Intercept float64
	// R2 is the coefficient of determination, 0 to 1. It is 0 where all y are
	// equal and where the line is undefined, so that a gate "R2 above 0.999"
	// also stops work that took no time at all.
	R2 float64
	// MaxResidual is the greatest distance of a point from the line, in units of y.
	MaxResidual float64
}

// FitLine is the least-squares line of y on x. Where it is undefined (lengths
// that differ, fewer than two distinct x, a NaN or Inf) all is NaN but R2, which is 0.
func FitLine(x, y []float64) Line {
	nan := math.NaN()
	undefined := Line{Slope: nan, Intercept: nan, MaxResidual: nan}
	if len(x) != len(y) || len(x) < 2 {
		return undefined
	}
	mx, my := mean(x), mean(y)
	var sxx, sxy, syy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		sxx, sxy, syy = sxx+dx*dx, sxy+dx*dy, syy+dy*dy
	}
	if !(sxx > 0) || !finite(sxx, sxy, syy) {
		return undefined
	}
	l := Line{Slope: sxy / sxx}
	l.Intercept = my - l.Slope*mx
	left := 0.0
	for i := range x {
		r := (y[i] - my) - l.Slope*(x[i]-mx)
		left += r * r
		l.MaxResidual = max(l.MaxResidual, math.Abs(r))
	}
	if syy > 0 {
		l.R2 = max(0, 1-left/syy)
	}
	return l
}

// TheilSen is the median of the slopes of all pairs of points, with the median
// intercept: a line that up to 29 % of wild points cannot move (Sen, 1968). R2
// and MaxResidual are of that line. It is undefined where FitLine is.
func TheilSen(x, y []float64) Line {
	l := FitLine(x, y)
	if math.IsNaN(l.Slope) {
		return l
	}
	var slopes []float64
	for i := range x {
		for j := range i {
			if x[i] != x[j] {
				slopes = append(slopes, (y[i]-y[j])/(x[i]-x[j]))
			}
		}
	}
	l.Slope = median(slopes)
	rest := make([]float64, len(x))
	for i := range x {
		rest[i] = y[i] - l.Slope*x[i]
	}
	l.Intercept = median(rest)
	l.R2, l.MaxResidual = quality(rest, l.Intercept, y)
	return l
}

// quality gives R2 and the greatest residual of rest around the intercept.
func quality(rest []float64, intercept float64, y []float64) (r2, worst float64) {
	my := mean(y)
	left, all := 0.0, 0.0
	for i, r := range rest {
		d := r - intercept
		left, all = left+d*d, all+(y[i]-my)*(y[i]-my)
		worst = max(worst, math.Abs(d))
	}
	if all > 0 {
		r2 = max(0, 1-left/all)
	}
	return r2, worst
}

// finite reports whether all numbers are neither NaN nor infinite.
func finite(x ...float64) bool {
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
