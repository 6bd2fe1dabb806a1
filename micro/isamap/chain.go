package isamap

import (
	"strings"

	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// tileBytes is the shared memory that matrix operands and addresses point to.
const tileBytes = 4096

// firstTwo is sparse metadata that keeps elements 0 and 1 of each four.
const firstTwo = 0x44444444

// threads of a CTA: a warpgroup, where one is needed.
func (e entry) threads() int {
	if strings.HasPrefix(e.Name, "wgmma") {
		return 128
	}
	return 32
}

// chain builds the steps of a table form: what the instruction writes is its
// last operand of the same kind in the next step, all other operands are zero
// registers that the compiler does not know to be zero.
type chain struct {
	entry
	k    *ptx.Kernel
	form isa.Form
	spec []isa.Operand
	in   ptx.Reg
	// tile is the shared address of tileBytes, own the thread's first word there.
	tile, own ptx.Reg
	// carried are the registers that the instruction writes; operands is a step.
	carried  ptx.Vec
	operands []ptx.Operand
}

func (e entry) maker(table *isa.Table) harness.Maker {
	if e.Steps != nil {
		return harness.Script{Type: e.Type, Steps: e.Steps}.Maker()
	}
	return func(k *ptx.Kernel, in ptx.Reg, _ int) harness.Chain {
		c := &chain{entry: e, k: k, in: in}
		forms := table.Lookup(e.Name)
		if len(forms) > 0 {
			c.form = forms[0]
			c.spec, _ = c.form.Parse() // a bad form is an error of the builder below
		}
		c.prepare()
		return harness.Chain{Enter: c.enter, Step: c.step, Leave: c.leave}
	}
}

var registers = map[isa.Class]ptx.Type{
	isa.B16: ptx.B16, isa.B32: ptx.B32, isa.B64: ptx.B64, isa.F32: ptx.F32, isa.F64: ptx.F64,
}

// prepare makes the operands.
func (c *chain) prepare() {
	c.fillTile()
	c.operands = make([]ptx.Operand, len(c.spec))
	target, last := -1, -1
	for i, o := range c.spec {
		switch {
		case o.Dst:
			target = i
		case target >= 0 && o.Class == c.spec[target].Class && o.Width == c.spec[target].Width:
			last = i
		}
	}
	immediates := c.Immediates
	for i, o := range c.spec {
		switch {
		case o.Dst:
			c.carried = c.zeros(o)
			c.operands[i] = operand(o, c.carried)
		case i == last && !c.spec[target].Read:
			c.operands[i] = c.operands[target]
		case o.Class == isa.Imm:
			c.operands[i] = ptx.Int(0)
			if len(immediates) > 0 {
				c.operands[i], immediates = ptx.Int(immediates[0]), immediates[1:]
			}
		case o.Class == isa.Address:
			c.operands[i] = ptx.At(c.address(i), 0)
		case o.Class == isa.Pred:
			p := c.k.Reg(ptx.Pred)
			c.k.I("setp.eq.u32", p, c.tile, c.tile)
			c.operands[i] = p
		case o.Class == isa.B64 && strings.HasPrefix(c.Name, "wgmma"):
			c.operands[i] = c.descriptor()
		case strings.HasPrefix(c.Name, "mma.sp") && o.Width == 0:
			metadata := c.k.Reg(ptx.B32)
			c.k.I("mov.u32", metadata, ptx.Int(firstTwo))
			c.operands[i] = metadata
		default:
			c.operands[i] = operand(o, c.zeros(o))
		}
	}
}

// address of a memory operand: the first of a copy between spaces is the
// destination.
func (c *chain) address(i int) ptx.Reg {
	switch {
	case strings.HasPrefix(c.Name, "cp.async") && i == 1:
		return c.in
	case strings.HasPrefix(c.Name, "atom."): // one word a lane
		return c.own
	}
	return c.tile
}

// zeros loads registers of zeros from the input.
func (c *chain) zeros(o isa.Operand) ptx.Vec {
	v := make(ptx.Vec, max(o.Width, 1))
	for i := range v {
		v[i] = c.k.Reg(registers[o.Class])
		c.k.I("ld.global."+string(registers[o.Class]), v[i], ptx.At(c.in, 8*(i%harness.StartWords)))
	}
	return v
}

func operand(o isa.Operand, v ptx.Vec) ptx.Operand {
	if o.Width == 0 {
		return v[0]
	}
	return v
}

// fillTile writes the tile: each word holds zero, or for a matrix load the
// tile's own address, so that what was loaded is the next address.
func (c *chain) fillTile() {
	k := c.k
	c.tile = k.SharedAddress(k.Shared("tile", tileBytes, 1024))
	thread, word := k.Reg(ptx.B32), k.Reg(ptx.B32)
	c.own = k.Reg(ptx.B32)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	k.I("mad.lo.u32", c.own, thread, ptx.Int(4), c.tile)
	k.I("mov.u32", word, ptx.Int(0))
	if c.chases() {
		k.I("mov.u32", word, c.tile)
	}
	for i := 0; i < tileBytes/4; i += c.threads() {
		k.I("st.shared.u32", ptx.At(c.own, 4*i), word)
	}
	if strings.HasPrefix(c.Name, "wgmma") {
		k.I("fence.proxy.async")
	}
	k.I("bar.sync", ptx.Int(0))
}

func (c *chain) chases() bool { return strings.HasPrefix(c.Name, "ldmatrix") }

// descriptor describes the tile without swizzle and without strides: every core
// matrix is the first 128 bytes.
func (c *chain) descriptor() ptx.Reg {
	d, bits := c.k.Reg(ptx.B64), c.k.Reg(ptx.B32)
	c.k.I("shr.u32", bits, c.tile, ptx.Int(4))
	c.k.I("and.b32", bits, bits, ptx.Int(0x3fff))
	c.k.I("cvt.u64.u32", d, bits)
	return d
}

func (c *chain) enter(zero ptx.Reg) {
	for _, r := range c.carried {
		harness.Entangle(c.k, r, zero)
	}
	if c.chases() {
		c.k.I("add.u32", c.carried[0], c.tile, zero)
	}
	if strings.HasPrefix(c.Name, "wgmma") {
		c.k.I("wgmma.fence.sync.aligned")
	}
}

func (c *chain) step() {
	switch {
	case c.chases():
		c.operands[1] = ptx.At(c.carried[0], 0)
	case strings.HasPrefix(c.Name, "mma."):
		c.operands[1] = c.product()
	}
	c.k.I(c.Name, c.operands...)
}

// product is A of an mma: the bits of what the step before it wrote, without
// which an emulated product would be computed once for all steps.
func (c *chain) product() ptx.Operand {
	a := make(ptx.Vec, c.spec[1].Width)
	for i := range a {
		a[i] = c.carried[i%len(c.carried)]
		if a[i].Type() == ptx.F32 {
			bits := c.k.Reg(ptx.B32)
			c.k.I("mov.b32", bits, a[i])
			a[i] = bits
		}
	}
	return a
}

// leave waits for what is under way; the word is zero if all went well.
func (c *chain) leave() ptx.Reg {
	switch {
	case strings.HasPrefix(c.Name, "wgmma"):
		c.k.I("wgmma.commit_group.sync.aligned")
		c.k.I("wgmma.wait_group.sync.aligned", ptx.Int(0))
	case strings.HasPrefix(c.Name, "cp.async"):
		c.k.I("cp.async.wait_all")
	}
	w := c.k.Reg(ptx.B32)
	if len(c.carried) == 0 {
		c.k.I("ld.volatile.shared.u32", w, ptx.At(c.tile, 0))
		return w
	}
	w = harness.Word(c.k, c.carried[0])
	if c.chases() {
		c.k.I("sub.u32", w, w, c.tile)
	}
	for _, r := range c.carried[1:] {
		if !c.chases() {
			c.k.I("or.b32", w, w, harness.Word(c.k, r))
		}
	}
	return w
}
