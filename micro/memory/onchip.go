package memory

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func sharedBandwidth() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/shared-bandwidth",
		Question: "How many bytes per cycle does an SM read, write and copy in shared memory, by access width?",
		Method: "Every warp accesses consecutive words (no bank conflict) 16 times a loop pass; what was read is summed and the sum is kept. " +
			"The rate is the slope of the cycles over n, 2n and 3n passes, a quarter of a million cycles and more, on one SM for 1 to 32 warps and on all SMs at 32; " +
			"the numbers of warps that are equally good count together. " +
			"A copy counts its reads and its writes.",
		Source:     "arXiv 2402.13499 table V, arXiv 2501.12084 table 5",
		Experiment: "E4",
		Units:      []string{"B/cycle/SM", "GB/s", "warps"},
		Plan:       func(gpu micro.GPU) []results.Point { return onChipPlan(gpu, opRead, opWrite, opCopy) },
		Job: func(gpu micro.GPU, p results.Point) (*micro.Job, error) {
			return onChipJob(gpu, p, true)
		},
		Analyse: func(gpu micro.GPU, m []*micro.Measured) (micro.Analysis, error) {
			return onChipAnalyse(gpu, m, arch.Shared, published.Query{Benchmark: "shared throughput"})
		},
	}
}

func l1Bandwidth() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/l1-bandwidth",
		Question: "How many bytes per cycle does an SM read from its L1 cache, by access width?",
		Method: "ld.global.ca of 24 KiB that stay in L1 (all of the carve-out given to it), 16 loads a loop pass; what was read is summed and the " +
			"sum is kept. The rate is the slope of the cycles over n, 2n and 3n passes, so that the first, cold pass does not count; " +
			"on one SM for 1 to 32 warps and on all SMs at 32.",
		Source:     "arXiv 2402.13499 table V, arXiv 2501.12084 table 5",
		Experiment: "E4",
		Units:      []string{"B/cycle/SM", "GB/s", "warps"},
		Plan:       func(gpu micro.GPU) []results.Point { return onChipPlan(gpu, opRead) },
		Job: func(gpu micro.GPU, p results.Point) (*micro.Job, error) {
			return onChipJob(gpu, p, false)
		},
		Analyse: func(gpu micro.GPU, m []*micro.Measured) (micro.Analysis, error) {
			return onChipAnalyse(gpu, m, arch.L1, published.Query{Benchmark: "L1 throughput"})
		},
	}
}

// The region of an on-chip kernel: access u of a thread lies uStride bytes after
// access 0, and neighbouring threads lie side by side.
const (
	accesses = 16
	uStride  = 512
	// regionBytes holds 1024 threads of 16 bytes and their last access.
	regionBytes = 1024*16 + accesses*uStride
	// Word i of the region holds i*fillMul + fillAdd.
	fillMul, fillAdd = 0x9E3779B1, 0x7F4A7C15
)

func onChipPlan(gpu micro.GPU, ops ...string) []results.Point {
	var points []results.Point
	for _, op := range ops {
		for _, w := range widths() {
			for _, warps := range []int{1, 2, 4, 8, 16, 32} {
				points = append(points, onChipPoint(op, w, warps, 1))
			}
			points = append(points, onChipPoint(op, w, 32, gpu.SMs))
		}
	}
	return points
}

func onChipPoint(op string, width, warps, sms int) results.Point {
	return results.P("op", op, "width", strconv.Itoa(width), "warps", strconv.Itoa(warps), "sms", strconv.Itoa(sms))
}

// onChip is a point of an on-chip bandwidth.
type onChip struct {
	op                 string
	width, warps, ctas int
	shared             bool
}

func parseOnChip(p results.Point, shared bool) (onChip, error) {
	o := onChip{op: p.Get("op"), shared: shared}
	var err error
	for _, f := range []struct {
		key string
		to  *int
	}{{"width", &o.width}, {"warps", &o.warps}, {"sms", &o.ctas}} {
		if *f.to, err = atoi(p.Get(f.key)); err != nil {
			return onChip{}, fmt.Errorf("point {%s}: %s: %w", p.Key(), f.key, err)
		}
	}
	if !slices.Contains(widths(), o.width) {
		return onChip{}, fmt.Errorf("point {%s}: no access has that width", p.Key())
	}
	return o, nil
}

// kernel names the kernel within its module.
func (o onChip) kernel() string { return o.op + strconv.Itoa(o.width) }

// passBytes is what a CTA reads and writes in one pass of the loop.
func (o onChip) passBytes() int { return 32 * o.warps * accesses * o.width }

// onChipCycles is about how long the first launch is. The warps of a CTA end up to
// a few hundred cycles apart, and %globaltimer ticks coarsely: both vanish in it.
const onChipCycles = 1 << 18

// iterations makes the first launch so long at the full rate.
func (o onChip) iterations() int { return max(8, 128*onChipCycles/o.passBytes()) }

func onChipJob(gpu micro.GPU, p results.Point, shared bool) (*micro.Job, error) {
	o, err := parseOnChip(p, shared)
	if err != nil {
		return nil, err
	}
	words := len(kit.Multiples()) * harness.Words * o.ctas
	verify := onChip{o.op, o.width, 1, 1, shared}
	job := &micro.Job{
		Module: onChipModule(gpu, shared),
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * words)}, {Name: "result", Bytes: 4 * 1024},
			{Name: "region", Bytes: regionBytes, Data: region, Tag: "word i is i*9E3779B1+7F4A7C15"},
		},
		Verify:  []micro.Launch{verify.launch(0, verifyPasses)},
		Samples: "samples", Result: "result", CheckedBy: micro.ByAnalytic, Check: verify.check,
		Expect: micro.Expect{Kernel: o.kernel(), Instruction: o.target(), Sections: []int{o.perPass()}},
	}
	for i, n := range kit.Multiples() {
		job.Launches = append(job.Launches, o.launch(i, n*o.iterations()))
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build bandwidth kernels: %w", err)
	}
	return job, nil
}

// verifyPasses is the number of loop passes of the verifying launch.
const verifyPasses = 2

func (o onChip) launch(index, iterations int) micro.Launch {
	l := micro.Launch{Kernel: o.kernel(), Grid: micro.Dim(o.ctas), Block: micro.Dim(32 * o.warps), Args: []micro.Arg{
		micro.Ptr("samples", uint64(8*harness.Words*o.ctas*index)), micro.Ptr("result", 0), micro.Ptr("region", 0),
		micro.U32(uint32(iterations)), micro.U64(0)}}
	if o.shared {
		l.SharedBytes = 2 * regionBytes
	} else {
		l.Carveout = 1
	}
	return l
}

// target is the machine instruction to count, perPass how many of it a loop pass has.
func (o onChip) target() string {
	switch {
	case !o.shared:
		return machine("LDG", o.width)
	case o.op == opWrite:
		return machine("STS", o.width)
	}
	return machine("LDS", o.width)
}

func (o onChip) perPass() int {
	if o.op == opCopy {
		return accesses / 2
	}
	return accesses
}

// onChipModule holds the kernels of all widths and operations.
func onChipModule(gpu micro.GPU, shared bool) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	ops := []string{opRead}
	if shared {
		ops = []string{opRead, opWrite, opCopy}
	}
	for _, op := range ops {
		for _, w := range widths() {
			o := onChip{op: op, width: w, shared: shared}
			o.build(m.Kernel(o.kernel()))
		}
	}
	return m
}

// build writes a kernel: fill, barrier, clock, loop, barrier, clock, digest.
func (o onChip) build(k *ptx.Kernel) {
	k.MaxThreads = 1024
	samples, result, data := k.Param("samples", ptx.B64), k.Param("result", ptx.B64), k.Param("region", ptx.B64)
	iterations, zero := k.Param("iterations", ptx.B32), k.Param("zero", ptx.B64)
	thread := kit.Read(k, "%tid.x")
	sink := k.SharedAddress(k.Shared("sink", 16, 16))
	at := o.start(k, data, thread)
	acc := k.Regs(ptx.B32, 4)
	for _, a := range acc {
		k.I("mov.b32", a, ptx.Int(0))
	}
	value := o.values(k, thread)
	if o.shared {
		fillShared(k, thread, o.op != opWrite)
	}
	clock := harness.NewStopwatch(k)
	clock.Start()
	k.Loop(iterations, func(ptx.Reg) {
		// The address may change, for all that the compiler knows, so no access can leave the loop.
		if o.shared {
			none := k.Reg(ptx.B32)
			k.I("cvt.u32.u64", none, zero)
			k.I("xor.b32", at, at, none)
		} else {
			k.I("xor.b64", at, at, zero)
		}
		o.pass(k, at, value, acc)
	})
	sum := k.Reg(ptx.B32)
	k.I("mov.b32", sum, acc[0])
	kit.Sum(k, sum, acc[1:]...)
	if o.op == opRead {
		kit.Await(k, sink, sum)
	}
	k.I("bar.sync", ptx.Int(0))
	clock.Stop()
	if o.op != opRead {
		sum = digestShared(k, thread)
	}
	address := k.Reg(ptx.B64)
	k.I("mad.wide.u32", address, thread, ptx.Int(4), result)
	k.I("st.global.u32", ptx.At(address, 0), sum)
	clock.Store(samples, thread)
	k.I("ret")
}

// start is the address of the thread's first access.
func (o onChip) start(k *ptx.Kernel, data, thread ptx.Reg) ptx.Reg {
	if o.shared {
		at := k.SharedAddress(k.DynamicShared())
		k.I("mad.lo.u32", at, thread, ptx.Int(o.width), at)
		return at
	}
	at := k.Reg(ptx.B64)
	k.I("mad.wide.u32", at, thread, ptx.Int(o.width), data)
	return at
}

// values are what a thread writes: the byte offset of each word within uStride,
// so that all accesses, which are uStride apart, write the same.
func (o onChip) values(k *ptx.Kernel, thread ptx.Reg) []ptx.Reg {
	if o.op != opWrite {
		return k.Regs(ptx.B32, o.width/4)
	}
	v := k.Regs(ptx.B32, o.width/4)
	k.I("mul.lo.u32", v[0], thread, ptx.Int(o.width))
	k.I("and.b32", v[0], v[0], ptx.Int(uStride-1))
	for j := range v[1:] {
		k.I("add.u32", v[j+1], v[j], ptx.Int(4))
	}
	return v
}

// pass adds the accesses of one loop pass.
func (o onChip) pass(k *ptx.Kernel, at ptx.Reg, value, acc []ptx.Reg) {
	space := "global.ca"
	if o.shared {
		space = "shared"
	}
	n := len(value)
	switch o.op {
	case opRead:
		loaded := make([][]ptx.Reg, accesses)
		for u := range loaded {
			loaded[u] = k.Regs(ptx.B32, n)
			k.I("ld."+space+suffix(o.width), words(loaded[u]), ptx.At(at, u*uStride))
		}
		sumUp(k, acc, loaded)
	case opWrite:
		for u := range accesses {
			k.I("st.shared"+suffix(o.width), ptx.At(at, u*uStride), words(value))
		}
	case opCopy:
		loaded := make([][]ptx.Reg, accesses/2)
		for u := range loaded {
			loaded[u] = k.Regs(ptx.B32, n)
			k.I("ld.shared"+suffix(o.width), words(loaded[u]), ptx.At(at, u*uStride))
		}
		for u, v := range loaded {
			k.I("st.shared"+suffix(o.width), ptx.At(at, regionBytes+u*uStride), words(v))
		}
	}
}

// fillShared writes the first region, and zeros to the second; all threads take
// part. Without a pattern, the first gets zeros too.
func fillShared(k *ptx.Kernel, thread ptx.Reg, pattern bool) {
	base, size := k.SharedAddress(k.DynamicShared()), kit.Read(k, "%ntid.x")
	address, word, none := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mov.b32", none, ptx.Int(0))
	kit.For(k, thread, ptx.Int(regionBytes/4), size, func(i ptx.Reg) {
		k.I("mad.lo.u32", address, i, ptx.Int(4), base)
		k.I("mov.b32", word, none)
		if pattern {
			k.I("mad.lo.u32", word, i, ptx.Int(fillMul), ptx.Int(fillAdd))
		}
		k.I("st.shared.u32", ptx.At(address, 0), word)
		k.I("st.shared.u32", ptx.At(address, regionBytes), none)
	})
}

// digestShared sums both regions' words, each times an odd number of its place.
func digestShared(k *ptx.Kernel, thread ptx.Reg) ptx.Reg {
	base, size := k.SharedAddress(k.DynamicShared()), kit.Read(k, "%ntid.x")
	address, word, weight, sum := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mov.b32", sum, ptx.Int(0))
	kit.For(k, thread, ptx.Int(2*regionBytes/4), size, func(i ptx.Reg) {
		k.I("mad.lo.u32", address, i, ptx.Int(4), base)
		k.I("ld.shared.u32", word, ptx.At(address, 0))
		k.I("mad.lo.u32", weight, i, ptx.Int(2), ptx.Int(1))
		k.I("mad.lo.u32", sum, word, weight, sum)
	})
	return sum
}

// region is the content of the first region.
func region() []byte {
	b := make([]byte, regionBytes)
	for i := range regionBytes / 4 {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(i)*fillMul+fillAdd)
	}
	return b
}

// check compares the verifying launch's word of each thread with the truth.
func (o onChip) check(result []byte) error {
	want := o.expected(verifyPasses)
	if len(result) < 4*len(want) {
		return fmt.Errorf("the result has %d bytes, expected %d", len(result), 4*len(want))
	}
	for t, w := range want {
		if got := binary.LittleEndian.Uint32(result[4*t:]); got != w {
			return fmt.Errorf("thread %d of %s: %#08x, expected %#08x: an access was lost or wrong", t, o.kernel(), got, w)
		}
	}
	return nil
}

// expected computes the words that one CTA of o.warps warps leaves.
func (o onChip) expected(passes int) []uint32 {
	threads := 32 * o.warps
	memory := make([]uint32, 2*regionBytes/4)
	for i := range regionBytes / 4 {
		if o.op != opWrite {
			memory[i] = uint32(i)*fillMul + fillAdd
		}
	}
	out := make([]uint32, threads)
	n := o.width / 4
	for t := range threads {
		for u := range o.perPass() {
			first := (t*o.width + u*uStride) / 4
			for j := range n {
				switch o.op {
				case opRead:
					out[t] += memory[first+j] * uint32(passes)
				case opWrite:
					memory[first+j] = uint32((t*o.width)&(uStride-1) + 4*j)
				case opCopy:
					memory[regionBytes/4+first+j] = memory[first+j]
				}
			}
		}
	}
	if o.op != opRead {
		for i, w := range memory {
			out[i%threads] += w * uint32(2*i+1)
		}
	}
	return out
}

func onChipAnalyse(gpu micro.GPU, measured []*micro.Measured, unit arch.Unit, also published.Query) (micro.Analysis, error) {
	var a micro.Analysis
	peak, _ := gpu.Spec.Rate(unit)
	grids := map[string]*results.Grid{}
	var order []string
	for _, list := range group(measured, "op", "width") {
		p := list[0].Point
		rows, cells, err := onChipRows(gpu, list, unit == arch.Shared, peak, also)
		if err != nil {
			return micro.Analysis{}, err
		}
		a.Rows = append(a.Rows, rows...)
		g := grids[p.Get("op")]
		if g == nil {
			g = &results.Grid{Name: p.Get("op") + ": width x warps", X: results.Axis{Label: "warps"}, Y: results.Axis{Label: "width", Unit: "B"},
				Z: results.Axis{Label: "bandwidth", Unit: "B/cycle/SM"}, XLabels: []string{"1", "2", "4", "8", "16", "32"}}
			grids[p.Get("op")], order = g, append(order, p.Get("op"))
		}
		g.YLabels = append(g.YLabels, p.Get("width"))
		g.Cells = append(g.Cells, cells)
	}
	for _, op := range order {
		a.Grids = append(a.Grids, *grids[op])
	}
	return a, nil
}

// onChipCell is the measurement of one number of warps on one SM.
type onChipCell struct {
	warps int
	m     *micro.Measured
	rates harness.Rates
}

func (c onChipCell) value() float64 { return results.Summarize(c.rates.PerSM).Median }

// onChipRows makes the rows of one operation and width: the rate of one SM, the
// warps that it takes, and the rate of the chip.
func onChipRows(gpu micro.GPU, list []*micro.Measured, shared bool, peak float64, also published.Query) ([]micro.Row, []*float64, error) {
	var whole *micro.Measured
	var wholeRates harness.Rates
	var line []onChipCell
	cells := make([]*float64, 6)
	for _, m := range list {
		o, err := parseOnChip(m.Point, shared)
		if err != nil {
			return nil, nil, err
		}
		rates, err := harness.ThroughputRates(m, float64(o.passBytes()*o.iterations()))
		if err != nil {
			return nil, nil, err
		}
		if o.ctas > 1 || gpu.SMs == 1 && whole == nil {
			whole, wholeRates = m, rates
			continue
		}
		c := onChipCell{o.warps, m, rates}
		line = append(line, c)
		v := c.value()
		for i := range cells {
			if 1<<i == o.warps {
				cells[i] = &v
			}
		}
	}
	var rows []micro.Row
	if len(line) > 0 {
		rows = append(rows, perSMRows(line, peak, also)...)
	}
	if whole != nil {
		rows = append(rows, chipRow(gpu, whole, wholeRates, peak))
	}
	return rows, cells, nil
}

// plateauWidth is how far below the best a number of warps still belongs to the plateau.
const plateauWidth = harness.PlateauWidth

// plateau takes the cells that are as good as the best. The best alone would be
// the luckiest of several equal ones. A cell whose time does not grow linearly,
// where the warps fall into one of several rhythms, counts only if all are so.
func plateau(line []onChipCell) []onChipCell {
	var linear []onChipCell
	for _, c := range line {
		if c.rates.WorstR2 >= harness.MinR2 {
			linear = append(linear, c)
		}
	}
	if len(linear) > 0 {
		line = linear
	}
	best := slices.MaxFunc(line, func(a, b onChipCell) int { return cmp.Compare(a.value(), b.value()) }).value()
	var flat []onChipCell
	for _, c := range line {
		if c.value() >= (1-plateauWidth)*best {
			flat = append(flat, c)
		}
	}
	return flat
}

func perSMRows(line []onChipCell, peak float64, also published.Query) []micro.Row {
	var samples, clock []float64
	var warps []string
	var from []*micro.Measured
	flat := plateau(line)
	worst := flat[0]
	for _, c := range flat {
		samples, clock = append(samples, c.rates.PerSM...), append(clock, c.rates.ClockMHz...)
		warps, from = append(warps, strconv.Itoa(c.warps)), append(from, c.m)
		if c.rates.WorstR2 < worst.rates.WorstR2 {
			worst = c
		}
	}
	row := harness.NewRow(flat[0].m, "bandwidth", "B/cycle/SM", samples)
	row.HigherIsBetter, row.Published, row.From = true, also, from
	row.Point = shorten(flat[0].m.Point, "op", "width")
	row.ClockMHz, row.ClockFrom = results.Summarize(clock).Median, "kernel"
	harness.SetPeak(&row, peak, "bytes per cycle and SM of the architecture")
	kit.ProvenByScaling(&row, worst.m, worst.rates)
	row.Annotations = append(row.Annotations, fmt.Sprintf("1 to 32 warps on one SM; median of all within %.0f %% of the best: %s warps; R2 %.6f",
		100*plateauWidth, strings.Join(warps, ", "), worst.rates.WorstR2))
	if worst.rates.WorstR2 < harness.MinR2 {
		harness.Flag(&row, "the time does not grow linearly with the work: R2 %.5f", worst.rates.WorstR2)
	}
	enough := row
	enough.Metric, enough.Unit, enough.Peak, enough.Stats, enough.Interval = "saturation", "warps", nil, nil, nil
	enough.Published, enough.HigherIsBetter, enough.Confidence = published.Query{}, false, 0
	enough.Value = math.Inf(1)
	for _, c := range line {
		if c.value() >= 0.95*row.Value {
			enough.Value = min(enough.Value, float64(c.warps))
		}
	}
	enough.Annotations = []string{"fewest warps that reach 95 % of the best"}
	return []micro.Row{row, enough}
}

func chipRow(gpu micro.GPU, m *micro.Measured, rates harness.Rates, peak float64) micro.Row {
	chip := make([]float64, len(rates.Chip))
	for i, r := range rates.Chip {
		chip[i] = r / 1e9
	}
	row := harness.NewRow(m, "chip bandwidth", "GB/s", chip)
	row.HigherIsBetter = true
	row.Point = shorten(m.Point, "op", "width", "sms")
	row.ClockMHz, row.ClockFrom = results.Summarize(rates.ClockMHz).Median, "kernel"
	if peak > 0 {
		harness.SetPeak(&row, peak*float64(rates.SMs)*row.ClockMHz/1e3, "bytes per cycle and SM x SMs x measured clock")
	}
	kit.ProvenByScaling(&row, m, rates)
	row.Annotations = append(row.Annotations, fmt.Sprintf("32 warps on each of %d SMs; by %%globaltimer, first start to last stop", rates.SMs))
	if rates.SMs != gpu.SMs {
		harness.Flag(&row, "the CTAs ran on %d of %d SMs", rates.SMs, gpu.SMs)
	}
	return row
}
