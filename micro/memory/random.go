package memory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func randomLatency() micro.Benchmark {
	return micro.Benchmark{
		Name:     "memory/random-latency",
		Question: "How does the latency of a dependent load grow with the footprint, and where do the levels end?",
		Method: "One thread follows a seeded random single-cycle permutation over 128-byte lines with ld.global.ca, all of the carve-out " +
			"given to L1, from 2 KiB to gigabytes, eight footprints an octave near L1's and L2's size, four between them. Before the timed loads one untimed " +
			"lap in the chain's order: by the thread itself up to 512 KiB, by all threads of its CTA up to twice L2, so that it is the same SM that brought " +
			"each line to L2: a line that an SM at the other side of L2 had read would be found there, and later; beyond twice L2 by all SMs, of the last lines. " +
			"The latency is the slope over chains of n, 2n and 3n loads. level=l2-far, where there is such a plateau, is what does not fit the near one of two " +
			"partitions of L2. A level ends at a change point of the curve, the interval is its bracket.",
		Source:     "arXiv 2501.12084 section 4.1 and the authors' raw curves",
		Experiment: "E2",
		Units:      []string{"cycles", "ns", "B"},
		Rounds:     3,
		Plan:       randomPlan,
		Job:        randomJob,
		Analyse:    randomAnalyse,
	}
}

const (
	randomSeed = 0x5EED
	// lapBytes is the footprint up to which the timed thread itself makes the lap.
	lapBytes = 512 << 10
	// ownLaps is the footprint, in sizes of L2, up to which the timed SM makes the lap.
	ownLaps = 2
	// maxFootprint ends the sweep.
	maxFootprint = 8 << 30
)

// size is a footprint of eighths/8 times a power of two.
type size struct{ eighths, shift int }

func (s size) bytes() uint64 { return uint64(s.eighths) << s.shift }

// lineShift makes the permutation's size from the footprint's.
func (s size) permutation() permutation { return permutationOf(s.eighths, s.shift-7, randomSeed) }

// footprints lists the sizes: eight an octave from half to twice L1 and from a
// quarter to twice L2, four between these, two beyond, one elsewhere.
func footprints(gpu micro.GPU) []size {
	limit := min(uint64(maxFootprint), kit.Share(gpu))
	l1, l2 := uint64(gpu.SharedPerSM), uint64(gpu.L2Bytes)
	var list []size
	for shift := 8; ; shift++ { // 8 << 8 is 2 KiB
		octave := size{8, shift}.bytes()
		step := 8
		switch {
		case touches(octave, l1/2, 2*l1), touches(octave, l2/4, 2*l2):
			step = 1
		case octave >= l1 && octave < l2:
			step = 2
		case octave >= 2*l2, octave >= l1/4 && octave < l1:
			step = 4
		}
		for eighths := 8; eighths < 16; eighths += step {
			s := size{eighths, shift}
			if s.bytes() > limit {
				return list
			}
			list = append(list, s)
		}
	}
}

// touches reports whether the octave from x has footprints within low and high.
func touches(x, low, high uint64) bool { return 2*x > low && x < high }

func randomPlan(gpu micro.GPU) []results.Point {
	var points []results.Point
	for _, s := range footprints(gpu) {
		points = append(points, results.P("footprint", strconv.FormatUint(s.bytes(), 10)))
	}
	return points
}

func findSize(gpu micro.GPU, p results.Point) (size, error) {
	for _, s := range footprints(gpu) {
		if strconv.FormatUint(s.bytes(), 10) == p.Get("footprint") {
			return s, nil
		}
	}
	return size{}, micro.Unsupportedf("a footprint of %s bytes is not one of this device's", p.Get("footprint"))
}

func randomChase() chase {
	return chase{kernel: "chase", load: "ld.global.ca.u64", target: "LDG", lap: true}
}

// randomWalk is the walk of a footprint.
func randomWalk(s size) walk {
	w := walk{warm: 32, loops: 64, passes: 3}
	if s.bytes() <= lapBytes {
		w.warm = max(w.warm, int(s.bytes()/lineBytes/unrolled)+1)
	}
	return w
}

func randomJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	s, err := findSize(gpu, p)
	if err != nil {
		return nil, err
	}
	perm := s.permutation()
	c, timed, verify := randomChase(), randomWalk(s), walk{warm: 1, loops: 8, passes: 1}
	first := perm.order(0)
	last := perm.order(uint64(verify.steps()))
	job := &micro.Job{
		Module: randomModule(gpu),
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * timed.words())}, {Name: "result", Bytes: 8}, {Name: "chain", Bytes: s.bytes()},
		},
		Setup:    []micro.Launch{permute(gpu, perm)},
		Verify:   []micro.Launch{lapped(c.launch(verify, micro.Ptr("chain", first*lineBytes), 0, 0), "chain", perm, 0)},
		Launches: []micro.Launch{lapped(c.launch(timed, micro.Ptr("chain", first*lineBytes), 0, 0), "chain", perm, lapFrom(gpu, s))},
		Samples:  "samples", Result: "result", CheckedBy: micro.ByAnalytic,
		Check:  endsAt((last - first) * lineBytes),
		Expect: c.expect(),
	}
	if s.bytes() > ownLaps*uint64(gpu.L2Bytes) {
		job.Launches = []micro.Launch{touch(gpu, perm), job.Launches[0]}
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build random chase: %w", err)
	}
	return job, nil
}

// lapFrom is the position from which the timed CTA makes the lap; the end where
// the thread itself makes it, or all SMs do.
func lapFrom(gpu micro.GPU, s size) uint64 {
	if s.bytes() <= lapBytes || s.bytes() > ownLaps*uint64(gpu.L2Bytes) {
		return s.permutation().lines()
	}
	return 0
}

func randomModule(gpu micro.GPU) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	randomChase().build(m.Kernel("chase"))
	permuteKernel(m.Kernel("permute"))
	touchKernel(m.Kernel("touch"))
	return m
}

// wide is the shape of launches that use the whole chip.
func wide(gpu micro.GPU, lines uint64) (grid, block [3]int) {
	const threads = 256
	return micro.Dim(int(min(uint64(8*max(gpu.SMs, 1)), (lines+threads-1)/threads))), micro.Dim(threads)
}

func permute(gpu micro.GPU, p permutation) micro.Launch {
	grid, block := wide(gpu, p.lines())
	return micro.Launch{Kernel: "permute", Grid: grid, Block: block, Args: []micro.Arg{
		micro.Ptr("chain", 0), micro.U32(p.a), micro.U32(p.b), micro.U32(p.seed), micro.U32(uint32(p.lines()))}}
}

// touch makes the lap, or its last part: four times what L2 holds.
func touch(gpu micro.GPU, p permutation) micro.Launch {
	count := min(p.lines(), 4*uint64(gpu.L2Bytes)/lineBytes)
	grid, block := wide(gpu, count)
	return micro.Launch{Kernel: "touch", Grid: grid, Block: block, Args: []micro.Arg{
		micro.Ptr("chain", 0), micro.U32(p.a), micro.U32(p.b), micro.U32(p.seed),
		micro.U32(uint32(p.lines() - count)), micro.U32(uint32(p.lines())), micro.U64(1)}}
}

// farLevel is the second plateau of an L2 of two partitions: what does not fit
// the near one.
const farLevel = "l2-far"

// level is a range of footprints that lies well within one level.
type level struct {
	name      string
	low, high uint64
	// endLow and endHigh are between which sizes the level ends; 0 if it has no end.
	endLow, endHigh uint64
	also            published.Query
	least           float64 // plausible cycles
	most            float64
}

func levels(gpu micro.GPU) []level {
	l1, l2 := uint64(gpu.SharedPerSM), uint64(gpu.L2Bytes)
	return []level{
		{"l1", 0, l1 / 2, l1 / 2, 2 * l1, published.Query{Benchmark: "L1 latency (random-stride p-chase)"}, 25, 50},
		{"l2", 4 * l1, l2 / 4, l2 / 4, l2 * 3 / 4, published.Query{Benchmark: "L2 latency lower plateau (random p-chase)"}, 150, 450},
		{farLevel, l2 * 2 / 3, l2 * 9 / 10, l2 * 3 / 4, l2 * 3 / 2, published.Query{}, 200, 700},
		{"dram", 4 * l2, 2 << 30, 0, 0, published.Query{Benchmark: "global latency (random-stride p-chase)"}, 350, 1500},
	}
}

// curve is the latency against the footprint.
type curve struct {
	from      []*micro.Measured
	bytes     []float64
	cycles    []float64
	nanos     []float64
	intervals [][2]float64
	clock     []float64
}

func randomAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	c, err := readCurve(gpu, measured)
	if err != nil {
		return micro.Analysis{}, err
	}
	var a micro.Analysis
	marks := results.Knees(c.bytes, c.cycles, results.KneeOptions{})
	for _, l := range levels(gpu) {
		if l.name == farLevel && !c.flat(l) {
			continue
		}
		a.Rows = append(a.Rows, c.plateau(l)...)
		a.Rows = append(a.Rows, c.end(l, marks)...)
	}
	a.Series = []results.Series{
		c.series("latency, random chase", "cycles", c.cycles, marks),
		c.series("latency, random chase", "ns", c.nanos, marks),
	}
	for _, s := range published.RandomLatency() {
		if s.Benchmark == "memory/random-latency" {
			s.Name = "published " + strings.TrimSuffix(s.Name, ", published")
			a.Series = append(a.Series, s)
		}
	}
	return a, nil
}

func readCurve(gpu micro.GPU, measured []*micro.Measured) (curve, error) {
	var c curve
	for _, m := range measured {
		s, err := findSize(gpu, m.Point)
		if err != nil {
			return curve{}, err
		}
		l, err := latencies(m, randomWalk(s), 0)
		if err != nil {
			return curve{}, err
		}
		stats := results.Summarize(l.cycles)
		lo, hi, _ := results.MedianInterval(l.cycles, harness.Confidence)
		c.from = append(c.from, m)
		c.bytes = append(c.bytes, float64(s.bytes()))
		c.cycles = append(c.cycles, stats.Median)
		c.nanos = append(c.nanos, results.Summarize(l.nanoseconds()).Median)
		c.intervals = append(c.intervals, [2]float64{lo, hi})
		c.clock = append(c.clock, l.clockMHz)
	}
	return c, nil
}

// flatness is how much the latency may differ within a plateau, from its least.
const flatness = 0.1

// flat says whether a level's footprints have one latency.
func (c curve) flat(l level) bool {
	var cycles []float64
	for i, b := range c.bytes {
		if b >= float64(l.low) && b <= float64(l.high) {
			cycles = append(cycles, c.cycles[i])
		}
	}
	return len(cycles) > 2 && slices.Max(cycles) <= (1+flatness)*slices.Min(cycles)
}

// plateau makes the rows of a level: the median over its footprints.
func (c curve) plateau(l level) []micro.Row {
	var cycles, nanos, clock []float64
	var from []*micro.Measured
	for i, b := range c.bytes {
		if b >= float64(l.low) && b <= float64(l.high) {
			cycles, nanos, clock = append(cycles, c.cycles[i]), append(nanos, c.nanos[i]), append(clock, c.clock[i])
			from = append(from, c.from[i])
		}
	}
	if len(from) == 0 {
		return nil
	}
	make1 := func(metric, unit string, values []float64) micro.Row {
		row := harness.NewRow(from[0], metric, unit, values)
		row.Point, row.From = results.P("level", l.name), from
		row.ClockMHz, row.ClockFrom = results.Summarize(clock).Median, "kernel"
		row.Annotations = append(row.Annotations, fmt.Sprintf("median over %d footprints of %.0f to %.0f B; ld.global.ca.u64, carve-out: all to L1",
			len(from), c.at(from[0]), c.at(from[len(from)-1])))
		return row
	}
	row := make1("latency", "cycles", cycles)
	row.Published = l.also
	harness.SetBand(&row, l.least, l.most)
	return []micro.Row{row, make1("time", "ns", nanos)}
}

func (c curve) at(m *micro.Measured) float64 {
	for i, from := range c.from {
		if from == m {
			return c.bytes[i]
		}
	}
	return 0
}

// end makes the row of the place where a level ends: the first change point
// near its size. Others are named beside it.
func (c curve) end(l level, marks []results.Mark) []micro.Row {
	for i, mark := range marks {
		if mark.X < float64(l.endLow) || mark.X >= float64(l.endHigh) {
			continue
		}
		row := micro.Row{From: c.from}
		row.Point, row.Metric, row.Unit = results.P("level", l.name), "footprint", "B"
		row.Value, row.Status = mark.X, results.OK
		row.Interval = &[2]float64{mark.Low, mark.High}
		row.Annotations = []string{"the level ends at this change point of the latency curve; the interval is the bracket of neighbouring footprints", mark.Label + " cycles"}
		for j, other := range marks {
			if j != i {
				row.Annotations = append(row.Annotations, fmt.Sprintf("another change point: %s cycles between %.0f and %.0f B", other.Label, other.Low, other.High))
			}
		}
		return []micro.Row{row}
	}
	return nil
}

func (c curve) series(name, unit string, y []float64, marks []results.Mark) results.Series {
	s := results.Series{Name: name + ", " + unit, Group: "latency against footprint", Marks: marks,
		X: results.Axis{Label: "footprint", Unit: "B", Log: true}, Y: results.Axis{Label: "latency", Unit: unit}}
	for i, b := range c.bytes {
		xy := results.XY{X: b, Y: y[i]}
		if unit == "cycles" {
			xy.Low, xy.High = c.intervals[i][0], c.intervals[i][1]
		}
		s.XY = append(s.XY, xy)
	}
	return s
}
