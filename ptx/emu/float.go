package emu

import (
	"math"

	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/isa"
)

// floatBits is a floating-point immediate as bits of a class.
func floatBits(v float64, c isa.Class) uint64 {
	if c == isa.F64 || c == isa.B64 {
		return math.Float64bits(v)
	}
	return fp.F32.Round(v, fp.RN)
}

// formatOf is the format of a type's element.
func formatOf(t string) fp.Format {
	switch t {
	case "f64":
		return fp.F64
	case "f16", "f16x2":
		return fp.F16
	case "bf16", "bf16x2":
		return fp.BF16
	case "tf32":
		return fp.TF32
	case "e4m3", "e4m3x2":
		return fp.E4M3
	case "e5m2", "e5m2x2":
		return fp.E5M2
	}
	return fp.F32
}

// number rounds and post-processes the results of one instruction.
type number struct {
	f                         fp.Format
	mode                      fp.Mode
	ftz, sat, relu, nan, fast bool
}

func numberOf(in *instr, t string) number {
	n := number{f: formatOf(t), ftz: in.has("ftz"), sat: in.has("sat"), relu: in.has("relu"), nan: in.has("NaN")}
	switch in.oneOf("rn", "rz", "rm", "rp") {
	case "rz":
		n.mode = fp.RZ
	case "rm":
		n.mode = fp.RM
	case "rp":
		n.mode = fp.RP
	}
	n.fast = n.mode == fp.RN && !n.ftz && !n.sat && !n.relu
	return n
}

// in is the value of an operand.
func (n *number) in(bits uint64) float64 {
	if n.ftz {
		bits = n.f.Flush(bits)
	}
	if n.f == fp.F16 {
		return half(bits)
	}
	return n.f.Float(bits)
}

// half is the value of f16 bits.
func half(b uint64) float64 {
	e := b >> 10 & 31
	switch {
	case e == 0:
		if v := float64(b&0x3FF) * 0x1p-24; b&0x8000 == 0 {
			return v
		} else {
			return -v
		}
	case e == 31:
		e += 2047 - 1008 - 31 // infinity, or a NaN
	}
	return math.Float64frombits(b&0x8000<<48 | (e+1008)<<52 | b&0x3FF<<42)
}

// toHalf rounds to the nearest f16.
func toHalf(x float64) uint64 {
	b := math.Float64bits(x)
	if e := b >> 52 & 0x7FF; e-1009 >= 30 { // not a normal number of f16
		return fp.F16.Round(x, fp.RN)
	}
	m := b&(1<<63-1) - 1008<<52
	m += 1<<41 - 1 + m>>42&1
	return b>>48&0x8000 | m>>42
}

// out rounds a result that is exact or rounded to odd.
func (n *number) out(x float64) uint64 {
	if n.fast && n.f == fp.F16 {
		return toHalf(x)
	}
	if n.sat {
		if !(x > 0) { // also NaN
			return 0
		}
		x = min(x, 1)
	}
	bits := n.f.Round(x, n.mode)
	if n.ftz {
		bits = n.f.Flush(bits)
	}
	if n.relu && bits&n.f.SignBit() != 0 {
		return 0
	}
	return bits
}

// sum is a+b, ready for out. A zero sum is -0 when rounding down, as IEEE 754 has it.
func (n *number) sum(a, b float64) float64 {
	if n.fast && n.f == fp.F16 {
		return a + b // an f16 plus a product of two: what float64 drops cannot move the result
	}
	s := fp.AddOdd(a, b)
	if s == 0 && n.mode == fp.RM && (math.Signbit(a) || math.Signbit(b)) {
		return math.Copysign(0, -1)
	}
	return s
}

// floatFunction finds the function of a floating-point instruction of type t.
func floatFunction(in *instr, t string) fn {
	switch t {
	case "f64":
		return doubleFunction(in)
	case "f16x2", "bf16x2":
		return halves(narrowFunction(in, t))
	case "f32":
		if f := singleFunction(in); f.defined() {
			return f
		}
	}
	return narrowFunction(in, t)
}

func f32(v uint64) float32 { return math.Float32frombits(uint32(v)) }
func f64(v uint64) float64 { return math.Float64frombits(v) }

// bits32 is a result; every NaN is the canonical one.
func bits32(v float32) uint64 {
	if v != v {
		return 0x7FFFFFFF
	}
	return uint64(math.Float32bits(v))
}

func bits64(v float64) uint64 {
	if v != v {
		return fp.F64.NaN()
	}
	return math.Float64bits(v)
}

// singleFunction is the fast road of plain f32 arithmetic, rounded to nearest.
func singleFunction(in *instr) fn {
	if n := numberOf(in, "f32"); !n.fast {
		return fn{}
	}
	switch in.op {
	case "add":
		return two(func(a, b uint64) uint64 { return bits32(f32(a) + f32(b)) })
	case "sub":
		return two(func(a, b uint64) uint64 { return bits32(f32(a) - f32(b)) })
	case "mul":
		return two(func(a, b uint64) uint64 { return bits32(f32(a) * f32(b)) })
	case "fma", "mad":
		return three(func(a, b, c uint64) uint64 { return bits32(fp.FMA32(f32(a), f32(b), f32(c))) })
	}
	return fn{}
}

// narrowFunction is arithmetic in any format whose products float64 holds exactly.
func narrowFunction(in *instr, t string) fn {
	n := numberOf(in, t)
	sign := n.f.SignBit()
	switch in.op {
	case "add":
		return two(func(a, b uint64) uint64 { return n.out(n.sum(n.in(a), n.in(b))) })
	case "sub":
		return two(func(a, b uint64) uint64 { return n.out(n.sum(n.in(a), -n.in(b))) })
	case "mul":
		return two(func(a, b uint64) uint64 { return n.out(n.in(a) * n.in(b)) })
	case "fma", "mad":
		return three(func(a, b, c uint64) uint64 { return n.out(n.sum(n.in(a)*n.in(b), n.in(c))) })
	case "neg":
		return one(func(a uint64) uint64 { return n.flush(a) ^ sign })
	case "abs":
		return one(func(a uint64) uint64 { return n.flush(a) &^ sign })
	case "min":
		return n.extreme(in, sign)
	case "max":
		return n.extreme(in, 0)
	}
	if n.mode != fp.RN || t == "f64" {
		return fn{}
	}
	return n.special(in, t)
}

func (n *number) flush(bits uint64) uint64 {
	if n.ftz {
		return n.f.Flush(bits)
	}
	return bits
}

// extreme is max, or min if flip is the sign bit: min(a, b) = -max(-a, -b).
func (n number) extreme(in *instr, flip uint64) fn {
	sign := n.f.SignBit()
	absolute := in.has("xorsign")
	pick := func(a, b uint64) uint64 {
		a, b = n.flush(a), n.flush(b)
		out := uint64(0)
		if absolute {
			out = (a ^ b) & sign
			a, b = a&^sign, b&^sign
		}
		switch x, y := n.f.IsNaN(a), n.f.IsNaN(b); {
		case x && y, n.nan && (x || y):
			return n.f.NaN()
		case x:
			return b | out
		case y:
			return a | out
		}
		if order(a^flip, sign) < order(b^flip, sign) {
			a = b
		}
		if n.relu && a&sign != 0 {
			return 0
		}
		return a | out
	}
	if len(in.operands) == 4 {
		return three(func(a, b, c uint64) uint64 { return pick(pick(a, b), c) })
	}
	return two(pick)
}

// order maps bits to integers in the order of the values, -0 below +0.
func order(bits, sign uint64) int64 {
	if bits&sign != 0 {
		return -int64(bits&(sign-1)) - 1
	}
	return int64(bits)
}

// special is division, square root, and the special functions. They are
// computed in float64 and rounded; for division and square root of f32 and
// narrower formats that is correct, because float64 has more than twice the bits.
func (n number) special(in *instr, t string) fn {
	if in.op == "div" {
		return two(func(a, b uint64) uint64 { return n.out(n.in(a) / n.in(b)) })
	}
	f := specialFunction(in.op)
	if f == nil {
		return fn{}
	}
	return one(func(a uint64) uint64 { return n.out(f(n.in(a))) })
}

func specialFunction(op string) func(float64) float64 {
	switch op {
	case "rcp":
		return func(x float64) float64 { return 1 / x }
	case "sqrt":
		return math.Sqrt
	case "rsqrt":
		return func(x float64) float64 {
			if x == 0 {
				return math.Copysign(math.Inf(1), x)
			}
			return 1 / math.Sqrt(x)
		}
	case "ex2":
		return math.Exp2
	case "lg2":
		return math.Log2
	case "sin":
		return math.Sin
	case "cos":
		return math.Cos
	case "tanh":
		return math.Tanh
	}
	return nil
}

// doubleFunction is f64 arithmetic, rounded to nearest.
func doubleFunction(in *instr) fn {
	n := numberOf(in, "f64")
	switch in.op {
	case "neg", "abs", "min", "max":
		return narrowFunction(in, "f64")
	}
	if n.mode != fp.RN || n.sat || n.relu {
		return fn{}
	}
	switch in.op {
	case "add":
		return two(func(a, b uint64) uint64 { return bits64(f64(a) + f64(b)) })
	case "sub":
		return two(func(a, b uint64) uint64 { return bits64(f64(a) - f64(b)) })
	case "mul":
		return two(func(a, b uint64) uint64 { return bits64(f64(a) * f64(b)) })
	case "fma", "mad":
		return three(func(a, b, c uint64) uint64 { return bits64(math.FMA(f64(a), f64(b), f64(c))) })
	case "div":
		return two(func(a, b uint64) uint64 { return bits64(f64(a) / f64(b)) })
	}
	f := specialFunction(in.op)
	if f == nil {
		return fn{}
	}
	return one(func(a uint64) uint64 { return bits64(f(f64(n.flush(a)))) })
}

// floatComparison is setp on floats; the "u" comparisons are true for NaN.
func floatComparison(c, t string, ftz bool) func(a, b uint64) bool {
	n := number{f: formatOf(t), ftz: ftz}
	value := n.in
	switch t {
	case "f64":
		value = f64
	case "f32":
		if !ftz {
			value = func(v uint64) float64 { return float64(f32(v)) }
		}
	}
	ordered := func(f func(x, y float64) bool, nan bool) func(a, b uint64) bool {
		return func(a, b uint64) bool {
			x, y := value(a), value(b)
			if x != x || y != y {
				return nan
			}
			return f(x, y)
		}
	}
	switch c {
	case "eq", "equ":
		return ordered(func(x, y float64) bool { return x == y }, c == "equ")
	case "ne", "neu":
		return ordered(func(x, y float64) bool { return x != y }, c == "neu")
	case "lt", "ltu":
		return ordered(func(x, y float64) bool { return x < y }, c == "ltu")
	case "le", "leu":
		return ordered(func(x, y float64) bool { return x <= y }, c == "leu")
	case "gt", "gtu":
		return ordered(func(x, y float64) bool { return x > y }, c == "gtu")
	case "ge", "geu":
		return ordered(func(x, y float64) bool { return x >= y }, c == "geu")
	case "num":
		return ordered(func(x, y float64) bool { return true }, false)
	case "nan":
		return ordered(func(x, y float64) bool { return false }, true)
	}
	return nil
}
