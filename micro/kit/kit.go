// Package kit holds the small pieces of code that the kernels of memory,
// cluster and async have in common.
package kit

import (
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

// Read makes a b32 register with the value of a 32-bit special register.
func Read(k *ptx.Kernel, special ptx.Special) ptx.Reg {
	r := k.Reg(ptx.B32)
	k.I("mov.u32", r, special)
	return r
}

// For adds "for i = from; i < to; i += step", on b32 values; it may run no pass at all.
func For(k *ptx.Kernel, from, to, step ptx.Operand, body func(i ptx.Reg)) {
	i, over := k.Reg(ptx.B32), k.Reg(ptx.Pred)
	k.I("mov.b32", i, from)
	top := k.NewLabel("for")
	end := k.NewLabel("end")
	k.Place(top)
	k.Pragma("nounroll")
	k.I("setp.ge.u32", over, i, to)
	k.If(over).I("bra", end)
	body(i)
	k.I("add.u32", i, i, step)
	k.I("bra", top)
	k.Place(end)
}

// When adds code that runs only where two b32 values compare so ("eq", "lt").
func When(k *ptx.Kernel, comparison string, a, b ptx.Operand, body func()) {
	yes := k.Reg(ptx.Pred)
	skip := k.NewLabel("skip")
	k.I("setp."+comparison+".u32", yes, a, b)
	k.IfNot(yes).I("bra", skip)
	body()
	k.Place(skip)
}

// Sum adds words to an accumulator, in place.
func Sum(k *ptx.Kernel, acc ptx.Reg, words ...ptx.Reg) {
	for _, w := range words {
		k.I("add.u32", acc, acc, w)
	}
}

// Await stores a word to shared memory, so that a clock read that follows
// comes after whatever made the word.
func Await(k *ptx.Kernel, sink, word ptx.Reg) {
	k.I("st.volatile.shared.u32", ptx.At(sink, 0), word)
}

// Multiples are the loads of the launches of a bandwidth round, in units of the
// first; the sample layout of package harness.
func Multiples() []int { return []int{1, 2, 3} }

// ProvenByScaling is the proof of a rate where the machine code gave none.
func ProvenByScaling(row *micro.Row, m *micro.Measured, rates harness.Rates) {
	if m.Proof.Kind == "" || m.Proof.Kind == results.ProofNone {
		if proof := rates.ScalingProof(); proof.Kind == results.ProofScaling {
			row.Proof = proof
		}
	}
}
