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
	// Threads of the single CTA; 0 means one warp. A warpgroup instruction needs 128.
	Threads int
}

// Job makes the job of the measurement. The samples are reps x len(Lengths)
// clock differences.
func (l Latency) Job(gpu micro.GPU) (*micro.Job, error) {
	lengths := l.Lengths
	if lengths == nil {
		lengths = Lengths()
	}
	threads := max(l.Threads, 32)
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	l.kernel(m.Kernel("latency"), lengths)
	args := func(n uint32) []micro.Arg {
		return []micro.Arg{micro.Ptr("samples", 0), micro.Ptr("result", 0), micro.Ptr("input", 0), micro.U32(0), micro.U32(n)}
	}
	launch := micro.Launch{Kernel: "latency", Grid: micro.Dim(1), Block: micro.Dim(threads)}
	timed, verify := launch, launch
	timed.Args, verify.Args = args(reps), args(1)
	counts := make([]int, len(lengths))
	for i, n := range lengths {
		counts[i] = n
	}
	job := &micro.Job{
		Module: m,
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * reps * len(lengths))},
			{Name: "result", Bytes: uint64(4 * threads)},
			{Name: "input", Bytes: uint64(len(l.Input)), Data: func() []byte { return l.Input }, Tag: l.InputTag},
		},
		Verify: []micro.Launch{verify}, Launches: []micro.Launch{timed},
		Samples: "samples", Result: "result", CheckedBy: micro.ByEmulator,
		Expect: micro.Expect{Kernel: "latency", Instruction: l.Instruction, Emulated: l.Emulated, Sections: counts, PerStep: l.PerStep},
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build latency kernel: %w", err)
	}
	return job, nil
}

// kernel writes the latency kernel: for every pass and length, clock, chain, clock.
func (l Latency) kernel(k *ptx.Kernel, lengths []int) {
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	in, zero, passes := k.Param("input", ptx.B64), k.Param("zero", ptx.B32), k.Param("passes", ptx.B32)
	sink := k.SharedAddress(k.Shared("sink", 4*max(l.Threads, 32), 4))
	thread := k.Reg(ptx.B32)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	k.I("mad.lo.u32", sink, thread, ptx.Int(4), sink)
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
			k.I("st.global.u64", ptx.At(samples, 8*i), elapsed)
		}
		k.I("add.u64", samples, samples, ptx.Int(8*len(lengths)))
	})
	storeResult(k, result, thread, last)
	k.I("ret")
}

// timed wraps code in two clock reads. The code gets a word that is zero but
// depends on the first read; the word that it returns is stored to shared
// memory before the second read, which so waits for it.
func timed(k *ptx.Kernel, sink, zero ptx.Reg, code func(opaque ptx.Reg) ptx.Reg) ptx.Reg {
	start, stop, opaque := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B32)
	k.I("mov.u64", start, ptx.Special("%clock64"))
	k.I("cvt.u32.u64", opaque, start)
	k.I("and.b32", opaque, opaque, zero)
	k.I("st.volatile.shared.u32", ptx.At(sink, 0), code(opaque))
	k.I("mov.u64", stop, ptx.Special("%clock64"))
	k.I("sub.u64", stop, stop, start)
	return stop
}

// storeResult writes one word per thread to result.
func storeResult(k *ptx.Kernel, result, thread, word ptx.Reg) {
	address := k.Reg(ptx.B64)
	k.I("mad.wide.u32", address, thread, ptx.Int(4), result)
	k.I("st.global.u32", ptx.At(address, 0), word)
}
