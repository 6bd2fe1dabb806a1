// Package harness makes the two kernels that most microbenchmarks are built on,
// a latency kernel and a throughput kernel, and turns their samples into rows.
//
// A benchmark supplies only a Chain: how to load its operands, how to do one
// step, and how to make a 32-bit word of the outcome. A Script writes the chain
// of a scalar instruction as data.
package harness

import (
	"encoding/binary"

	"github.com/gpubench/gpubench/ptx"
)

// Chain is a dependent chain of one instruction, as code that adds to a kernel.
type Chain struct {
	// Enter makes the carried value depend on zero, a b32 register that holds 0
	// at run time but that the compiler cannot know, so that no step can be
	// moved before the clock read that zero was made of. nil in throughput
	// kernels' chains is allowed; a latency chain needs it.
	Enter func(zero ptx.Reg)
	// Step adds the next link: it reads what the link before it wrote.
	Step func()
	// Leave returns a b32 register that depends on the last link.
	Leave func() ptx.Reg
}

// Maker adds the code that loads a chain's operands from the input buffer at
// address in (b64) to a kernel, and returns the chain. It is called once per
// chain: the i-th chain of a kernel must use registers of its own.
type Maker func(k *ptx.Kernel, in ptx.Reg, i int) Chain

// Layout of the input buffer of Register and Script, in words of 8 bytes: lane
// l of chain i starts at word l+i, so that no two lanes and no two chains hold
// the same value; the operands follow.
const (
	StartWords = 64
	MaxChains  = 16
)

// Input makes an input buffer for Register and Script: starts by index, then
// the operands.
func Input(start func(i int) uint64, operands ...uint64) []byte {
	b := make([]byte, 0, 8*(StartWords+len(operands)))
	for i := range StartWords {
		b = binary.LittleEndian.AppendUint64(b, start(i))
	}
	for _, o := range operands {
		b = binary.LittleEndian.AppendUint64(b, o)
	}
	return b
}

// Register is the common chain of a scalar instruction: one carried register
// of type t and n operands, loaded as Input lays them out. step must write x
// from x and the operands c.
func Register(t ptx.Type, n int, step func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg)) Maker {
	return func(k *ptx.Kernel, in ptx.Reg, i int) Chain {
		x := start(k, starts(k, in), t, i%MaxChains)
		c := k.Regs(t, n)
		for j := range c {
			load(k, c[j], in, 8*(StartWords+j))
		}
		return Chain{
			Enter: func(zero ptx.Reg) { x.enter(k, zero) },
			Step:  func() { step(k, x.now, c) },
			Leave: func() ptx.Reg { return Word(k, x.now) },
		}
	}
}

// carried is a value that goes from step to step. It starts afresh whenever the
// chain is entered: a value carried on from one timed section to the next, and
// around the loop, would cost some sections a move and others none.
type carried struct{ first, now ptx.Reg }

// start loads a start word.
func start(k *ptx.Kernel, base ptx.Reg, t ptx.Type, word int) carried {
	c := carried{k.Reg(t), k.Reg(t)}
	load(k, c.first, base, 8*word)
	k.I("mov."+string(t), c.now, c.first)
	return c
}

func (c carried) enter(k *ptx.Kernel, zero ptx.Reg) {
	k.I("mov."+string(c.now.Type()), c.now, c.first)
	Entangle(k, c.now, zero)
}

// starts is the address of the lane's first start word.
func starts(k *ptx.Kernel, in ptx.Reg) ptx.Reg {
	lane, address := k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("mov.u32", lane, ptx.Special("%laneid"))
	k.I("mad.wide.u32", address, lane, ptx.Int(8), in)
	return address
}

func load(k *ptx.Kernel, r, base ptx.Reg, offset int) {
	k.I("ld.global."+string(r.Type()), r, ptx.At(base, offset))
}

// Entangle adds zero (b32, 0 at run time) to the bits of x, whatever its type.
func Entangle(k *ptx.Kernel, x, zero ptx.Reg) {
	switch x.Type() {
	case ptx.B32:
		k.I("or.b32", x, x, zero)
	case ptx.B16:
		bits, rest := k.Reg(ptx.B32), k.Reg(ptx.B16)
		k.I("mov.b32", bits, ptx.Vec{x, x})
		k.I("or.b32", bits, bits, zero)
		k.I("mov.b32", ptx.Vec{x, rest}, bits)
	case ptx.F32:
		bits := k.Reg(ptx.B32)
		k.I("mov.b32", bits, x)
		k.I("or.b32", bits, bits, zero)
		k.I("mov.b32", x, bits)
	case ptx.B64:
		wide := k.Reg(ptx.B64)
		k.I("mov.b64", wide, ptx.Vec{zero, zero}) // half a value that is known early is half a chain
		k.I("or.b64", x, x, wide)
	case ptx.F64:
		wide, bits := k.Reg(ptx.B64), k.Reg(ptx.B64)
		k.I("mov.b64", wide, ptx.Vec{zero, zero})
		k.I("mov.b64", bits, x)
		k.I("or.b64", bits, bits, wide)
		k.I("mov.b64", x, bits)
	}
}

// Word makes a b32 register of the bits of x; the halves of a 64-bit value are
// combined by exclusive or, so that both are waited for.
func Word(k *ptx.Kernel, x ptx.Reg) ptx.Reg {
	w := k.Reg(ptx.B32)
	switch x.Type() {
	case ptx.B32, ptx.F32:
		k.I("mov.b32", w, x)
	case ptx.B16:
		k.I("mov.b32", w, ptx.Vec{x, x})
	case ptx.B64, ptx.F64:
		bits, high := k.Reg(ptx.B64), k.Reg(ptx.B32)
		k.I("mov.b64", bits, x)
		k.I("mov.b64", ptx.Vec{w, high}, bits)
		k.I("xor.b32", w, w, high)
	}
	return w
}
