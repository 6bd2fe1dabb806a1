package device

import (
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/stream"
)

// slots are the sums that CTAs add to, so that they do not wait for one address.
const slots = 128

// addUp adds the threads' accumulators, in double precision, to one of the result's slots.
func addUp(c *code) {
	sum := c.double(c.acc[0])
	for _, r := range c.acc[1:] {
		c.I("add.rn.f64", sum, sum, c.double(r))
	}
	all := c.acrossCTA([]ptx.Reg{sum}, func(x, y []ptx.Reg) { c.I("add.rn.f64", x[0], x[0], y[0]) })
	kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
		slot, address := c.Reg(ptx.B32), c.Reg(ptx.B64)
		c.I("and.b32", slot, c.cta, ptx.Int(slots-1))
		c.I("mad.wide.u32", address, slot, ptx.Int(8), c.result)
		c.I("red.global.add.f64", ptx.At(address, 8*resultSlots), all[0])
	})
}

// double is a register's value as a double, in a register of its own.
func (c *code) double(r ptx.Reg) ptx.Reg {
	d := c.Reg(ptx.F64)
	if c.t == stream.F32 {
		c.I("cvt.f64.f32", d, r)
	} else {
		c.I("mov.f64", d, r)
	}
	return d
}

// acrossCTA combines the threads' doubles (several that belong together): within
// each warp by shuffles, then over the warps by shared memory. Thread 0 has the outcome.
func (c *code) acrossCTA(values []ptx.Reg, combine func(x, y []ptx.Reg)) []ptx.Reg {
	c.acrossWarp(values, combine)
	n := len(values)
	shared := c.SharedAddress(c.Shared("gathered", 8*n*32, 8))
	lane, warp, mine := c.Reg(ptx.B32), c.Reg(ptx.B32), c.Reg(ptx.B32)
	c.I("and.b32", lane, c.thread, ptx.Int(31))
	c.I("shr.u32", warp, c.thread, ptx.Int(5))
	c.I("mad.lo.u32", mine, warp, ptx.Int(8*n), shared)
	kit.When(c.Kernel, "eq", lane, ptx.Int(0), func() {
		for i, v := range values {
			c.I("st.shared.f64", ptx.At(mine, 8*i), v)
		}
	})
	c.I("bar.sync", ptx.Int(0))
	kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
		for w := 1; w < c.threads/32; w++ {
			other := c.Regs(ptx.F64, n)
			for i := range other {
				c.I("ld.shared.f64", other[i], ptx.At(shared, 8*(n*w+i)))
			}
			combine(values, other)
		}
	})
	return values
}

// acrossWarp combines over the 32 lanes; every lane has the outcome.
func (c *code) acrossWarp(values []ptx.Reg, combine func(x, y []ptx.Reg)) {
	for distance := 16; distance > 0; distance /= 2 {
		other := make([]ptx.Reg, len(values))
		for i, v := range values {
			other[i] = c.shuffled(v, distance)
		}
		combine(values, other)
	}
}

// shuffled is the double of the lane whose number differs in the bit of distance.
func (c *code) shuffled(v ptx.Reg, distance int) ptx.Reg {
	bits, halves, d := c.Reg(ptx.B64), c.Regs(ptx.B32, 2), c.Reg(ptx.F64)
	c.I("mov.b64", bits, v)
	c.I("mov.b64", ptx.Vec(halves), bits)
	for i, h := range halves {
		r := c.Reg(ptx.B32)
		c.I("shfl.sync.bfly.b32", r, h, ptx.Int(distance), ptx.Int(31), ptx.Int(-1))
		halves[i] = r
	}
	c.I("mov.b64", bits, ptx.Vec(halves))
	c.I("mov.b64", d, bits)
	return d
}
