package ptx

import (
	"fmt"
	"math"
	"strings"

	"github.com/gpubench/gpubench/ptx/isa"
)

// Operand is anything that may stand at an operand position of an instruction.
type Operand interface {
	// text is the operand as PTX spells it.
	text() string
	// accepts reports whether the operand may stand where the form wants class c.
	accepts(c isa.Class) bool
}

// Type is the declared type of a register.
type Type string

// Register types. A b32 register holds 32-bit integers and packed halves, a
// b64 register 64-bit integers and addresses.
const (
	Pred Type = "pred"
	B16  Type = "b16"
	B32  Type = "b32"
	B64  Type = "b64"
	F32  Type = "f32"
	F64  Type = "f64"
)

var registerPrefix = map[Type]string{Pred: "%p", B16: "%h", B32: "%r", B64: "%rd", F32: "%f", F64: "%fd"}

var registerClass = map[Type]isa.Class{
	Pred: isa.Pred, B16: isa.B16, B32: isa.B32, B64: isa.B64, F32: isa.F32, F64: isa.F64,
}

// Reg is a virtual register of one kernel. The zero Reg is undefined and
// refused by every instruction.
type Reg struct {
	typ    Type
	id     int
	kernel *Kernel
}

// Type is the declared type.
func (r Reg) Type() Type { return r.typ }

// ID numbers the registers of one type within a kernel, from 1.
func (r Reg) ID() int { return r.id }

func (r Reg) text() string {
	if r.kernel == nil {
		return "an undefined register"
	}
	return fmt.Sprintf("%s%d", registerPrefix[r.typ], r.id)
}
func (r Reg) accepts(c isa.Class) bool { return r.kernel != nil && registerClass[r.typ] == c }

// Vec is a braced list of registers, {%f1, %f2}.
type Vec []Reg

func (v Vec) text() string {
	parts := make([]string, len(v))
	for i, r := range v {
		parts[i] = r.text()
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (v Vec) accepts(c isa.Class) bool {
	for _, r := range v {
		if !r.accepts(c) {
			return false
		}
	}
	return true
}

// Int is an integer immediate.
type Int int64

func (i Int) text() string { return fmt.Sprintf("%d", int64(i)) }
func (i Int) accepts(c isa.Class) bool {
	return c == isa.B32 || c == isa.B64 || c == isa.B16 || c == isa.Imm
}

// fitsIn reports whether the value is a signed or unsigned number of the class's width.
func (i Int) fitsIn(c isa.Class) bool {
	switch c {
	case isa.B16:
		return i >= math.MinInt16 && i <= math.MaxUint16
	case isa.B32:
		return i >= math.MinInt32 && i <= math.MaxUint32
	}
	return true
}

// Float is a floating-point immediate, written as its exact bits.
type Float float64

func (f Float) text() string { return fmt.Sprintf("0d%016X", math.Float64bits(float64(f))) }
func (f Float) textFor(c isa.Class) string {
	if c == isa.F32 {
		return fmt.Sprintf("0f%08X", math.Float32bits(float32(f)))
	}
	return f.text()
}
func (f Float) accepts(c isa.Class) bool { return c == isa.F32 || c == isa.F64 }

// Special is a special register, such as "%clock64" or "%laneid".
type Special string

func (s Special) text() string             { return string(s) }
func (s Special) accepts(c isa.Class) bool { return c == isa.Special }

// Label is a branch target of the kernel; place it with Kernel.Place.
type Label string

func (l Label) text() string             { return string(l) }
func (l Label) accepts(c isa.Class) bool { return c == isa.Label }

// Symbol names a shared variable, for taking its address.
type Symbol string

func (s Symbol) text() string             { return string(s) }
func (s Symbol) accepts(c isa.Class) bool { return c == isa.Symbol }

// Mem is a memory operand, [Base+Offset]; the offset is in bytes.
type Mem struct {
	// Base is a b64 or b32 address register; undefined if Symbol is given.
	Base Reg
	// Symbol is a shared variable or parameter name.
	Symbol Symbol
	Offset int
}

// At is the memory operand [base+offset].
func At(base Reg, offset int) Mem { return Mem{Base: base, Offset: offset} }

func (m Mem) text() string {
	name := string(m.Symbol)
	if name == "" {
		name = m.Base.text()
	}
	if m.Offset == 0 {
		return "[" + name + "]"
	}
	return fmt.Sprintf("[%s+%d]", name, m.Offset) // PTX writes a negative offset as +-8
}

func (m Mem) accepts(c isa.Class) bool {
	addressed := m.Symbol != "" || m.Base.accepts(isa.B64) || m.Base.accepts(isa.B32)
	return c == isa.Address && addressed
}

// TensorAt is the source or destination of a tensor copy: a tensor map's
// address and the coordinates of the box, innermost first.
type TensorAt struct {
	Map    Reg
	Coords Vec
}

func (t TensorAt) text() string { return "[" + t.Map.text() + ", " + t.Coords.text() + "]" }
func (t TensorAt) accepts(c isa.Class) bool {
	return c == isa.TensorOp && t.Map.accepts(isa.B64) && t.Coords.accepts(isa.B32)
}
