package harness

import (
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
)

// Lengths are the chain lengths of a latency kernel unless a benchmark gives its own.
func Lengths() []int { return []int{16, 32, 64, 96} }

// reps is how often a latency kernel runs through all its chains in one launch;
// the first pass fills the instruction cache and is not used.
const reps = 9

// Latency describes a latency measurement: one warp, one chain at several
// lengths, each between two clock reads.
type Latency struct {
	// Make builds the chain.
	Make Maker
	// Lengths are in steps; nil means Lengths().
	Lengths []int
	// Input is the content of the input buffer.
	Input []byte
	// InputTag names the content for the job's hash.
	InputTag string
	// Instruction and Emulated are what the proof looks for, see micro.Expect.
	Instruction, Emulated string
	// PerStep is the number of target machine instructions of a step; 0 means 1.
	PerStep int
	// Extra is the number of target instructions that each section has beside
	// its steps: the harness's own LOP3, where the target is LOP3.
	Extra int
	// Threads of a CTA; 0 means one warp. A warpgroup instruction needs 128.
	Threads int
	// CTAs is the number of CTAs, for the spread over the SMs; 0 means 1.
	CTAs int
	// Check replaces the emulator as the judge of the result; CheckedBy names it.
	Check     func(result []byte) error
	CheckedBy string
}

// Job makes the job of the measurement. The samples are, CTA by CTA, reps x
// len(Lengths) clock differences, and after them one SM number a CTA if there
// are several.
func (l Latency) Job(gpu micro.GPU) (*micro.Job, error) {
	lengths := l.Lengths
	if lengths == nil {
		lengths = Lengths()
	}
	threads, ctas := max(l.Threads, 32), max(l.CTAs, 1)
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	l.kernel(m.Kernel("latency"), lengths)
	launch := func(passes, ctas int) []micro.Launch {
		return []micro.Launch{{
			Kernel: "latency", Grid: micro.Dim(ctas), Block: micro.Dim(threads),
			Args: []micro.Arg{
				micro.Ptr("samples", 0), micro.Ptr("result", 0), micro.Ptr("input", 0), micro.U32(0), micro.U32(uint32(passes)),
			},
		}}
	}
	counts := make([]int, len(lengths))
	for i, n := range lengths {
		counts[i] = n*max(l.PerStep, 1) + l.Extra
	}
	words := reps * len(lengths)
	if ctas > 1 {
		words++
	}
	job := &micro.Job{
		Module: m,
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * words * ctas)},
			{Name: "result", Bytes: uint64(4 * threads)},
			{Name: "input", Bytes: uint64(len(l.Input)), Data: func() []byte { return l.Input }, Tag: l.InputTag},
		},
		Verify: launch(1, 1), Launches: launch(reps, ctas),
		Samples: "samples", Result: "result", Check: l.Check, CheckedBy: judge(l.CheckedBy),
		Expect: micro.Expect{Kernel: "latency", Instruction: l.Instruction, Emulated: l.Emulated, Sections: counts},
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build latency kernel: %w", err)
	}
	return job, nil
}

func judge(by string) string {
	if by == "" {
		return micro.ByEmulator
	}
	return by
}

// kernel writes the latency kernel: for every pass and length, clock, chain, clock.
func (l Latency) kernel(k *ptx.Kernel, lengths []int) {
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	in, zero, passes := k.Param("input", ptx.B64), k.Param("zero", ptx.B32), k.Param("passes", ptx.B32)
	sink := k.SharedAddress(k.Shared("sink", 4*max(l.Threads, 32), 4))
	thread := k.Reg(ptx.B32)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	k.I("mad.lo.u32", sink, thread, ptx.Int(4), sink)
	if l.CTAs > 1 {
		l.offsetCTA(k, samples, len(lengths))
	}
	chain := l.Make(k, in, 0)
	last := k.Reg(ptx.B32)
	k.I("mov.u32", last, ptx.Int(0))
	k.Loop(passes, func(ptx.Reg) {
		for i, n := range lengths {
			elapsed := timed(k, sink, zero, func(opaque ptx.Reg) ptx.Reg {
				chain.Enter(opaque)
				for range n {
					chain.Step()
				}
				w := chain.Leave()
				k.I("mov.u32", last, w)
				return w
			})
			k.I("st.volatile.global.u64", ptx.At(samples, 8*i), elapsed)
			k.I("bar.sync", ptx.Int(0))
		}
		k.I("add.u64", samples, samples, ptx.Int(8*len(lengths)))
	})
	storeResult(k, result, thread, max(l.Threads, 32), []ptx.Reg{last})
	k.I("ret")
}

// offsetCTA stores the CTA's SM number behind all clock differences and moves
// samples to the CTA's own.
func (l Latency) offsetCTA(k *ptx.Kernel, samples ptx.Reg, lengths int) {
	cta, sm, wide, address := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B64), k.Reg(ptx.B64)
	k.I("mov.u32", cta, ptx.Special("%ctaid.x"))
	k.I("mov.u32", sm, ptx.Special("%smid"))
	k.I("cvt.u64.u32", wide, sm)
	k.I("mad.wide.u32", address, cta, ptx.Int(8), samples)
	k.I("st.global.u64", ptx.At(address, 8*reps*lengths*l.CTAs), wide)
	k.I("mad.wide.u32", samples, cta, ptx.Int(8*reps*lengths), samples)
}

// timed wraps code in two clock reads. The code gets a word that is zero but
// depends on the first read; the word that it returns is stored to shared
// memory before the second read, which so waits for it.
//
// All timed stretches of a kernel must cost the same beside their steps, or the
// slope is wrong. So the word is stored a second time after the clock was read:
// the second read can then not take over its register, which would make it wait
// until the first store has read it. And the barrier lets both stores finish
// before the next stretch begins.
func timed(k *ptx.Kernel, sink, zero ptx.Reg, code func(opaque ptx.Reg) ptx.Reg) ptx.Reg {
	start, stop, opaque := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B32)
	k.I("mov.u64", start, ptx.Special("%clock64"))
	k.I("cvt.u32.u64", opaque, start)
	k.I("and.b32", opaque, opaque, zero)
	word := code(opaque)
	k.I("st.volatile.shared.u32", ptx.At(sink, 0), word)
	k.I("mov.u64", stop, ptx.Special("%clock64"))
	k.I("st.volatile.shared.u32", ptx.At(sink, 0), word)
	k.I("sub.u64", stop, stop, start)
	return stop
}

// storeResult writes the words of each of the first threads to result, side by side.
func storeResult(k *ptx.Kernel, result, thread ptx.Reg, threads int, words []ptx.Reg) {
	address, writes := k.Reg(ptx.B64), k.Reg(ptx.Pred)
	k.I("setp.lt.u32", writes, thread, ptx.Int(threads))
	k.I("mad.wide.u32", address, thread, ptx.Int(4*len(words)), result)
	for i, w := range words {
		k.If(writes).I("st.global.u32", ptx.At(address, 4*i), w)
	}
}
