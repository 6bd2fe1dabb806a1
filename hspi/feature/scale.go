package feature

import (
	"math"
)

// commonStep looks for a number of which all gaps are multiples, where that is no
// power of two: logits on a grid that were multiplied afterwards. It gives the
// factor, between 1 and 2: the grid's own step is a power of two.
func commonStep(cases []gridCase) (float64, bool) {
	var gaps []float64
	for _, c := range cases {
		gaps = append(gaps, c.gaps...)
		if len(gaps) >= 200 {
			break
		}
	}
	tolerance := cases[0].tolerance
	least := math.Inf(1)
	for _, g := range gaps {
		least = min(least, -g)
	}
	// The least gap is a small multiple of the step, and so gives it roughly; each
	// further gap, from small to great, makes it sharper.
	for n := 1; n <= 64; n++ {
		step := least / float64(n)
		if step < 50*tolerance {
			return 0, false
		}
		if s, ok := sharpen(step, gaps, tolerance); ok {
			_, e := math.Frexp(s)
			return math.Ldexp(s, 1-e), true
		}
	}
	return 0, false
}

// sharpen fits the step to gaps that it divides, in rounds over greater gaps, and
// reports whether it divides all.
func sharpen(step float64, gaps []float64, tolerance float64) (float64, bool) {
	for reach := 8 * step; ; reach *= 2 {
		num, den, beyond := 0.0, 0.0, false
		for _, g := range gaps {
			if -g > reach {
				beyond = true
				continue
			}
			k := math.Round(-g / step)
			num, den = num-g*k, den+k*k
		}
		if den > 0 {
			step = num / den
		}
		for _, g := range gaps {
			if r := math.Abs(-g - step*math.Round(-g/step)); -g <= reach && r > tolerance {
				return 0, false
			}
		}
		if !beyond {
			return step, true
		}
	}
}
