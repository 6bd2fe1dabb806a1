package gpu

import (
	"fmt"
	"math"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
)

// Bound is what sets the ceiling of a piece of work.
type Bound string

// Bounds.
const (
	BoundTensor  Bound = "matrix units"
	BoundVector  Bound = "vector units"
	BoundDRAM    Bound = "device memory"
	BoundL2      Bound = "L2 cache"
	BoundShared  Bound = "shared memory"
	BoundIssue   Bound = "issue"
	BoundLatency Bound = "latency"
)

// Ceiling is one limit, in the unit of the value that is predicted.
type Ceiling struct {
	Bound Bound   `json:"bound"`
	Value float64 `json:"value"`
	// Measured ceilings were re-scaled by a probe.
	Measured bool `json:"measured,omitempty"`
}

// problem is a query on a GPU, ready for the model.
type problem struct {
	class    class
	unit     string
	ceilings []Ceiling // the first is the one that a plain roofline uses too
	plain    float64   // the least ceiling that the data sheet alone gives
	features features
	// work is not 0 where the value is a time: work over a rate.
	work float64
	// scale turns what is modelled into the value asked for; 0 means 1.
	scale float64
	// stratum is the set of errors that the interval comes from.
	stratum string
}

// formulate puts a query on a GPU into numbers.
func formulate(s sheet.Sheet, q Query) (problem, error) {
	var p problem
	var err error
	switch q.Benchmark {
	case "tensor/wgmma-throughput", "tensor/mma-throughput":
		p, err = tensorProblem(s, q)
	case "tensor/gemm":
		p, err = gemmProblem(s, q)
	case "alu/throughput", "dpx/throughput":
		p, err = vectorProblem(s, q)
	case "mlperf", "llm/generate":
		p, err = modelProblem(s, q)
	case "memory/dram-bandwidth", "memory/l2-bandwidth", "memory/l1-bandwidth", "memory/shared-bandwidth", "cluster/throughput":
		p, err = memoryProblem(s, q)
	default:
		p, err = latencyProblem(s, q)
	}
	if err != nil {
		return p, fmt.Errorf("%s on %s: %w", q, s.Name, err)
	}
	p.stratum = q.Benchmark
	return p, nil
}

// least is the ceiling that counts.
func (p problem) least() Ceiling {
	best := Ceiling{Bound: BoundLatency, Value: 1}
	for i, c := range p.ceilings {
		if i == 0 || c.Value < best.Value {
			best = c
		}
	}
	return best
}

// rate undoes scale and work: what the model speaks of, from a measured value.
func (p problem) rate(value float64) float64 {
	if p.work > 0 {
		return p.work / value
	}
	return value / p.factor()
}

// value is the inverse of rate.
func (p problem) value(rate float64) float64 {
	if p.work > 0 {
		return p.work / rate
	}
	return rate * p.factor()
}

func (p problem) factor() float64 {
	if p.scale == 0 {
		return 1
	}
	return p.scale
}

// feature is a named input of the regression; most are 1, for "this is so".
type feature struct {
	name  string
	value float64
	// needed features must have been seen in the fit: without them nothing is known.
	needed bool
	// slope features are measures.
	slope bool
}

type features []feature

// is adds features that hold.
func (f *features) is(names ...string) {
	for _, n := range names {
		*f = append(*f, feature{name: n, value: 1})
	}
}

// needs adds features that hold and without which nothing can be said.
func (f *features) needs(names ...string) {
	for _, n := range names {
		*f = append(*f, feature{name: n, value: 1, needed: true})
	}
}

// number adds a measure, as the logarithm of its ratio to a reference, so that
// 0 is an ordinary card.
func (f *features) number(name string, value, reference float64) {
	if value > 0 && reference > 0 {
		*f = append(*f, feature{name: name, value: math.Log(value / reference), slope: true})
	}
}

func needsHopper(s sheet.Sheet, what string) error {
	if s.Capability == "9.0" {
		return nil
	}
	return &ErrUnsupported{s.Name, what, "it takes compute capability 9.0"}
}
