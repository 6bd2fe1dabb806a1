package isamap

import (
	"math"
	"strings"

	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
)

// entry is one PTX instruction to look up.
type entry struct {
	// Name is the PTX name; where a machine may do several instructions at once,
	// their names joined by " + ".
	Name string
	// Type and Steps are a harness.Script; without steps the chain is made from
	// the instruction table's form of that name, see chain.
	Type  ptx.Type
	Steps []string
	// Model judges the result where the machine's rounding is its own.
	Model harness.Model
	// Immediates are the values of a form's immediate operands, in order.
	Immediates []int
}

// script is an entry that is written as a script; two steps where neighbours
// would be merged.
func script(name string, t ptx.Type, steps ...string) entry {
	return entry{Name: name, Type: t, Steps: steps}
}

// same is an entry of one instruction: its name before the operands.
func same(t ptx.Type, steps ...string) entry {
	name, _, _ := strings.Cut(steps[0], " ")
	return entry{Name: name, Type: t, Steps: steps}
}

// approximate adds a model to an entry.
func (e entry) approximate(tolerance float64, step func(float64) float64) entry {
	e.Model = harness.Model{Step: step, Tolerance: tolerance, Halves: e.Type == ptx.B32}
	return e
}

// form is an entry whose chain is made from the instruction table.
func form(name string, immediates ...int) entry { return entry{Name: name, Immediates: immediates} }

// Tolerances of a chain of approximate steps.
const (
	fine   = 1e-2
	coarse = 1e-1
)

func entries() []entry {
	b32, b64, f32, f64, b16 := ptx.B32, ptx.B64, ptx.F32, ptx.F64, ptx.B16
	return []entry{
		same(f32, "add.rn.f32 x x a", "add.rn.f32 x x b"),
		same(f32, "mul.rn.f32 x x a", "mul.rn.f32 x x b"),
		same(f32, "fma.rn.f32 x x a b", "fma.rn.f32 x x c d"),
		same(f32, "min.f32 x x a", "max.f32 x x b"),
		same(f64, "add.rn.f64 x x a", "add.rn.f64 x x b"),
		same(f64, "fma.rn.f64 x x a b", "fma.rn.f64 x x c d"),
		same(b32, "add.s32 x x y", "add.s32 y y x"),
		same(b64, "add.s64 x x y", "add.s64 y y x"),
		same(b32, "mul.lo.s32 x x a", "mul.lo.s32 x x b"),
		same(b32, "mad.lo.s32 x x a b", "mad.lo.s32 x x b a"),
		same(b32, "mul.hi.u32 x x a", "mul.hi.u32 x x b"),
		same(b64, "mul.lo.s64 x x a", "mul.lo.s64 x x b"),
		same(b32, "div.u32 x a x", "div.u32 x b x"),
		same(b32, "min.s32 x x a", "max.s32 x x b"),
		same(b32, "lop3.b32 x x a b #0x6a", "lop3.b32 x x c d #0x6a"),
		same(b32, "shf.l.wrap.b32 x x x A"),
		same(b32, "popc.b32 x x"),
		same(b32, "clz.b32 x x"),
		same(b32, "bfind.u32 x x"),
		same(b32, "brev.b32 x x"),
		same(b32, "bfe.u32 x x a b", "bfe.u32 x x c d"),
		same(b32, "prmt.b32 x x a b", "prmt.b32 x x c d"),
		same(b32, "dp4a.s32.s32 x x a b"),
		script("setp.lt.s32 + selp.s32", b32, "setp.lt.s32 p0 x a; selp.s32 x b y p0", "setp.lt.s32 p1 x c; selp.s32 y d x p1"),
		script("rcp.approx.ftz.f32", f32, "rcp.approx.ftz.f32 f0 x; abs.f32 x f0").approximate(fine, func(x float64) float64 { return 1 / x }),
		same(f32, "rsqrt.approx.ftz.f32 x x").approximate(fine, func(x float64) float64 { return 1 / math.Sqrt(x) }),
		same(f32, "sqrt.approx.ftz.f32 x x").approximate(fine, math.Sqrt),
		script("ex2.approx.ftz.f32", f32, "neg.f32 f0 x; ex2.approx.ftz.f32 x f0").approximate(fine, func(x float64) float64 { return math.Exp2(-x) }),
		same(f32, "lg2.approx.ftz.f32 x x").approximate(fine, math.Log2),
		same(f32, "sin.approx.ftz.f32 x x").approximate(fine, math.Sin),
		same(f32, "cos.approx.ftz.f32 x x").approximate(fine, math.Cos),
		same(f32, "tanh.approx.f32 x x").approximate(coarse, math.Tanh),
		script("cvt.rn.f16.f32 + cvt.f32.f16", f32, "cvt.rn.f16.f32 h0 x; cvt.f32.f16 x h0"),
		script("cvt.rzi.s32.f32 + cvt.rn.f32.s32", f32, "cvt.rzi.s32.f32 r0 x; cvt.rn.f32.s32 x r0"),
		script("cvt.rn.f32.f64 + cvt.f64.f32", f64, "cvt.rn.f32.f64 f0 x; cvt.f64.f32 x f0"),
		script("cvt.rn.satfinite.e4m3x2.f32 + cvt.rn.f16x2.e4m3x2", b32, "mov.b32 f0 x; cvt.rn.satfinite.e4m3x2.f32 h0 f0 f0; cvt.rn.f16x2.e4m3x2 x h0"),
		same(b16, "add.rn.f16 x x a", "add.rn.f16 x x b"),
		same(b32, "add.rn.f16x2 x x a", "add.rn.f16x2 x x b"),
		same(b32, "fma.rn.f16x2 x x a b", "fma.rn.f16x2 x x c d"),
		same(b32, "fma.rn.relu.f16x2 x x a b", "fma.rn.relu.f16x2 x x c d"),
		same(b32, "add.rn.bf16x2 x x a", "add.rn.bf16x2 x x b"),
		same(b32, "fma.rn.bf16x2 x x a b", "fma.rn.bf16x2 x x c d"),
		same(b32, "min.f16x2 x x a", "max.f16x2 x x b"),
		same(b32, "ex2.approx.f16x2 x x").approximate(coarse, math.Exp2),
		same(b32, "tanh.approx.f16x2 x x").approximate(coarse, math.Tanh),
		script("add.s32 + max.s32", b32, "add.s32 r0 x a; max.s32 x r0 b"),
		script("add.s32 + max.relu.s32", b32, "add.s32 r0 x a; max.relu.s32 x r0 b"),
		script("add.s16x2 + max.s16x2", b32, "add.s16x2 r0 x a; max.s16x2 x r0 b"),
		script("max.s32 + max.s32", b32, "max.s32 r0 x a; max.s32 x r0 b", "max.s32 r0 x c; max.s32 x r0 d"),
		same(b32, "max.relu.s32 x x y", "max.relu.s32 y y x"),
		same(b32, "max.u16x2 x x y", "max.u16x2 y y x"),
		same(b32, "redux.sync.add.u32 x x #0xffffffff"),
		same(b32, "shfl.sync.bfly.b32 x x #1 #31 #0xffffffff"),
		script("setp.ne.u32 + vote.sync.ballot.b32", b32, "setp.ne.u32 p0 x y; vote.sync.ballot.b32 x p0 #0xffffffff"),
		form("atom.shared.add.u32"),
		form("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"),
		form("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16"),
		form("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"),
		form("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"),
		form("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64"),
		form("mma.sync.aligned.m16n8k16.row.col.f64.f64.f64.f64"),
		form("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32"),
		form("mma.sync.aligned.m16n8k32.row.col.f16.e5m2.e5m2.f16"),
		form("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32"),
		form("mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32"),
		form("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc"),
		form("mma.sp.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32", 0),
		form("wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16", 1, 1, 0, 0),
		form("wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32", 1, 1),
		form("wgmma.mma_async.sync.aligned.m64n64k32.f32.e4m3.e4m3", 1, 1),
		form("wgmma.mma_async.sync.aligned.m64n64k32.s32.s8.s8"),
		form("wgmma.mma_async.sync.aligned.m64n64k256.s32.b1.b1.and.popc"),
		form("ldmatrix.sync.aligned.m8n8.x4.shared.b16"),
		form("stmatrix.sync.aligned.m8n8.x4.shared.b16"),
		same(b32, "movmatrix.sync.aligned.m8n8.trans.b16 x x"),
		form("cp.async.cg.shared.global", 16),
	}
}

func lookup(name string) (entry, bool) {
	for _, e := range entries() {
		if e.Name == name {
			return e, true
		}
	}
	return entry{}, false
}

// input holds plain values of the script's type.
func (e entry) input() []byte {
	bits := func(v float64) uint64 {
		switch e.Type {
		case ptx.F32:
			return uint64(math.Float32bits(float32(v)))
		case ptx.F64:
			return math.Float64bits(v)
		}
		return uint64(0x3c003c00 + 0x00010001*int64(4*v)) // halves near one, or integers
	}
	if e.Steps == nil {
		return make([]byte, 8*harness.StartWords)
	}
	return harness.Input(func(i int) uint64 { return bits(1 + float64(i)/64) }, bits(2), bits(-1.25), bits(0.5), bits(0.625))
}
