package tensor

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func mmaThroughput() micro.Benchmark {
	return micro.Benchmark{
		Name:     "tensor/mma-throughput",
		Question: "How many operations per cycle does mma.sync reach, by shape, type, warps and chains?",
		Method: "One CTA of 4 to 32 warps, each with 1 to 8 independent chains through accumulators of their own; A and B are shared by a warp's chains and never change. " +
			"The rate is the slope over three loop lengths; the row is the plateau over the configurations. " +
			"The largest shape of each type also runs on all SMs, on zeros and for some types on random data (signs and significands random, magnitudes 2^-6 to 2^-2). " +
			"Sparse products are counted with their zeros. Results are checked on random data, also where zeros are timed.",
		Source:     "arXiv 2206.02874, arXiv 2402.13499 (table VII), arXiv 2501.12084; NVIDIA architecture white papers",
		Experiment: "E6",
		Units:      []string{"FLOP/cycle/SM", "op/cycle/SM", "TFLOP/s", "Top/s"},
		Plan:       mmaThroughputPlan,
		Job:        mmaThroughputJob,
		Analyse:    mmaThroughputAnalysis,
	}
}

// Places of a measurement, values of the key "on".
const (
	oneSM  = "one SM"
	allSMs = "all SMs"
)

// The configurations: a whole surface for some forms, three points for the others.
func surfaceChains() []int { return []int{1, 2, 4, 8} }

// warps of the configurations, the last the most. Emulated forms are latency-bound
// subroutines and need many.
func (f mma) warps(gpu micro.GPU) []int {
	if f.emulated(gpu) && !f.sparse {
		return []int{8, 16, 32}
	}
	return []int{4, 8, 16}
}

func (f mma) mostWarps(gpu micro.GPU) int {
	list := f.warps(gpu)
	return list[len(list)-1]
}

// surface says that a form is measured over all warps and chains.
func (f mma) surface() bool {
	return f.in.name == "f16" && !f.sparse && f.shape == "m16n8k16"
}

// chains that fill the unit: fewer where a fragment takes many registers.
func (f mma) chains() int {
	if f.in.name == "f64" && f.shape == "m16n8k16" || f.in.name == "f16" && f.shape == "m8n8k4" {
		return 2
	}
	return 4
}

func mmaThroughputPlan(gpu micro.GPU) []results.Point {
	var points []results.Point
	add := func(f mma, on, fill string, chains, warps int) {
		points = append(points, f.point("fill", fill, "on", on, "chains", strconv.Itoa(chains), "warps", strconv.Itoa(warps)))
	}
	for _, f := range mmaList() {
		chains, warps := []int{f.chains()}, f.warps(gpu)
		if f.surface() {
			chains = surfaceChains()
		}
		for _, c := range chains {
			for _, w := range warps {
				add(f, oneSM, zeros, c, w)
			}
		}
	}
	for _, f := range chipForms() {
		add(f, allSMs, zeros, f.chains(), f.mostWarps(gpu))
		switch f.in.name {
		case "f16", "bf16", "e4m3", "s8":
			add(f, allSMs, random, f.chains(), f.mostWarps(gpu))
		}
	}
	return points
}

// chipForms are the largest shapes of the types.
func chipForms() []mma {
	largest := map[string]string{
		"f16": "m16n8k16", "bf16": "m16n8k16", "tf32": "m16n8k8", "f64": "m16n8k16", "e4m3": "m16n8k32",
		"s8": "m16n8k32", "s4": "m16n8k64", "b1": "m16n8k256",
	}
	largestSparse := map[string]string{"f16": "m16n8k32", "tf32": "m16n8k16", "s8": "m16n8k64"}
	var list []mma
	for _, f := range mmaList() {
		shapes := largest
		if f.sparse {
			shapes = largestSparse
		}
		if shapes[f.in.name] == f.shape && f.op != "xor" && !(f.sparse && f.acc.name == "f16") {
			list = append(list, f)
		}
	}
	return list
}

// configuration is a point's launch.
func (f mma) configuration(gpu micro.GPU, p results.Point) (harness.Throughput, error) {
	chains, err1 := strconv.Atoi(p.Get("chains"))
	warps, err2 := strconv.Atoi(p.Get("warps"))
	if err1 != nil || err2 != nil || chains < 1 || chains > mostChains || warps < 1 {
		return harness.Throughput{}, fmt.Errorf("point %s has no chains or warps that fit", p.Key())
	}
	proof, err := f.proof(gpu)
	if err != nil {
		return harness.Throughput{}, err
	}
	maker, err := f.maker(gpu, throughC)
	if err != nil {
		return harness.Throughput{}, err
	}
	t := harness.Throughput{
		Make: maker, Chains: chains, Unroll: f.unroll(gpu, chains), Warps: warps, CTAs: 1, MaxThreads: 32 * f.mostWarps(gpu),
		Compact:     slices.Contains(chipForms(), f), // all points of a form share a kernel
		Instruction: proof.instruction, Emulated: proof.emulated, PerStep: proof.perStep,
	}
	cycles := 4 * harness.OneSM // the start and end of warps must not count
	if p.Get("on") == allSMs {
		t.CTAs, cycles = max(gpu.SMs, 1), 4*harness.WholeChip
		t.SharedBytes = alone(gpu)
	}
	// A warp's step counts as one for each of its 32 threads.
	t.Iterations = t.Size(cycles, f.guess(gpu)/f.operations()*32)
	return t, nil
}

// unroll keeps the loop at 64 machine instructions of a native dense form. The
// compiler spills a register in longer loops of sparse ones, and each step of an
// emulated form is dozens of instructions.
func (f mma) unroll(gpu micro.GPU, chains int) int {
	body := 64
	switch {
	case f.emulated(gpu) && f.sparse:
		body = 4
	case f.emulated(gpu), f.sparse:
		body = 16
	}
	return max(1, body/chains)
}

// guess is about the rate in operations per cycle per SM, to size the loop.
func (f mma) guess(gpu micro.GPU) float64 {
	peak := f.sparsity() * peakPerSM(gpu, f.in, f.acc)
	switch {
	case f.shape == "m8n8k4" && f.in.name == "f16":
		return 64
	case f.emulated(gpu) && f.in.bits < 8, peak == 0 && f.emulated(gpu):
		return 512
	case peak == 0:
		return 8192
	}
	return 0.6 * peak
}

func (f mma) sparsity() float64 {
	if f.sparse {
		return 2
	}
	return 1
}

func mmaThroughputJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	f, err := parseMMA(p)
	if err != nil {
		return nil, err
	}
	t, err := f.configuration(gpu, p)
	if err != nil {
		return nil, err
	}
	job, err := t.Job(gpu)
	if err != nil {
		return nil, err
	}
	f.loosen(gpu, job)
	return f.withInputs(gpu, warmed(job), p.Get("fill"))
}

// mmaThroughputAnalysis makes, of each form's points, a row for the SM, a grid
// where there is a surface, and a row for each run on the whole chip.
func mmaThroughputAnalysis(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, f := range mmaList() {
		var cells []harness.Cell
		var chips []*micro.Measured
		for _, m := range measured {
			switch {
			case !m.OK() || !f.matches(m.Point):
			case m.Point.Get("on") == allSMs:
				chips = append(chips, m)
			default:
				cell, err := f.cell(gpu, m)
				if err != nil {
					a.Rows = append(a.Rows, harness.Failed(m, "throughput", f.in.rateUnit(), err))
					continue
				}
				cells = append(cells, cell)
			}
		}
		perSM := 0.0
		if len(cells) > 0 {
			row := f.smRow(gpu, cells)
			a.Rows = append(a.Rows, row)
			perSM = row.Value
		}
		if len(cells) > 0 && f.surface() {
			grid := harness.Surface(f.title(), cells)
			grid.Benchmark, grid.Z.Unit = "tensor/mma-throughput", f.in.rateUnit()
			a.Grids = append(a.Grids, grid)
		}
		for _, m := range chips {
			a.Rows = append(a.Rows, f.chipRow(gpu, m, perSM))
		}
	}
	return a, nil
}

func (f mma) title() string { return f.shape + " " + f.in.name + " into " + f.acc.name }

func (f mma) cell(gpu micro.GPU, m *micro.Measured) (harness.Cell, error) {
	t, err := f.configuration(gpu, m.Point)
	if err != nil {
		return harness.Cell{}, err
	}
	return harness.NewCell(m, t, f.operations()/32)
}

// smRow is the plateau on one SM.
func (f mma) smRow(gpu micro.GPU, cells []harness.Cell) micro.Row {
	row, best := harness.PlateauRow(cells, f.in.rateUnit())
	row.Point = f.point("fill", zeros, "on", oneSM)
	if f.emulated(gpu) {
		harness.NoteRan(&row, best)
	}
	if peak := f.peak(gpu); peak > 0 {
		harness.SetPeak(&row, peak, "matrix unit, dense peak of the architecture, doubled where sparse")
	}
	f.annotate(gpu, &row)
	row.Published = f.published("mma throughput", "throughput")
	if f.sparse {
		row.Published = f.published("mma.sp throughput", "throughput")
		row.Published.Shape = f.shape
		row.Published.Acc = f.acc.name
	}
	row.Published.Scale, row.Published.Unit = 2, f.in.rateUnit() // an FMA is two operations
	return row
}

// peak of the unit in operations per cycle per SM; an emulated form has none.
func (f mma) peak(gpu micro.GPU) float64 {
	if f.emulated(gpu) {
		return 0
	}
	return f.sparsity() * peakPerSM(gpu, f.in, f.acc)
}

// annotate says what bounds the form on this GPU.
func (f mma) annotate(gpu micro.GPU, row *micro.Row) {
	hopper := gpu.Arch.Base() == isa.SM90
	switch {
	case f.emulated(gpu):
		f.noteEmulated(gpu, row)
	case hopper && f.in.name != "f64" && f.in.name != "b1":
		row.Annotations = append(row.Annotations, "on Hopper mma.sync reaches at most about two thirds of the peak, sparse forms half; only wgmma reaches it (arXiv 2402.13499 found 62 %)")
	case geforceHalves(gpu, f.in, f.acc):
		row.Annotations = append(row.Annotations, "GeForce accumulates in f32 at half the rate: the peak is halved")
	}
}

func (f mma) noteEmulated(gpu micro.GPU, row *micro.Row) {
	note := "emulated: " + gpu.Arch.String() + " has no machine instruction for it"
	if f.invariant(gpu) {
		note += "; one LOP3 for each register of A and B keeps the compiler from computing the product but once"
	}
	row.Annotations = append(row.Annotations, note)
}

// chipRow is the rate on all SMs. Random data may lower the clock, not the rate per cycle.
func (f mma) chipRow(gpu micro.GPU, m *micro.Measured, perSM float64) micro.Row {
	t, err := f.configuration(gpu, m.Point)
	if err != nil {
		return harness.Failed(m, "chip throughput", f.in.chipUnit(), err)
	}
	row, _, err := harness.ChipRow(m, t, f.in.chipUnit(), f.operations()/32, perSM)
	if err != nil {
		return harness.Failed(m, "chip throughput", f.in.chipUnit(), err)
	}
	row.Point = f.point("fill", m.Point.Get("fill"), "on", allSMs)
	setChipPeak(&row, gpu, f.peak(gpu))
	f.annotate(gpu, &row)
	row.Published = f.published("mma.sync throughput", "throughput")
	return row
}
