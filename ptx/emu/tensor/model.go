// Package tensor is the arithmetic of the tensor cores, bit for bit: a fused
// dot product whose terms are aligned to the largest exponent, cut off below a
// fixed number of fraction bits, added exactly, and rounded once. What differs
// between generations and units is a handful of parameters.
//
// The parameters are measured (MMA-Sim, arXiv 2511.10909; Khattak and Mikaitis,
// arXiv 2512.07004) and were checked against an H200: dense mma.sync with f16,
// bf16, tf32 and fp8 operands, and dense wgmma with f32 accumulators. Hypotheses
// are: sparse products (taken as dense ones over the compact elements), wgmma
// with f16 accumulators, and the sign of a zero.
package tensor

import (
	"errors"
	"fmt"
	"math"

	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/isa"
)

// ErrUnknown marks a combination of target and types without a model.
var ErrUnknown = errors.New("no arithmetic model")

// Unit is what executes the instruction.
type Unit uint8

// Units.
const (
	Warp      Unit = iota // mma.sync, mma.sp
	Warpgroup             // wgmma
)

// Model is the arithmetic of one instruction on one target.
type Model struct {
	// A, B, C and D are the formats of the operands; TF32 means the upper 19 bits.
	A, B, C, D fp.Format
	// Block is the most products that are added at once (L).
	Block int
	// Fraction is the number of bits kept below the largest exponent (F).
	Fraction int
	// Floor is the least exponent to which terms are aligned: that of a zero.
	Floor int
	// Cut says that an f32 result keeps 13 fraction bits only.
	Cut bool
	// Halves says that 8-bit operands are converted to f16, multiplied in two
	// steps by k mod 4, and that C is added last by an ordinary addition.
	Halves bool

	up uint // shift of a product to the kept fraction
}

// formats of the types' names.
func formatOf(t string) (fp.Format, bool) {
	switch t {
	case "f16":
		return fp.F16, true
	case "bf16":
		return fp.BF16, true
	case "tf32":
		return fp.TF32, true
	case "f32":
		return fp.F32, true
	case "e4m3":
		return fp.E4M3, true
	case "e5m2":
		return fp.E5M2, true
	}
	return fp.Format{}, false
}

// generation holds what instructions of one architecture share.
type generation struct {
	half, tf32, byteBlock int // block lengths
	fraction              int
}

func generationOf(t isa.Target) generation {
	switch {
	case t < isa.SM75:
		return generation{half: 4, fraction: 23}
	case t < isa.SM80:
		return generation{half: 8, fraction: 24}
	case t < isa.SM90:
		return generation{half: 8, tf32: 4, byteBlock: 16, fraction: 24}
	}
	return generation{half: 16, tf32: 8, byteBlock: 32, fraction: 25}
}

// For gives the model of an instruction with operand types a and b, accumulator
// type c and result type d.
func For(target isa.Target, unit Unit, d, a, b, c string) (*Model, error) {
	m := &Model{}
	for _, f := range []struct {
		to   *fp.Format
		name string
	}{{&m.A, a}, {&m.B, b}, {&m.C, c}, {&m.D, d}} {
		format, ok := formatOf(f.name)
		if !ok {
			return nil, fmt.Errorf("type %s: %w", f.name, ErrUnknown)
		}
		*f.to = format
	}
	g := generationOf(target)
	m.Fraction = g.fraction
	m.Floor = -108 - g.fraction
	if m.D == fp.F16 && unit == Warp {
		m.Floor = 3 - g.fraction
	}
	switch a {
	case "f16", "bf16":
		m.Block = g.half
	case "tf32":
		m.Block = g.tf32
	default:
		m.bytes(target, unit, g)
	}
	if m.Block == 0 || target.Base() > isa.SM90 && m.Halves {
		return nil, fmt.Errorf("%s of %s and %s on %s: %w", d, a, b, target, ErrUnknown)
	}
	m.prepare()
	return m, nil
}

// bytes sets the parameters of 8-bit floats.
func (m *Model) bytes(target isa.Target, unit Unit, g generation) {
	if unit == Warp && target >= isa.SM90 {
		m.Halves, m.Block = true, g.half
		return
	}
	m.Block, m.Fraction = g.byteBlock, 13
	m.Cut = m.D == fp.F32
}

func (m *Model) prepare() {
	a, b := m.A.ManBits, m.B.ManBits
	if m.Halves {
		a, b = fp.F16.ManBits, fp.F16.ManBits
	}
	m.up = uint(m.Fraction - a - b)
}

// Vector is a row of A or a column of B, taken apart.
type Vector struct {
	sig, exp []int32
	flags    []uint8
	special  bool
	// any says that an element was set that is not zero.
	any bool
}

// Flags of an element.
const (
	negative = 1 << iota
	infinite
	notANumber
)

// zeroExp is the exponent of a zero: below every floor.
const zeroExp = -1 << 20

// NewVector makes a vector of n zeros.
func NewVector(n int) *Vector {
	v := &Vector{sig: make([]int32, n), exp: make([]int32, n), flags: make([]uint8, n)}
	for i := range v.exp {
		v.exp[i] = zeroExp
	}
	return v
}

// Reset forgets what elements there were; call it before filling in all of them anew.
func (v *Vector) Reset() { v.special, v.any = false, false }

// SetA fills in element k of a row of A, SetB one of a column of B.
func (m *Model) SetA(v *Vector, k int, bits uint64) { m.set(v, k, m.A, bits) }

// SetB fills in element k of a column of B.
func (m *Model) SetB(v *Vector, k int, bits uint64) { m.set(v, k, m.B, bits) }

func (m *Model) set(v *Vector, k int, f fp.Format, bits uint64) {
	if m.Halves {
		bits, f = fp.F16.Round(f.Float(bits), fp.RN), fp.F16
		n := len(v.sig)
		k = k>>2<<1 + k&1 + k>>1&1*(n/2)
	}
	p := f.Split(bits)
	v.sig[k], v.exp[k], v.flags[k] = int32(p.Sig), int32(p.Exp), 0
	if p.Sig == 0 {
		v.exp[k] = zeroExp
	} else {
		v.any = true
	}
	if p.Neg {
		v.sig[k] = -v.sig[k]
		v.flags[k] = negative
	}
	switch p.Class {
	case fp.Infinite:
		v.flags[k] |= infinite
		v.special = true
	case fp.NotANumber:
		v.flags[k] |= notANumber
		v.special = true
	}
}

// Pick copies the elements of v at the positions to w: what a sparse row meets of a column.
func (m *Model) Pick(w, v *Vector, positions []int) {
	w.special, w.any = v.special, v.any
	n := len(positions)
	for i, k := range positions {
		if m.Halves { // both are kept in the order of the two steps
			k = k>>2<<1 + k&1 + k>>1&1*(len(v.sig)/2)
			i = i>>2<<1 + i&1 + i>>1&1*(n/2)
		}
		w.sig[i], w.exp[i], w.flags[i] = v.sig[k], v.exp[k], v.flags[k]
	}
}

// Dot is the result for a row of A, a column of B and an accumulator.
func (m *Model) Dot(a, b *Vector, c uint64) uint64 {
	n := len(a.sig)
	if m.Halves {
		return m.halves(a, b, c)
	}
	format := m.C
	for lo := 0; lo < n; lo += m.Block {
		c = m.block(a, b, lo, min(lo+m.Block, n), c, format)
		format = m.D
	}
	return c
}

// halves is the product of 8-bit floats by f16 instructions.
func (m *Model) halves(a, b *Vector, c uint64) uint64 {
	n, sum := len(a.sig), uint64(0)
	step := min(m.Block, n/2)
	for lo := 0; lo < n; lo += step {
		sum = m.block(a, b, lo, lo+step, sum, m.D)
	}
	return m.D.Round(fp.AddOdd(m.D.Float(sum), m.C.Float(c)), fp.RN)
}

// block is one fused dot product.
func (m *Model) block(a, b *Vector, lo, hi int, c uint64, format fp.Format) uint64 {
	p := format.Split(c)
	if a.special || b.special || p.Class != fp.Finite {
		if bits, ok := m.specials(a, b, lo, hi, p); ok {
			return bits
		}
	}
	as, bs := a.sig[lo:hi], b.sig[lo:hi]
	ae, be := a.exp[lo:hi], b.exp[lo:hi]
	if !a.any || !b.any { // nothing to add to c
		as = nil
	}
	bs, ae, be = bs[:len(as)], ae[:len(as)], be[:len(as)]
	top := int32(m.Floor)
	if p.Sig != 0 {
		top = max(top, int32(p.Exp))
	}
	for k := range as {
		top = max(top, ae[k]+be[k])
	}
	var sum int64
	for k := range as {
		t := int64(as[k]) * int64(bs[k]) << m.up
		down := uint(min(top-ae[k]-be[k], 62))
		sum += (t + t>>63&(1<<down-1)) >> down // toward zero
	}
	sum += accumulator(p, m.Fraction-format.ManBits-int(top)+p.Exp)
	if sum == 0 {
		return m.zero(a, b, lo, hi, p)
	}
	return m.round(float64(sum) * pow2(int(top)-m.Fraction))
}

// accumulator is c in units of the last kept bit, cut toward zero.
func accumulator(p fp.Parts, shift int) int64 {
	if p.Sig == 0 {
		return 0
	}
	v := int64(p.Sig)
	if shift >= 0 {
		v <<= shift
	} else {
		v >>= min(-shift, 63)
	}
	if p.Neg {
		v = -v
	}
	return v
}

// zero is the result of a sum of nothing: -0 if all terms are -0.
func (m *Model) zero(a, b *Vector, lo, hi int, c fp.Parts) uint64 {
	if c.Sig != 0 || !c.Neg {
		return 0
	}
	for k := lo; k < hi; k++ {
		if a.sig[k] != 0 && b.sig[k] != 0 || (a.flags[k]^b.flags[k])&negative == 0 {
			return 0
		}
	}
	return m.D.SignBit()
}

// specials gives the result if an infinity or NaN takes part.
func (m *Model) specials(a, b *Vector, lo, hi int, c fp.Parts) (uint64, bool) {
	var positive, minus bool
	infinity := func(neg bool) {
		minus = minus || neg
		positive = positive || !neg
	}
	switch c.Class {
	case fp.NotANumber:
		return m.D.NaN(), true
	case fp.Infinite:
		infinity(c.Neg)
	}
	for k := lo; k < hi; k++ {
		x, y := a.flags[k], b.flags[k]
		if (x|y)&(infinite|notANumber) == 0 {
			continue
		}
		nothing := a.sig[k] == 0 && x&infinite == 0 || b.sig[k] == 0 && y&infinite == 0
		if (x|y)&notANumber != 0 || nothing {
			return m.D.NaN(), true
		}
		infinity((x^y)&negative != 0)
	}
	switch {
	case positive && minus:
		return m.D.NaN(), true
	case positive:
		return m.D.Inf(), true
	case minus:
		return m.D.Inf() | m.D.SignBit(), true
	}
	return 0, false
}

func pow2(e int) float64 { return math.Float64frombits(uint64(e+1023) << 52) }

// round rounds the exact sum: to nearest in f16, toward zero in f32; too large
// is infinity in both.
func (m *Model) round(x float64) uint64 {
	bits := math.Float64bits(x)
	e := int(bits>>52&0x7FF) - 1023
	if m.D == fp.F16 {
		if e >= -14 && e <= 15 {
			v := bits&(1<<63-1) - (1023-15)<<52
			v += 1<<41 - 1 + v>>42&1
			return bits>>48&0x8000 | v>>42
		}
		return fp.F16.Round(x, fp.RN)
	}
	sign := bits >> 32 & 0x80000000
	var v uint64
	switch {
	case e > 127:
		return sign | fp.F32.Inf()
	case e >= -126:
		v = sign | uint64(e+127)<<23 | bits>>29&(1<<23-1)
	default:
		v = fp.F32.Round(x, fp.RZ)
	}
	if m.Cut {
		v &^= 1<<10 - 1
	}
	return v
}
