package device

import (
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/stream"
)

// pass is one walk over the arrays: what a thread does with an element.
type pass struct {
	// loads are the arrays that are read, stores those that are written, all with one value.
	loads, stores []string
	// start makes the registers that live through the walk.
	start func(c *code)
	// element takes an element of each loaded array and gives the one to store.
	element func(c *code, in []ptx.Reg) ptx.Reg
	// finish brings what the thread gathered together; all threads of a CTA do it.
	finish func(c *code)
}

// code is a kernel under construction.
type code struct {
	*ptx.Kernel
	t stream.Type
	// array are the addresses of the arrays; times, result and state are small buffers.
	array                map[string]ptx.Reg
	times, result, state ptx.Reg
	thread, cta          ptx.Reg
	// verify is 1 in the launch whose result is checked, else 0.
	verify  ptx.Reg
	threads int
	// acc are registers of the pass.
	acc []ptx.Reg
}

// newCode declares the parameters that all kernels of a module share.
func newCode(k *ptx.Kernel, t stream.Type, arrays []string, threads int) (c *code, tiles ptx.Reg) {
	k.MaxThreads = threads
	c = &code{Kernel: k, t: t, array: map[string]ptx.Reg{}, threads: threads}
	c.times, c.result, c.state = k.Param("times", ptx.B64), k.Param("result", ptx.B64), k.Param("state", ptx.B64)
	for _, name := range arrays {
		c.array[name] = k.Param(name, ptx.B64)
	}
	tiles, c.verify = k.Param("tiles", ptx.B32), k.Param("verify", ptx.B32)
	c.thread, c.cta = kit.Read(k, "%tid.x"), kit.Read(k, "%ctaid.x")
	return c, tiles
}

// build writes the pass in a shape. A CTA of a walk takes tiles cta, cta + grid,
// ... below tiles; otherwise a CTA takes one tile, cta modulo tiles where wrap is set.
func (p pass) build(k *ptx.Kernel, t stream.Type, arrays []string, s shape, wrap bool) {
	c, tiles := newCode(k, t, arrays, s.threads)
	if p.start != nil {
		p.start(c)
	}
	watch := newStopwatch(c)
	watch.start()
	switch {
	case s.ctas > 0:
		kit.For(k, c.cta, tiles, kit.Read(k, "%nctaid.x"), func(tile ptx.Reg) { p.tile(c, s, tile) })
	case wrap:
		tile := k.Reg(ptx.B32)
		k.I("rem.u32", tile, c.cta, tiles)
		p.tile(c, s, tile)
	default:
		p.tile(c, s, c.cta)
	}
	if p.finish != nil {
		p.finish(c)
	}
	watch.stop(len(p.stores) > 0)
	k.I("ret")
}

// tile loads all that a thread has of a tile, then works and stores in turn.
func (p pass) tile(c *code, s shape, tile ptx.Reg) {
	index := c.Reg(ptx.B32)
	c.I("mad.lo.u32", index, tile, ptx.Int(s.threads*s.unroll), c.thread)
	at := map[string]ptx.Reg{}
	for _, name := range slices.Concat(p.loads, p.stores) {
		if _, known := at[name]; !known {
			at[name] = c.Reg(ptx.B64)
			c.I("mad.wide.u32", at[name], index, ptx.Int(s.width), c.array[name])
		}
	}
	step, n := s.threads*s.width, s.width/c.t.Bytes()
	loaded := make([][]ptx.Vec, s.unroll)
	for i := range loaded {
		loaded[i] = make([]ptx.Vec, len(p.loads))
		for j, name := range p.loads {
			loaded[i][j] = c.Regs(c.float(), n)
			c.I("ld.global"+s.operator()+c.vector(n), vector(loaded[i][j]), ptx.At(at[name], i*step))
		}
	}
	for i := range loaded {
		stored := p.elements(c, loaded[i], n)
		for _, name := range p.stores {
			c.I("st.global"+s.operator()+c.vector(n), ptx.At(at[name], i*step), vector(stored))
		}
	}
}

// elements works on the n elements of one access to each loaded array.
func (p pass) elements(c *code, loaded []ptx.Vec, n int) ptx.Vec {
	stored := make(ptx.Vec, n)
	for e := range stored {
		in := make([]ptx.Reg, len(loaded))
		for j := range in {
			in[j] = loaded[j][e]
		}
		stored[e] = p.element(c, in)
	}
	return stored
}

// float is the register type of an element.
func (c *code) float() ptx.Type {
	if c.t == stream.F32 {
		return ptx.F32
	}
	return ptx.F64
}

// op gives an instruction its element type: op("fma.rn") is "fma.rn.f64".
func (c *code) op(name string) string { return name + "." + string(c.t) }

// vector is the suffix of an access to n elements.
func (c *code) vector(n int) string {
	if n == 1 {
		return "." + string(c.t)
	}
	return ".v" + strconv.Itoa(n) + "." + string(c.t)
}

func vector(v ptx.Vec) ptx.Operand {
	if len(v) == 1 {
		return v[0]
	}
	return v
}

// constant makes a register with a value.
func (c *code) constant(v float64) ptx.Reg {
	r := c.Reg(c.float())
	c.I(c.op("mov"), r, ptx.Float(v))
	return r
}
