package alu

import (
	"math"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
)

// instruction is one row of the table that both benchmarks are made from.
type instruction struct {
	Op, Type string
	// Steps are a harness.Script; two that differ where the assembler would merge
	// a step with the next.
	Steps []string
	// Chain is the script of the latency kernel where it is another, and Note says
	// why.
	Chain []string
	Note  string
	// Operands are the constants a, b, c, d.
	Operands []float64
	// SASS is the machine instruction to look for, PerStep times a step.
	SASS    string
	PerStep int
	// Also is how many target instructions the harness itself adds to a timed
	// section of the latency kernel and to the loop of the throughput kernel, and
	// to the latter before sm_90, whose loop counter is not in a uniform register.
	Also [3]int
	// Unit and PerUnit are the rate in arch.Spec that bounds the steps, and how
	// many results of that unit a step takes.
	Unit    arch.Unit
	PerUnit float64
	// Lanes are the results of a step (two for packed halves), Flops the
	// floating-point operations of a result (two for fma, 0 for integers).
	Lanes, Flops float64
	// Model judges the result where the machine's rounding is its own.
	Model harness.Model
	// Published is the row's name in the published table of issue cycles.
	Published string
	// Chains is the number of chains per warp at the peak, 0 for peakChains: one
	// where the assembler packs the steps of two scalar chains into one instruction,
	// many where the chains share operands that are then read once.
	Chains int
	// Warps is the number of warps of the chip's point, 0 for peakWarps.
	Warps int
	// Below says why the rate stays below the unit's peak, where it is known to.
	Below string
	// Surface selects the instructions with the whole surface of chains and warps.
	Surface bool
}

// Register types by the table's type names.
func (in instruction) register() ptx.Type {
	switch in.Type {
	case "f16", "bf16":
		return ptx.B16
	case "f32":
		return ptx.F32
	case "f64":
		return ptx.F64
	case "s64", "u64", "b64":
		return ptx.B64
	}
	return ptx.B32
}

// chain is the script of the latency kernel.
func (in instruction) chain() []string {
	if in.Chain != nil {
		return in.Chain
	}
	return in.Steps
}

func table() []instruction {
	list := append(floats(), integers()...)
	list = append(list, specials()...)
	list = append(list, conversions()...)
	for i := range list {
		in := &list[i]
		in.PerStep = max(in.PerStep, 1)
		in.Lanes, in.PerUnit = max(in.Lanes, 1), max(in.PerUnit, 1)
		if in.Chains == 0 {
			in.Chains = peakChains
		}
		if in.Warps == 0 {
			in.Warps = peakWarps
		}
	}
	return list
}

// floats are add, mul and fma. Two steps undo each other, so that values stay
// in range however long the chain.
func floats() []instruction {
	var list []instruction
	types := []struct {
		name          string
		unit          arch.Unit
		lanes         float64
		add, mul, fma string
		of            string
	}{
		{name: "f32", unit: arch.FP32, lanes: 1, add: "FADD|FFMA", mul: "FMUL|FFMA", fma: "FFMA", of: "f32"},
		{name: "f64", unit: arch.FP64, lanes: 1, add: "DADD", mul: "DMUL", fma: "DFMA", of: "f64"},
		{name: "f16", unit: arch.FP16, lanes: 1, add: "HADD2|HFMA2", mul: "HMUL2|HFMA2", fma: "HFMA2", of: "f16"},
		{name: "f16x2", unit: arch.FP16, lanes: 2, add: "HADD2|HFMA2", mul: "HMUL2|HFMA2", fma: "HFMA2"},
		{name: "bf16", unit: arch.BF16, lanes: 1, add: "HADD2|HFMA2", mul: "HMUL2|HFMA2", fma: "HFMA2"},
		{name: "bf16x2", unit: arch.BF16, lanes: 2, add: "HADD2|HFMA2", mul: "HMUL2|HFMA2", fma: "HFMA2"},
	}
	for _, t := range types {
		base := instruction{Type: t.name, Unit: t.unit, Lanes: t.lanes, PerUnit: 1, Flops: 1}
		if t.unit == arch.FP16 || t.unit == arch.BF16 {
			base.PerUnit = 2 // a scalar half takes the place of a pair
			if t.lanes == 1 {
				base.Chains = 1
				base.Below = "a scalar half goes to one pipe only; the assembler spreads only packed halves over two"
			}
		}
		add, mul, fma := base, base, base
		add.Op, add.SASS, add.Operands = "add", t.add, []float64{1.25, -1.25}
		add.Steps = []string{"add.rn." + t.name + " x x a", "add.rn." + t.name + " x x b"}
		if t.lanes == 2 { // one operand, whose register can then lie in the bank that x does not
			add.Steps[1], add.Operands = "sub.rn."+t.name+" x x a", []float64{1.25}
		}
		mul.Op, mul.SASS, mul.Operands = "mul", t.mul, []float64{2, 0.5}
		mul.Steps = []string{"mul.rn." + t.name + " x x a", "mul.rn." + t.name + " x x b"}
		fma.Op, fma.SASS, fma.Operands, fma.Flops = "fma", t.fma, []float64{2, -1.25, 0.5, 0.625}, 2
		fma.Steps = []string{"fma.rn." + t.name + " x x a b", "fma.rn." + t.name + " x x c d"}
		fma.Surface = t.name == "f32" || t.name == "f64"
		pair := fma
		pair.Op, pair.Surface, pair.Operands = twoSources, t.name == "f32", []float64{1, -1.5}
		pair.Steps = []string{"fma.rn." + t.name + " x x a x", "fma.rn." + t.name + " x x b x"}
		if t.lanes == 2 || fma.Surface {
			fma.Chains, fma.Warps = manyChains, peakWarps/2
		}
		if t.of != "" {
			add.Published, mul.Published, fma.Published = "add."+t.of, "mul.rn."+t.of, "fma.rn."+t.of
		}
		list = append(list, add, mul, fma)
		if fma.Chains == manyChains {
			list = append(list, pair)
		}
	}
	return list
}

// twoSources is fma with two different source registers instead of three: if it
// is faster, then fma is bound by the reading of registers.
const twoSources = "fma-2reg"

// integers carry two values where the assembler would join two additions.
func integers() []instruction {
	return []instruction{
		{Op: "add", Type: "s32", Steps: []string{"add.s32 x x y", "add.s32 y y x"},
			Chain:    []string{"add.s32 r0 x y; add.s32 x r0 a", "add.s32 r0 x y; add.s32 y r0 b"},
			Note:     "a step adds three operands, because the assembler spreads additions of two over two pipes and a chain would cross between them",
			Operands: []float64{0x01000193, 0x7feb352d},
			SASS:     "IADD3|IADD|IMAD.IADD|VIADD", Also: [3]int{0, 0, 1}, Unit: arch.Int32, Published: "add.u32"},
		{Op: "mul.lo", Type: "s32", Steps: []string{"mul.lo.s32 x x a", "mul.lo.s32 x x b"}, Operands: []float64{0x01000193, 0x7feb352d},
			SASS: "IMAD", Unit: arch.IntMul, Published: "mul.lo.u32"},
		{Op: "mad.lo", Type: "s32", Steps: []string{"mad.lo.s32 x x a b", "mad.lo.s32 x x b a"}, Operands: []float64{0x01000193, 0x7feb352d},
			SASS: "IMAD", Unit: arch.IntMul, Published: "mad.lo.u32", Surface: true},
		{Op: "mul.hi", Type: "u32", Steps: []string{"mul.hi.u32 x x a", "mul.hi.u32 x x b"}, Operands: []float64{0xfffffff1, 0xffffff1f},
			SASS: "IMAD.HI.U32", Unit: arch.IntMul, Below: "IMAD.HI has half the rate of IMAD"},
		{Op: "min-max", Type: "s32", Steps: []string{"min.s32 x x a", "max.s32 x x b"}, Operands: []float64{1 << 20, 77},
			SASS: "IMNMX|VIMNMX", Unit: arch.Int32, Published: "min.s32"},
		{Op: "lop3", Type: "b32", Steps: []string{"lop3.b32 x x a b #0x6a", "lop3.b32 x x c d #0x6a"}, Operands: []float64{0x5bd1e995, 0x7feb352d, 0x01000193, 0x2545f491},
			SASS: "LOP3", Also: [3]int{1, 0, 0}, Unit: arch.Int32, Published: "lop3.b32"},
		{Op: "shift", Type: "b32", Steps: []string{"shf.l.wrap.b32 x x x A"}, Operands: []float64{7},
			SASS: "SHF", Unit: arch.Int32},
		{Op: "popc", Type: "b32", Steps: []string{"popc.b32 x x"}, SASS: "POPC", Unit: arch.SFU, Published: "popc.b32"},
		{Op: "clz", Type: "b32", Steps: []string{"clz.b32 x x"}, SASS: "FLO", Unit: arch.SFU, Published: "clz.b32"},
		{Op: "bfind", Type: "u32", Steps: []string{"bfind.u32 x x"}, SASS: "FLO", Unit: arch.SFU, Published: "bfind.u32"},
		{Op: "brev", Type: "b32", Steps: []string{"brev.b32 x x"}, SASS: "BREV", Unit: arch.SFU, Published: "brev.b32"},
		{Op: "prmt", Type: "b32", Steps: []string{"prmt.b32 x x a b", "prmt.b32 x x c d"}, Operands: []float64{0x2545f491, 0x1742, 0x5bd1e995, 0x3615},
			SASS: "PRMT", Unit: arch.Int32},
		{Op: "dp4a", Type: "s32", Steps: []string{"dp4a.s32.s32 x x a b"}, Operands: []float64{0x01020304, 0x7feb352d},
			SASS: "IDP", Unit: arch.IntMul, Published: "dp4a.u32.u32"},
		{Op: "setp-selp", Type: "s32", Steps: []string{"setp.lt.s32 p0 x a; selp.s32 x b y p0", "setp.lt.s32 p1 x c; selp.s32 y d x p1"}, Operands: []float64{500, 700, 600, 400},
			SASS: "ISETP", Also: [3]int{0, 1, 1}, Unit: arch.Int32, PerUnit: 2},
		{Op: "add", Type: "s64", Steps: []string{"add.s64 x x y", "add.s64 y y x"},
			SASS: "IADD3|IADD|IMAD.IADD|IADD.64|IADD3.X|IMAD.X|IADD.X", PerStep: 2, Also: [3]int{0, 0, 1}, Unit: arch.Int32, PerUnit: 2, Published: "add.s64"},
		{Op: "mul.lo", Type: "s64", Steps: []string{"mul.lo.s64 x x a", "mul.lo.s64 x x b"}, Operands: []float64{0x01000193, 0x7feb352d},
			SASS: "IMAD", PerStep: 3, Unit: arch.IntMul, PerUnit: 3, Published: "mul.lo.u64",
			Below: "one of the three multiplications is IMAD.WIDE, which has half the rate of IMAD: four turns of the multiplier a step"},
	}
}

// Tolerances of a chain of approximate steps: most are right to 2^-22, tanh to 2^-11.
const (
	chainTolerance  = 1e-2
	coarseTolerance = 1e-1
)

// specials are the single instructions of the special-function unit; arguments
// are negated or made absolute, which the machine does for free, where the
// chain would else run off to infinity.
func specials() []instruction {
	mufu := func(op, typ, name string, model func(float64) float64, published string) instruction {
		return instruction{Op: op, Type: typ, Steps: []string{name + " x x"}, SASS: "MUFU", Unit: arch.SFU,
			Model: harness.Model{Step: model, Tolerance: chainTolerance}, Published: published}
	}
	list := []instruction{
		mufu("rcp", "f32", "rcp.approx.ftz.f32", func(x float64) float64 { return 1 / x }, "rcp.approx.f32"),
		mufu("rsqrt", "f32", "rsqrt.approx.ftz.f32", func(x float64) float64 { return 1 / math.Sqrt(x) }, "rsqrt.approx.f32"),
		mufu("sqrt", "f32", "sqrt.approx.ftz.f32", math.Sqrt, "sqrt.approx.f32"),
		mufu("ex2", "f32", "ex2.approx.ftz.f32", func(x float64) float64 { return math.Exp2(-x) }, "ex2.approx.f32"),
		mufu("lg2", "f32", "lg2.approx.ftz.f32", math.Log2, "lg2.approx.f32"),
		mufu("sin", "f32", "sin.approx.ftz.f32", math.Sin, "sin.approx.f32"),
		mufu("cos", "f32", "cos.approx.ftz.f32", math.Cos, "cos.approx.f32"),
		mufu("tanh", "f32", "tanh.approx.f32", math.Tanh, "tanh.approx.f32"),
	}
	for i := range list {
		switch list[i].Op {
		case "tanh": // 2^-11 a step, and the map keeps most of it
			list[i].Model.Tolerance = coarseTolerance
		case "rcp": // rcp(rcp(x)) would be folded
			list[i].Steps = []string{"rcp.approx.ftz.f32 f0 x; abs.f32 x f0"}
		case "ex2":
			list[i].Steps = []string{"neg.f32 f0 x; ex2.approx.ftz.f32 x f0"}
			list[i].Surface = true
		}
	}
	return list
}

func conversions() []instruction {
	return []instruction{
		{Op: "cvt", Type: "f32", Steps: []string{"cvt.rn.f16.f32 h0 x; cvt.f32.f16 x h0"}, SASS: "F2FP|F2F|HADD2.F32", PerStep: 2, Chains: 1},
		{Op: "cvt-s32", Type: "f32", Steps: []string{"cvt.rzi.s32.f32 r0 x; cvt.rn.f32.s32 x r0"}, SASS: "F2I|I2F|I2FP", PerStep: 2, Published: "cvt.rzi.s32.f32"},
	}
}

// input makes the chain's start values and operands in the type's own bits.
func (in instruction) input() []byte {
	operands := make([]uint64, len(in.Operands))
	for i, v := range in.Operands {
		operands[i] = in.bits(v)
	}
	return harness.Input(func(i int) uint64 { return in.bits(in.start(i)) }, operands...)
}

// start is the i-th start value: all differ.
func (in instruction) start(i int) float64 {
	switch in.register() {
	case ptx.B32, ptx.B64:
		if in.float() {
			break
		}
		return float64(uint32(i+1) * 0x9e3779b1)
	}
	return 1 + float64(i)/64
}

func (in instruction) float() bool {
	switch in.Type {
	case "f16", "f16x2", "bf16", "bf16x2", "f32", "f64":
		return true
	}
	return false
}

// bits encodes a value in the type; the halves' values are chosen to be exact.
func (in instruction) bits(v float64) uint64 {
	single := math.Float32bits(float32(v))
	switch in.Type {
	case "f32":
		return uint64(single)
	case "f64":
		return math.Float64bits(v)
	case "bf16", "bf16x2":
		return uint64(single>>16) * 0x10001
	case "f16", "f16x2":
		half := single>>16&0x8000 | (single>>13-(127-15)<<10)&0x7fff
		return uint64(half) * 0x10001
	}
	return uint64(v)
}

// check judges by the model, if the row has one.
func (in instruction) check(steps, chains int) func([]byte) error {
	if in.Model.Step == nil {
		return nil
	}
	return in.Model.Check(in.input(), steps, chains)
}

func (in instruction) judge() string {
	if in.Model.Step != nil {
		return micro.ByAnalytic
	}
	return micro.ByEmulator
}
