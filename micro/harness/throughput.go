package harness

import (
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
)

// Words is the number of 64-bit sample words that a CTA of a throughput kernel
// writes: clock and %globaltimer at start and stop, and the SM's number.
const Words = 5

// Steps of the three launches of a throughput round, in units of Iterations.
var multiples = [...]int{1, 2, 3}

// Throughput describes a throughput measurement: Warps x Chains independent
// chains per CTA, and CTAs on one SM or on all.
type Throughput struct {
	Make Maker
	// Chains is the number of independent chains per warp, Unroll the steps of
	// each chain in the loop body.
	Chains, Unroll int
	// Warps per CTA; CTAs in the grid (1 for one SM, the SM count for the chip).
	Warps, CTAs int
	// Iterations of the loop in the first launch; the second and third do twice
	// and three times as many, and the rate is the slope.
	Iterations int
	// Compact has a second kernel boil the words of a launch's CTAs, if there are
	// several, down to one set, so that a recording of the whole chip stays
	// small; ThroughputRates reads both. Points that differ only in CTAs share
	// their PTX if all of them are Compact.
	Compact  bool
	Input    []byte
	InputTag string
	// Instruction, Emulated, PerStep: as in Latency.
	Instruction, Emulated string
	PerStep               int
	// Extra is the number of target instructions of the loop itself.
	Extra int
	// VerifyWarps is the number of warps that verify, and that write results; 0
	// means 1. A warpgroup instruction needs 4.
	VerifyWarps int
	// MaxThreads bounds the CTA of every point that shares the kernel, so that
	// wide fragments have registers; 0 means 1024.
	MaxThreads int
	// SharedBytes is dynamic shared memory, which Make finds by DynamicShared.
	SharedBytes int
	// Check replaces the emulator as the judge of the result; CheckedBy names it.
	Check     func(result []byte) error
	CheckedBy string
}

// Job makes the job. Each round's samples are three launches x CTAs x Words.
func (t Throughput) Job(gpu micro.GPU) (*micro.Job, error) {
	threads := 32 * t.Warps
	if threads > t.maxThreads() || t.Chains < 1 || t.Unroll < 1 || t.CTAs < 1 || t.Iterations < 1 {
		return nil, fmt.Errorf("throughput job of %d warps, %d chains, %d steps, %d CTAs, %d iterations is not possible",
			t.Warps, t.Chains, t.Unroll, t.CTAs, t.Iterations)
	}
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	t.kernel(m.Kernel("throughput"))
	job := &micro.Job{
		Module: m,
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * Words * len(multiples) * t.CTAs)},
			{Name: "result", Bytes: uint64(4 * 32 * t.verifyWarps() * t.Chains)},
			{Name: "input", Bytes: uint64(len(t.Input)), Data: func() []byte { return t.Input }, Tag: t.InputTag},
		},
		Verify:  []micro.Launch{t.launch(0, 1, 1, t.verifyWarps())},
		Samples: "samples", Result: "result", Check: t.Check, CheckedBy: judge(t.CheckedBy),
		Expect: micro.Expect{Kernel: "throughput", Instruction: t.Instruction, Emulated: t.Emulated,
			Sections: []int{t.Unroll*t.Chains*max(t.PerStep, 1) + t.Extra}},
	}
	for i, n := range multiples {
		job.Launches = append(job.Launches, t.launch(i, n*t.Iterations, t.CTAs, t.Warps))
	}
	if t.Compact {
		Compact(m, job, t.CTAs)
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build throughput kernel: %w", err)
	}
	return job, nil
}

// Work is the number of steps that the threads of one CTA do together in the
// first launch: the work of ThroughputRates.
func (t Throughput) Work() float64 {
	return float64(32 * t.Warps * t.Chains * t.Unroll * t.Iterations)
}

func (t Throughput) maxThreads() int {
	if t.MaxThreads == 0 {
		return 1024
	}
	return t.MaxThreads
}

func (t Throughput) verifyWarps() int { return max(t.VerifyWarps, 1) }

func (t Throughput) launch(index, iterations, ctas, warps int) micro.Launch {
	return micro.Launch{
		Kernel: "throughput", Grid: micro.Dim(ctas), Block: micro.Dim(32 * warps), SharedBytes: t.SharedBytes,
		Args: []micro.Arg{
			micro.Ptr("samples", uint64(8*Words*t.CTAs*index)), micro.Ptr("result", 0), micro.Ptr("input", 0),
			micro.U32(uint32(iterations)),
		},
	}
}

// kernel writes the throughput kernel: barrier, clock, loop, barrier, clock.
// Each chain's outcome goes to shared memory before the last barrier, so that
// it is waited for.
func (t Throughput) kernel(k *ptx.Kernel) {
	// The bound must not depend on the point's warps, or every warp count would
	// be another kernel to compile.
	k.MaxThreads = t.maxThreads()
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	in, iterations := k.Param("input", ptx.B64), k.Param("iterations", ptx.B32)
	sink := k.SharedAddress(k.Shared("sink", 4*1024, 4))
	thread := k.Reg(ptx.B32)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	k.I("mad.lo.u32", sink, thread, ptx.Int(4), sink)
	chains := make([]Chain, t.Chains)
	for i := range chains {
		chains[i] = t.Make(k, in, i)
	}
	clock := NewStopwatch(k)
	clock.Start()
	k.Loop(iterations, func(ptx.Reg) {
		for range t.Unroll {
			for _, c := range chains {
				c.Step()
			}
		}
	})
	words := make([]ptx.Reg, len(chains))
	for i, c := range chains {
		words[i] = c.Leave()
		k.I("st.volatile.shared.u32", ptx.At(sink, 0), words[i])
	}
	k.I("bar.sync", ptx.Int(0))
	clock.Stop()
	storeResult(k, result, thread, 32*t.verifyWarps(), words)
	clock.Store(samples, thread)
	k.I("ret")
}

// Stopwatch adds clock and %globaltimer reads to a kernel. The globaltimer reads
// lie outside the clock reads, so that they do not disturb them.
type Stopwatch struct {
	k                            *ptx.Kernel
	clock0, clock1, time0, time1 ptx.Reg
}

// NewStopwatch makes the registers; benchmarks with kernels of their own use it
// to keep the sample layout.
func NewStopwatch(k *ptx.Kernel) Stopwatch {
	r := k.Regs(ptx.B64, 4)
	return Stopwatch{k, r[0], r[1], r[2], r[3]}
}

// Start is a barrier of the CTA between the reads of the timers: %globaltimer is
// slow to read, and warps that wait for the clock alone start together.
func (s Stopwatch) Start() {
	s.k.I("mov.u64", s.time0, ptx.Special("%globaltimer"))
	s.k.I("bar.sync", ptx.Int(0))
	s.k.I("mov.u64", s.clock0, ptx.Special("%clock64"))
}

// Stop reads the timers; put what must be complete, and a barrier, before it.
func (s Stopwatch) Stop() {
	s.k.I("mov.u64", s.clock1, ptx.Special("%clock64"))
	s.k.I("mov.u64", s.time1, ptx.Special("%globaltimer"))
}

// Store writes the CTA's Words to samples by thread 0; thread is %tid.x.
func (s Stopwatch) Store(samples, thread ptx.Reg) {
	k := s.k
	address, cta, first, sm, wide := k.Reg(ptx.B64), k.Reg(ptx.B32), k.Reg(ptx.Pred), k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("mov.u32", cta, ptx.Special("%ctaid.x"))
	k.I("mad.wide.u32", address, cta, ptx.Int(8*Words), samples)
	k.I("mov.u32", sm, ptx.Special("%smid"))
	k.I("cvt.u64.u32", wide, sm)
	k.I("setp.eq.u32", first, thread, ptx.Int(0))
	for i, r := range []ptx.Reg{s.clock0, s.clock1, s.time0, s.time1, wide} {
		k.If(first).I("st.global.u64", ptx.At(address, 8*i), r)
	}
}
