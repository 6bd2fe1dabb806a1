package dpx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

const (
	maxWarps = 32
	oneSM    = "one SM"
	allSMs   = "all SMs"
	// swept is the function whose rate is measured for many block counts.
	swept = "__viaddmax_s32"
	// bodySize is the length of the loop body in machine instructions, of which the
	// loop's own are less than one in a hundred.
	bodySize = 448
	// guess is the rate in steps per cycle per SM by which loops are sized where
	// the unit does not exist.
	guess = 16
)

func throughput() micro.Benchmark {
	return micro.Benchmark{
		Name:       "dpx/throughput",
		Question:   "How many dynamic-programming instructions does an SM, and the whole chip, complete?",
		Method:     "Independent chains in each of up to 32 warps of one CTA, three loop lengths, rate from the slope; then all SMs at once; and for one function the number of CTAs swept to twice the SMs. One call of the function is one operation, also on two halves.",
		Source:     "arXiv 2402.13499, arXiv 2501.12084; peak of 64 a cycle per SM: NVIDIA Hopper tuning guide and measurement",
		Experiment: "E10",
		Units:      []string{"op/cycle/SM", "Top/s"},
		Plan:       throughputPlan,
		Job:        throughputJob,
		Analyse:    throughputAnalysis,
	}
}

func throughputPlan(gpu micro.GPU) []results.Point {
	var points []results.Point
	for _, f := range functions() {
		for _, w := range []int{8, 16, maxWarps} {
			points = append(points, results.P("fn", f.Name(), "on", oneSM, "warps", strconv.Itoa(w)))
		}
		points = append(points, results.P("fn", f.Name(), "on", allSMs, "warps", strconv.Itoa(maxWarps)))
	}
	for _, n := range blockCounts(gpu.SMs) {
		points = append(points, results.P("fn", swept, "on", "blocks", "blocks", strconv.Itoa(n), "warps", strconv.Itoa(maxWarps)))
	}
	return points
}

// blockCounts are eighths of the SMs up to twice their number, and the counts
// around one and two waves.
func blockCounts(sms int) []int {
	sms = max(sms, 1)
	counts := []int{1, sms - 1, sms + 1, 2*sms - 1}
	for i := 1; i <= 16; i++ {
		counts = append(counts, sms*i/8)
	}
	counts = slices.DeleteFunc(counts, func(n int) bool { return n < 1 })
	slices.Sort(counts)
	return slices.Compact(counts)
}

func configuration(gpu micro.GPU, p results.Point) (function, harness.Throughput, error) {
	f, err := lookup(p.Get("fn"))
	if err != nil {
		return f, harness.Throughput{}, err
	}
	warps, err := strconv.Atoi(p.Get("warps"))
	if err != nil {
		return f, harness.Throughput{}, fmt.Errorf("point %s: warps: %w", p.Key(), err)
	}
	native, emulated := f.instruction()
	t := harness.Throughput{
		Make:   f.script(gpu.Arch).Maker(),
		Chains: f.chains(), Unroll: f.unroll(gpu.Arch), Warps: warps, CTAs: 1, Compact: true,
		Input: input(), InputTag: "dpx",
		Instruction: native, Emulated: emulated, PerStep: f.perStep(gpu.Arch),
	}
	length := harness.Long
	switch p.Get("on") {
	case allSMs:
		t.CTAs, length = max(gpu.SMs, 1), harness.LongChip
	case "blocks":
		if t.CTAs, err = strconv.Atoi(p.Get("blocks")); err != nil {
			return f, t, fmt.Errorf("point %s: blocks: %w", p.Key(), err)
		}
		length = harness.LongChip
	}
	rate, known := gpu.Spec.Rate(arch.DPX)
	if !known {
		rate = guess
	}
	t.Iterations = t.Size(length, rate)
	return f, t, nil
}

// chains per warp: one where each step has predicates, of which a thread has
// only seven; the warps are enough to fill the unit.
func (f function) chains() int {
	if f.Kind == withBit {
		return 1
	}
	return 4
}

// unroll is the number of steps of a chain in the loop body, a multiple of two.
// Before sm_90 a step is about four instructions for each of the family's.
func (f function) unroll(t isa.Target) int {
	machine := 1
	switch {
	case !fused(t):
		machine = 4 * f.perStep(t)
	case f.Kind == withBit:
		machine = 3
	}
	return max(2, bodySize/machine/f.chains()/2*2)
}

func throughputJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	_, t, err := configuration(gpu, p)
	if err != nil {
		return nil, err
	}
	return t.Job(gpu)
}

func throughputAnalysis(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, f := range functions() {
		cells, chip, err := f.gather(gpu, measured)
		if err != nil {
			a.Rows = append(a.Rows, harness.Failed(chip, "throughput", "op/cycle/SM", err))
			continue
		}
		if len(cells) == 0 {
			continue
		}
		row := f.perSM(gpu, cells)
		a.Rows = append(a.Rows, row)
		if chip != nil {
			a.Rows = append(a.Rows, f.wholeChip(gpu, chip, harness.ValueAt(cells, maxWarps, f.chains())))
		}
	}
	series, err := sweep(gpu, measured)
	if err != nil {
		return a, err
	}
	if len(series.XY) > 0 {
		a.Series = append(a.Series, series)
	}
	return a, nil
}

// gather sorts out the function's measurements; with an error comes the
// measurement that has it.
func (f function) gather(gpu micro.GPU, measured []*micro.Measured) (cells []harness.Cell, chip *micro.Measured, err error) {
	for _, m := range measured {
		switch {
		case m.Point.Get("fn") != f.Name():
		case m.Point.Get("on") == allSMs:
			chip = m
		case m.Point.Get("on") == oneSM:
			_, t, err := configuration(gpu, m.Point)
			if err != nil {
				return nil, m, err
			}
			cell, err := harness.NewCell(m, t, 1)
			if err != nil {
				return nil, m, err
			}
			cells = append(cells, cell)
		}
	}
	return cells, chip, nil
}

func (f function) perSM(gpu micro.GPU, cells []harness.Cell) micro.Row {
	row, best := harness.PlateauRow(cells, "op/cycle/SM")
	row.Point = results.P("fn", f.Name())
	f.note(&row, best)
	if peak, from, ok := f.peak(gpu); ok {
		harness.SetPeak(&row, peak, from)
	}
	explain(&row)
	row.Published = published.Query{Benchmark: "DPX", Instruction: f.Name(), Metric: "throughput_per_SM"}
	return row
}

func (f function) wholeChip(gpu micro.GPU, m *micro.Measured, perSM float64) micro.Row {
	_, t, err := configuration(gpu, m.Point)
	if err != nil {
		return harness.Failed(m, "chip throughput", "Top/s", err)
	}
	row, clock, err := harness.ChipRow(m, t, "Top/s", 1, perSM)
	if err != nil {
		return harness.Failed(m, "chip throughput", "Top/s", err)
	}
	row.Point = results.P("fn", f.Name(), "on", allSMs)
	if peak, from, ok := f.peak(gpu); ok {
		harness.SetPeak(&row, peak*float64(gpu.SMs)*clock/1e6, fmt.Sprintf("%s × %d SMs at %.0f MHz", from, gpu.SMs, clock))
	}
	explain(&row)
	row.Published = published.Query{Benchmark: "DPX", Instruction: f.Name(), Metric: "throughput_whole_GPU"}
	return row
}

// nearPeak is the percentage below which a row says that it is not at the peak.
const nearPeak = 95

// explain flags a row that stays below the peak.
func explain(row *micro.Row) {
	if row.Peak != nil && row.Peak.Percent < nearPeak {
		harness.Flag(row, "%.1f %% of the peak, and why is not known: a step may hold more than the function, see the annotations", row.Peak.Percent)
	}
}

// peak is the rate of the family; where a function's predicate takes a second
// instruction of the same pipe, half of it.
func (f function) peak(gpu micro.GPU) (float64, string, bool) {
	rate, ok := gpu.Spec.Rate(arch.DPX)
	if !ok || !fused(gpu.Arch) {
		return 0, "", false
	}
	if f.Kind == withBit && !f.packed() {
		return rate / 2, fmt.Sprintf("dpx %g per cycle per SM for the comparison and the selection", rate), true
	}
	return rate, fmt.Sprintf("dpx %g per cycle per SM, %s", rate, gpu.Spec.Source), true
}

// sweep is the curve of one function's chip rate against the number of CTAs.
func sweep(gpu micro.GPU, measured []*micro.Measured) (results.Series, error) {
	s := results.Series{
		Name: swept, Group: "blocks",
		X: results.Axis{Label: "CTAs of 1024 threads"}, Y: results.Axis{Label: "chip throughput", Unit: "Top/s"},
	}
	var errs []error
	for _, m := range measured {
		if m.Point.Get("on") != "blocks" {
			continue
		}
		_, t, err := configuration(gpu, m.Point)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rates, err := harness.ThroughputRates(m, t.Work())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		stats := results.Summarize(rates.Chip)
		xy := results.XY{X: float64(t.CTAs), Y: stats.Median / 1e12, Low: stats.Min / 1e12, High: stats.Max / 1e12}
		s.XY = append(s.XY, xy)
	}
	slices.SortFunc(s.XY, func(a, b results.XY) int { return int(a.X - b.X) })
	if gpu.SMs > 0 {
		s.Marks = []results.Mark{{X: float64(gpu.SMs), Label: "one CTA per SM"}}
	}
	return s, errors.Join(errs...)
}
