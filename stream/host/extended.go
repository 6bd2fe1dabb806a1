package host

import "math"

// extended is the number m 2^e; it neither overflows nor underflows where m is
// kept near 1. The zero value is zero.
type extended struct{ m, e float64 }

// extendedExp is e^x.
func extendedExp(x float64) extended {
	k := math.RoundToEven(x * math.Log2E)
	return extended{math.Exp(math.FMA(-k, ln2Low, math.FMA(-k, math.Ln2, x))), k}
}

// ln2Low is what ln 2 has beyond a float64.
const ln2Low = 2.3190468138462996e-17

// add sums two numbers at the greater of their exponents.
func (a extended) add(b extended) extended {
	switch {
	case a.m == 0:
		return b
	case b.m == 0:
		return a
	case a.e < b.e:
		a, b = b, a
	}
	shift := max(b.e-a.e, -2000) // far below what changes the sum
	return extended{a.m + math.Ldexp(b.m, int(shift)), a.e}
}

// normal brings m into [0.5, 1).
func (a extended) normal() extended {
	m, e := math.Frexp(a.m)
	return extended{m, a.e + float64(e)}
}
