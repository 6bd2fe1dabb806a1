package tensor

import (
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func mmaLatency() micro.Benchmark {
	return micro.Benchmark{
		Name:     "tensor/mma-latency",
		Question: "How many cycles pass until the result of an mma can be used, by shape and type?",
		Method: "One warp runs a chain of dependent mma at four lengths between two reads of the clock; the latency is the slope. " +
			"The chain goes through the accumulator; for f16 m16n8k16 also through A and through B. " +
			"The last clock read waits for the last result, which is stored before it. Operands are zeros; results are checked on random data.",
		Source:     "arXiv 2206.02874, arXiv 2402.13499 (table VII), arXiv 2501.12084 (16.0 to 24.5 cycles on a native path); the band is that range with room for other shapes",
		Experiment: "E6",
		Units:      []string{"cycles"},
		Plan:       func(micro.GPU) []results.Point { return mmaLatencyPlan() },
		Job:        mmaLatencyJob,
		Analyse:    mmaLatencyAnalysis,
	}
}

// lengths of the chains: short ones where a step is dozens of instructions.
func (f mma) lengths(gpu micro.GPU) []int {
	switch {
	case f.emulated(gpu) && f.sparse:
		return []int{1, 2, 3, 4}
	case f.emulated(gpu):
		return []int{2, 4, 6, 8}
	}
	return []int{8, 16, 24, 32}
}

func mmaLatencyPlan() []results.Point {
	var points []results.Point
	for _, f := range mmaList() {
		points = append(points, f.point("through", throughC))
		if f.shape == "m16n8k16" && f.in.name == "f16" && f.acc.name == "f16" && !f.sparse {
			points = append(points, f.point("through", throughA), f.point("through", throughB))
		}
	}
	return points
}

func mmaLatencyJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	f, err := parseMMA(p)
	if err != nil {
		return nil, err
	}
	proof, err := f.proof(gpu)
	if err != nil {
		return nil, err
	}
	maker, err := f.maker(gpu, p.Get("through"))
	if err != nil {
		return nil, err
	}
	job, err := harness.Latency{
		Make: maker, Lengths: flanked(f.lengths(gpu)), Instruction: proof.instruction, Emulated: proof.emulated, PerStep: proof.perStep,
	}.Job(gpu)
	if err != nil {
		return nil, err
	}
	f.loosen(gpu, job)
	return f.withInputs(gpu, job, zeros)
}

// loosen leaves the counts open where the compiler also uses CALL to jump.
func (f mma) loosen(gpu micro.GPU, job *micro.Job) {
	if f.shape == "m8n8k4" && f.emulated(gpu) {
		clear(job.Expect.Sections)
	}
}

// withInputs gives a job the operands to time, and random ones to verify.
func (f mma) withInputs(gpu micro.GPU, job *micro.Job, fill string) (*micro.Job, error) {
	input, err := f.buffer(gpu.Table, "input", fill)
	if err != nil {
		return nil, err
	}
	check, err := f.buffer(gpu.Table, "check", random)
	if err != nil {
		return nil, err
	}
	return withCheck(job, input, check), nil
}

func mmaLatencyAnalysis(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, m := range measured {
		if !m.OK() {
			continue
		}
		f, err := parseMMA(m.Point)
		if err != nil {
			return a, err
		}
		row, err := latencyRow(m, f.lengths(gpu))
		if err != nil {
			row = harness.Failed(m, "latency", "cycles", err)
		} else {
			f.describeLatency(gpu, &row, m)
		}
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

// describeLatency adds band and published figures. On Hopper f64 takes longer,
// and an emulated form is bounded only from below.
func (f mma) describeLatency(gpu micro.GPU, row *micro.Row, m *micro.Measured) {
	row.Published = f.published("mma.sync completion latency", "latency")
	switch {
	case f.emulated(gpu):
		harness.NoteRan(row, m)
		f.noteEmulated(gpu, row)
	case f.in.name == "f64":
		harness.SetBand(row, 12, 100)
	default:
		harness.SetBand(row, 12, 40)
	}
}

// published finds the figures of the same form; the papers name a sparse f16 form
// by its compressed depth.
func (f mma) published(benchmark, metric string) published.Query {
	q := published.Query{Benchmark: benchmark, Instruction: "mma.sync", Shape: f.shape, In: f.in.name, Acc: f.acc.name, Metric: metric}
	if f.sparse {
		q.Instruction = "mma.sp"
		if f.shape == "m16n8k32" && f.in.name == "f16" {
			q.Shape, q.Acc = "m16n8k16 (compressed; effective k32)", "f16 (assumed)"
		}
	}
	return q
}
