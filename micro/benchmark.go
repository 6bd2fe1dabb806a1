// Package micro is the floor of all GPU microbenchmarks: what a benchmark is,
// what a device must offer, and the runner that brings the two together.
//
// A benchmark is a value: it plans points, makes a pure Job for each, and
// turns the samples that came back into rows. Only the runner touches a device.
package micro

import (
	"errors"
	"fmt"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

// GPU is what plans, kernels and analyses may depend on.
type GPU struct {
	results.Device
	// Arch is the most capable target of the device.
	Arch isa.Target
	// Spec holds the theoretical rates.
	Spec arch.Spec
	// Table is the instruction table that kernels are built with.
	Table *isa.Table
}

// Benchmark is one file of a unit's folder.
type Benchmark struct {
	// Name is "unit/what", such as "tensor/wgmma".
	Name string
	// Question is what a reader learns from it, as a question.
	Question string
	// Method is how it is measured, in a few sentences.
	Method string
	// Source names the papers or manuals behind method and bands.
	Source string
	// Experiment is the number in the project's list of experiments, such as "E8".
	Experiment string
	// Units lists the units of its rows.
	Units []string
	// Rounds is how often each point is measured; 0 means DefaultRounds.
	Rounds int
	// Plan lists the points to measure: all that the benchmark knows, also those
	// that this GPU cannot do; their Job says so, and they become unsupported rows.
	Plan func(GPU) []results.Point
	// Job makes the kernel, data and launches of a point. It is pure: the same
	// GPU and point give the same job. An error that matches ErrUnsupported or
	// ptx.ErrTarget makes an unsupported row.
	Job func(GPU, results.Point) (*Job, error)
	// Analyse turns the measurements of all points into rows, curves and grids. It is pure.
	Analyse func(GPU, []*Measured) (Analysis, error)
}

// DefaultRounds is the number of rounds of a point unless the benchmark says otherwise.
const DefaultRounds = 5

// ErrUnsupported marks a point that the GPU cannot run; wrap it with the reason.
var ErrUnsupported = errors.New("unsupported")

// Unsupportedf makes an error that matches ErrUnsupported and reads as the reason.
func Unsupportedf(format string, args ...any) error {
	return &unsupportedError{fmt.Sprintf(format, args...)}
}

type unsupportedError struct{ reason string }

func (e *unsupportedError) Error() string        { return e.reason }
func (e *unsupportedError) Is(target error) bool { return target == ErrUnsupported }

// Measured is a point with what came back from the device.
type Measured struct {
	Point results.Point
	Job   *Job
	// Readings holds one entry a round, in order; its Samples follow the layout
	// that the job's kernel wrote.
	Readings []results.Reading
	// Code is the machine code of each kernel of the module; nil if it could not be read.
	Code []results.MachineCode
	// Proof is the runner's verdict on Job.Expect.
	Proof results.Proof
	// Correct is the runner's verdict on Job.Check.
	Correct results.Check
	// Err says why there are no readings.
	Err error
}

// OK reports whether the point has readings to analyse.
func (m *Measured) OK() bool { return m.Err == nil && len(m.Readings) > 0 }

// Analysis is what a benchmark makes of its measurements.
type Analysis struct {
	Rows   []Row
	Series []results.Series
	Grids  []results.Grid
}

// Row is a result row with the measurements that it came from; the runner adds
// clock, power, proof, correctness and kernel hash from those, and applies the gates.
type Row struct {
	results.Row
	From []*Measured
	// Published finds other people's figures for the same thing; the zero Query finds none.
	Published published.Query
}
