package dpx

import (
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

// cycles of a fused instruction on sm_90.
const cycles = 4

func latency() micro.Benchmark {
	return micro.Benchmark{
		Name:       "dpx/latency",
		Question:   "How many cycles pass until the result of a dynamic-programming instruction can be used?",
		Method:     "One warp runs a chain of dependent steps at four lengths between two reads of the clock; the latency is the slope. The chains are such that no step can be joined with the next. Before Hopper the functions are several instructions, and the row says so.",
		Source:     "arXiv 2402.13499, arXiv 2501.12084; CUDA math API, DPX functions",
		Experiment: "E10",
		Units:      []string{"cycles"},
		Plan:       func(micro.GPU) []results.Point { return latencyPlan() },
		Job:        latencyJob,
		Analyse:    latencyAnalysis,
	}
}

func latencyPlan() []results.Point {
	var points []results.Point
	for _, f := range functions() {
		points = append(points, results.P("fn", f.Name()))
	}
	return points
}

func latencyJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	f, err := lookup(p.Get("fn"))
	if err != nil {
		return nil, err
	}
	native, emulated := f.instruction()
	return harness.Latency{
		Make:  f.script(gpu.Arch).Maker(),
		Input: input(), InputTag: "dpx",
		Instruction: native, Emulated: emulated, PerStep: f.perStep(gpu.Arch),
	}.Job(gpu)
}

func latencyAnalysis(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, m := range measured {
		row, err := harness.LatencyRow(m, nil)
		if err != nil {
			a.Rows = append(a.Rows, harness.Failed(m, "latency", "cycles", err))
			continue
		}
		f, err := lookup(m.Point.Get("fn"))
		if err != nil {
			return a, fmt.Errorf("analyse: %w", err)
		}
		known := fused(gpu.Arch) && f.Kind != withBit
		if known {
			harness.SetBand(&row, cycles-harness.IntegerTolerance, cycles+harness.IntegerTolerance)
		}
		harness.NoteInteger(&row, known)
		f.note(&row, m)
		row.Published = published.Query{Benchmark: "DPX", Instruction: f.Name(), Metric: "latency"}
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

// note says what else is in a step.
func (f function) note(row *micro.Row, m *micro.Measured) {
	harness.NoteRan(row, m)
	if f.Kind == withBit {
		row.Annotations = append(row.Annotations, "each step's predicate steers a multiplication outside the chain, so that it is not dead code")
	}
}
