package feature

import (
	"fmt"
	"math"
	"slices"
)

// Compare gives the features that compare an endpoint's observations with those of
// a reference at the same positions.
func Compare(endpoint, reference []Observation) Set {
	c := newComparison(endpoint, reference)
	if c.places == 0 {
		var s Set
		for _, name := range []string{"same digits", "equal steps", "difference", "difference p95", "difference p99", "slope against surprisal", "growth with position", "constancy of the difference", "steps apart"} {
			s = append(s, missing(name, "the two have no position in common"))
		}
		return s
	}
	share := float64(c.exact) / float64(c.places)
	s := Set{{Name: "same digits", Number: share, Error: binomial(share, c.places), Unit: "of positions", N: c.places}}
	if c.gaps > 0 {
		share = float64(c.equal) / float64(c.gaps)
		s = append(s, Value{Name: "equal steps", Number: share, Error: binomial(share, c.gaps), Unit: "of differences to the top", N: c.gaps})
	} else {
		s = append(s, missing("equal steps", "positions share one token only"))
	}
	mean, variance := moments(c.sizes)
	sizes := slices.Sorted(slices.Values(c.sizes))
	n := len(sizes)
	s = append(s, Value{Name: "difference", Number: mean, Error: math.Sqrt(variance / float64(n)), Unit: "nats", N: n},
		Value{Name: "difference p95", Number: sizes[n*95/100], Unit: "nats", N: n}, Value{Name: "difference p99", Number: sizes[n*99/100], Unit: "nats", N: n})
	return append(s, slope("slope against surprisal", "nats per nat", c.surprisals, c.deltas), slope("growth with position", "nats per token", c.lengths, c.lengthSizes),
		c.constancy(), c.stepsApart())
}

// comparison gathers what Compare calculates with.
type comparison struct {
	places, exact, equal, gaps int
	deltas, sizes, surprisals  []float64
	lengths, lengthSizes       []float64
	once, again                []float64 // signed differences at first and on a repeat
	gapDeltas                  []float64
}

func newComparison(endpoint, reference []Observation) *comparison {
	c := &comparison{}
	known := map[uint64]*Observation{}
	for i := range reference {
		if known[reference[i].Key] == nil {
			known[reference[i].Key] = &reference[i]
		}
	}
	first := map[uint64]*Observation{}
	for i := range endpoint {
		o := &endpoint[i]
		r := known[o.Key]
		if r == nil {
			continue
		}
		d := Apart(o, r)
		if d.Shared == 0 {
			continue
		}
		if earlier := first[o.Key]; earlier != nil {
			c.repeat(earlier, o, r)
			continue
		}
		first[o.Key] = o
		c.places++
		if d.Exact {
			c.exact++
		}
		c.equal, c.gaps = c.equal+d.Equal, c.gaps+d.Gaps
		c.add(o, r, d)
	}
	return c
}

func (c *comparison) add(o, r *Observation, d Distance) {
	base := math.NaN()
	for i, t := range o.Tokens {
		j := slices.Index(r.Tokens, t)
		if j < 0 {
			continue
		}
		delta := o.Logprobs[i] - r.Logprobs[j]
		c.deltas, c.sizes, c.surprisals = append(c.deltas, delta), append(c.sizes, math.Abs(delta)), append(c.surprisals, -r.Logprobs[j])
		if math.IsNaN(base) {
			base = delta
		} else if gap := delta - base; math.Abs(gap) > sameGap {
			c.gapDeltas = append(c.gapDeltas, gap)
		}
	}
	if o.Kind == Prompt {
		c.lengths, c.lengthSizes = append(c.lengths, float64(o.Length)), append(c.lengthSizes, d.Mean)
	}
}

// repeat keeps the differences of two answers to one request.
func (c *comparison) repeat(earlier, o, r *Observation) {
	for i, t := range o.Tokens {
		j, k := slices.Index(r.Tokens, t), slices.Index(earlier.Tokens, t)
		if j >= 0 && k >= 0 {
			c.once, c.again = append(c.once, earlier.Logprobs[k]-r.Logprobs[j]), append(c.again, o.Logprobs[i]-r.Logprobs[j])
		}
	}
}

// slope is a least-squares slope with its standard error.
func slope(name, unit string, x, y []float64) Value {
	const least = 8
	if len(x) < least {
		return missing(name, "%d values are there, and %d are needed", len(x), least)
	}
	mx, vx := moments(x)
	my, vy := moments(y)
	if vx == 0 {
		return missing(name, "all values are at the same place")
	}
	n, cov := float64(len(x)), 0.0
	for i := range x {
		cov += (x[i] - mx) * (y[i] - my) / (n - 1)
	}
	b := cov / vx
	rest := max(vy-b*cov, 0) * (n - 1) / (n - 2)
	return Value{Name: name, Number: b, Error: math.Sqrt(rest / (vx * (n - 1))), Unit: unit, N: len(x)}
}

// constancy is the correlation of the difference with itself on a repeat: near 1
// for weights that are not the same, near 0 for noise of the batch.
func (c *comparison) constancy() Value {
	const name = "constancy of the difference"
	if len(c.once) < 8 {
		return missing(name, "nothing was asked again")
	}
	ma, va := moments(c.once)
	mb, vb := moments(c.again)
	if va == 0 || vb == 0 {
		return missing(name, "there is no difference")
	}
	cov, n := 0.0, float64(len(c.once))
	for i := range c.once {
		cov += (c.once[i] - ma) * (c.again[i] - mb) / (n - 1)
	}
	r := cov / math.Sqrt(va*vb)
	return Value{Name: name, Number: r, Error: (1 - r*r) / math.Sqrt(n), Unit: "correlation", N: len(c.once)}
}

// stepsApart counts by how many steps of a common grid logits differ, where they do.
func (c *comparison) stepsApart() Value {
	const name = "steps apart"
	if len(c.gapDeltas) < 8 {
		return missing(name, "%d differences of logits are not the same, and 8 are needed", len(c.gapDeltas))
	}
	for k := range 13 {
		step := math.Ldexp(1, -k)
		on := 0
		var sizes [3]int // one step, two, more
		for _, g := range c.gapDeltas {
			m := math.Round(g / step)
			if math.Abs(g-m*step) <= 2*sameGap && m != 0 {
				on++
				sizes[min(int(math.Abs(m)), 3)-1]++
			}
		}
		if 100*on >= 95*len(c.gapDeltas) {
			n := float64(on)
			return Value{Name: name, Number: float64(sizes[0]) / n, Error: binomial(float64(sizes[0])/n, on), Unit: "share of one step", N: on,
				Words: fmt.Sprintf("in steps of 2^-%d: one %.2f, two %.2f, more %.2f", k, float64(sizes[0])/n, float64(sizes[1])/n, float64(sizes[2])/n)}
		}
	}
	return missing(name, "the differences of logits are multiples of no step down to 2^-12: one side has no grid, or not the same")
}
