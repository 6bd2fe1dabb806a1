package tensor

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/gpubench/gpubench/internal/arch"
)

// element is the type of a matrix entry.
type element struct {
	name string
	// bits of an entry in memory.
	bits int
	// unit is the rate in arch.Spec that bounds products of the type.
	unit arch.Unit
	// mantissa, bias: of floats. A tf32 entry is the upper part of 32 bits.
	mantissa, bias int
}

// elements lists the types by name.
func elements() map[string]element {
	list := []element{
		{name: "f64", bits: 64, unit: arch.TensorF64, mantissa: 52, bias: 1023},
		{name: "f32", bits: 32, mantissa: 23, bias: 127},
		{name: "tf32", bits: 32, unit: arch.TensorTF32, mantissa: 10, bias: 127},
		{name: "f16", bits: 16, unit: arch.TensorF16, mantissa: 10, bias: 15},
		{name: "bf16", bits: 16, unit: arch.TensorF16, mantissa: 7, bias: 127},
		{name: "e4m3", bits: 8, unit: arch.TensorF8, mantissa: 3, bias: 7},
		{name: "e5m2", bits: 8, unit: arch.TensorF8, mantissa: 2, bias: 15},
		{name: "s32", bits: 32},
		{name: "s8", bits: 8, unit: arch.TensorS8},
		{name: "u8", bits: 8, unit: arch.TensorS8},
		{name: "s4", bits: 4, unit: arch.TensorS4},
		{name: "u4", bits: 4, unit: arch.TensorS4},
		{name: "b1", bits: 1, unit: arch.TensorB1},
	}
	byName := make(map[string]element, len(list))
	for _, e := range list {
		byName[e.name] = e
	}
	return byName
}

// float reports whether the type is a floating-point one.
func (e element) float() bool { return e.mantissa > 0 }

// The magnitudes of random floats: normal in every type down to e4m3, and small
// enough that no sum of a benchmark overflows a half.
const (
	lowExponent  = -6
	highExponent = -3
)

// random makes n bytes of entries, the same for the same type and seed: integers
// and bits of all values, floats with random sign and significand and with a
// magnitude from 2^-6 to 2^-2.
func (e element) random(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, uint64(e.bits)))
	out := make([]byte, 0, n+8)
	for len(out) < n {
		out = e.append(out, rng.Uint64())
	}
	return out[:n]
}

// exact makes n bytes of half-precision entries of few bits, from 0.5 to 1.5:
// their sums of products come out the same in whatever order and precision.
func exact(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	values := [...]uint16{0x3800, 0x3a00, 0x3c00, 0x3e00, 0xb800, 0xba00, 0xbc00, 0xbe00}
	out := make([]byte, 0, n+2)
	for len(out) < n {
		out = binary.LittleEndian.AppendUint16(out, values[rng.IntN(len(values))])
	}
	return out[:n]
}

// append adds one entry, or eight bytes of entries without structure.
func (e element) append(out []byte, r uint64) []byte {
	if !e.float() {
		return binary.LittleEndian.AppendUint64(out, r)
	}
	switch bits := e.encode(r); {
	case e.name == "tf32":
		return binary.LittleEndian.AppendUint32(out, uint32(bits)<<13)
	case e.bits == 64:
		return binary.LittleEndian.AppendUint64(out, bits)
	case e.bits == 32:
		return binary.LittleEndian.AppendUint32(out, uint32(bits))
	case e.bits == 16:
		return binary.LittleEndian.AppendUint16(out, uint16(bits))
	default:
		return append(out, byte(bits))
	}
}

// encode takes sign, exponent and significand from random bits.
func (e element) encode(r uint64) uint64 {
	exponent := uint64(e.bias+lowExponent) + r>>61%(highExponent-lowExponent+1)
	sign := r >> 60 & 1
	width := e.bits
	if e.name == "tf32" {
		width = 19
	}
	return sign<<(width-1) | exponent<<e.mantissa | r&(1<<e.mantissa-1)
}

// rateUnit is the unit of a rate on one SM, chipUnit that on the whole chip.
func (e element) rateUnit() string {
	if e.float() {
		return "FLOP/cycle/SM"
	}
	return "op/cycle/SM"
}

func (e element) chipUnit() string {
	if e.float() {
		return "TFLOP/s"
	}
	return "Top/s"
}
