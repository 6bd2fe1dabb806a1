package tensor

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// mma is one form of mma.sync or mma.sp.
type mma struct {
	shape   string
	in, acc element
	sparse  bool
	// op is "xor" or "and" for single bits.
	op string
}

// mmaList lists the forms that are measured: every shape and type, both operands
// of one type.
func mmaList() []mma {
	types := elements()
	var list []mma
	add := func(sparse bool, in, acc string, shapes ...string) {
		for _, s := range shapes {
			list = append(list, mma{shape: s, in: types[in], acc: types[acc], sparse: sparse})
		}
	}
	add(false, "f16", "f32", "m16n8k16", "m16n8k8", "m8n8k4")
	add(false, "f16", "f16", "m16n8k16", "m16n8k8", "m8n8k4")
	add(false, "bf16", "f32", "m16n8k16", "m16n8k8")
	add(false, "tf32", "f32", "m16n8k8", "m16n8k4")
	add(false, "f64", "f64", "m16n8k16", "m16n8k8", "m16n8k4", "m8n8k4")
	add(false, "e4m3", "f32", "m16n8k32", "m16n8k16")
	add(false, "e4m3", "f16", "m16n8k32", "m16n8k16")
	add(false, "e5m2", "f32", "m16n8k32")
	add(false, "e5m2", "f16", "m16n8k32")
	for _, in := range []string{"s8", "u8"} {
		add(false, in, "s32", "m16n8k32", "m16n8k16", "m8n8k16")
	}
	for _, in := range []string{"s4", "u4"} {
		add(false, in, "s32", "m16n8k64", "m16n8k32", "m8n8k32")
	}
	for _, op := range []string{"and", "xor"} {
		for _, s := range []string{"m16n8k256", "m16n8k128", "m8n8k128"} {
			list = append(list, mma{shape: s, in: types["b1"], acc: types["s32"], op: op})
		}
	}
	add(true, "f16", "f32", "m16n8k32", "m16n8k16")
	add(true, "f16", "f16", "m16n8k32", "m16n8k16")
	add(true, "bf16", "f32", "m16n8k32", "m16n8k16")
	add(true, "tf32", "f32", "m16n8k16", "m16n8k8")
	for _, in := range []string{"s8", "u8"} {
		add(true, in, "s32", "m16n8k64", "m16n8k32")
	}
	for _, in := range []string{"s4", "u4"} {
		add(true, in, "s32", "m16n8k128", "m16n8k64")
	}
	add(true, "e4m3", "f32", "m16n8k64")
	add(true, "e5m2", "f32", "m16n8k64")
	return list
}

func (f mma) point(more ...string) results.Point {
	kv := []string{"shape", f.shape, "in", f.in.name, "acc", f.acc.name, "sparse", yesNo(f.sparse)}
	if f.op != "" {
		kv = append(kv, "op", f.op)
	}
	return results.P(append(kv, more...)...)
}

// matches says that a point is of this form.
func (f mma) matches(p results.Point) bool {
	return p.Get("shape") == f.shape && p.Get("in") == f.in.name && p.Get("acc") == f.acc.name &&
		p.Get("sparse") == yesNo(f.sparse) && p.Get("op") == f.op
}

func parseMMA(p results.Point) (mma, error) {
	list := mmaList()
	i := slices.IndexFunc(list, func(f mma) bool { return f.matches(p) })
	if i < 0 {
		return mma{}, fmt.Errorf("no mma of point %s", p.Key())
	}
	return list[i], nil
}

// name is the PTX name. Sparse forms promise ordered metadata, which the manual
// advises for speed.
func (f mma) name() string {
	stem, suffix := "mma.sync", ""
	if f.sparse {
		stem = "mma.sp::ordered_metadata.sync"
	}
	if f.op != "" {
		suffix = "." + f.op + ".popc"
	}
	return fmt.Sprintf("%s.aligned.%s.row.col.%s.%s.%s.%s%s", stem, f.shape, f.acc.name, f.in.name, f.in.name, f.acc.name, suffix)
}

// operations of one instruction: two per product, zeros of a sparse A counted.
func (f mma) operations() float64 {
	var m, n, k float64
	if _, err := fmt.Sscanf(f.shape, "m%fn%fk%f", &m, &n, &k); err != nil {
		return 0
	}
	if f.shape == "m8n8k4" && f.in.name == "f16" {
		m *= 4 // four products a warp
	}
	return 2 * m * n * k
}

// form finds the form in the instruction table.
func (f mma) form(table *isa.Table) (isa.Form, error) {
	forms := table.Lookup(f.name())
	if len(forms) == 0 {
		return isa.Form{}, fmt.Errorf("the instruction table has no %s", f.name())
	}
	return forms[0], nil
}

// proof is what to look for in the machine code: the instruction, or what stands
// for it where the GPU emulates it, that many times a step.
type proof struct {
	instruction, emulated string
	perStep               int
}

func (f mma) proof(gpu micro.GPU) (proof, error) {
	form, err := f.form(gpu.Table)
	if err != nil {
		return proof{}, err
	}
	switch {
	case form.Native(gpu.Arch):
		return proof{form.SASS, "", 1}, nil
	case f.in.name == "e4m3" || f.in.name == "e5m2":
		return proof{form.SASS, "HMMA", 2}, nil
	}
	return proof{form.SASS, "CALL", 1}, nil
}

// emulated reports whether the GPU runs the form as several instructions.
func (f mma) emulated(gpu micro.GPU) bool {
	form, err := f.form(gpu.Table)
	return err == nil && gpu.Arch.Supports(form.Target) && !form.Native(gpu.Arch)
}

// fragments are the numbers of registers of d, a and b.
type fragments struct{ d, a, b isa.Operand }

func (f mma) fragments(table *isa.Table) (fragments, error) {
	form, err := f.form(table)
	if err != nil {
		return fragments{}, err
	}
	spec, err := form.Parse()
	if err != nil {
		return fragments{}, err
	}
	return fragments{spec[0], spec[1], spec[2]}, nil
}

func registerType(c isa.Class) ptx.Type {
	switch c {
	case isa.F32:
		return ptx.F32
	case isa.F64:
		return ptx.F64
	}
	return ptx.B32
}

// bytes of a fragment in the input, for all lanes.
func fragmentBytes(o isa.Operand) int {
	if o.Class == isa.F64 {
		return 32 * 8 * o.Width
	}
	return 32 * 4 * o.Width
}

// chains of a kernel have accumulators of their own and share A and B.
const mostChains = 8

// layout of the input: A, B, metadata, then the accumulators of each chain.
func (g fragments) offsets() (b, meta, c int) {
	b = fragmentBytes(g.a)
	meta = b + fragmentBytes(g.b)
	return b, meta, meta + 16
}

// buffer is an input with all operands, zeros or random.
func (f mma) buffer(table *isa.Table, name, fill string) (micro.Buffer, error) {
	g, err := f.fragments(table)
	if err != nil {
		return micro.Buffer{}, err
	}
	b, meta, c := g.offsets()
	size := c + mostChains*fragmentBytes(g.d)
	return micro.Buffer{
		Name: name, Bytes: uint64(size), Tag: fmt.Sprintf("%s %s, seeds 2 to 4, metadata %#x", f.name(), fill, f.in.metadata()),
		Data: func() []byte {
			data := make([]byte, size)
			if fill == random {
				f.randomize(data[:b], data[b:meta], data[c:])
			}
			binary.LittleEndian.PutUint32(data[meta:], f.in.metadata())
			return data
		},
	}, nil
}

// randomize fills A, B and the accumulators. The m8n8k4 forms of f16 add up in an
// order and precision of their own where they are emulated: they get entries whose
// sums are exact, and zeros to add to.
func (f mma) randomize(a, b, c []byte) {
	if f.shape == "m8n8k4" && f.in.name == "f16" {
		copy(a, exact(len(a), 2))
		copy(b, exact(len(b), 3))
		return
	}
	copy(a, f.in.random(len(a), 2))
	copy(b, f.in.random(len(b), 3))
	copy(c, f.acc.random(len(c), 4))
}

// Ways through which one mma depends on the one before it.
const (
	throughA = "a"
	throughB = "b"
	throughC = "c"
)

// maker makes chains of the form that depend on one another through C, A or B.
func (f mma) maker(gpu micro.GPU, through string) (harness.Maker, error) {
	g, err := f.fragments(gpu.Table)
	if err != nil {
		return nil, err
	}
	var first *mmaOperands // of the kernel's first chain
	return func(k *ptx.Kernel, in ptx.Reg, i int) harness.Chain {
		if i == 0 {
			first = f.load(k, g, in)
			if f.invariant(gpu) {
				first.zero = k.Reg(ptx.B32)
				_, meta, _ := g.offsets()
				k.I("ld.global.b32", first.zero, ptx.At(in, meta+4))
			}
		}
		o := *first
		_, _, c := g.offsets()
		start := loadFragment(k, in, c+i*fragmentBytes(g.d), g.d)
		return o.chain(f.name(), through, start)
	}, nil
}

// mmaOperands are the registers of a warp's A and B.
type mmaOperands struct {
	k    *ptx.Kernel
	a, b ptx.Vec
	meta ptx.Reg
	// zero is 0 at run time; if it is set, A and B depend on the step before.
	zero ptx.Reg
}

func (f mma) load(k *ptx.Kernel, g fragments, in ptx.Reg) *mmaOperands {
	b, meta, _ := g.offsets()
	o := &mmaOperands{k: k, a: loadFragment(k, in, 0, g.a), b: loadFragment(k, in, b, g.b)}
	if f.sparse {
		o.meta = k.Reg(ptx.B32)
		k.I("ld.global.b32", o.meta, ptx.At(in, meta))
	}
	return o
}

// loadFragment loads a lane's registers, which lie side by side.
func loadFragment(k *ptx.Kernel, in ptx.Reg, offset int, o isa.Operand) ptx.Vec {
	lane, address := k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("mov.u32", lane, ptx.Special("%laneid"))
	k.I("mad.wide.u32", address, lane, ptx.Int(fragmentBytes(o)/32), in)
	v := ptx.Vec(k.Regs(registerType(o.Class), o.Width))
	for i, r := range v {
		k.I("ld.global."+string(r.Type()), r, ptx.At(address, offset+i*fragmentBytes(o)/32/o.Width))
	}
	return v
}

// chain is a chain from the given accumulators. A chain through A or B carries its
// result in the first registers of that operand and adds the same C each time.
// Whatever is carried starts afresh when the chain is entered: a value carried on
// around the loop would cost some timed sections a move and others none.
func (o mmaOperands) chain(name, through string, c ptx.Vec) harness.Chain {
	k := o.k
	a, b, addend := o.a, o.b, c
	first := c
	switch through {
	case throughA:
		first = a[:len(c)]
	case throughB:
		first = b[:len(c)]
	}
	now := ptx.Vec(k.Regs(first[0].Type(), len(first)))
	restart := func() {
		for i, r := range now {
			k.I("mov."+string(r.Type()), r, first[i])
		}
	}
	restart()
	switch through {
	case throughA:
		a = append(slices.Clone(now), a[len(now):]...)
	case throughB:
		b = append(slices.Clone(now), b[len(now):]...)
	default:
		addend = now
	}
	step := func() {
		list := []ptx.Operand{now, o.fresh(a, now[0]), o.fresh(b, now[0]), addend}
		if o.meta != (ptx.Reg{}) {
			list = append(list, o.fresh(ptx.Vec{o.meta}, now[0])[0], ptx.Int(0))
		}
		k.I(name, list...)
	}
	return harness.Chain{
		Enter: func(zero ptx.Reg) {
			restart()
			harness.Entangle(k, now[0], zero)
		},
		Step:  step,
		Leave: func() ptx.Reg { return hash(k, now) },
	}
}

// invariant says that the GPU emulates the form by adding C to a product that is
// computed apart. With the same A and B in every step the compiler would compute
// that product, and the conversions before it, only once.
func (f mma) invariant(gpu micro.GPU) bool {
	return f.emulated(gpu) && (f.in.name == "e4m3" || f.in.name == "e5m2")
}

// fresh returns the registers, or copies that depend on the last result, by one
// LOP3 each, and hold the same values.
func (o mmaOperands) fresh(v ptx.Vec, last ptx.Reg) ptx.Vec {
	if o.zero == (ptx.Reg{}) {
		return v
	}
	nothing := o.k.Reg(ptx.B32)
	o.k.I("and.b32", nothing, harness.Word(o.k, last), o.zero)
	list := ptx.Vec(o.k.Regs(ptx.B32, len(v)))
	for i, r := range list {
		o.k.I("xor.b32", r, v[i], nothing)
	}
	return list
}

// hash makes one word of the bits of registers, in which their order counts.
func hash(k *ptx.Kernel, of []ptx.Reg) ptx.Reg {
	h := harness.Word(k, of[0])
	for _, r := range of[1:] {
		k.I("mad.lo.u32", h, h, ptx.Int(31), harness.Word(k, r))
	}
	return h
}
