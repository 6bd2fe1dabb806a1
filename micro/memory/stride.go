package memory

import (
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func strideLatency() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/stride-latency",
		Question: "How many cycles does a dependent load take from L1, shared memory, L2 and DRAM?",
		Method: "One thread follows a chain of addresses with a fixed stride. The latency is the slope of the cycles over chains of " +
			"n, 2n and 3n loads, median over passes and rounds. address=pointer: the loaded word is the next address; address=index: " +
			"the next address is computed from it, as a compiled array access does, and that arithmetic is part of the chain. " +
			"L1: ld.global.ca, all of the carve-out given to L1, 256 lines, warm. L2: ld.global.cg, 256 lines, warm. " +
			"DRAM: ld.global.cg on lines never read since a sweep of four times L2 emptied it.",
		Source:     "arXiv 2402.13499 table IV, arXiv 2501.12084 table 3, arXiv 2208.11174 table 4",
		Experiment: "E1",
		Units:      []string{"cycles", "ns"},
		Plan:       stridePlan,
		Job:        strideJob,
		Analyse:    strideAnalyse,
	}
}

// strideSpace is a level of the memory and how it is chased.
type strideSpace struct {
	name, address string
	chase         chase
	strides       []int
	walk          walk
	// skip is the number of passes that warm up.
	skip int
	low  float64 // plausible cycles
	high float64
	also published.Query
}

// warmNodes is the length of a warm chain: each of the timed chains goes around
// it a whole number of times, so that all of them meet the same lines.
const warmNodes = 256

func strideSpaces() []strideSpace {
	const ca, cg, lds = "ld.global.ca.u64", "ld.global.cg.u64", "ld.shared.u32"
	warm, cold := walk{warm: 16, loops: 16, passes: 5}, walk{warm: 1, loops: 16, passes: 3}
	query := func(benchmark string) published.Query { return published.Query{Benchmark: benchmark} }
	pointerL1 := chase{kernel: "chase_l1", load: ca, target: "LDG"}
	pointerL2 := chase{kernel: "chase_l2", load: cg, target: "LDG"}
	return []strideSpace{
		{"l1", "pointer", pointerL1, []int{8, 32, 128, 512}, warm, 1, 25, 50, query("L1 latency (random-stride p-chase)")},
		{"l1", "index", chase{kernel: "chase_l1_index", load: "ld.global.ca.u32", target: "LDG", index: true},
			[]int{8, 128}, warm, 1, 30, 60, query("L1 latency (p-chase)")},
		{"shared", "pointer", chase{kernel: "chase_shared", load: lds, target: "LDS", shared: true},
			[]int{4, 128}, warm, 1, 18, 35, query("shared load")},
		{"shared", "index", chase{kernel: "chase_shared_index", load: lds, target: "LDS", shared: true, index: true},
			[]int{4, 128}, warm, 1, 20, 45, query("shared latency (p-chase)")},
		{"l2", "pointer", pointerL2, []int{32, 128, 512, 4096, 32768}, warm, 1, 150, 450, query("L2 latency (p-chase)")},
		{"dram", "pointer", pointerL2, []int{128, 512, 4096, 32768, 262144}, cold, 1, 300, 1500, query("global latency (p-chase)")},
	}
}

// nodes is the length of the chain.
func (s strideSpace) nodes() int {
	if s.name == "dram" {
		return s.walk.steps() + 1
	}
	return warmNodes
}

func (s strideSpace) point(stride int) results.Point {
	return results.P("space", s.name, "address", s.address, "stride", strconv.Itoa(stride))
}

func stridePlan(micro.GPU) []results.Point {
	var points []results.Point
	for _, s := range strideSpaces() {
		for _, stride := range s.strides {
			points = append(points, s.point(stride))
		}
	}
	return points
}

func findSpace(p results.Point) (strideSpace, int, error) {
	stride, err := strconv.Atoi(p.Get("stride"))
	for _, s := range strideSpaces() {
		if err == nil && s.name == p.Get("space") && s.address == p.Get("address") {
			return s, stride, nil
		}
	}
	return strideSpace{}, 0, fmt.Errorf("point {%s} is not one of memory/stride-latency", p.Key())
}

func strideJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	s, stride, err := findSpace(p)
	if err != nil {
		return nil, err
	}
	footprint := uint64(s.nodes()) * uint64(stride)
	if err := s.fits(gpu, footprint); err != nil {
		return nil, err
	}
	verify := walk{warm: 1, loops: 1, passes: 1}
	job := &micro.Job{
		Module: strideModule(gpu),
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * s.walk.words())}, {Name: "result", Bytes: 8}, {Name: "chain", Bytes: footprint},
		},
		Verify:   []micro.Launch{s.launch(verify, stride)},
		Launches: []micro.Launch{s.launch(s.walk, stride)},
		Samples:  "samples", Result: "result", CheckedBy: micro.ByAnalytic,
		Check:  endsAt(uint64(verify.steps() % s.nodes() * stride)),
		Expect: s.chase.expect(),
	}
	if !s.chase.shared {
		job.Setup = []micro.Launch{s.setup(stride)}
	}
	if s.name == "dram" {
		flush, buffer := kit.FlushL2(gpu, "flush")
		job.Buffers = append(job.Buffers, buffer)
		job.Launches = []micro.Launch{flush, job.Launches[0]}
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build chase kernels: %w", err)
	}
	return job, nil
}

// fits refuses a footprint that is not of its level on this GPU.
func (s strideSpace) fits(gpu micro.GPU, footprint uint64) error {
	limit, level := kit.Share(gpu), "a third of the device's memory"
	switch s.name {
	case "l2":
		limit, level = uint64(gpu.L2Bytes)/4, "a quarter of L2"
	case "l1":
		limit, level = uint64(gpu.SharedPerSM), "L1"
	case "shared":
		limit, level = 48<<10, "the shared memory of a CTA"
	}
	if footprint > limit {
		return micro.Unsupportedf("a chain of %d bytes does not fit %s of %d bytes", footprint, level, limit)
	}
	return nil
}

func (s strideSpace) launch(w walk, stride int) micro.Launch {
	return s.chase.launch(w, micro.Ptr("chain", 0), uint32(s.nodes()), uint32(stride))
}

func (s strideSpace) setup(stride int) micro.Launch {
	kernel := "setup"
	if s.chase.index {
		kernel = "setup_index"
	}
	return micro.Launch{Kernel: kernel, Grid: micro.Dim(4), Block: micro.Dim(256),
		Args: []micro.Arg{micro.Ptr("chain", 0), micro.U32(uint32(s.nodes())), micro.U32(uint32(stride))}}
}

// strideModule holds all chases, so that the benchmark compiles one module.
func strideModule(gpu micro.GPU) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	known := map[string]bool{}
	for _, s := range strideSpaces() {
		if !known[s.chase.kernel] {
			known[s.chase.kernel] = true
			s.chase.build(m.Kernel(s.chase.kernel))
		}
	}
	strideSetup(m.Kernel("setup"), false)
	strideSetup(m.Kernel("setup_index"), true)
	kit.FlushKernel(m.Kernel("flush"))
	return m
}

// strideSetup writes a chain: each node leads to the next, the last to the first.
func strideSetup(k *ptx.Kernel, index bool) {
	base, nodes, stride := k.Param("base", ptx.B64), k.Param("nodes", ptx.B32), k.Param("stride", ptx.B32)
	first, threads := kit.Thread(k)
	here, there, next, wraps := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B32), k.Reg(ptx.Pred)
	kit.For(k, first, nodes, threads, func(i ptx.Reg) {
		k.I("mad.wide.u32", here, i, stride, base)
		k.I("add.u32", next, i, ptx.Int(1))
		k.I("setp.eq.u32", wraps, next, nodes)
		k.I("selp.b32", next, ptx.Int(0), next, wraps)
		if index {
			k.I("mul.lo.u32", next, next, stride)
			k.I("shr.u32", next, next, ptx.Int(2))
			k.I("st.global.u32", ptx.At(here, 0), next)
			return
		}
		k.I("mad.wide.u32", there, next, stride, base)
		k.I("st.global.u64", ptx.At(here, 0), there)
	})
	k.I("ret")
}

func strideAnalyse(_ micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, m := range measured {
		s, stride, err := findSpace(m.Point)
		if err != nil {
			return micro.Analysis{}, err
		}
		l, err := latencies(m, s.walk, s.skip)
		if err != nil {
			return micro.Analysis{}, err
		}
		row := harness.NewRow(m, "latency", "cycles", l.cycles)
		row.ClockMHz, row.ClockFrom = l.clockMHz, "kernel"
		row.Published = s.also
		harness.SetBand(&row, s.low, s.high)
		row.Annotations = append(row.Annotations,
			fmt.Sprintf("%s, %s; slope over chains of %v loads, worst R2 %.6f", s.chase.load, s.describe(stride), s.loads(), l.worstR2))
		if l.worstR2 < s.minR2() {
			harness.Flag(&row, "the time does not grow linearly with the chain: worst R2 %.5f", l.worstR2)
		}
		a.Rows = append(a.Rows, row)
		if s.name == "dram" || s.name == "l2" {
			ns := harness.NewRow(m, "time", "ns", l.nanoseconds())
			ns.ClockMHz, ns.ClockFrom = l.clockMHz, "kernel"
			a.Rows = append(a.Rows, ns)
		}
	}
	return a, nil
}

func (s strideSpace) loads() [counts]int {
	n := s.walk.loops * unrolled
	return [counts]int{n, 2 * n, 3 * n}
}

// minR2 is lower for DRAM, whose loads differ by bank, refresh and distance.
func (s strideSpace) minR2() float64 {
	if s.name == "dram" {
		return 0.99
	}
	return harness.MinR2
}

// describe says what the level's state is, without which a latency means little.
func (s strideSpace) describe(stride int) string {
	footprint := s.nodes() * stride
	switch s.name {
	case "l1":
		return fmt.Sprintf("carve-out: all to L1; footprint %d B, warm", footprint)
	case "l2":
		return fmt.Sprintf("footprint %d B, warm in L2, near and far sides mixed", footprint)
	case "dram":
		return "cold: L2 swept before each round, no line read twice"
	}
	return fmt.Sprintf("footprint %d B", footprint)
}
