package feature

import (
	"fmt"
	"math"
)

// Head is the type in which a head wrote its logits, as far as their grid shows.
type Head string

// Heads. A float32 head leaves no grid that decimals could show, and neither does
// one whose values were changed on the way.
const (
	BFloat16 Head = "bf16"
	Float16  Head = "fp16"
	NoGrid   Head = "none"
)

// digits are the significant bits of a head's type.
var digits = map[Head]int{BFloat16: 8, Float16: 11}

// transform is what a model does to the logits in float32 after the head.
type transform struct {
	name string
	f    func(float64) float64
	back func(float64) float64
}

func identity() transform {
	same := func(x float64) float64 { return x }
	return transform{name: "", f: same, back: same}
}

// softCap is cap·tanh(x/cap), as Gemma's models have it.
func softCap(limit float64) transform {
	return transform{
		name: fmt.Sprintf("soft cap %g", limit),
		f:    func(x float64) float64 { return limit * math.Tanh(x/limit) },
		back: func(y float64) float64 { return limit * math.Atanh(y/limit) },
	}
}

// scaled multiplies, as a temperature or Cohere's logit scale does.
func scaled(s float64) transform {
	return transform{
		name: fmt.Sprintf("scale %.6g", s),
		f:    func(x float64) float64 { return x * s },
		back: func(y float64) float64 { return y / s },
	}
}

// The greatest logit of a list is tried in binades [2^e, 2^(e+1)) of either sign.
const (
	lowestBinade  = -2
	highestBinade = 6
	binades       = highestBinade - lowestBinade + 1
)

// gridNats is the width of the range in which the greatest logit may lie.
const gridNats = 256

// fit tells how well a list of logprobs is a set of logits of one type that were
// all moved by one constant (log Z), which is not known.
type fit struct {
	// odds say, for the greatest logit in each binade, negative ones first, how much
	// more likely it is that the values lie on the type's grid than that they lie
	// anywhere: the product of (step / what decimals leave open), averaged over the
	// constants.
	odds [2][binades]float64
	// any is the sum over all.
	any float64
}

// fitGrid looks for constants that move all logprobs of a list onto numbers of p
// significant bits. It tries every number that the greatest may be.
//
// It and what it calls are most of the work of the tests with the race detector,
// and read nothing that another goroutine has.
//
//go:norace
func fitGrid(gaps []float64, tolerance float64, p int, t transform) fit {
	var f fit
	first := math.NaN() // the first gap, where nothing was done to the logits
	if t.name == "" && len(gaps) > 0 {
		first = gaps[0]
	}
	for b := range binades {
		e := lowestBinade + b
		least, step := math.Ldexp(1, e), math.Ldexp(1, e-p+1)
		for m := range 1 << (p - 1) {
			x := least + float64(m)*step
			for sign, top := range [2]float64{-x, x} {
				if off(top+first, p) > tolerance { // most end here, and this is most of the work
					continue
				}
				if onGrid(gaps, tolerance, p, t, top) {
					f.odds[sign][b] += step / gridNats * gain(gaps, tolerance, p, t, top)
				}
			}
		}
		f.any += f.odds[0][b] + f.odds[1][b]
	}
	return f
}

// off is how far a number is from the next one of p significant bits.
func off(x float64, p int) float64 {
	u := ulp(x, p)
	return math.Abs(math.RoundToEven(x/u)*u - x)
}

// onGrid reports whether all values are on the grid where the greatest logit is top.
//
//go:norace
func onGrid(gaps []float64, tolerance float64, p int, t transform, top float64) bool {
	if t.name == "" {
		return onPlainGrid(gaps, tolerance, p, top)
	}
	y := t.f(top)
	for _, g := range gaps {
		x := t.back(y + g)
		u := ulp(x, p)
		if !(math.Abs(t.f(math.Round(x/u)*u)-(y+g)) <= tolerance) { // also where x is no number
			return false
		}
	}
	return true
}

// onPlainGrid is onGrid where nothing was done to the logits.
//
//go:norace
func onPlainGrid(gaps []float64, tolerance float64, p int, top float64) bool {
	for _, g := range gaps {
		if !(off(top+g, p) <= tolerance) {
			return false
		}
	}
	return true
}

// gain is the product of (step / what decimals leave open) over the values.
//
//go:norace
func gain(gaps []float64, tolerance float64, p int, t transform, top float64) float64 {
	if t.name == "" {
		return plainGain(gaps, tolerance, p, top)
	}
	y, all := t.f(top), 1.0
	for _, g := range gaps {
		x := t.back(y + g)
		u := ulp(x, p)
		wide := math.Abs(t.f(x+u/2) - t.f(x-u/2))
		all *= max(wide/(2*tolerance), 1e-3)
	}
	return all
}

// plainGain is gain where nothing was done to the logits.
//
//go:norace
func plainGain(gaps []float64, tolerance float64, p int, top float64) float64 {
	all := 1.0
	for _, g := range gaps {
		all *= max(ulp(top+g, p)/(2*tolerance), 1e-3)
	}
	return all
}

// ulp is the distance of numbers of p significant bits near x; float16 has less
// range than bfloat16, but what is that small tells nothing.
func ulp(x float64, p int) float64 {
	e := int(math.Float64bits(x)>>52&0x7ff) - 1022 // x is in [2^(e-1), 2^e)
	return power(max(e-p, -24))
}

// power is 2^e, faster than math.Ldexp.
func power(e int) float64 { return math.Float64frombits(uint64(e+1023) << 52) }

// gaps are the differences of a list's logprobs to the greatest, without that one
// itself, and the tolerance that a grid is looked for with.
func (l *list) gaps() (gaps []float64, tolerance float64) {
	at, ok := l.best()
	if !ok {
		return nil, 0
	}
	for i, v := range l.logprobs {
		if i != at {
			gaps = append(gaps, v-l.logprobs[at])
		}
	}
	return gaps, 2 * l.spread
}
