package alu

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

// throughput is alu/throughput.
func throughput() micro.Benchmark {
	return micro.Benchmark{
		Name:       "alu/throughput",
		Question:   "How many arithmetic instructions does an SM, and the whole chip, complete?",
		Method:     "Independent chains in many warps of one CTA, three loop lengths, rate from the slope; the peak with its two smaller neighbours for every instruction, the whole surface of chains and warps for some; then all SMs at once. An operation is one result: a packed half counts two, and fma one in op/cycle/SM but two in TFLOP/s.",
		Source:     "CUDA C++ Programming Guide, throughput of native arithmetic instructions; arXiv 2501.12084",
		Experiment: "E5",
		Units:      []string{"op/cycle/SM", "TFLOP/s", "Top/s"},
		Plan:       func(micro.GPU) []results.Point { return throughputPlan() },
		Job:        throughputJob,
		Analyse:    throughputAnalysis,
	}
}

const (
	allSMs = "all SMs"
	oneSM  = "one SM"
	// peakChains and peakWarps fill every unit.
	peakChains, peakWarps = 4, 32
	// manyChains let neighbouring instructions share two of three operands, which
	// the operand cache then holds.
	manyChains = 8
	// nearPeak is the percentage below which a row says why it is not at the peak.
	nearPeak = 95
	// bodySize is the length of the loop body in machine instructions; the loop's
	// own three are then less than one in a hundred.
	bodySize = 448
)

func surfaceChains() []int { return []int{1, 2, 4, 8} }
func surfaceWarps() []int  { return []int{1, 2, 4, 8, 16, 32} }

// plateauWarps are the peak and two neighbours, which reach it too if it is one.
func plateauWarps(chains int) []int {
	if chains == 1 {
		return []int{16, 24, peakWarps}
	}
	return []int{8, 16, peakWarps}
}

func throughputPlan() []results.Point {
	var points []results.Point
	add := func(in instruction, chains, warps int, on string) {
		points = append(points, results.P("op", in.Op, "type", in.Type, "on", on, "chains", strconv.Itoa(chains), "warps", strconv.Itoa(warps)))
	}
	for _, in := range table() {
		chains, warps := []int{in.Chains}, plateauWarps(in.Chains)
		if in.Surface {
			chains, warps = surfaceChains(), surfaceWarps()
		}
		for _, c := range chains {
			for _, w := range warps {
				add(in, c, w, oneSM)
			}
		}
		add(in, in.Chains, in.Warps, allSMs)
	}
	return points
}

// configuration is a point's launch.
func configuration(gpu micro.GPU, p results.Point) (instruction, harness.Throughput, error) {
	in, err := lookup(p)
	if err != nil {
		return in, harness.Throughput{}, err
	}
	chains, err1 := strconv.Atoi(p.Get("chains"))
	warps, err2 := strconv.Atoi(p.Get("warps"))
	if err1 != nil || err2 != nil || chains < 1 || warps < 1 {
		return in, harness.Throughput{}, fmt.Errorf("point %s has no chains or warps", p.Key())
	}
	t := harness.Throughput{
		Make:   harness.Script{Type: in.register(), Steps: in.Steps}.Maker(),
		Chains: chains, Unroll: in.unroll(chains), Warps: warps, CTAs: 1, Compact: true,
		Input: in.input(), InputTag: in.Op + "." + in.Type,
		Instruction: in.SASS, PerStep: in.PerStep, Extra: in.Also[1], CheckedBy: in.judge(),
	}
	if gpu.Arch.Base() < isa.SM90 {
		t.Extra = in.Also[2]
	}
	cycles := harness.Long
	if p.Get("on") == allSMs {
		t.CTAs, cycles = max(gpu.SMs, 1), harness.LongChip
	}
	rate, known := gpu.Spec.Rate(in.Unit)
	if !known {
		rate = 16
	}
	t.Iterations = t.Size(cycles, rate/in.PerUnit)
	t.Check = in.check(t.Unroll, chains)
	return in, t, nil
}

// unroll is the number of steps of a chain in the loop body: a multiple of the
// script's two steps, but not of four, after which some chains are back at their
// start and would verify nothing.
func (in instruction) unroll(chains int) int {
	steps := bodySize / chains / in.machine()
	return max(2, (steps-2)/4*4+2)
}

// machine is about how many machine instructions a step is.
func (in instruction) machine() int {
	return max(in.PerStep, 1+strings.Count(in.Steps[0], ";"))
}

func throughputJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	_, t, err := configuration(gpu, p)
	if err != nil {
		return nil, err
	}
	return t.Job(gpu)
}

// throughputAnalysis makes, of each instruction's points, a row for the SM, one
// for the chip, and a grid.
func throughputAnalysis(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, in := range table() {
		var cells []harness.Cell
		var chip *micro.Measured
		for _, m := range measured {
			if m.Point.Get("op") != in.Op || m.Point.Get("type") != in.Type {
				continue
			}
			if m.Point.Get("on") == allSMs {
				chip = m
				continue
			}
			_, t, err := configuration(gpu, m.Point)
			if err != nil {
				return a, err
			}
			cell, err := harness.NewCell(m, t, in.Lanes)
			if err != nil {
				a.Rows = append(a.Rows, harness.Failed(m, "throughput", "op/cycle/SM", err))
				continue
			}
			cells = append(cells, cell)
		}
		if len(cells) == 0 {
			continue
		}
		row := in.perSM(gpu, cells)
		a.Rows = append(a.Rows, row)
		if in.Surface {
			a.Grids = append(a.Grids, harness.Surface(in.Op+" "+in.Type, cells))
		}
		if chip != nil {
			same := harness.ValueAt(cells, in.Warps, in.Chains)
			a.Rows = append(a.Rows, in.wholeChip(gpu, chip, same))
		}
	}
	explain(a.Rows)
	return a, nil
}

// explain has every row that stays below the peak say why, or that it is not known.
func explain(rows []micro.Row) {
	for i := range rows {
		row := &rows[i]
		if row.Peak == nil || row.Peak.Percent >= nearPeak || row.Status == results.Failed {
			continue
		}
		in, err := lookup(row.Point)
		if err != nil {
			continue
		}
		why := in.Below
		if other, ok := sibling(rows, row.Point); ok && in.Op == "fma" && other.Value > 1.02*row.Value {
			why = fmt.Sprintf("bound by reading three different source registers: with two (%s) it is %.4g %s", twoSources, other.Value, other.Unit)
		}
		if why == "" {
			harness.Flag(row, "%.1f %% of the peak, and why is not known%s", row.Peak.Percent, mixed(row))
			continue
		}
		row.Annotations = append(row.Annotations, why)
	}
}

// sibling is the row of the same type and place with two sources.
func sibling(rows []micro.Row, p results.Point) (micro.Row, bool) {
	for _, r := range rows {
		if r.Point.Get("op") == twoSources && r.Point.Get("type") == p.Get("type") && r.Point.Get("on") == p.Get("on") {
			return r, true
		}
	}
	return micro.Row{}, false
}

// mixed names the machine instructions of a row, if they are of several kinds.
func mixed(row *micro.Row) string {
	if len(row.From) == 0 {
		return ""
	}
	var names []string
	for _, in := range harness.Ran(row.From[0]) {
		names = append(names, in.Mnemonic)
	}
	if len(names) < 2 {
		return ""
	}
	return "; the assembler made " + strings.Join(names, " and ") + " of it"
}

// perSM is the row of the best cell.
func (in instruction) perSM(gpu micro.GPU, cells []harness.Cell) micro.Row {
	row, best := harness.PlateauRow(cells, "op/cycle/SM")
	row.Point = results.P("op", in.Op, "type", in.Type)
	harness.NoteRan(&row, best)
	if peak, from := in.peak(gpu, best); peak > 0 {
		harness.SetPeak(&row, peak, from)
	}
	if in.Published != "" {
		row.Published = published.Query{Benchmark: "PTX instruction cycles (independent)", Instruction: in.Published}
	}
	return row
}

// wholeChip is the row of all SMs.
func (in instruction) wholeChip(gpu micro.GPU, m *micro.Measured, perSM float64) micro.Row {
	unit, scale := "Top/s", in.Lanes
	if in.Flops > 0 {
		unit, scale = "TFLOP/s", in.Lanes*in.Flops
	}
	_, t, err := configuration(gpu, m.Point)
	if err != nil {
		return harness.Failed(m, "throughput", unit, err)
	}
	row, clock, err := harness.ChipRow(m, t, unit, scale, perSM*scale/in.Lanes)
	if err != nil {
		return harness.Failed(m, "throughput", unit, err)
	}
	row.Point = results.P("op", in.Op, "type", in.Type, "on", allSMs)
	if peak, from := in.peak(gpu, m); peak > 0 {
		sms := float64(gpu.SMs)
		harness.SetPeak(&row, peak*scale/in.Lanes*sms*clock/1e6, fmt.Sprintf("%s × %.0f SMs at %.0f MHz", from, sms, clock))
	}
	return row
}

// peak is the rate that arch.Spec allows. Where the assembler spread the work
// over two pipes, their rates add up in the ratio in which both were used.
func (in instruction) peak(gpu micro.GPU, m *micro.Measured) (float64, string) {
	rate, known := gpu.Spec.Rate(in.Unit)
	if !known {
		return 0, ""
	}
	if in.Unit == arch.Int32 && in.Op == "add" {
		return in.sharedPeak(gpu, m, rate)
	}
	return rate * in.Lanes / in.PerUnit, fmt.Sprintf("%s %g per cycle per SM, %s", in.Unit, rate, gpu.Spec.Source)
}

// sharedPeak is the bound of additions: the assembler deals them out to the
// integer pipe and, as IMAD with a factor of one, to the multiplier.
func (in instruction) sharedPeak(gpu micro.GPU, m *micro.Measured, rate float64) (float64, string) {
	multiply, _ := gpu.Spec.Rate(arch.IntMul)
	var adder, multiplier float64
	for _, c := range harness.Ran(m) {
		if strings.HasPrefix(c.Mnemonic, "IMAD") {
			multiplier += float64(c.Count)
		} else {
			adder += float64(c.Count)
		}
	}
	if adder+multiplier == 0 {
		return (rate + multiply) / float64(in.PerStep), "int32 and int32.mul together, as the machine code is not known"
	}
	steps := (adder + multiplier) / float64(in.PerStep)
	busiest := adder / rate
	if multiplier > 0 {
		busiest = max(busiest, multiplier/multiply)
	}
	return steps / busiest, fmt.Sprintf("%.0f of %.0f instructions on int32 at %g, the rest on int32.mul at %g per cycle per SM, %s",
		adder, adder+multiplier, rate, multiply, gpu.Spec.Source)
}
