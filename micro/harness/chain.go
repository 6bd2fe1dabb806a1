// Package harness makes the two kernels that most microbenchmarks are built on,
// a latency kernel and a throughput kernel, and turns their samples into rows.
//
// A benchmark supplies only a Chain: how to load its operands, how to do one
// step, and how to make a 32-bit word of the outcome.
package harness

import "github.com/gpubench/gpubench/ptx"

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

// fold combines the outcomes of several chains into one word.
func fold(k *ptx.Kernel, chains []Chain) ptx.Reg {
	sum := chains[0].Leave()
	for _, c := range chains[1:] {
		next := k.Reg(ptx.B32)
		k.I("add.u32", next, sum, c.Leave())
		sum = next
	}
	return sum
}

// Register is the common chain of a scalar instruction: one carried register
// of type t, loaded from input word 0, and n operands from the words after it.
// Words are 8 bytes apart. step must write x from x and the operands c.
//
// Chain i starts at word 0 too, but entangled with the thread's number, so that
// no two lanes and no two chains can be merged by the compiler.
func Register(t ptx.Type, n int, step func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg)) Maker {
	return func(k *ptx.Kernel, in ptx.Reg, i int) Chain {
		x := k.Reg(t)
		load(k, x, in, 8*(i%4))
		c := k.Regs(t, n)
		for j := range c {
			load(k, c[j], in, 32+8*j)
		}
		return Chain{
			Enter: func(zero ptx.Reg) { Entangle(k, x, zero) },
			Step:  func() { step(k, x, c) },
			Leave: func() ptx.Reg { return Word(k, x) },
		}
	}
}

func load(k *ptx.Kernel, r, base ptx.Reg, offset int) {
	k.I("ld.global."+string(r.Type()), r, ptx.At(base, offset))
}

// Entangle adds zero (b32, 0 at run time) to the bits of x, whatever its type.
func Entangle(k *ptx.Kernel, x, zero ptx.Reg) {
	switch x.Type() {
	case ptx.B32:
		k.I("or.b32", x, x, zero)
	case ptx.F32:
		bits := k.Reg(ptx.B32)
		k.I("mov.b32", bits, x)
		k.I("or.b32", bits, bits, zero)
		k.I("mov.b32", x, bits)
	case ptx.B64:
		wide := k.Reg(ptx.B64)
		k.I("cvt.u64.u32", wide, zero)
		k.I("or.b64", x, x, wide)
	case ptx.F64:
		wide, bits := k.Reg(ptx.B64), k.Reg(ptx.B64)
		k.I("cvt.u64.u32", wide, zero)
		k.I("mov.b64", bits, x)
		k.I("or.b64", bits, bits, wide)
		k.I("mov.b64", x, bits)
	}
}

// Word makes a b32 register of the bits of x; the halves of a 64-bit value are added.
func Word(k *ptx.Kernel, x ptx.Reg) ptx.Reg {
	w := k.Reg(ptx.B32)
	switch x.Type() {
	case ptx.B32, ptx.F32:
		k.I("mov.b32", w, x)
	case ptx.B64, ptx.F64:
		bits, high := k.Reg(ptx.B64), k.Reg(ptx.B32)
		k.I("mov.b64", bits, x)
		k.I("mov.b64", ptx.Vec{w, high}, bits)
		k.I("add.u32", w, w, high)
	}
	return w
}
