package device

import (
	"math"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/stream"
)

// ln 2 in two parts: multiples of the first up to 2^11 have no rounding error in
// double precision, and up to 2^8 in single (the usual argument reduction, W. J. Cody, W. Waite, 1980).
const (
	ln2HighF64, ln2LowF64 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	ln2HighF32, ln2LowF32 = 0.693359375, -2.12194440e-4
)

// roundToInteger added to a double and taken away again leaves the nearest
// integer, which its low 32 bits hold in between.
const roundToInteger = 3 << 51

// degree of the Taylor polynomial of exp for |r| <= ln(2)/2: the next term is 1.7e-16 of 1.
const degree = 12

// split gives e^x as mantissa x 2^exponent, with a mantissa from 0.7 to 1.42 and an
// integral exponent in the element type. x must lie within +-2^20.
func (c *code) split(x ptx.Reg) (mantissa, exponent ptx.Reg) {
	high, low, magic := ln2HighF64, ln2LowF64, float64(roundToInteger)
	if c.t == stream.F32 {
		high, low, magic = ln2HighF32, ln2LowF32, 3<<22
	}
	exponent = c.compute("fma.rn", x, ptx.Float(math.Log2E), c.constant(magic))
	exponent = c.compute("sub.rn", exponent, ptx.Float(magic))
	r := c.compute("fma.rn", exponent, ptx.Float(-high), x)
	r = c.compute("fma.rn", exponent, ptx.Float(-low), r)
	if c.t == stream.F32 {
		mantissa = c.compute("mul.rn", r, ptx.Float(math.Log2E))
		c.I("ex2.approx.ftz.f32", mantissa, mantissa)
		return mantissa, exponent
	}
	mantissa = c.constant(1 / factorial(degree))
	for n := degree - 1; n >= 0; n-- {
		c.I("fma.rn.f64", mantissa, mantissa, r, ptx.Float(1/factorial(n)))
	}
	return mantissa, exponent
}

func factorial(n int) float64 { return math.Gamma(float64(n + 1)) }

// power is 2^e for an integral e of at most 0; what is too small for a normal number is 0.
func (c *code) power(e ptx.Reg) ptx.Reg {
	if c.t == stream.F32 {
		r := c.Reg(ptx.F32)
		c.I("ex2.approx.ftz.f32", r, e)
		return r
	}
	return c.power64(e)
}

// power64 is power for a double.
func (c *code) power64(e ptx.Reg) ptx.Reg {
	r, bits, halves := c.Reg(ptx.F64), c.Reg(ptx.B64), c.Regs(ptx.B32, 2)
	least, over := c.Reg(ptx.F64), c.Reg(ptx.B32)
	c.I("max.f64", least, e, ptx.Float(-1023)) // a biased exponent of 0: the value 0
	c.I("add.rn.f64", least, least, ptx.Float(roundToInteger))
	c.I("mov.b64", bits, least)
	c.I("mov.b64", ptx.Vec(halves), bits)
	c.I("add.s32", over, halves[0], ptx.Int(1023))
	c.I("shl.b32", over, over, ptx.Int(20))
	zero := c.Reg(ptx.B32)
	c.I("mov.b32", zero, ptx.Int(0))
	c.I("mov.b64", bits, ptx.Vec{zero, over})
	c.I("mov.b64", r, bits)
	return r
}
