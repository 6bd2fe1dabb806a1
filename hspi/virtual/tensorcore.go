package virtual

import (
	"fmt"
	"math"
	"sync"

	emulated "github.com/gpubench/gpubench/ptx/emu/tensor"
	"github.com/gpubench/gpubench/ptx/isa"
)

// TensorCore adds products as the tensor cores of a generation do, bit for bit, in
// one chain of instructions over the whole length, from a zero on.
type TensorCore struct {
	model   *emulated.Model
	scratch *sync.Pool // pairs of vectors
}

// BF16Cores keeps bfloat16 and multiplies on the tensor cores of a target.
func BF16Cores(target isa.Target) (Arithmetic, error) {
	m, err := emulated.For(target, emulated.Warp, "f32", "bf16", "bf16", "f32")
	if err != nil {
		return Arithmetic{}, fmt.Errorf("virtual tensor cores: %w", err)
	}
	return Arithmetic{"bf16-" + target.String(), BFloat16, &TensorCore{m, &sync.Pool{New: func() any { return new(pair) }}}}, nil
}

// pair is a row and a column of n elements, taken apart.
type pair struct {
	n    int
	a, b *emulated.Vector
}

// Dot implements Dot.
func (t *TensorCore) Dot(a, b []float32) float32 {
	p, ok := t.scratch.Get().(*pair)
	if !ok || p.n != len(a) {
		p = &pair{len(a), emulated.NewVector(len(a)), emulated.NewVector(len(a))}
	}
	defer t.scratch.Put(p)
	p.a.Reset()
	p.b.Reset()
	for k := range a {
		t.model.SetA(p.a, k, uint64(math.Float32bits(a[k])>>16))
		t.model.SetB(p.b, k, uint64(math.Float32bits(b[k])>>16))
	}
	return math.Float32frombits(uint32(t.model.Dot(p.a, p.b, 0)))
}
