package harness

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// Confidence asked of every interval.
const Confidence = 0.95

// MinR2 is the least coefficient of determination with which a slope is
// accepted as the time of one step.
const MinR2 = 0.999

// LatencyRow makes the row of a Latency job: cycles per step, the slope through
// the chain lengths of each pass, and its median over passes and rounds.
func LatencyRow(m *micro.Measured, lengths []int) (micro.Row, error) {
	if lengths == nil {
		lengths = Lengths()
	}
	x := ints(lengths)
	var slopes, robust []float64
	worst, intercept, residual := 1.0, 0.0, 0.0
	for _, r := range m.Readings {
		if len(r.Samples) != reps*len(lengths) {
			return micro.Row{}, fmt.Errorf("latency reading of %s has %d samples, want %d", m.Point.Key(), len(r.Samples), reps*len(lengths))
		}
		for pass := 1; pass < reps; pass++ { // pass 0 filled the instruction cache
			y := floats(r.Samples[pass*len(lengths):][:len(lengths)])
			line := results.FitLine(x, y)
			slopes, robust = append(slopes, line.Slope), append(robust, results.TheilSen(x, y).Slope)
			worst, intercept = min(worst, line.R2), line.Intercept
			residual = max(residual, line.MaxResidual)
		}
	}
	row := NewRow(m, "latency", "cycles", slopes)
	row.Annotations = append(row.Annotations, fmt.Sprintf("slope over chains of %v steps; worst R2 %.6f; intercept %.1f cycles; largest residual %.1f cycles", lengths, worst, intercept, residual))
	if worst < MinR2 {
		Flag(&row, "the time does not grow linearly with the chain: worst R2 %.5f", worst)
	}
	if other := results.Summarize(robust).Median; math.Abs(other-row.Value) > IntegerTolerance {
		row.Annotations = append(row.Annotations, fmt.Sprintf("the median slope between two lengths is %.3f: not all lengths cost the same beside their steps", other))
	}
	return row, nil
}

// IntegerTolerance is how near to an integer a fixed latency must land, in cycles.
const IntegerTolerance = 0.05

// NoteInteger says whether a latency lands on an integer. One that is fixed,
// that is, which the compiler counts on instead of waiting for a scoreboard, is
// flagged if it does not.
func NoteInteger(row *micro.Row, fixed bool) {
	nearest := math.Round(row.Value)
	switch off := row.Value - nearest; {
	case math.Abs(off) <= IntegerTolerance:
		row.Annotations = append(row.Annotations, fmt.Sprintf("lands on an integer: %.0f", nearest))
	case fixed:
		Flag(row, "a fixed latency, but off its integer by %+.3f cycles", off)
	}
}

// NewRow makes a row from samples of one value: median, order-statistic
// interval and summary.
func NewRow(m *micro.Measured, metric, unit string, samples []float64) micro.Row {
	stats := results.Summarize(samples)
	row := micro.Row{From: []*micro.Measured{m}}
	row.Point, row.Metric, row.Unit = m.Point, metric, unit
	row.Value, row.Stats, row.Status = stats.Median, &stats, results.OK
	if lo, hi, confidence := results.MedianInterval(samples, Confidence); confidence > 0 {
		row.Interval, row.Confidence = &[2]float64{lo, hi}, confidence
	}
	return row
}

// Flag marks a row whose number stands but needs a second look.
func Flag(row *micro.Row, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if row.Reason != "" {
		reason = row.Reason + "; " + reason
	}
	row.Status, row.Reason = results.Flagged, reason
}

// Rates are what the rounds of a Throughput job say: one entry per round.
type Rates struct {
	// PerSM is steps of one thread's chain per cycle on one SM, summed over the
	// threads of a CTA: thread-level operations per cycle per SM.
	PerSM []float64
	// Chip is steps per second over all CTAs, by %globaltimer.
	Chip []float64
	// ClockMHz is cycles over nanoseconds, the longest launch, median over CTAs.
	ClockMHz []float64
	// WorstR2 is of the line through the three launches; it is the proof by scaling.
	WorstR2 float64
	// Doubling is the slowest round's time for twice the work over the time for
	// once, overhead removed: 2 if time scales with work.
	Doubling float64
	// SMs is the number of distinct SMs that worked, in the round with fewest.
	SMs int
}

// ThroughputRates reads the samples of a Throughput job, or of any job with its
// sample layout. work is the number of steps that the threads of one CTA do
// together in the first launch.
func ThroughputRates(m *micro.Measured, work float64) (Rates, error) {
	rates := Rates{WorstR2: 1, SMs: math.MaxInt}
	ctas := 0
	if m.Job != nil {
		ctas = compacted(m.Job)
	}
	for _, r := range m.Readings {
		if ctas > 0 && len(r.Samples) == Words*len(multiples) {
			rates.addCompact(r.Samples, work, ctas)
			continue
		}
		if len(r.Samples) == 0 || len(r.Samples)%(Words*len(multiples)) != 0 {
			return Rates{}, fmt.Errorf("throughput reading of %s has %d samples, not a multiple of %d", m.Point.Key(), len(r.Samples), Words*len(multiples))
		}
		rates.add(r.Samples, work)
	}
	return rates, nil
}

// add reads one round.
func (rates *Rates) add(samples []uint64, work float64) {
	ctas := len(samples) / Words / len(multiples)
	var cycles, nanos [len(multiples)]float64
	var clock []float64
	for i := range multiples {
		cycles[i], nanos[i], clock = launchTimes(samples[i*ctas*Words:][:ctas*Words])
	}
	rates.fit(cycles, nanos, work, ctas)
	rates.ClockMHz = append(rates.ClockMHz, results.Summarize(clock).Median)
	rates.SMs = min(rates.SMs, distinctSMs(samples[:ctas*Words]))
}

// addCompact reads one round of compact words.
func (rates *Rates) addCompact(samples []uint64, work float64, ctas int) {
	var cycles, nanos [len(multiples)]float64
	clock := 0.0
	for i := range multiples {
		w := samples[i*Words:][:Words]
		cycles[i], nanos[i] = float64(w[0])/float64(ctas), float64(w[3]-w[2])
		clock = float64(w[0]) / float64(w[1]) * 1e3
		rates.SMs = min(rates.SMs, int(w[4]))
	}
	rates.fit(cycles, nanos, work, ctas)
	rates.ClockMHz = append(rates.ClockMHz, clock)
}

// fit makes rates of the times of the three launches.
func (rates *Rates) fit(cycles, nanos [len(multiples)]float64, work float64, ctas int) {
	var x [len(multiples)]float64
	for i, n := range multiples {
		x[i] = float64(n) * work
	}
	perSM, chip := results.FitLine(x[:], cycles[:]), results.FitLine(x[:], nanos[:])
	rates.PerSM = append(rates.PerSM, 1/perSM.Slope)
	rates.Chip = append(rates.Chip, float64(ctas)*1e9/chip.Slope)
	rates.WorstR2 = min(rates.WorstR2, perSM.R2)
	if d := (cycles[2] - cycles[0]) / (cycles[1] - cycles[0]); math.Abs(d-2) >= math.Abs(rates.Doubling-2) || rates.Doubling == 0 {
		rates.Doubling = d
	}
}

// launchTimes gives the median cycles of a launch's CTAs, the nanoseconds from
// the first start to the last stop, and every CTA's clock in MHz.
func launchTimes(launch []uint64) (cycles, nanos float64, clockMHz []float64) {
	var each []float64
	first, last := launch[2], launch[3]
	for i := 0; i < len(launch); i += Words {
		c := float64(launch[i+1] - launch[i])
		each = append(each, c)
		first, last = min(first, launch[i+2]), max(last, launch[i+3])
		if ns := float64(launch[i+3] - launch[i+2]); ns > 0 {
			clockMHz = append(clockMHz, c/ns*1e3)
		}
	}
	return results.Summarize(each).Median, float64(last - first), clockMHz
}

func distinctSMs(launch []uint64) int {
	seen := map[uint64]bool{}
	for i := Words - 1; i < len(launch); i += Words {
		seen[launch[i]] = true
	}
	return len(seen)
}

// ScalingProof is the proof where the machine code could not be read: twice the
// work took twice the time within 2 %, on a line with R2 above 0.999.
func (rates Rates) ScalingProof() results.Proof {
	detail := fmt.Sprintf("twice the work took %.4f times as long, R2 %.6f", rates.Doubling, rates.WorstR2)
	if math.Abs(rates.Doubling-2) > 0.04 || rates.WorstR2 < MinR2 {
		return results.Proof{Kind: results.ProofNone, Detail: detail}
	}
	return results.Proof{Kind: results.ProofScaling, Detail: detail}
}

// SetPeak puts the theoretical peak beside a value of the same unit.
func SetPeak(row *micro.Row, peak float64, from string) {
	if peak > 0 {
		row.Peak = &results.Peak{Value: peak, Percent: 100 * row.Value / peak, From: from}
	}
}

// SetBand sets where a plausible value lies.
func SetBand(row *micro.Row, low, high float64) { row.Band = &[2]float64{low, high} }

func ints(values []int) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

func floats(words []uint64) []float64 {
	out := make([]float64, len(words))
	for i, w := range words {
		out[i] = float64(w)
	}
	return out
}

// Ran lists the machine instructions that steps became: those of the timed
// kernel's fullest section that are not few. Empty where the code could not be read.
func Ran(m *micro.Measured) []results.InstructionCount {
	var fullest results.Section
	most := 0
	for _, c := range m.Code {
		if m.Job == nil || c.Kernel != m.Job.Expect.Kernel {
			continue
		}
		for _, section := range c.Sections {
			for _, in := range section {
				if in.Count > most {
					fullest, most = section, in.Count
				}
			}
		}
	}
	var ran []results.InstructionCount
	for _, in := range fullest {
		if in.Count >= most/8 && in.Count > 1 {
			ran = append(ran, in)
		}
	}
	return ran
}

// NoteRan annotates a row with what ran, where that is more than one machine instruction.
func NoteRan(row *micro.Row, m *micro.Measured) {
	ran := Ran(m)
	if len(ran) < 2 {
		return
	}
	parts := make([]string, len(ran))
	for i, in := range ran {
		parts[i] = fmt.Sprintf("%d × %s", in.Count, in.Mnemonic)
	}
	row.Annotations = append(row.Annotations, "the steps are "+strings.Join(parts, ", "))
}

// Failed is the row of a measurement that could not be analysed.
func Failed(m *micro.Measured, metric, unit string, err error) micro.Row {
	row := micro.Row{From: []*micro.Measured{m}}
	row.Point, row.Metric, row.Unit = m.Point, metric, unit
	row.Status, row.Reason = results.Failed, err.Error()
	return row
}

// SpreadRows makes the rows of a Latency job on many CTAs: the median over the
// SMs, and the spread between the slowest and the fastest; and the curve by SM.
func SpreadRows(m *micro.Measured, lengths []int) ([]micro.Row, results.Series, error) {
	perSM := map[uint64][]float64{}
	words := reps * len(lengths)
	x := ints(lengths)
	for _, r := range m.Readings {
		if len(r.Samples) == 0 || len(r.Samples)%(words+1) != 0 {
			return nil, results.Series{}, fmt.Errorf("spread reading of %s has %d samples, not a multiple of %d", m.Point.Key(), len(r.Samples), words+1)
		}
		ctas := len(r.Samples) / (words + 1)
		for cta := range ctas {
			sm := r.Samples[ctas*words+cta]
			for pass := 1; pass < reps; pass++ {
				line := results.FitLine(x, floats(r.Samples[cta*words+pass*len(lengths):][:len(lengths)]))
				perSM[sm] = append(perSM[sm], line.Slope)
			}
		}
	}
	series := results.Series{Name: "latency by SM", Group: "spread", X: results.Axis{Label: "SM"}, Y: results.Axis{Label: "latency", Unit: "cycles"}}
	var medians []float64
	for _, sm := range slices.Sorted(maps.Keys(perSM)) {
		v := results.Summarize(perSM[sm]).Median
		medians = append(medians, v)
		series.XY = append(series.XY, results.XY{X: float64(sm), Y: v})
	}
	spread := NewRow(m, "latency spread", "cycles", []float64{slices.Max(medians) - slices.Min(medians)})
	spread.Annotations = append(spread.Annotations, fmt.Sprintf("slowest less fastest of %d SMs", len(medians)))
	return []micro.Row{NewRow(m, "latency", "cycles", medians), spread}, series, nil
}
