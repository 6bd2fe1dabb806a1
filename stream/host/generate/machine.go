package main

import (
	"log"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// machine writes vector instructions of one width for one element type. Its
// methods have two operands, as SSE2 has: the last one is changed.
type machine struct {
	*build.Context
	signature *gotypes.Signature // func(b *block)

	isa   string // Go constant of the isa
	width int    // bytes of a vector
	size  int    // bytes of an element
}

func machines(c *build.Context, s *gotypes.Signature) []machine {
	return []machine{
		{c, s, "AVX512", 64, 8}, {c, s, "AVX512", 64, 4},
		{c, s, "AVX2", 32, 8}, {c, s, "AVX2", 32, 4},
		{c, s, "SSE2", 16, 8}, {c, s, "SSE2", 16, 4},
	}
}

func (m machine) typ() string { return map[int]string{8: "F64", 4: "F32"}[m.size] }

// name is the function of a part: "triadNTAVX512F64".
func (m machine) name(part string, nt bool) string {
	part = strings.ToLower(part[:1]) + part[1:]
	if nt {
		part += "NT"
	}
	return part + m.isa + m.typ()
}

func (m machine) vector() reg.VecVirtual {
	switch m.width {
	case 64:
		return m.ZMM()
	case 32:
		return m.YMM()
	}
	return m.XMM()
}

func (m machine) sse() bool { return m.width == 16 }

// pick is the double or the single precision form of an instruction.
func pick[F any](m machine, double, single F) F {
	if m.size == 8 {
		return double
	}
	return single
}

func (m machine) load(from operand.Mem) reg.VecVirtual {
	r := m.vector()
	m.move(from, r)
	return r
}

func (m machine) move(from, to operand.Op) {
	if m.sse() {
		pick(m, m.MOVUPD, m.MOVUPS)(from, to)
		return
	}
	pick(m, m.VMOVUPD, m.VMOVUPS)(from, to)
}

func (m machine) store(r reg.VecVirtual, to operand.Mem, nt bool) {
	switch {
	case !nt:
		m.move(r, to)
	case m.sse():
		pick(m, m.MOVNTPD, m.MOVNTPS)(r, to)
	default:
		pick(m, m.VMOVNTPD, m.VMOVNTPS)(r, to)
	}
}

// value is a memory operand, or for SSE2, which wants those aligned, a register.
func (m machine) value(x operand.Op) operand.Op {
	if at, ok := x.(operand.Mem); ok && m.sse() {
		return m.load(at)
	}
	return x
}

// add is acc += x.
func (m machine) add(x operand.Op, acc reg.VecVirtual) {
	x = m.value(x)
	if m.sse() {
		pick(m, m.ADDPD, m.ADDPS)(x, acc)
		return
	}
	pick(m, m.VADDPD, m.VADDPS)(x, acc, acc)
}

// mul is acc *= x.
func (m machine) mul(x operand.Op, acc reg.VecVirtual) {
	x = m.value(x)
	if m.sse() {
		pick(m, m.MULPD, m.MULPS)(x, acc)
		return
	}
	pick(m, m.VMULPD, m.VMULPS)(x, acc, acc)
}

// scaleAdd is acc = acc*s + x.
func (m machine) scaleAdd(s reg.VecVirtual, x operand.Op, acc reg.VecVirtual) {
	if m.sse() {
		m.mul(s, acc)
		m.add(x, acc)
		return
	}
	pick(m, m.VFMADD213PD, m.VFMADD213PS)(x, s, acc)
}

// addProduct is acc += x*y; x may be lost.
func (m machine) addProduct(x reg.VecVirtual, y operand.Op, acc reg.VecVirtual) {
	if m.sse() {
		m.mul(y, x)
		m.add(x, acc)
		return
	}
	pick(m, m.VFMADD231PD, m.VFMADD231PS)(y, x, acc)
}

func (m machine) zero() reg.VecVirtual {
	r := m.vector()
	switch m.width {
	case 64:
		m.VPXORQ(r, r, r)
	case 32:
		pick(m, m.VXORPD, m.VXORPS)(r, r, r)
	default:
		m.PXOR(r, r)
	}
	return r
}

// broadcast fills a vector with a scalar in memory.
func (m machine) broadcast(from operand.Mem) reg.VecVirtual {
	r := m.vector()
	switch {
	case !m.sse():
		pick(m, m.VBROADCASTSD, m.VBROADCASTSS)(from, r)
	case m.size == 8:
		m.MOVSD(from, r)
		m.UNPCKLPD(r, r)
	default:
		m.MOVSS(from, r)
		m.SHUFPS(operand.U8(0), r, r)
	}
	return r
}

// frame is a kernel under construction: the pointers behind their n bytes, and
// an index that counts from -n to 0.
type frame struct {
	machine
	block gotypes.Component
	base  map[string]reg.GPVirtual
	index reg.GPVirtual
}

// begin opens a function that walks the arrays named.
func (m machine) begin(name, doc string, arrays ...string) frame {
	m.Function(name)
	m.Attributes(attr.NOSPLIT)
	m.Signature(m.signature)
	m.Doc(name + " " + doc)
	m.Pragma("noescape")
	f := frame{machine: m, block: m.Dereference(m.Param("b")), base: map[string]reg.GPVirtual{}, index: m.GP64()}
	f.MOVQ(f.field("n"), f.index)
	for _, a := range arrays {
		p := f.GP64()
		f.MOVQ(f.field(a), p)
		f.ADDQ(f.index, p)
		f.base[a] = p
	}
	return f
}

// scalar broadcasts the field s or t of the block.
func (f frame) scalar(field string) reg.VecVirtual {
	if f.size == 4 {
		field += "f32"
	}
	return f.broadcast(f.field(field))
}

// field is where a field of the block is.
func (f frame) field(name string) operand.Mem {
	return resolve(f.block.Field(name))
}

// resolve is the address of a component; a program that names none is wrong and stops.
func resolve(c gotypes.Component) operand.Mem {
	at, err := c.Resolve()
	if err != nil {
		log.Fatalf("generate: the layout of block: %v", err)
	}
	return at.Addr
}

// at is the i-th vector of an array in this round of the loop.
func (f frame) at(array string, i int) operand.Mem {
	return operand.Mem{Base: f.base[array], Index: f.index, Scale: 1, Disp: i * f.width}
}

// loop writes body for each of count vectors, over and over until n bytes are done.
func (f frame) loop(count int, body func(i int)) {
	f.NEGQ(f.index)
	f.Label("loop")
	for i := range count {
		body(i)
	}
	f.ADDQ(operand.I32(count*f.width), f.index)
	f.JNE(operand.LabelRef("loop"))
}

// out is the i-th vector of the block's results.
func (f frame) out(i int) operand.Mem {
	return resolve(f.block.Field("out").Index(0)).Offset(i * f.width)
}

// end closes the function; stores that went around the caches are fenced.
func (f frame) end(nt bool) {
	if nt {
		f.SFENCE()
	}
	if !f.sse() {
		f.VZEROUPPER()
	}
	f.RET()
}
