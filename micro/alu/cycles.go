package alu

import "github.com/gpubench/gpubench/ptx/isa"

// fixed is the latency of an instruction that the compiler counts on.
type fixed struct {
	// name is "op type".
	name string
	// ampere, ada and hopper are in cycles for a step: sm_80; sm_86 and sm_89;
	// sm_90. 0 where the compiler waits for a scoreboard.
	ampere, ada, hopper float64
}

// atLeast marks a latency that is fixed, but longer than the compiler's stalls,
// because the pipe is busy for longer: no band is known.
const atLeast = -1

// fixedLatencies are the stalls that the compiler puts between dependent steps,
// read from its machine code, see the test of the harness. Packed halves on
// sm_80 and sm_90 alternate between two pipes.
func fixedLatencies() []fixed {
	list := []fixed{
		{"add f64", 0, 0, 8}, {"mul f64", 0, 0, 8}, {"fma f64", 0, 0, 8}, {"fma-2reg f64", 0, 0, 8}, {"fma-2reg f32", 4, 4, 4},
		{"add f16x2", 8, 4, 8}, {"mul f16x2", 8, 4, 8}, {"fma f16x2", 8, 4, 8}, {"fma-2reg f16x2", 8, 4, 8},
		{"add bf16x2", 0, 0, 8}, {"mul bf16x2", 0, 0, 8}, {"fma bf16x2", 4, 4, 8}, {"fma-2reg bf16x2", 4, 4, 8},
		{"add bf16", 0, 0, 4}, {"mul bf16", 0, 0, 4},
		{"mul.hi u32", atLeast, atLeast, atLeast},
		{"setp-selp s32", 6, 6, 6},
		{"add s64", 6, 6, 6},
		{"mul.lo s64", atLeast, atLeast, atLeast},
		{"cvt f32", 10, 10, 10},
	}
	for _, name := range []string{
		"add s32", "add f32", "mul f32", "fma f32", "add f16", "mul f16", "fma f16", "fma bf16", "mul.lo s32", "mad.lo s32",
		"min-max s32", "lop3 b32", "shift b32", "prmt b32", "dp4a s32",
	} {
		list = append(list, fixed{name, 4, 4, 4})
	}
	return list
}

// cycles is the fixed latency of a step, atLeast where only that is known, 0
// where it is not fixed.
func (in instruction) cycles(target isa.Target) float64 {
	for _, f := range fixedLatencies() {
		if f.name != in.Op+" "+in.Type {
			continue
		}
		switch target.Base() {
		case isa.SM80:
			return f.ampere
		case isa.SM86, isa.SM89:
			return f.ada
		case isa.SM90:
			return f.hopper
		}
	}
	return 0
}
