package tensor

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func wgmmaThroughput() micro.Benchmark {
	return micro.Benchmark{
		Name:     "tensor/wgmma-throughput",
		Question: "How many operations per cycle does wgmma reach, by width, type, source of A, sparsity, data and warpgroups?",
		Method: "One CTA of one to four warpgroups runs a loop of 8 to 32 wgmmas that add to the same accumulators; each pass is one commit group, and the pass before it is waited for. " +
			"The operands are reused: 128-byte-swizzled K-major tiles in shared memory, read slice by slice, A in four registers for RS. " +
			"The rate is the slope over launches of one, two and three times the passes, the issue interval is its inverse with one warpgroup. " +
			"Points on all SMs run one CTA an SM for milliseconds, on zeros and on random data (signs and significands random, magnitudes 2^-6 to 2^-2). " +
			"Sparse products are counted with their zeros. Results are checked on random data, also where zeros are timed.",
		Source:     "PTX ISA 9.1, 9.7.15; arXiv 2402.13499 (tables VIII to X), arXiv 2501.12084 (tables 8 and 9); the bands are N/2 cycles in the matrix unit and 128 B/cycle of shared memory",
		Experiment: "E8",
		Units:      []string{"FLOP/cycle/SM", "op/cycle/SM", "cycles", "TFLOP/s", "Top/s"},
		Plan:       func(micro.GPU) []results.Point { return wgmmaPlan() },
		Job:        wgmmaThroughputJob,
		Analyse:    wgmmaThroughputAnalysis,
	}
}

// widths are the values of N at which all types are measured.
func widths() []int { return []int{8, 32, 64, 128, 256} }

// manyWidths are those of a finer curve, legal for every type.
func manyWidths() []int { return []int{8, 16, 32, 64, 96, 128, 160, 192, 224, 256} }

// pair is an input and an accumulator type.
type pair struct{ in, acc string }

// otherPairs are all but f16 into f32, which is measured in most detail.
func otherPairs() []pair {
	return []pair{
		{"f16", "f16"}, {"bf16", "f32"}, {"tf32", "f32"}, {"e4m3", "f32"}, {"e4m3", "f16"}, {"s8", "s32"}, {"b1", "s32"},
	}
}

// rarePairs behave like one of the others and are measured at few widths.
func rarePairs() []pair { return []pair{{"e5m2", "f32"}, {"e5m2", "f16"}, {"u8", "s32"}} }

func (p pair) wgmma(n int, registers, sparse bool) wgmma {
	types := elements()
	return wgmma{in: types[p.in], acc: types[p.acc], n: n, registers: registers, sparse: sparse}
}

func wgmmaPlan() []results.Point {
	main := pair{"f16", "f32"}
	var points []results.Point
	add := func(list []pair, ns []int, sparse bool, fill string, groups int) {
		for _, p := range list {
			for _, n := range ns {
				for _, registers := range []bool{false, true} {
					points = append(points, p.wgmma(n, registers, sparse).point("fill", fill, "groups", strconv.Itoa(groups)))
				}
			}
		}
	}
	add([]pair{main}, isa.WgmmaN(false), false, zeros, 1)
	add([]pair{main}, widths(), false, random, 1)
	add(otherPairs(), widths(), false, zeros, 1)
	add(rarePairs(), []int{64, 256}, false, zeros, 1)
	add([]pair{main}, manyWidths(), true, zeros, 1)
	add(sparsePairs(), []int{64, 128, 256}, true, zeros, 1)
	for groups := 2; groups <= 4; groups++ {
		add([]pair{main}, []int{64, 128, 256}, false, zeros, groups)
	}
	return append(points, wgmmaChipPlan()...)
}

// sparsePairs are those with a sparse form, b1 has none.
func sparsePairs() []pair {
	return []pair{{"f16", "f16"}, {"bf16", "f32"}, {"tf32", "f32"}, {"e4m3", "f32"}, {"e5m2", "f16"}, {"s8", "s32"}, {"u8", "s32"}}
}

// wgmmaChipPlan are the points on all SMs: zeros and random data.
func wgmmaChipPlan() []results.Point {
	var points []results.Point
	add := func(p pair, n int, registers, sparse bool) {
		for _, fill := range []string{zeros, random} {
			points = append(points, p.wgmma(n, registers, sparse).point("fill", fill, "groups", "1", "on", allSMs))
		}
	}
	for _, n := range []int{8, 16, 32, 64, 128, 256} {
		add(pair{"f16", "f32"}, n, false, false)
	}
	for _, p := range otherPairs() {
		add(p, 128, false, false)
		add(p, 256, false, false)
	}
	add(pair{"f16", "f32"}, 64, true, false)
	add(pair{"f16", "f32"}, 256, true, false)
	for _, p := range []pair{{"f16", "f32"}, {"tf32", "f32"}, {"e4m3", "f32"}, {"s8", "s32"}} {
		add(p, 256, true, true)
	}
	return points
}

// onChip says that the form also runs on all SMs: its points share a kernel.
func (w wgmma) onChip() bool {
	return slices.ContainsFunc(wgmmaChipPlan(), func(p results.Point) bool {
		return w.point("fill", p.Get("fill"), "groups", "1", "on", allSMs).Key() == p.Key()
	})
}

// wgmmaRun is one launch shape of a form.
type wgmmaRun struct {
	wgmma
	fill   string
	groups int
	ctas   int
	// spread is shared memory that is asked for and not used, see alone.
	spread int
}

func parseWgmmaRun(gpu micro.GPU, p results.Point) (wgmmaRun, error) {
	w, err := parseWgmma(p)
	if err != nil {
		return wgmmaRun{}, err
	}
	groups, err := strconv.Atoi(p.Get("groups"))
	if err != nil {
		return wgmmaRun{}, fmt.Errorf("point %s: groups: %w", p.Key(), err)
	}
	run := wgmmaRun{wgmma: w, fill: p.Get("fill"), groups: groups, ctas: 1}
	if p.Get("on") == allSMs {
		run.ctas, run.spread = gpu.SMs, alone(gpu)
	}
	return run, nil
}

// body is the number of wgmmas in a pass of the loop: enough for a few hundred cycles.
func (w wgmma) body() int {
	switch {
	case w.n <= 32, w.sparse && w.accumulators() >= 128: // these lose 26 cycles a pass
		return 32
	case w.n < 64:
		return 16
	}
	return 8
}

// Cycles that the first launch should take, on one SM and on the whole chip,
// where it is timed in steps of up to a microsecond and power must show.
const (
	smCycles   = 1 << 16
	chipCycles = 1 << 20
)

// iterations of the first launch.
func (r wgmmaRun) iterations() int {
	cycles := float64(smCycles)
	if r.ctas > 1 {
		cycles = chipCycles
	}
	return int(math.Ceil(cycles / (r.leastCycles() * float64(r.body()*r.groups))))
}

func wgmmaThroughputJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	if err := supported(gpu); err != nil {
		return nil, err
	}
	r, err := parseWgmmaRun(gpu, p)
	if err != nil {
		return nil, err
	}
	if r.groups*group > r.maxThreads() {
		return nil, micro.Unsupportedf("%d warpgroups of %d accumulators a thread do not fit the register file", r.groups, r.accumulators())
	}
	machine, err := r.machine(gpu.Table)
	if err != nil {
		return nil, err
	}
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	r.throughputKernel(m.Kernel("throughput"))
	input, check := r.buffers(r.fill)
	job := &micro.Job{
		Module: m,
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * harness.Words * launches * r.ctas)}, {Name: "result", Bytes: 4 * 4 * group}, input, check,
		},
		Verify:  []micro.Launch{r.launch("check", 0, 1, 1, 1)},
		Samples: "samples", Result: "result", CheckedBy: micro.ByEmulator,
		Expect: micro.Expect{Kernel: "throughput", Instruction: machine, Sections: []int{r.body()}},
	}
	for i := range launches {
		job.Launches = append(job.Launches, r.launch("input", i, (i+1)*r.iterations(), r.ctas, r.groups))
	}
	if r.onChip() {
		harness.Compact(m, job, r.ctas)
	}
	warmed(job)
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build wgmma throughput kernel: %w", err)
	}
	return job, nil
}

// launches of a round do one, two and three times the work, as those of harness.Throughput.
const launches = 3

func (r wgmmaRun) launch(input string, index, iterations, ctas, groups int) micro.Launch {
	return micro.Launch{
		Kernel: "throughput", Grid: micro.Dim(ctas), Block: micro.Dim(group * groups), SharedBytes: r.spread,
		Args: []micro.Arg{
			micro.Ptr("samples", uint64(8*harness.Words*ctas*index)), micro.Ptr("result", 0), micro.Ptr(input, 0), micro.U32(uint32(iterations)),
		},
	}
}

// throughputKernel writes the kernel. The fence stands in the loop because the
// compiler would put one there, and say so.
func (w wgmma) throughputKernel(k *ptx.Kernel) {
	k.MaxThreads = w.maxThreads()
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	in, iterations := k.Param("input", ptx.B64), k.Param("iterations", ptx.B32)
	thread := k.Reg(ptx.B32)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	o := w.load(k, in, thread)
	clock := harness.NewStopwatch(k)
	clock.Start()
	k.Loop(iterations, func(ptx.Reg) {
		o.fence()
		for i := range w.body() {
			o.issue(i)
		}
		o.commit()
		o.wait(1)
	})
	o.wait(0)
	k.I("bar.sync", ptx.Int(0))
	clock.Stop()
	address := k.Reg(ptx.B64)
	k.I("mad.wide.u32", address, thread, ptx.Int(4), result)
	k.I("st.global.u32", ptx.At(address, 0), hash(k, o.d))
	clock.Store(samples, thread)
	k.I("ret")
}

func wgmmaThroughputAnalysis(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	var errs []error
	curves := newCurves("tensor/wgmma-throughput")
	for _, m := range measured {
		if !m.OK() {
			continue
		}
		r, err := parseWgmmaRun(gpu, m.Point)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rates, err := harness.ThroughputRates(m, r.operations()*float64(r.body()*r.groups*r.iterations()))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rows := r.rows(gpu, m, rates)
		a.Rows = append(a.Rows, rows...)
		curves.add(r, rows[0])
	}
	a.Series = curves.list
	return a, errors.Join(errs...)
}

// rows are the throughput, and with one warpgroup on one SM the issue interval.
func (r wgmmaRun) rows(gpu micro.GPU, m *micro.Measured, rates harness.Rates) []micro.Row {
	if r.ctas > 1 {
		row := r.chipRow(gpu, m, rates)
		row.Published = r.publishedRate()
		return []micro.Row{row}
	}
	row := smRow(m, rates, r.in, r.sparsity()*peakPerSM(gpu, r.in, r.acc))
	r.noteShared(&row)
	if r.groups > 1 {
		return []micro.Row{row}
	}
	intervals := make([]float64, len(rates.PerSM))
	for i, v := range rates.PerSM {
		intervals[i] = r.operations() / v
	}
	interval := harness.NewRow(m, "issue interval", "cycles", intervals)
	scalingProof(&interval, m, rates)
	if r.in.name != "b1" {
		harness.SetBand(&interval, 0.995*r.leastCycles(), max(1.05*r.leastCycles(), r.floor()))
	}
	interval.Annotations = append(interval.Annotations, fmt.Sprintf("the matrix unit needs N/2 = %g cycles, shared memory %g at 128 B/cycle", r.pipeCycles(), r.sharedCycles()))
	interval.Published = published.Query{
		Benchmark: "wgmma completion latency", Shape: r.publishedShape(), In: r.publishedIn(), Acc: r.acc.name,
		Operand: r.publishedSource(), Sparsity: r.publishedSparsity(), Metric: "latency",
	}
	return []micro.Row{row, interval}
}

// floor is what the interval of a small instruction may be: one with A in
// registers takes 13 cycles however narrow, a sparse one 18 (measured on an H200;
// 13 also in arXiv 2402.13499, table X).
func (w wgmma) floor() float64 {
	if w.sparse {
		return 19
	}
	return 14
}

// chipRow is the rate on all SMs, against the peak at the measured clock.
func (r wgmmaRun) chipRow(gpu micro.GPU, m *micro.Measured, rates harness.Rates) micro.Row {
	tera := make([]float64, len(rates.Chip))
	for i, v := range rates.Chip {
		tera[i] = v / 1e12
	}
	row := harness.NewRow(m, "chip throughput", r.in.chipUnit(), tera)
	row.HigherIsBetter = true
	row.ClockMHz, row.ClockFrom = results.Summarize(rates.ClockMHz).Median, "kernel"
	setChipPeak(&row, gpu, r.sparsity()*peakPerSM(gpu, r.in, r.acc))
	row.Annotations = append(row.Annotations, fmt.Sprintf("each SM ran %.5g operations per cycle", results.Summarize(rates.PerSM).Median))
	if rates.SMs < gpu.SMs {
		harness.Flag(&row, "only %d of %d SMs took part", rates.SMs, gpu.SMs)
	}
	scalingProof(&row, m, rates)
	return row
}

func (w wgmma) noteShared(row *micro.Row) {
	if shared := w.sharedCycles(); shared > w.pipeCycles() {
		row.Annotations = append(row.Annotations, fmt.Sprintf("bound by shared memory: the operands take %g cycles at 128 B/cycle, the products %g", shared, w.pipeCycles()))
	}
}

// sparsity is the factor by which a sparse product is faster at best.
func (w wgmma) sparsity() float64 {
	if w.sparse {
		return 2
	}
	return 1
}

// The published tables' spellings.
func (w wgmma) publishedShape() string {
	if w.sparse {
		return "sp." + w.shape()
	}
	return w.shape()
}

func (w wgmma) publishedIn() string {
	if w.in.name == "e4m3" || w.in.name == "e5m2" {
		return "e4m3/e5m2"
	}
	return w.in.name
}

func (w wgmma) publishedSource() string {
	if w.registers {
		return "RS"
	}
	return "SS"
}

func (w wgmma) publishedSparsity() string {
	if w.sparse {
		return "2:4 sparse"
	}
	return "dense"
}

func (r wgmmaRun) publishedRate() published.Query {
	parameter := "init=" + r.fill
	if r.n != 256 {
		parameter = fmt.Sprintf("N=%d; init=%s", r.n, r.fill)
	}
	q := published.Query{
		Benchmark: "wgmma throughput", Shape: r.publishedShape(), In: r.publishedIn(), Acc: r.acc.name,
		Operand: r.publishedSource(), Sparsity: r.publishedSparsity(), Parameter: parameter, Metric: "throughput",
	}
	if r.sparse {
		q.Acc, q.Parameter = "", "" // the papers do not state them
	}
	return q
}
