package device

import (
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

const footprintName = "stream/footprint"

func footprint(o Options) micro.Benchmark {
	return micro.Benchmark{
		Name:     footprintName,
		Question: "How does the bandwidth of STREAM's kernels fall from L2 to DRAM as the arrays grow?",
		Method: "Copy, Triad, read-only and write-only on doubles, one CTA per tile of 16 KiB (512 threads, two accesses of 16 bytes each), over arrays that together have from an eighth of L2 to 8 GiB. Small arrays are walked many times in " +
			"one launch, tile after tile, so that each launch moves about 2 GiB; the walks follow each other without a gap. Five trials, the first not counted, as stream/bandwidth.",
		Source: source, Experiment: "STREAM", Units: []string{"GB/s"}, Rounds: 5,
		Plan: o.footprintPlan, Job: o.footprintJob, Analyse: o.footprintAnalyse,
	}
}

// footprintShape is one that is good on both sides of L2.
var footprintShape = shape{width: 16, unroll: 2, threads: 512, policy: policyDefault}

// footprintKernels are the kernels of the sweep that were asked for.
func (o Options) footprintKernels() []stream.Kernel {
	var list []stream.Kernel
	for _, k := range o.kernels() {
		switch k.Name {
		case stream.Copy, stream.Triad, stream.Read, stream.Write:
			list = append(list, k)
		}
	}
	return list
}

// The sweep, in bytes of all arrays together.
const (
	leastFootprint = 1 << 20
	mostFootprint  = 8 << 30
	launchBytes    = 2 << 30 // that a launch moves at least
)

func (o Options) footprintPlan(gpu micro.GPU) []results.Point {
	var points []results.Point
	for _, k := range o.footprintKernels() {
		for _, n := range footprints(gpu) {
			points = append(points, results.P("kernel", k.Name, "footprint", strconv.FormatUint(n, 10)))
		}
	}
	return points
}

// footprints are powers of two, and more closely spaced around the size of L2.
func footprints(gpu micro.GPU) []uint64 {
	l2 := uint64(max(gpu.L2Bytes, leastFootprint))
	var list []uint64
	for n := uint64(leastFootprint); n <= mostFootprint; n *= 2 {
		list = append(list, n)
		if n >= l2/8 && n <= 4*l2 {
			list = append(list, n+n/4, n+n/2, n+3*n/4)
		}
	}
	return list
}

// footprintPoint gives the kernel and the bytes of each of its arrays.
func footprintPoint(p results.Point) (k stream.Kernel, bytes uint64, err error) {
	if k, err = stream.Find(p.Get("kernel")); err != nil {
		return k, 0, err
	}
	n, err := strconv.ParseUint(p.Get("footprint"), 10, 64)
	if err != nil {
		return k, 0, fmt.Errorf("point {%s} of %s: %w", p.Key(), footprintName, err)
	}
	tile := footprintShape.tile()
	return k, max(n/uint64(k.Reads+k.Writes)/tile, 1) * tile, nil
}

// walks is how many times a launch covers the arrays.
func walks(k stream.Kernel, bytes uint64) int {
	return int(max(1, (launchBytes+bytes*uint64(k.Reads+k.Writes)-1)/(bytes*uint64(k.Reads+k.Writes))))
}

func (o Options) footprintJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	k, bytes, err := footprintPoint(p)
	if err != nil {
		return nil, err
	}
	if all := bytes * uint64(k.Reads+k.Writes); all > kit.Share(gpu) {
		return nil, micro.Unsupportedf("%d bytes of arrays, and %d are free for them", all, kit.Share(gpu))
	}
	prog := newProgram(k.Name, stream.F64, []shape{footprintShape}, true)
	main := prog.variants[0]
	launch := func(n int, verify uint32) micro.Launch { return prog.launch(gpu, main, bytes, n, verify) }
	n := walks(k, bytes)
	job, err := prog.job(gpu, bytes, launch(max(1, n/8), 0), []micro.Launch{launch(n, 0)}, []micro.Launch{launch(1, 1)})
	if err != nil {
		return nil, err
	}
	job.Expect = expect(main)
	return job, nil
}

func (o Options) footprintAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, k := range o.footprintKernels() {
		series := results.Series{Name: k.Name, Group: "bandwidth against footprint", X: results.Axis{Label: "bytes of all arrays", Unit: "B", Log: true},
			Y: results.Axis{Label: "bandwidth", Unit: "GB/s"}}
		if gpu.L2Bytes > 0 {
			series.Marks = []results.Mark{{X: float64(gpu.L2Bytes), Label: "L2"}}
		}
		for _, m := range measured {
			kernel, bytes, err := footprintPoint(m.Point)
			if err != nil {
				return micro.Analysis{}, err
			}
			if kernel != k {
				continue
			}
			if !m.OK() {
				a.Rows = append(a.Rows, harness.Failed(m, stream.MetricMedian, "GB/s", m.Err))
				continue
			}
			row, err := medianRow(m, stream.MetricMedian, counted(k, stream.F64, bytes)*float64(walks(k, bytes)))
			if err != nil {
				return micro.Analysis{}, fmt.Errorf("{%s}: %w", m.Point.Key(), err)
			}
			row.Annotations = append(row.Annotations, stream.Variant)
			if bytes*uint64(k.Reads+k.Writes) >= stream.CacheFactor*uint64(gpu.L2Bytes) {
				peak, from := gpu.DRAMPeak()
				harness.SetPeak(&row, peak, from)
			}
			a.Rows = append(a.Rows, row)
			series.XY = append(series.XY, xy(float64(bytes)*float64(k.Reads+k.Writes), row))
		}
		a.Series = append(a.Series, series)
	}
	return a, nil
}
