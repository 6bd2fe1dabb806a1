package fp

import "math"

// Mode is a rounding mode.
type Mode uint8

// Rounding modes, by their PTX names.
const (
	RN  Mode = iota // nearest, ties to even
	RZ              // toward zero
	RM              // toward minus infinity
	RP              // toward plus infinity
	RNA             // nearest, ties away from zero
)

// Round rounds x once into the format. x must be exact, or rounded to odd with
// at least two more bits than the format has. Overflow gives infinity or the
// largest number as the mode says; in a Finite format it gives NaN.
func (f Format) Round(x float64, mode Mode) uint64 {
	if f == F64 {
		return canonical64(x)
	}
	bits := math.Float64bits(x)
	neg, field, man := bits>>63 != 0, int(bits>>52)&0x7FF, bits&(1<<52-1)
	var sign uint64
	if neg {
		sign = f.SignBit()
	}
	switch {
	case field == 0x7FF && man != 0:
		return f.NaN()
	case field == 0x7FF:
		if f.Finite {
			return sign | f.NaN()
		}
		return sign | f.Inf()
	case field == 0 && man == 0:
		return sign
	case field == 0:
		field = 1
	default:
		man |= 1 << 52
	}
	magnitude, inexactUp := f.encode(man, field-1023, neg, mode)
	if magnitude > f.Max() {
		return sign | f.overflow(neg, mode, inexactUp)
	}
	return sign | magnitude
}

// encode rounds man*2^(exp-52) into the magnitude's bits, which carry into the
// exponent by themselves. up tells whether the mode rounds this sign away from zero.
func (f Format) encode(man uint64, exp int, neg bool, mode Mode) (magnitude uint64, up bool) {
	base := max(exp, f.MinExp())
	shift := uint(base - f.ManBits - (exp - 52))
	up = mode == RM && neg || mode == RP && !neg
	var kept uint64
	switch {
	case shift > 54: // below a quarter of the least number
		if up {
			kept = 1
		}
	case shift == 0:
		kept = man
	default:
		kept = man >> shift
		rest, half := man&(1<<shift-1), uint64(1)<<(shift-1)
		switch {
		case rest == 0:
		case up, mode == RN && (rest > half || rest == half && kept&1 != 0), mode == RNA && rest >= half:
			kept++
		}
	}
	if exp >= f.MinExp() {
		if exp > f.Bias()+1 {
			return math.MaxUint64, up
		}
		return uint64(exp+f.Bias()-1)<<f.ManBits + kept, up
	}
	return kept, up
}

// overflow is the magnitude that the mode gives for a result that is too large.
func (f Format) overflow(neg bool, mode Mode, up bool) uint64 {
	switch {
	case f.Finite && mode == RN:
		return f.NaN()
	case mode == RN, mode == RNA, up:
		return f.Inf()
	}
	return f.Max()
}

// RoundSat rounds like Round to nearest and clamps overflow and infinities to
// the largest finite number (.satfinite); NaN stays.
func (f Format) RoundSat(x float64, mode Mode) uint64 {
	bits := f.Round(x, mode)
	if magnitude := bits & (f.SignBit() - 1); !math.IsNaN(x) && magnitude > f.Max() {
		bits = bits&f.SignBit() | f.Max()
	}
	return bits
}

func canonical64(x float64) uint64 {
	if x != x {
		return F64.NaN()
	}
	return math.Float64bits(x)
}

// AddOdd is a+b rounded to odd: exact, or with the last bit set. (Boldo and
// Melquiond, "Emulation of FMA and correctly rounded sums", 2008.)
func AddOdd(a, b float64) float64 {
	s := a + b
	if math.IsInf(s, 0) || s != s {
		return s
	}
	// Two-sum: the exact error of s.
	bb := s - a
	e := (a - (s - bb)) + (b - bb)
	bits := math.Float64bits(s)
	if e == 0 || bits&1 != 0 {
		return s
	}
	if (e > 0) == (s > 0) {
		return math.Float64frombits(bits + 1)
	}
	return math.Float64frombits(bits - 1)
}

// FMAOdd is a*b+c rounded to odd; the product must fit float64 exactly, as that
// of two F32 or narrower values does.
func FMAOdd(a, b, c float64) float64 {
	p := a * b
	return AddOdd(p, c)
}

// FMA32 is the correctly rounded fused multiply-add of float32.
func FMA32(a, b, c float32) float32 {
	return float32(FMAOdd(float64(a), float64(b), float64(c)))
}
