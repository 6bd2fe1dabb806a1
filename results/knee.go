package results

import (
	"fmt"
	"math"
	"slices"
)

// KneeOptions steers Knees; the zero value is the default.
type KneeOptions struct {
	// MinStep is the relative rise from one plateau to the next that counts; 0 means 0.10.
	MinStep float64
	// MinSpan is how many octaves of x a plateau covers at least; 0 means 0.5.
	MinSpan float64
}

// Knees finds where a curve leaves one plateau for a higher one, such as latency
// against footprint at the size of a cache. Each mark has the bracket from the
// last x on the plateau (Low) to the first x above it (High); X is their
// geometric mean, and Label gives the two levels in the unit of y.
//
// The curve is cut into stretches of constant level in log y by least squares
// with a penalty for each stretch (optimal partitioning: Auger and Lawrence,
// 1989; penalty 3 ln n as in the Bayesian information criterion, for a place, a
// level and a margin; the noise is taken from the differences of neighbours).
// Neighbouring stretches whose medians differ by less than MinStep are one,
// nearest first. A stretch of MinSpan octaves of x is a plateau; what lies
// between two plateaus is the way up, and a bump where they are on one level.
//
// Points without a positive finite x and y are left out; equal x count by the
// median of their y. The order of the points does not matter.
func Knees(x, y []float64, o KneeOptions) []Mark {
	if o.MinStep <= 0 {
		o.MinStep = 0.10
	}
	if o.MinSpan <= 0 {
		o.MinSpan = 0.5
	}
	c := newCurve(x, y)
	if len(c.u) < 3 {
		return nil
	}
	f := kneeFinder{curve: c, step: math.Log1p(o.MinStep), span: o.MinSpan}
	cuts := f.merge(partition(c.v, penalty(c.v)))
	return f.marks(f.flatten(cuts))
}

// curve holds log2 x and log y, ordered by x.
type curve struct{ u, v []float64 }

func newCurve(x, y []float64) curve {
	at := map[float64][]float64{}
	for i := range min(len(x), len(y)) {
		if finite(x[i], y[i]) && x[i] > 0 && y[i] > 0 {
			at[x[i]] = append(at[x[i]], y[i])
		}
	}
	var c curve
	xs := make([]float64, 0, len(at))
	for v := range at {
		xs = append(xs, v)
	}
	slices.Sort(xs)
	for _, v := range xs {
		c.u = append(c.u, math.Log2(v))
		c.v = append(c.v, math.Log(median(at[v])))
	}
	return c
}

// leastNoise is the relative noise that is assumed at least: clocks count in
// steps, and smaller differences are no levels of a memory hierarchy.
const leastNoise = 0.005

// penalty is what a stretch costs, in squared units of v.
func penalty(v []float64) float64 {
	differences := make([]float64, 0, len(v))
	for i := 1; i < len(v); i++ {
		differences = append(differences, math.Abs(v[i]-v[i-1]))
	}
	noise := max(leastNoise, 1.4826*median(differences)/math.Sqrt2)
	return 3 * math.Log(float64(len(v))) * noise * noise
}

// stretch is a range of points, [from, to).
type stretch struct{ from, to int }

// partition cuts v where the sum of squared distances from the means of the
// stretches plus cost for each stretch is least, by dynamic programming.
func partition(v []float64, cost float64) []stretch {
	n := len(v)
	sum, squares := make([]float64, n+1), make([]float64, n+1)
	for i, a := range v {
		d := a - v[0] // small numbers keep their digits
		sum[i+1], squares[i+1] = sum[i]+d, squares[i]+d*d
	}
	best, last := make([]float64, n+1), make([]int, n+1)
	for to := 1; to <= n; to++ {
		best[to] = math.Inf(1)
		for from := range to {
			s := sum[to] - sum[from]
			within := max(0, squares[to]-squares[from]-s*s/float64(to-from))
			if total := best[from] + within + cost; total < best[to] {
				best[to], last[to] = total, from
			}
		}
	}
	var cuts []stretch
	for to := n; to > 0; to = last[to] {
		cuts = append(cuts, stretch{last[to], to})
	}
	slices.Reverse(cuts)
	return cuts
}

type kneeFinder struct {
	curve
	step, span float64
}

func (f kneeFinder) level(s stretch) float64 { return median(f.v[s.from:s.to]) }

func (f kneeFinder) plateau(s stretch) bool { return f.u[s.to-1]-f.u[s.from] >= f.span }

// merge joins neighbours that differ by less than a step, nearest first.
func (f kneeFinder) merge(cuts []stretch) []stretch {
	for len(cuts) > 1 {
		nearest, at := math.Inf(1), 0
		for i := range len(cuts) - 1 {
			if d := math.Abs(f.level(cuts[i]) - f.level(cuts[i+1])); d < nearest {
				nearest, at = d, i
			}
		}
		if nearest >= f.step {
			break
		}
		cuts[at].to = cuts[at+1].to
		cuts = slices.Delete(cuts, at+1, at+2)
	}
	return cuts
}

// flatten joins plateaus of one level with the bump between them.
func (f kneeFinder) flatten(cuts []stretch) []stretch {
	for i := 0; i < len(cuts); i++ {
		if !f.plateau(cuts[i]) {
			continue
		}
		j := f.nextPlateau(cuts, i)
		if j < len(cuts) && math.Abs(f.level(cuts[i])-f.level(cuts[j])) < f.step {
			cuts[i].to = cuts[j].to
			cuts = slices.Delete(cuts, i+1, j+1)
			i-- // it may join the one after that too
		}
	}
	return cuts
}

// nextPlateau is the place of the plateau after i, or len(cuts).
func (f kneeFinder) nextPlateau(cuts []stretch, i int) int {
	for i++; i < len(cuts); i++ {
		if f.plateau(cuts[i]) {
			break
		}
	}
	return i
}

// marks lists the plateaus that are followed by a higher one, or by a rise on
// which the curve ends.
func (f kneeFinder) marks(cuts []stretch) []Mark {
	var marks []Mark
	for i, s := range cuts {
		if i == len(cuts)-1 || !f.plateau(s) {
			continue
		}
		next := cuts[min(f.nextPlateau(cuts, i), len(cuts)-1)]
		if f.level(next)-f.level(s) < f.step {
			continue
		}
		low, high := math.Exp2(f.u[s.to-1]), math.Exp2(f.u[s.to])
		marks = append(marks, Mark{X: math.Sqrt(low * high), Low: low, High: high,
			Label: fmt.Sprintf("%.4g → %.4g", math.Exp(f.level(s)), math.Exp(f.level(next)))})
	}
	return marks
}
