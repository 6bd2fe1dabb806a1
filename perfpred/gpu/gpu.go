// Package gpu predicts what a benchmark, a matrix product or a model would give
// on a GPU from its data sheet, and says whether a measured card is normal.
//
// The model is a roofline: of the ceilings that a data sheet sets to a piece of
// work (matrix units, memory, shared memory, issue slots) the least counts, and
// the work reaches a share of it, the utilisation, which lies between 0 and 1 and
// is learnt by a regularised regression on its logit (Williams, Waterman and
// Patterson, Roofline, CACM 52(4), 2009, with the share learnt). Latencies in
// cycles have no ceiling; their logarithm is regressed on the architecture.
// Intervals are conformal: quantiles of the errors that were made on GPUs left
// out of the fit (Lei et al., JASA 113, 2018), every GPU counted alike.
package gpu

import (
	"errors"
	"fmt"
	"strings"
)

//go:generate go run ./generate

// ErrUnknownBenchmark means that the predictor knows no benchmark of that name.
type ErrUnknownBenchmark struct {
	Name    string
	Nearest []string
}

// Error names the nearest benchmarks.
func (e *ErrUnknownBenchmark) Error() string {
	return fmt.Sprintf("benchmark %q: not known to the predictor; the nearest are %s", e.Name, strings.Join(e.Nearest, ", "))
}

// ErrUnsupported means that the GPU lacks what the work needs.
type ErrUnsupported struct {
	GPU, What, Why string
}

// Error says what is missing.
func (e *ErrUnsupported) Error() string {
	return fmt.Sprintf("%s does not support %s: %s", e.GPU, e.What, e.Why)
}

// Sentinel errors.
var (
	// ErrNoCeiling means that no source says how fast the unit is on that GPU.
	ErrNoCeiling = errors.New("no ceiling is known")
	// ErrNotPredicted means that the benchmark is known but this metric of it is not predicted.
	ErrNotPredicted = errors.New("the metric is not predicted")
	// ErrBadPoint means that a point has a key or value that the benchmark does not.
	ErrBadPoint = errors.New("bad point")
	// ErrModelVersion means that a model file is of another version.
	ErrModelVersion = errors.New("model file of another version")
	// ErrNotAModel means that a file is no model of this package, or a damaged one.
	ErrNotAModel = errors.New("not a GPU model")
	// ErrTooFewGPUs means that there are not two GPUs to learn from.
	ErrTooFewGPUs = errors.New("too few GPUs")
)
