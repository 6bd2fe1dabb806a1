package device

import (
	"math"

	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/stream"
)

// Words of the state that the passes of softmax hand on, all doubles but the key.
// Three passes: the key of the maximum and the sum of e^(x - maximum). Two passes:
// the sum as mantissa x 2^exponent; then each gathering CTA's part of it.
const (
	stateKey = iota
	stateSum
	stateMantissa
	stateExponent
	stateParts
)

// maxParts bounds the CTAs that gather in the two-pass algorithm.
const maxParts = 1 << 13

// stateBytes is the size of the buffer "state".
const stateBytes = 8 * (stateParts + 2*maxParts)

// softmaxMaximum finds the greatest element.
func softmaxMaximum() pass {
	return pass{loads: []string{"a"}, start: func(c *code) { c.acc = []ptx.Reg{c.constant(-math.MaxFloat32)} },
		element: func(c *code, in []ptx.Reg) ptx.Reg {
			c.I(c.op("max"), c.acc[0], c.acc[0], in[0])
			return ptx.Reg{}
		},
		finish: func(c *code) {
			all := c.acrossCTA([]ptx.Reg{c.double(c.acc[0])}, func(x, y []ptx.Reg) { c.I("max.f64", x[0], x[0], y[0]) })
			kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
				c.I("red.global.max.u64", ptx.At(c.state, 8*stateKey), c.key(all[0]))
			})
		}}
}

// key is an integer that is ordered as the double is.
func (c *code) key(d ptx.Reg) ptx.Reg {
	bits, sign := c.Reg(ptx.B64), c.Reg(ptx.B64)
	c.I("mov.b64", bits, d)
	c.I("shr.s64", sign, bits, ptx.Int(63))
	c.I("or.b64", sign, sign, ptx.Int(math.MinInt64))
	c.I("xor.b64", bits, bits, sign)
	return bits
}

// maximum reads the key back, as an element.
func (c *code) maximum() ptx.Reg {
	bits, sign, d := c.Reg(ptx.B64), c.Reg(ptx.B64), c.Reg(ptx.F64)
	c.I("ld.global.u64", bits, ptx.At(c.state, 8*stateKey))
	c.I("shr.s64", sign, bits, ptx.Int(63))
	c.I("not.b64", sign, sign)
	c.I("or.b64", sign, sign, ptx.Int(math.MinInt64))
	c.I("xor.b64", bits, bits, sign)
	c.I("mov.b64", d, bits)
	return c.narrow(d)
}

// narrow is a double as an element.
func (c *code) narrow(d ptx.Reg) ptx.Reg {
	if c.t == stream.F64 {
		return d
	}
	f := c.Reg(ptx.F32)
	c.I("cvt.rn.f32.f64", f, d)
	return f
}

// below is e^(x - maximum), the maximum being the last of acc.
func (c *code) below(x ptx.Reg) ptx.Reg {
	mantissa, exponent := c.split(c.compute("sub.rn", x, c.acc[len(c.acc)-1]))
	return c.compute("mul.rn", mantissa, c.power(exponent))
}

// softmaxSum adds up e^(x - maximum).
func softmaxSum() pass {
	return pass{loads: []string{"a"}, start: func(c *code) { c.acc = []ptx.Reg{c.constant(0), c.maximum()} },
		element: func(c *code, in []ptx.Reg) ptx.Reg {
			c.I(c.op("add.rn"), c.acc[0], c.acc[0], c.below(in[0]))
			return ptx.Reg{}
		},
		finish: func(c *code) {
			all := c.acrossCTA([]ptx.Reg{c.double(c.acc[0])}, func(x, y []ptx.Reg) { c.I("add.rn.f64", x[0], x[0], y[0]) })
			kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
				c.I("red.global.add.f64", ptx.At(c.state, 8*stateSum), all[0])
			})
		}}
}

// reciprocal is 1/d of a double, by Newton's steps from the approximation in single precision.
func (c *code) reciprocal(d ptx.Reg) ptx.Reg {
	f, r, two := c.Reg(ptx.F32), c.Reg(ptx.F64), c.Reg(ptx.F64)
	c.I("cvt.rn.f32.f64", f, d)
	c.I("rcp.approx.ftz.f32", f, f)
	c.I("cvt.f64.f32", r, f)
	c.I("neg.f64", d, d)
	for range 3 { // 23, 46, then all bits
		c.I("fma.rn.f64", two, d, r, ptx.Float(2))
		c.I("mul.rn.f64", r, r, two)
	}
	return r
}

// load reads a double of the state.
func (c *code) load(word int) ptx.Reg {
	d := c.Reg(ptx.F64)
	c.I("ld.global.f64", d, ptx.At(c.state, 8*word))
	return d
}

// softmaxScale3 writes e^(x - maximum) / sum.
func softmaxScale3() pass {
	return pass{loads: []string{"a"}, stores: []string{"b"},
		start: func(c *code) { c.acc = []ptx.Reg{c.narrow(c.reciprocal(c.load(stateSum))), c.maximum()} },
		element: func(c *code, in []ptx.Reg) ptx.Reg {
			return c.compute("mul.rn", c.below(in[0]), c.acc[0])
		}}
}

// softmaxGather adds up e^x as mantissa x 2^exponent, which cannot overflow.
func softmaxGather() pass {
	return pass{loads: []string{"a"},
		start: func(c *code) { c.acc = []ptx.Reg{c.constant(0), c.constant(-(1 << 20))} },
		element: func(c *code, in []ptx.Reg) ptx.Reg {
			mantissa, exponent := c.split(in[0])
			most := c.compute("max", c.acc[1], exponent)
			c.I(c.op("mul.rn"), c.acc[0], c.acc[0], c.power(c.compute("sub.rn", c.acc[1], most)))
			c.I(c.op("fma.rn"), c.acc[0], mantissa, c.power(c.compute("sub.rn", exponent, most)), c.acc[0])
			c.acc[1] = c.moved(c.acc[1], most)
			return ptx.Reg{}
		},
		finish: func(c *code) {
			all := c.acrossCTA([]ptx.Reg{c.double(c.acc[0]), c.double(c.acc[1])}, c.combine)
			kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
				address := c.Reg(ptx.B64)
				c.I("mad.wide.u32", address, c.cta, ptx.Int(16), c.state)
				c.I("st.global.f64", ptx.At(address, 8*stateParts), all[0])
				c.I("st.global.f64", ptx.At(address, 8*stateParts+8), all[1])
			})
		}}
}

func (c *code) moved(to, from ptx.Reg) ptx.Reg {
	c.I(c.op("mov"), to, from)
	return to
}

// combine adds one sum, as mantissa and exponent in doubles, to another.
func (c *code) combine(x, y []ptx.Reg) {
	most, d, e := c.Reg(ptx.F64), c.Reg(ptx.F64), c.Reg(ptx.F64)
	c.I("max.f64", most, x[1], y[1])
	c.I("sub.rn.f64", d, x[1], most)
	c.I("sub.rn.f64", e, y[1], most)
	c.I("mul.rn.f64", x[0], x[0], c.power64(d))
	c.I("fma.rn.f64", x[0], y[0], c.power64(e), x[0])
	c.I("mov.f64", x[1], most)
}

// mergeThreads is the CTA that merges the parts.
const mergeThreads = 256

// mergeKernel adds up the parts of the gathering CTAs; tiles is their number.
func mergeKernel(k *ptx.Kernel, t stream.Type, arrays []string) {
	c, parts := newCode(k, t, arrays, mergeThreads)
	sum := c.Regs(ptx.F64, 2)
	c.I("mov.f64", sum[0], ptx.Float(0))
	c.I("mov.f64", sum[1], ptx.Float(-(1 << 20)))
	kit.For(k, c.thread, parts, ptx.Int(mergeThreads), func(i ptx.Reg) {
		address, part := c.Reg(ptx.B64), c.Regs(ptx.F64, 2)
		c.I("mad.wide.u32", address, i, ptx.Int(16), c.state)
		c.I("ld.global.f64", part[0], ptx.At(address, 8*stateParts))
		c.I("ld.global.f64", part[1], ptx.At(address, 8*stateParts+8))
		c.combine(sum, part)
	})
	all := c.acrossCTA(sum, c.combine)
	kit.When(k, "eq", c.thread, ptx.Int(0), func() {
		c.I("st.global.f64", ptx.At(c.state, 8*stateMantissa), all[0])
		c.I("st.global.f64", ptx.At(c.state, 8*stateExponent), all[1])
	})
	k.I("ret")
}

// softmaxScale2 writes e^x / sum, both as mantissa and exponent.
func softmaxScale2() pass {
	return pass{loads: []string{"a"}, stores: []string{"b"},
		start: func(c *code) {
			c.acc = []ptx.Reg{c.narrow(c.reciprocal(c.load(stateMantissa))), c.narrow(c.load(stateExponent))}
		},
		element: func(c *code, in []ptx.Reg) ptx.Reg {
			mantissa, exponent := c.split(in[0])
			scale := c.power(c.compute("sub.rn", exponent, c.acc[1]))
			return c.compute("mul.rn", c.compute("mul.rn", mantissa, c.acc[0]), scale)
		}}
}
