// Package dpx measures the dynamic-programming instructions: the 36 functions
// of CUDA's DPX family, as the PTX that they expand to.
package dpx

import (
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// Benchmarks lists the benchmarks of this package.
func Benchmarks() []micro.Benchmark {
	return []micro.Benchmark{latency(), throughput()}
}

// kind is the shape of a function.
type kind string

const (
	addMax  kind = "viadd" // max(a+b, c)
	three   kind = "vi3"   // max(a, b, c)
	two     kind = "vi"    // max(a, b), only with relu
	withBit kind = "vib"   // max(a, b), and which of them it was
)

// function is one of the 36.
type function struct {
	Kind kind
	// Op is "max" or "min".
	Op   string
	Type string // s32, u32, s16x2, u16x2
	Relu bool
}

// functions lists all, in the order of the manual.
func functions() []function {
	var list []function
	for _, k := range []kind{addMax, three, two, withBit} {
		for _, op := range []string{"max", "min"} {
			for _, t := range []string{"s32", "u32", "s16x2", "u16x2"} {
				signed := t[0] == 's'
				if k != two {
					list = append(list, function{k, op, t, false})
				}
				if signed && k != withBit {
					list = append(list, function{k, op, t, true})
				}
			}
		}
	}
	return list
}

// Name is the function's name in CUDA.
func (f function) Name() string {
	name := map[kind]string{addMax: "__viadd", three: "__vi", two: "__vi", withBit: "__vib"}[f.Kind] + f.Op
	if f.Kind == three {
		name += "3"
	}
	name += "_" + f.Type
	if f.Relu {
		name += "_relu"
	}
	return name
}

func lookup(name string) (function, error) {
	for _, f := range functions() {
		if f.Name() == name {
			return f, nil
		}
	}
	return function{}, fmt.Errorf("no DPX function %q", name)
}

// packed reports whether the function works on two halves.
func (f function) packed() bool { return strings.HasSuffix(f.Type, "x2") }

// instruction is the machine instruction that does the function at once, the
// one to look for where there is none, and how many of the latter a step takes.
func (f function) instruction() (native, emulated string) {
	native = map[kind]string{addMax: "VIADDMNMX", three: "VIMNMX3", two: "VIMNMX", withBit: "VIMNMX"}[f.Kind]
	return native, "IMNMX"
}

// fused reports whether the target has instructions for the family.
func fused(t isa.Target) bool { return t.Base() == isa.SM90 }

// perStep is how many of the instruction's machine instructions are a step.
func (f function) perStep(t isa.Target) int {
	if fused(t) {
		return 1
	}
	n := 1
	if f.Kind == three {
		n = 2
	}
	if f.Relu {
		n++
	}
	if f.packed() {
		n *= 2
	}
	return n
}

// script writes the chain. Neighbouring steps have different operands or carry
// two values, because the assembler joins what can be joined: two maxima become
// a three-way one, and max(max(a, b), b) is max(a, b).
func (f function) script(t isa.Target) harness.Script {
	if f.packed() && !fused(t) {
		return f.halves()
	}
	var steps []string
	if !fused(t) {
		for _, s := range f.carried() {
			steps = append(steps, f.step32(s, false))
		}
	} else {
		for _, s := range f.carried() {
			steps = append(steps, f.step32(s, true))
		}
	}
	return harness.Script{Type: ptx.B32, Steps: steps}
}

// slots are the names that a step's operands go by: the carried value and two others.
type slots struct {
	x, a, b string
	// sink takes the predicate of a withBit step; half is the one of the two.
	sink string
	half int
}

func (f function) carried() []slots {
	switch f.Kind {
	case addMax:
		return []slots{{x: "x", a: "a", b: "b"}}
	case three:
		return []slots{{x: "x", a: "a", b: "b"}, {x: "x", a: "c", b: "d"}}
	case two:
		return []slots{{x: "x", a: "y"}, {x: "y", a: "x"}}
	default:
		// Every step's predicate steers a multiplication on another pipe, in a chain of
		// its own that is no slower; more such chains need more predicates than there
		// are. One register and an immediate leave the register ports to the step.
		return []slots{{x: "x", a: "a", sink: "y", half: 0}, {x: "x", a: "b", sink: "y", half: 1}}
	}
}

// step32 is a step on whole registers: 32-bit values, or packed halves where
// the target knows them.
func (f function) step32(s slots, relu bool) string {
	last := f.Op + "." + f.Type
	var after string
	switch {
	case f.Relu && relu:
		last = f.Op + ".relu." + f.Type
	case f.Relu:
		after = fmt.Sprintf("; max.s32 %s %s #0", s.x, s.x)
	}
	switch f.Kind {
	case addMax:
		return fmt.Sprintf("add.%s r0 %s %s; %s %s r0 %s", f.Type, s.x, s.a, last, s.x, s.b) + after
	case three:
		return fmt.Sprintf("%s.%s r0 %s %s; %s %s r0 %s", f.Op, f.Type, s.x, s.a, last, s.x, s.b) + after
	case two:
		return fmt.Sprintf("%s %s %s %s", last, s.x, s.x, s.a) + after
	}
	use := fmt.Sprintf("@p%d mul.lo.s32 %s %s #0x01000193", s.half, s.sink, s.sink)
	if f.packed() {
		half := "." + strings.TrimSuffix(f.Type, "x2")
		return fmt.Sprintf("%s r0 %s %s; mov.b32 {h0,h1} r0; mov.b32 {h2,h3} %s; setp.eq%s p0 h0 h2; setp.eq%s p1 h1 h3; %s; mov.b32 %s r0",
			last, s.x, s.a, s.x, half, half, use, s.x)
	}
	compare := map[string]string{"max": "ge", "min": "le"}[f.Op]
	return fmt.Sprintf("setp.%s.%s p%d %s %s; %s %s %s %s; %s", compare, f.Type, s.half, s.x, s.a, last, s.x, s.x, s.a, use)
}

// halves is the chain on a target without packed integers: both halves are
// moved to the upper end of registers of their own, where sums wrap and
// comparisons work as they do in 16 bits, and packed again.
func (f function) halves() harness.Script {
	whole := strings.TrimSuffix(strings.Replace(f.Type, "16", "32", 1), "x2")
	var steps []string
	for _, s := range f.carried() {
		parts := []string{
			fmt.Sprintf("shl.b32 r0 %s #16; and.b32 r1 %s #0xffff0000", s.x, s.x),
			fmt.Sprintf("shl.b32 r2 %s #16; and.b32 r3 %s #0xffff0000", s.a, s.a),
		}
		if s.b != "" {
			parts = append(parts, fmt.Sprintf("shl.b32 r4 %s #16; and.b32 r5 %s #0xffff0000", s.b, s.b))
		}
		for half := range 2 {
			parts = append(parts, f.half(half, whole, s)...)
		}
		steps = append(steps, strings.Join(append(parts, fmt.Sprintf("prmt.b32 %s r0 r1 #0x7632", s.x)), "; "))
	}
	return harness.Script{Type: ptx.B32, Steps: steps}
}

// half is one half of a step of halves: value r0 or r1, operands r2, r4 or r3, r5.
func (f function) half(i int, whole string, s slots) []string {
	x, a, b := fmt.Sprintf("r%d", i), fmt.Sprintf("r%d", i+2), fmt.Sprintf("r%d", i+4)
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch f.Kind {
	case addMax:
		add("add.u32 %s %s %s", x, x, a)
		add("%s.%s %s %s %s", f.Op, whole, x, x, b)
	case three:
		add("%s.%s %s %s %s", f.Op, whole, x, x, a)
		add("%s.%s %s %s %s", f.Op, whole, x, x, b)
	case two:
		add("%s.%s %s %s %s", f.Op, whole, x, x, a)
	default:
		if i == s.half {
			add("setp.%s.%s p%d %s %s", map[string]string{"max": "ge", "min": "le"}[f.Op], whole, i, x, a)
			add("@p%d mul.lo.s32 %s %s #0x01000193", i, s.sink, s.sink)
		}
		add("%s.%s %s %s %s", f.Op, whole, x, x, a)
	}
	if f.Relu {
		add("max.s32 %s %s #0", x, x)
	}
	return parts
}

// input holds start values that differ, and operands that keep sums moving and
// differ in sign.
func input() []byte {
	return harness.Input(func(i int) uint64 { return uint64(uint32(i+1) * 0x9e3779b1) },
		0x00030005, 0xfff0ffd0, 0x01000200, 0x7ff0ff31)
}
