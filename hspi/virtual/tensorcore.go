package virtual

import (
	"fmt"
	"math"

	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/emu/tensor"
	"github.com/gpubench/gpubench/ptx/isa"
)

// TensorCore adds products as the tensor cores of a generation do, bit for bit, in
// one chain of instructions over the whole length, from a zero on.
type TensorCore struct {
	model *tensor.Model
	bits  func(float32) uint64 // of an operand
}

// Cores is a machine that multiplies on the tensor cores of a target: operands and
// what is kept are in bf16 or f16; with tf32 float32 is kept, of which the cores see
// the upper 19 bits.
func Cores(target isa.Target, operand string) (Arithmetic, error) {
	m, err := tensor.For(target, tensor.Warp, "f32", operand, operand, "f32")
	if err != nil {
		return Arithmetic{}, fmt.Errorf("virtual tensor cores: %w", err)
	}
	a := Arithmetic{Name: operand + "-" + target.String()}
	switch operand {
	case "bf16":
		a.Round, a.Dot = BFloat16, TensorCore{m, func(v float32) uint64 { return uint64(narrow(v)) }}
	case "f16":
		a.Round, a.Dot = Float16, TensorCore{m, f16}
	case "tf32":
		const unseen = 13 // bits
		a.Round, a.Dot = Float32, TensorCore{m, func(v float32) uint64 { return uint64(math.Float32bits(v) >> unseen) }}
	default:
		return Arithmetic{}, fmt.Errorf("virtual tensor cores for %s: %w", operand, tensor.ErrUnknown)
	}
	return a, nil
}

// Float16 rounds to nearest, ties to even; what is too large becomes infinite.
func Float16(v float32) float32 { return float32(fp.F16.Float(f16(v))) }

func f16(v float32) uint64 { return fp.F16.Round(float64(v), fp.RN) }

// Row implements Dot: the numbers taken apart.
func (t TensorCore) Row(values []float32) Row {
	v := tensor.NewVector(len(values))
	for k, x := range values {
		t.model.SetA(v, k, t.bits(x)) // both sides have one format
	}
	return v
}

// Dot implements Dot.
func (t TensorCore) Dot(a, b Row) float32 {
	left, ok := a.(*tensor.Vector)
	right, also := b.(*tensor.Vector)
	if !ok || !also {
		return float32(math.NaN())
	}
	return math.Float32frombits(uint32(t.model.Dot(left, right, 0)))
}
