package tensor

import (
	"errors"
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

func wgmmaLatency() micro.Benchmark {
	return micro.Benchmark{
		Name:     "tensor/wgmma-latency",
		Question: "How long does one wgmma take from fence to completed wait?",
		Method: "One warpgroup runs 4 to 16 times fence, wgmma, commit, wait for all between two reads of the clock; the latency is the slope. " +
			"It holds the cost of fence, commit and wait; the same with no wgmma in the group is a row of its own. " +
			"The interval at which wgmmas follow one another without a wait is in tensor/wgmma-throughput.",
		Source:     "PTX ISA 9.1, 9.7.15; arXiv 2402.13499 and arXiv 2501.12084 call the issue interval a completion latency; the band is from the issue interval to 160 cycles more",
		Experiment: "E8",
		Units:      []string{"cycles"},
		Plan:       func(micro.GPU) []results.Point { return wgmmaLatencyPlan() },
		Job:        wgmmaLatencyJob,
		Analyse:    wgmmaLatencyAnalysis,
	}
}

// groupLengths are the chain lengths: few, because compilers are slow on many wgmmas.
func groupLengths() []int { return []int{4, 8, 12, 16} }

// emptyOp is the value of the key "op" of the point without a wgmma.
const emptyOp = "empty group"

func wgmmaLatencyPlan() []results.Point {
	points := []results.Point{results.P("op", emptyOp)}
	add := func(p pair, ns []int, sparse bool) {
		for _, n := range ns {
			for _, registers := range []bool{false, true} {
				points = append(points, p.wgmma(n, registers, sparse).point("fill", zeros))
			}
		}
	}
	add(pair{"f16", "f32"}, manyWidths(), false)
	for _, p := range otherPairs() {
		add(p, []int{64, 256}, false)
	}
	add(pair{"f16", "f32"}, []int{64, 128, 256}, true)
	for _, p := range []pair{{"tf32", "f32"}, {"e4m3", "f32"}, {"s8", "s32"}} {
		add(p, []int{256}, true)
	}
	return points
}

func wgmmaLatencyJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	if err := supported(gpu); err != nil {
		return nil, err
	}
	if p.Get("op") == emptyOp {
		return emptyGroupJob(gpu)
	}
	w, err := parseWgmma(p)
	if err != nil {
		return nil, err
	}
	machine, err := w.machine(gpu.Table)
	if err != nil {
		return nil, err
	}
	input, check := w.buffers(p.Get("fill"))
	job, err := harness.Latency{
		Make: w.chain, Lengths: flanked(groupLengths()), Threads: group,
		Instruction: machine,
	}.Job(gpu)
	if err != nil {
		return nil, err
	}
	return withCheck(job, input, check), nil
}

// withCheck replaces a job's input, and lets the verification run on another one.
func withCheck(job *micro.Job, input, check micro.Buffer) *micro.Job {
	for i, b := range job.Buffers {
		if b.Name == input.Name {
			job.Buffers[i] = input
		}
	}
	job.Buffers = append(job.Buffers, check)
	for i := range job.Verify {
		for j, a := range job.Verify[i].Args {
			if a.Buffer == input.Name {
				job.Verify[i].Args[j].Buffer = check.Name
			}
		}
	}
	return job
}

// chain is a step of fence, wgmma, commit and wait. The word of the outcome is of
// few accumulators only; the wait is for all.
func (w wgmma) chain(k *ptx.Kernel, in ptx.Reg, _ int) harness.Chain {
	thread := k.Reg(ptx.B32)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	o := w.load(k, in, thread)
	step := 0
	return harness.Chain{
		Enter: func(zero ptx.Reg) { harness.Entangle(k, o.d[0], zero) },
		Step: func() {
			o.fence()
			o.issue(step)
			o.commit()
			o.wait(0)
			step++
		},
		Leave: func() ptx.Reg { return hash(k, []ptx.Reg{o.d[0], o.d[len(o.d)/2], o.d[len(o.d)-1]}) },
	}
}

// emptyGroupJob times fence, commit and wait alone. There is nothing to check.
func emptyGroupJob(gpu micro.GPU) (*micro.Job, error) {
	job, err := harness.Latency{
		Make: func(k *ptx.Kernel, in ptx.Reg, _ int) harness.Chain {
			x := k.Reg(ptx.B32)
			k.I("ld.global.u32", x, ptx.At(in, 0))
			return harness.Chain{
				Enter: func(zero ptx.Reg) { harness.Entangle(k, x, zero) },
				Step: func() {
					k.I("wgmma.fence.sync.aligned")
					k.I("wgmma.commit_group.sync.aligned")
					k.I("wgmma.wait_group.sync.aligned", ptx.Int(0))
				},
				Leave: func() ptx.Reg { return harness.Word(k, x) },
			}
		},
		Lengths: flanked(groupLengths()), Threads: group, Input: []byte{7, 0, 0, 0}, InputTag: "one word", Instruction: "HGMMA",
	}.Job(gpu)
	if err != nil {
		return nil, fmt.Errorf("empty group: %w", err)
	}
	return job, nil
}

func wgmmaLatencyAnalysis(_ micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	var errs []error
	for _, m := range measured {
		if !m.OK() {
			continue
		}
		row, err := latencyRow(m, groupLengths())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		row.Metric = "completion latency"
		if m.Point.Get("op") == emptyOp {
			row.Annotations = append(row.Annotations, "fence, commit and wait; the compiler puts a placeholder matrix instruction into an empty group")
			a.Rows = append(a.Rows, row)
			continue
		}
		w, err := parseWgmma(m.Point)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		harness.SetBand(&row, w.leastCycles(), w.leastCycles()+160)
		a.Rows = append(a.Rows, row)
	}
	return a, errors.Join(errs...)
}
