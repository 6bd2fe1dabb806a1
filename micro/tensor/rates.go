package tensor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// peakPerSM is the dense peak in operations per cycle per SM, 0 if not known.
// GeForce parts accumulate 16- and 8-bit floats in f32 at half the rate.
func peakPerSM(gpu micro.GPU, in, acc element) float64 {
	rate, known := gpu.Spec.Rate(in.unit)
	if !known {
		return 0
	}
	if geforceHalves(gpu, in, acc) {
		rate /= 2
	}
	return 2 * rate
}

func geforceHalves(gpu micro.GPU, in, acc element) bool {
	consumer := gpu.Arch.Base() == isa.SM86 || gpu.Arch.Base() == isa.SM89
	return consumer && strings.Contains(gpu.Name, "GeForce") && acc.name == "f32" && in.float() && in.bits <= 16
}

// smRow is the rate on one SM, against a peak in operations per cycle.
func smRow(m *micro.Measured, rates harness.Rates, in element, peak float64) micro.Row {
	row := harness.NewRow(m, "throughput", in.rateUnit(), rates.PerSM)
	row.HigherIsBetter = true
	harness.SetPeak(&row, peak, "matrix unit, dense peak of the architecture, doubled where sparse")
	scalingProof(&row, m, rates)
	return row
}

// setChipPeak puts a peak per SM, at the row's clock, beside a chip's rate in 10^12.
func setChipPeak(row *micro.Row, gpu micro.GPU, perSM float64) {
	harness.SetPeak(row, perSM*float64(gpu.SMs)*row.ClockMHz/1e6, fmt.Sprintf("%g per cycle × %d SMs at %.0f MHz", perSM, gpu.SMs, row.ClockMHz))
}

// scalingProof stands in where the machine code could not be read.
func scalingProof(row *micro.Row, m *micro.Measured, rates harness.Rates) {
	if m.Proof.Kind == results.ProofNone && len(m.Code) == 0 {
		row.Proof = rates.ScalingProof()
	}
}

// alone is so much dynamic shared memory that no two CTAs share an SM.
func alone(gpu micro.GPU) int { return gpu.SharedPerBlock * 5 / 8 }

// warmed puts a launch of one pass before those of a round, which brings the code
// into the caches; the next launch writes over its samples.
func warmed(job *micro.Job) *micro.Job {
	first := job.Launches[0]
	first.Args = slices.Clone(first.Args)
	first.Args[len(first.Args)-1] = micro.U32(1) // iterations
	job.Launches = append([]micro.Launch{first}, job.Launches...)
	return job
}
