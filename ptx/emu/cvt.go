package emu

import (
	"math"

	"github.com/gpubench/gpubench/ptx/emu/fp"
)

// cvt decodes conversions: the two types come last, the destination's first.
func (d *decoder) cvt(in *instr) (step, error) {
	t := in.types()
	if len(t) != 2 {
		return nil, unsupportedf("%s", in.name)
	}
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.srcs(in, 1, len(in.operands)-1)
	if err != nil {
		return nil, err
	}
	to, from := elementOf(t[0]), elementOf(t[1])
	f := converter(in, to, from, in.regWidth(0))
	switch width := widthOf(to); {
	case f == nil:
	case to == t[0] && len(src) == 1:
		return perLane1(dst, src[0], f), nil
	case from == t[1] && len(src) == 2: // two values into one register, the first on top
		return perLane2(dst, src[0], src[1], func(a, b uint64) uint64 { return f(a)<<width | f(b) }), nil
	case from != t[1] && len(src) == 1:
		narrow := widthOf(from)
		return perLane1(dst, src[0], func(a uint64) uint64 {
			return f(truncate(a, narrow)) | f(truncate(a>>narrow, narrow))<<width
		}), nil
	}
	return nil, unsupportedf("%s", in.name)
}

// elementOf is the type of one half of a packed pair.
func elementOf(t string) string {
	switch t {
	case "f16x2":
		return "f16"
	case "bf16x2":
		return "bf16"
	case "e4m3x2":
		return "e4m3"
	case "e5m2x2":
		return "e5m2"
	}
	return t
}

func isFloat(t string) bool {
	switch t {
	case "f16", "bf16", "tf32", "f32", "f64", "e4m3", "e5m2":
		return true
	}
	return false
}

// converter converts one value; register is the width of the destination register.
func converter(in *instr, to, from string, register int) func(uint64) uint64 {
	if register < widthOf(to) {
		return nil
	}
	switch a, b := isFloat(to), isFloat(from); {
	case a && b:
		return floatToFloat(in, to, from)
	case a:
		return integerToFloat(in, to, from)
	case b:
		return floatToInteger(in, to, from, register)
	}
	return integerToInteger(in, to, from, register)
}

// integerValue reads an integer of a type; its sign is in the upper bits.
func integerValue(t string) func(uint64) uint64 {
	width := widthOf(t)
	if t[0] == 's' {
		return func(v uint64) uint64 { return uint64(int64(v<<(64-width)) >> (64 - width)) }
	}
	return func(v uint64) uint64 { return truncate(v, width) }
}

func integerToInteger(in *instr, to, from string, register int) func(uint64) uint64 {
	read, write := integerValue(from), integerValue(to)
	if !in.has("sat") {
		return func(v uint64) uint64 { return truncate(write(read(v)), register) }
	}
	low, high := limits(to)
	return func(v uint64) uint64 {
		x := read(v)
		if from[0] == 's' && int64(x) < low {
			return truncate(uint64(low), register)
		}
		if (from[0] != 's' || int64(x) > 0) && x > high {
			return high
		}
		return truncate(write(x), register)
	}
}

// limits are the least and the greatest value of an integer type.
func limits(t string) (low int64, high uint64) {
	width := widthOf(t)
	if t[0] == 's' {
		return -1 << (width - 1), 1<<(width-1) - 1
	}
	return 0, truncate(math.MaxUint64, width)
}

func integerToFloat(in *instr, to, from string) func(uint64) uint64 {
	n, read := numberOf(in, to), integerValue(from)
	signed := from[0] == 's'
	return func(v uint64) uint64 {
		x := read(v)
		neg := signed && int64(x) < 0
		if neg {
			x = -x
		}
		if n.f == fp.F64 && n.mode == fp.RN {
			f := float64(x)
			if neg {
				f = -f
			}
			return math.Float64bits(f)
		}
		f := fp.AddOdd(float64(x>>32)*(1<<32), float64(x&0xFFFFFFFF))
		if neg {
			f = -f
		}
		return n.out(f)
	}
}

// floatToInteger rounds to an integer and clamps; NaN becomes 0, or the number
// with only the top bit set where a 64-bit type takes part.
func floatToInteger(in *instr, to, from string, register int) func(uint64) uint64 {
	n := number{f: formatOf(from), ftz: in.has("ftz")}
	round := integralRounding(in)
	if round == nil {
		return nil
	}
	low, high := limits(to)
	width := widthOf(to)
	nan := uint64(0)
	if from == "f64" || width == 64 {
		nan = 1 << (width - 1)
	}
	return func(v uint64) uint64 {
		x := round(n.in(v))
		switch {
		case x != x:
			return nan
		case x <= float64(low):
			return truncate(uint64(low), register)
		case x >= float64(high):
			return high
		case x < 0:
			return truncate(uint64(int64(x)), register)
		}
		return uint64(x)
	}
}

// integralRounding is the .rni family.
func integralRounding(in *instr) func(float64) float64 {
	switch in.oneOf("rni", "rzi", "rmi", "rpi") {
	case "rni":
		return math.RoundToEven
	case "rzi":
		return math.Trunc
	case "rmi":
		return math.Floor
	case "rpi":
		return math.Ceil
	}
	return nil
}

func floatToFloat(in *instr, to, from string) func(uint64) uint64 {
	n := numberOf(in, to)
	source := number{f: formatOf(from), ftz: in.has("ftz")}
	saturate := in.has("satfinite")
	integral := integralRounding(in)
	if in.has("rna") {
		n.mode = fp.RNA
	}
	// A tf32 value stands in the upper bits of its register.
	shift := 0
	if to == "tf32" {
		shift = 13
	}
	return func(v uint64) uint64 {
		x := source.in(v)
		if integral != nil {
			x = integral(x)
		}
		bits := uint64(0)
		switch {
		case n.f == fp.F64:
			bits = bits64(x)
		case saturate:
			if bits = n.f.RoundSat(x, n.mode); n.relu && bits&n.f.SignBit() != 0 {
				bits = 0
			}
		default:
			bits = n.out(x)
		}
		if shift > 0 && n.f.IsNaN(bits) {
			return 0x7FFFFFFF
		}
		return bits << shift
	}
}
