package device

import (
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/stream"
)

// passes are the walks of a kernel in order; all but the last only gather, and
// are named by their names.
func passes(kernel string) (gather []namedPass, last pass) {
	switch kernel {
	case stream.Softmax2:
		return []namedPass{{"gather", softmaxGather()}}, softmaxScale2()
	case stream.Softmax3:
		return []namedPass{{"maximum", softmaxMaximum()}, {"sum", softmaxSum()}}, softmaxScale3()
	}
	return nil, simple(kernel)
}

type namedPass struct {
	name string
	pass
}

// simple is a kernel of one walk.
func simple(kernel string) pass {
	switch kernel {
	case stream.Copy:
		return pass{loads: []string{"a"}, stores: []string{"c"}, element: func(_ *code, in []ptx.Reg) ptx.Reg { return in[0] }}
	case stream.Scale:
		return pass{loads: []string{"c"}, stores: []string{"b"}, element: func(c *code, in []ptx.Reg) ptx.Reg {
			return c.compute("mul.rn", in[0], ptx.Float(stream.Q))
		}}
	case stream.Add:
		return pass{loads: []string{"a", "b"}, stores: []string{"c"}, element: func(c *code, in []ptx.Reg) ptx.Reg {
			return c.compute("add.rn", in[0], in[1])
		}}
	case stream.Triad:
		return pass{loads: []string{"b", "c"}, stores: []string{"a"}, element: func(c *code, in []ptx.Reg) ptx.Reg {
			return c.compute("fma.rn", in[1], ptx.Float(stream.Q), in[0])
		}}
	case stream.Nstream:
		return pass{loads: []string{"a", "b", "c"}, stores: []string{"a"}, element: func(c *code, in []ptx.Reg) ptx.Reg {
			return c.compute("fma.rn", in[2], ptx.Float(stream.Q), c.compute("add.rn", in[0], in[1]))
		}}
	case stream.Write:
		return pass{stores: []string{"c"}, start: func(c *code) { c.acc = []ptx.Reg{c.constant(stream.Q)} },
			element: func(c *code, _ []ptx.Reg) ptx.Reg { return c.acc[0] }}
	case stream.Dot:
		return pass{loads: []string{"a", "b"}, start: zeros, finish: addUp, element: func(c *code, in []ptx.Reg) ptx.Reg {
			c.rotate()
			c.I(c.op("fma.rn"), c.acc[0], in[0], in[1], c.acc[0])
			return ptx.Reg{}
		}}
	}
	return pass{loads: []string{"a"}, start: zeros, finish: onlyVerified(addUp), element: func(c *code, in []ptx.Reg) ptx.Reg {
		c.rotate()
		c.I(c.op("add.rn"), c.acc[0], c.acc[0], in[0])
		return ptx.Reg{}
	}}
}

// compute makes a register with the outcome of an instruction of the element type.
func (c *code) compute(name string, operands ...ptx.Operand) ptx.Reg {
	r := c.Reg(c.float())
	c.I(c.op(name), append([]ptx.Operand{r}, operands...)...)
	return r
}

// accumulators of a thread: enough that additions do not wait for each other.
const accumulators = 4

func zeros(c *code) {
	c.acc = make([]ptx.Reg, accumulators)
	for i := range c.acc {
		c.acc[i] = c.constant(0)
	}
}

// rotate makes the next accumulator the first.
func (c *code) rotate() { c.acc = append(c.acc[1:], c.acc[0]) }

// onlyVerified lets the timed launches of a kernel that only reads leave out what
// the result needs. They wait for their loads all the same: the sum is compared
// with a value that it cannot have, which the compiler does not know.
func onlyVerified(finish func(*code)) func(*code) {
	return func(c *code) {
		for _, r := range c.acc[1:] {
			c.I(c.op("add.rn"), c.acc[0], c.acc[0], r)
		}
		c.acc = c.acc[:1]
		wanted, never, skip := c.Reg(ptx.Pred), c.Reg(ptx.Pred), c.NewLabel("unverified")
		c.I("setp.ne.u32", wanted, c.verify, ptx.Int(0))
		c.I(c.op("setp.eq"), never, c.acc[0], ptx.Float(-1))
		c.I("or.pred", wanted, wanted, never)
		c.IfNot(wanted).I("bra", skip)
		finish(c)
		c.Place(skip)
	}
}
