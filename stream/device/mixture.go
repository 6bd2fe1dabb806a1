package device

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

const mixtureName = "stream/mix"

func mixture(Options) micro.Benchmark {
	return micro.Benchmark{
		Name:     mixtureName,
		Question: "What does it cost that a kernel both reads and writes?",
		Method: "Kernels that read r arrays of doubles and write their sum to w others, for several r and w, over 6 GiB of arrays in all, each thread one access of 16 bytes to each array, 256 threads a CTA, one CTA per tile. " +
			"Only the share of writes differs, so what the mixtures lose against reading alone and writing alone is the price of changing direction. Ten trials, the first not counted, as stream/bandwidth; every written element is checked.",
		Source: source, Experiment: "STREAM", Units: []string{"GB/s", "ratio"}, Rounds: stream.Trials,
		Plan: mixPlan, Job: mixJob, Analyse: mixAnalyse,
	}
}

// mix is the arrays that are read and written.
type mix struct{ reads, writes int }

func mixes() []mix {
	return []mix{{1, 0}, {2, 0}, {6, 1}, {4, 1}, {3, 1}, {2, 1}, {3, 2}, {1, 1}, {2, 3}, {1, 2}, {1, 3}, {1, 4}, {1, 6}, {0, 1}, {0, 2}}
}

// mixBytes is the size of all arrays of a mixture together.
const mixBytes = 6 << 30

var mixShape = shape{width: 16, unroll: 1, threads: 256, policy: policyDefault}

func mixPlan(micro.GPU) []results.Point {
	var points []results.Point
	for _, x := range mixes() {
		points = append(points, results.P("reads", strconv.Itoa(x.reads), "writes", strconv.Itoa(x.writes)))
	}
	return points
}

func mixPoint(p results.Point) (mix, error) {
	for _, x := range mixes() {
		if strconv.Itoa(x.reads) == p.Get("reads") && strconv.Itoa(x.writes) == p.Get("writes") {
			return x, nil
		}
	}
	return mix{}, fmt.Errorf("point {%s} is not one of %s", p.Key(), mixtureName)
}

func (x mix) arrays() int { return x.reads + x.writes }

// share is the part of the bytes that is written.
func (x mix) share() float64 { return float64(x.writes) / float64(x.arrays()) }

// bytes is the size of each array.
func (x mix) bytes(gpu micro.GPU) uint64 {
	return min(mixBytes, kit.Share(gpu)) / uint64(x.arrays()) / granule * granule
}

// program reads arrays r0, r1, ... and writes w0, w1, ...
func (x mix) program() program {
	p := program{t: stream.F64, content: counting}
	body := pass{start: func(c *code) { c.acc = []ptx.Reg{c.constant(stream.Q)} }, element: sumOf}
	for i := range x.reads {
		body.loads = append(body.loads, "r"+strconv.Itoa(i))
	}
	for i := range x.writes {
		body.stores = append(body.stores, "w"+strconv.Itoa(i))
	}
	total := func(c *code, v map[string]ptx.Reg) ptx.Reg {
		sum := c.small(x.reads) // counting content starts at 1
		if x.reads == 0 {
			sum = c.small(stream.Q)
		}
		for _, name := range body.loads {
			c.I("add.u32", sum, sum, v[name])
		}
		return sum
	}
	if x.writes == 0 {
		body.start, body.element, body.finish = zeros, addAll, onlyVerified(addUp)
		p.product = func(c *code, v map[string]ptx.Reg) (ptx.Reg, ptx.Reg) { return total(c, v), c.small(1) }
	}
	p.expect, p.written, p.arrays = total, body.stores, slices.Concat(body.loads, body.stores)
	p.variants = []variant{{name: "mix", pass: body, shape: mixShape}}
	return p
}

// sumOf is the sum of the loaded elements, or the constant if there are none.
func sumOf(c *code, in []ptx.Reg) ptx.Reg {
	if len(in) == 0 {
		return c.acc[0]
	}
	sum := in[0]
	for _, r := range in[1:] {
		sum = c.compute("add.rn", sum, r)
	}
	return sum
}

// addAll adds the loaded elements to the accumulators.
func addAll(c *code, in []ptx.Reg) ptx.Reg {
	c.rotate()
	c.I(c.op("add.rn"), c.acc[0], c.acc[0], sumOf(c, in))
	return ptx.Reg{}
}

func mixJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	x, err := mixPoint(p)
	if err != nil {
		return nil, err
	}
	bytes := x.bytes(gpu)
	if least := stream.CacheFactor * uint64(gpu.L2Bytes); bytes < least {
		return nil, micro.Unsupportedf("arrays of %d bytes are not four times L2: too little memory is free", bytes)
	}
	prog := x.program()
	launch := func(bytes uint64, verify uint32) micro.Launch {
		return prog.launch(gpu, prog.variants[0], bytes, 1, verify)
	}
	job, err := prog.job(gpu, bytes, launch(warmUp(bytes), 0), []micro.Launch{launch(bytes, 0)}, []micro.Launch{launch(bytes, 1)})
	if err != nil {
		return nil, err
	}
	job.Expect = expect(prog.variants[0])
	return job, nil
}

// mixAnalyse makes a row of each mixture, and one of what it lost: its bandwidth over
// that of the same bytes read and written one after the other.
func mixAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	series := results.Series{Name: "doubles", Group: "bandwidth against the share of writes", X: results.Axis{Label: "share of writes"},
		Y: results.Axis{Label: "bandwidth", Unit: "GB/s"}}
	pure := map[mix]float64{}
	rows := map[mix]micro.Row{}
	for _, m := range measured {
		x, err := mixPoint(m.Point)
		if err != nil {
			return micro.Analysis{}, err
		}
		if !m.OK() {
			a.Rows = append(a.Rows, harness.Failed(m, stream.MetricMedian, "GB/s", m.Err))
			continue
		}
		row, err := medianRow(m, stream.MetricMedian, float64(x.bytes(gpu))*float64(x.arrays()))
		if err != nil {
			return micro.Analysis{}, fmt.Errorf("{%s}: %w", m.Point.Key(), err)
		}
		peak, from := gpu.DRAMPeak()
		harness.SetPeak(&row, peak, from)
		if alone := (mix{min(x.reads, 1), min(x.writes, 1)}); alone.arrays() == 1 {
			pure[alone] = max(pure[alone], row.Value)
		}
		rows[x] = row
		series.XY = append(series.XY, xy(x.share(), row))
	}
	read, write := pure[mix{1, 0}], pure[mix{0, 1}]
	for _, x := range mixes() {
		row, ok := rows[x]
		if !ok {
			continue
		}
		a.Rows = append(a.Rows, row)
		if x.reads > 0 && x.writes > 0 && read > 0 && write > 0 {
			a.Rows = append(a.Rows, lossRow(row, x, read, write))
		}
	}
	slices.SortFunc(series.XY, func(p, q results.XY) int { return int(1e6 * (p.X - q.X)) })
	a.Series = []results.Series{series}
	return a, nil
}

// lossRow puts a mixture beside the same bytes read and written one after the other.
func lossRow(row micro.Row, x mix, read, write float64) micro.Row {
	apart := float64(x.arrays()) / (float64(x.reads)/read + float64(x.writes)/write)
	row.Metric, row.Unit, row.Value, row.Stats, row.Peak = "together over apart", "ratio", row.Value/apart, nil, nil
	if row.Interval != nil {
		row.Interval = &[2]float64{row.Interval[0] / apart, row.Interval[1] / apart}
	}
	row.Annotations = []string{fmt.Sprintf("reading alone has %.0f GB/s and writing alone %.0f: one after the other these bytes would get %.0f GB/s", read, write, apart)}
	return row
}
