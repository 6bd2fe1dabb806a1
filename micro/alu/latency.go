package alu

import (
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

// spread is the value of the key "on" of the point that runs on every SM.
const spread = "all SMs"

// fmaCycles is the latency of fma f32, which is measured there, on every target.
const fmaCycles = 4

// Latency is alu/latency.
func latency() micro.Benchmark {
	return micro.Benchmark{
		Name:       "alu/latency",
		Question:   "How many cycles pass until the result of an arithmetic instruction can be used?",
		Method:     "One warp runs a chain of dependent instructions at four lengths between two reads of the clock; the latency is the slope. One instruction is measured on every SM at once: the spread of its latency is a row of its own.",
		Source:     "arXiv 2208.11174, arXiv 2501.12084; the bands are the stalls that the compiler itself puts between dependent instructions",
		Experiment: "E5",
		Units:      []string{"cycles"},
		Plan:       func(micro.GPU) []results.Point { return latencyPlan() },
		Job:        latencyJob,
		Analyse:    latencyAnalysis,
	}
}

func latencyPlan() []results.Point {
	var points []results.Point
	for _, in := range table() {
		points = append(points, results.P("op", in.Op, "type", in.Type))
	}
	return append(points, results.P("op", "fma", "type", "f32", "on", spread))
}

// lookup finds a point's instruction.
func lookup(p results.Point) (instruction, error) {
	list := table()
	i := slices.IndexFunc(list, func(in instruction) bool { return in.Op == p.Get("op") && in.Type == p.Get("type") })
	if i < 0 {
		return instruction{}, fmt.Errorf("no instruction %s", p.Key())
	}
	return list[i], nil
}

// spreadLengths keep the samples of the many CTAs few.
func spreadLengths() []int { return []int{32, 96} }

func latencyJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	in, err := lookup(p)
	if err != nil {
		return nil, err
	}
	l := harness.Latency{
		Make:  harness.Script{Type: in.register(), Steps: in.chain()}.Maker(),
		Input: in.input(), InputTag: in.Op + "." + in.Type,
		Instruction: in.SASS, PerStep: in.PerStep, Extra: in.Also[0],
		CheckedBy: in.judge(),
	}
	if p.Get("on") == spread {
		l.CTAs, l.Lengths = max(gpu.SMs, 2), spreadLengths()
	}
	lengths := harness.Lengths()
	l.Check = in.check(lengths[len(lengths)-1], 1)
	return l.Job(gpu)
}

func latencyAnalysis(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, m := range measured {
		if m.Point.Get("on") == spread {
			rows, series, err := harness.SpreadRows(m, spreadLengths())
			if err != nil {
				a.Rows = append(a.Rows, harness.Failed(m, "latency spread", "cycles", err))
				continue
			}
			harness.SetBand(&rows[0], fmaCycles-harness.IntegerTolerance, fmaCycles+harness.IntegerTolerance)
			harness.NoteInteger(&rows[0], true)
			a.Rows, a.Series = append(a.Rows, rows...), append(a.Series, series)
			continue
		}
		a.Rows = append(a.Rows, latencyRow(gpu, m))
	}
	return a, nil
}

func latencyRow(gpu micro.GPU, m *micro.Measured) micro.Row {
	in, err := lookup(m.Point)
	if err != nil {
		return harness.Failed(m, "latency", "cycles", err)
	}
	row, err := harness.LatencyRow(m, nil)
	if err != nil {
		return harness.Failed(m, "latency", "cycles", err)
	}
	cycles := in.cycles(gpu.Arch)
	if cycles > 0 {
		harness.SetBand(&row, cycles-harness.IntegerTolerance, cycles+harness.IntegerTolerance)
	}
	harness.NoteInteger(&row, cycles != 0)
	harness.NoteRan(&row, m)
	if in.Note != "" {
		row.Annotations = append(row.Annotations, in.Note)
	}
	if ran := harness.Ran(m); in.Lanes == 2 && len(ran) == 2 {
		row.Annotations = append(row.Annotations, "the assembler alternates between two pipes: the latency is from one to the other and back, halved")
	}
	for _, q := range publishedLatency(in) {
		row.Row.Published = append(row.Row.Published, published.Find(q)...)
	}
	return row
}

// publishedLatency finds dependent chains only: most published tables give the
// issue interval of independent instructions.
func publishedLatency(in instruction) []published.Query {
	var list []published.Query
	if in.Published != "" {
		list = append(list, published.Query{Benchmark: "CPI dependent", Instruction: in.Published})
	}
	switch {
	case in.Type == "f64":
		list = append(list, published.Query{Benchmark: "FP64 dependent latency (1024 chain)"})
	case in.Type == "f32" && in.Op == "fma":
		list = append(list, published.Query{Benchmark: "INT32/FP32 true latency"}, published.Query{Benchmark: "FP32 FMA dependent"})
	case in.Type == "s32" && in.Op == "add":
		list = append(list, published.Query{Benchmark: "INT32/FP32 true latency"})
	}
	return list
}
