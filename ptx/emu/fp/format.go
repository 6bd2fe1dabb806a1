// Package fp holds the binary floating-point formats of GPUs and exact rounding
// between them. It computes through float64, which holds every value and every
// product of the narrower formats exactly; a sum that does not fit is rounded to
// odd, so that the one rounding that counts, the last, is correct.
package fp

import "math"

// Format is a binary format with an implicit leading bit and subnormals.
type Format struct {
	// ExpBits and ManBits are the widths of exponent and mantissa fields.
	ExpBits, ManBits int
	// Finite says that the format has no infinities and one NaN, all ones (E4M3).
	Finite bool
}

// The formats (TF32 in its 19 significant bits; in registers it stands in the
// high bits of an F32).
var (
	F64  = Format{ExpBits: 11, ManBits: 52}
	F32  = Format{ExpBits: 8, ManBits: 23}
	TF32 = Format{ExpBits: 8, ManBits: 10}
	BF16 = Format{ExpBits: 8, ManBits: 7}
	F16  = Format{ExpBits: 5, ManBits: 10}
	E5M2 = Format{ExpBits: 5, ManBits: 2}
	E4M3 = Format{ExpBits: 4, ManBits: 3, Finite: true}
)

// Width is the number of bits.
func (f Format) Width() int { return 1 + f.ExpBits + f.ManBits }

// Bias is the exponent bias.
func (f Format) Bias() int { return 1<<(f.ExpBits-1) - 1 }

// MinExp is the exponent of the least normal number and of all subnormals.
func (f Format) MinExp() int { return 1 - f.Bias() }

// SignBit is the mask of the sign.
func (f Format) SignBit() uint64 { return 1 << (f.ExpBits + f.ManBits) }

// NaN is the canonical NaN, as GPUs write it: positive, all mantissa bits set;
// F64 has the quiet bit alone.
func (f Format) NaN() uint64 {
	if f == F64 {
		return 0x7FF8000000000000
	}
	return f.SignBit() - 1
}

// Inf is positive infinity; for a Finite format the largest finite number.
func (f Format) Inf() uint64 {
	if f.Finite {
		return f.Max()
	}
	return (1<<f.ExpBits - 1) << f.ManBits
}

// Max is the largest finite number.
func (f Format) Max() uint64 {
	if f.Finite {
		return f.SignBit() - 2
	}
	return f.Inf() - 1
}

// Class sorts values.
type Class uint8

// Classes of values. A zero is Finite with a significand of 0.
const (
	Finite Class = iota
	Infinite
	NotANumber
)

// Parts is a value taken apart: Sig * 2^(Exp-ManBits), negative if Neg. Exp is
// the exponent field unbiased; a subnormal keeps MinExp and is not normalised.
type Parts struct {
	Sig   uint64
	Exp   int
	Neg   bool
	Class Class
}

// Split takes a value apart.
func (f Format) Split(bits uint64) Parts {
	p := Parts{Neg: bits&f.SignBit() != 0}
	man := bits & (1<<f.ManBits - 1)
	field := int(bits>>f.ManBits) & (1<<f.ExpBits - 1)
	switch {
	case f.Finite && bits&(f.SignBit()-1) == f.SignBit()-1:
		p.Class = NotANumber
	case !f.Finite && field == 1<<f.ExpBits-1:
		p.Class = Infinite
		if man != 0 {
			p.Class = NotANumber
		}
	case field == 0:
		p.Sig, p.Exp = man, f.MinExp()
	default:
		p.Sig, p.Exp = man|1<<f.ManBits, field-f.Bias()
	}
	return p
}

// Float is the value as a float64, exactly; NaN loses its payload.
func (f Format) Float(bits uint64) float64 {
	if f == F64 {
		return math.Float64frombits(bits)
	}
	p := f.Split(bits)
	var x float64
	switch p.Class {
	case NotANumber:
		return math.NaN()
	case Infinite:
		x = math.Inf(1)
	default:
		x = float64(p.Sig) * pow2(p.Exp-f.ManBits)
	}
	if p.Neg {
		return -x
	}
	return x
}

// pow2 is 2^e for e within the normal range of float64.
func pow2(e int) float64 { return math.Float64frombits(uint64(e+1023) << 52) }

// IsNaN reports whether the bits are a NaN.
func (f Format) IsNaN(bits uint64) bool {
	magnitude := bits & (f.SignBit() - 1)
	if f.Finite {
		return magnitude == f.SignBit()-1
	}
	return magnitude > f.Inf()
}

// Flush replaces a subnormal by a zero of its sign (.ftz).
func (f Format) Flush(bits uint64) uint64 {
	if bits&f.Inf() == 0 && !f.Finite {
		return bits & f.SignBit()
	}
	return bits
}
