package main

import (
	"maps"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// streams is the number of vectors in a round of softmax's loops, and of their
// accumulators.
const streams = 4

// degree of the polynomial for e^r: its error is below a tenth of the last place.
func (m machine) degree() int { return map[int]int{8: 11, 4: 6}[m.size] }

// softmax writes the passes of both softmax kernels; SSE2 has none.
func (m machine) softmax() entries {
	if m.sse() {
		return nil
	}
	c := m.constants()
	all := entries{m.maximum(), c.sumExp(), c.extSum()}
	for _, nt := range []bool{true, false} {
		all = append(all, c.expScale(nt), c.extScale(nt))
	}
	return all
}

// constants are the numbers of e^x, each a whole vector in memory or a register.
type constants struct {
	machine
	at map[string]operand.Op
	// coefficients, lowest power first
	poly []operand.Op
}

func (m machine) constants() *constants {
	c := &constants{machine: m, at: map[string]operand.Op{}}
	table := m.StaticGlobal("exp" + m.isa + m.typ())
	m.DataAttributes(attr.RODATA | attr.NOPTR)
	next := 0
	put := func(x float64) operand.Mem {
		at := table.Offset(next)
		for range m.width / m.size {
			m.AddDatum(next, pick[func(float64) operand.Constant](m, f64, f32)(x))
			next += m.size
		}
		return at
	}
	high, low := split(m.size)
	for _, v := range []struct {
		name  string
		value float64
	}{
		{"log2e", math.Log2E}, {"magic", magic(m.size)}, {"ln2", high}, {"ln2low", low}, {"lowest", m.lowest()},
		// For AVX2, which makes 2^k by hand.
		{"bias", -bias(m.size)}, {"exponent", magic(m.size) + bias(m.size)},
		{"far", -1e30}, // the exponent of an empty sum
	} {
		c.at[v.name] = put(v.value)
	}
	for _, x := range expCoefficients(m.degree()) {
		c.poly = append(c.poly, put(x))
	}
	return c
}

// Constants are written as their bits: a whole number without a point would be an integer.
func f64(x float64) operand.Constant { return operand.U64(math.Float64bits(x)) }
func f32(x float64) operand.Constant { return operand.U32(math.Float32bits(float32(x))) }

// held has the constants of e^x in registers, in a function that began, where
// there are enough of them: vectors in memory may lie across two lines.
func (c *constants) held() *constants {
	if c.width < 64 {
		return c
	}
	h := &constants{machine: c.machine, at: maps.Clone(c.at)}
	hold := func(from operand.Op) operand.Op {
		r := c.vector()
		c.move(from, r)
		return r
	}
	for _, name := range []string{"log2e", "magic", "ln2", "ln2low", "lowest"} {
		h.at[name] = hold(c.at[name])
	}
	for _, at := range c.poly {
		h.poly = append(h.poly, hold(at))
	}
	return h
}

// exp takes e^x apart: x becomes the mantissa, near 1, and the vector returned the
// exponent, a whole number. x must be well within the range where magic works.
func (c *constants) exp(x reg.VecVirtual) (mantissa, k reg.VecVirtual) {
	k, p := c.vector(), c.vector()
	c.move(c.at["magic"], k)
	pick(c.machine, c.VFMADD231PD, c.VFMADD231PS)(c.at["log2e"], x, k)
	pick(c.machine, c.VSUBPD, c.VSUBPS)(c.at["magic"], k, k)
	fnmadd := pick(c.machine, c.VFNMADD231PD, c.VFNMADD231PS)
	fnmadd(c.at["ln2"], k, x)
	fnmadd(c.at["ln2low"], k, x)
	n := len(c.poly) - 1
	c.move(c.poly[n], p)
	for i := n - 1; i >= 0; i-- {
		c.scaleAdd(x, c.poly[i], p)
	}
	return p, k
}

// scale is p *= 2^k for whole k <= 0; k is lost. What is too small becomes zero.
func (c *constants) scale(p, k reg.VecVirtual) {
	if c.width == 64 {
		pick(c.machine, c.VSCALEFPD, c.VSCALEFPS)(k, p, p)
		return
	}
	// The sum with exponent has k + bias in its low bits; k = -bias makes 0.
	c.greater(c.at["bias"], k)
	c.add(c.at["exponent"], k)
	pick(c.machine, c.VPSLLQ, c.VPSLLD)(operand.U8(map[int]int{8: 52, 4: 23}[c.size]), k, k)
	c.mul(k, p)
}

// greater is acc = max(acc, x).
func (m machine) greater(x operand.Op, acc reg.VecVirtual) {
	pick(m, m.VMAXPD, m.VMAXPS)(x, acc, acc)
}

// less is to = a - b.
func (m machine) less(a, b, to reg.VecVirtual) {
	pick(m, m.VSUBPD, m.VSUBPS)(b, a, to)
}

func (m machine) maximum() entry {
	name := m.name("Max", false)
	f := m.begin(name, "leaves maxima of x in the lanes of the first vector of out.", "x")
	acc := make([]reg.VecVirtual, streams)
	for i := range acc {
		// The first vectors of x, seen twice, are as good a start as any.
		acc[i] = m.vector()
		first := m.GP64()
		m.MOVQ(f.field("x"), first)
		m.move(operand.Mem{Base: first}, acc[i])
	}
	f.loop(streams, func(i int) { m.greater(f.at("x", i), acc[i]) })
	m.fold(acc, func(x, acc reg.VecVirtual) { m.greater(x, acc) })
	m.store(acc[0], f.out(0), false)
	f.end(false)
	return entry{m.isa, "partMax", m.typ(), false, name}
}

// expBelow is exp(x - s) of the i-th vector, for s the maximum.
func (c *constants) expBelow(f frame, s reg.VecVirtual, i int) reg.VecVirtual {
	x := c.load(f.at("x", i))
	c.less(x, s, x)
	c.greater(c.at["lowest"], x)
	p, k := c.exp(x)
	c.scale(p, k)
	return p
}

func (c *constants) sumExp() entry {
	name := c.name("SumExp", false)
	f := c.begin(name, "leaves sums of exp(x - s) in the lanes of the first vector of out.", "x")
	c = c.held()
	s := f.scalar("s")
	acc := make([]reg.VecVirtual, streams)
	for i := range acc {
		acc[i] = c.zero()
	}
	f.loop(streams, func(i int) { c.add(c.expBelow(f, s, i), acc[i]) })
	c.fold(acc, func(x, acc reg.VecVirtual) { c.add(x, acc) })
	c.store(acc[0], f.out(0), false)
	f.end(false)
	return entry{c.isa, "partSumExp", c.typ(), false, name}
}

func (c *constants) expScale(nt bool) entry {
	name := c.name("ExpScale", nt)
	f := c.begin(name, "is dst = exp(x - s) t, for x <= s.", "dst", "x")
	c = c.held()
	s, t := f.scalar("s"), f.scalar("t")
	f.loop(streams, func(i int) {
		p := c.expBelow(f, s, i)
		c.mul(t, p)
		c.store(p, f.at("dst", i), nt)
	})
	f.end(nt)
	return entry{c.isa, "partExpScale", c.typ(), nt, name}
}

// extSum adds up numbers m 2^e, lane by lane, at the greater of the exponents, so
// that nothing overflows and no maximum need be known.
func (c *constants) extSum() entry {
	name := c.name("ExtSum", false)
	f := c.begin(name, "leaves sums of exp(x) in out: four vectors of mantissas, then four of exponents.", "x")
	c = c.held()
	sum, exponent := make([]reg.VecVirtual, streams), make([]reg.VecVirtual, streams)
	for i := range sum {
		sum[i], exponent[i] = c.zero(), c.vector()
		c.move(c.at["far"], exponent[i])
	}
	f.loop(streams, func(i int) {
		p, k := c.exp(c.load(f.at("x", i)))
		top := c.vector()
		pick(c.machine, c.VMAXPD, c.VMAXPS)(k, exponent[i], top)
		c.less(k, top, k)
		c.scale(p, k)
		c.less(exponent[i], top, exponent[i])
		c.scale(sum[i], exponent[i])
		c.move(top, exponent[i])
		c.add(p, sum[i])
	})
	for i := range sum {
		c.store(sum[i], f.out(i), false)
		c.store(exponent[i], f.out(streams+i), false)
	}
	f.end(false)
	return entry{c.isa, "partExtSum", c.typ(), false, name}
}

func (c *constants) extScale(nt bool) entry {
	name := c.name("ExtScale", nt)
	f := c.begin(name, "is dst = exp(x) s / 2^t, for exp(x) <= 2^(t+1).", "dst", "x")
	c = c.held()
	s, t := f.scalar("s"), f.scalar("t")
	f.loop(streams, func(i int) {
		p, k := c.exp(c.load(f.at("x", i)))
		c.mul(s, p)
		c.less(k, t, k)
		c.scale(p, k)
		c.store(p, f.at("dst", i), nt)
	})
	f.end(nt)
	return entry{c.isa, "partExtScale", c.typ(), nt, name}
}
