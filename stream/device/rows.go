package device

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// trials are the bandwidths of a point's trials in GB/s, without the first, and
// the SM clock of each in MHz.
func trials(m *micro.Measured, bytes float64) (rates, clocks []float64, err error) {
	for i, r := range m.Readings {
		if len(r.Samples) != words {
			return nil, nil, fmt.Errorf("%d sample words, expected %d", len(r.Samples), words)
		}
		w := r.Samples
		if w[wordStop] <= w[wordStart] {
			return nil, nil, fmt.Errorf("a launch stops before it starts: %v", w)
		}
		if i == 0 && len(m.Readings) > 1 {
			continue
		}
		rates = append(rates, bytes/float64(w[wordStop]-w[wordStart]))
		if w[wordSMTimeEnd] > w[wordSMTime] {
			clocks = append(clocks, 1e3*float64(w[wordSMClockEnd]-w[wordSMClock])/float64(w[wordSMTimeEnd]-w[wordSMTime]))
		}
	}
	return rates, clocks, nil
}

// medianRow is the row of a point by the median of its trials.
func medianRow(m *micro.Measured, metric string, bytes float64) (micro.Row, error) {
	rates, clocks, err := trials(m, bytes)
	if err != nil {
		return micro.Row{}, err
	}
	row := harness.NewRow(m, metric, "GB/s", rates)
	row.HigherIsBetter = true
	if len(clocks) > 0 {
		row.ClockMHz, row.ClockFrom = results.Summarize(clocks).Median, "kernel"
	}
	return row, nil
}

// xy is a row as a point of a curve.
func xy(x float64, row micro.Row) results.XY {
	p := results.XY{X: x, Y: row.Value}
	if row.Interval != nil {
		p.Low, p.High = row.Interval[0], row.Interval[1]
	}
	return p
}

// bandwidthAnalyse makes two rows of each kernel and type, and a grid of all shapes.
func (o Options) bandwidthAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	bytes, err := o.Size(gpu)
	if err != nil {
		return failed(measured, stream.MetricBest, err), nil
	}
	var a micro.Analysis
	var lines []line
	for _, t := range o.types() {
		grid := surface(t)
		for _, k := range o.kernels() {
			l, err := newLine(gpu, k, t, bytes, measured)
			if err != nil {
				return micro.Analysis{}, err
			}
			lines = append(lines, l)
			grid.YLabels = append(grid.YLabels, k.Name)
			grid.Cells = append(grid.Cells, l.cells(shapes(t)))
		}
		a.Grids = append(a.Grids, grid)
	}
	for _, l := range lines {
		a.Rows = append(a.Rows, l.rows(gpu, o, bytes, lines)...)
	}
	return a, nil
}

// failed makes a row of each measurement that says why it has no number.
func failed(measured []*micro.Measured, metric string, err error) micro.Analysis {
	var a micro.Analysis
	for _, m := range measured {
		if m.Err != nil {
			a.Rows = append(a.Rows, harness.Failed(m, metric, "GB/s", m.Err))
			continue
		}
		a.Rows = append(a.Rows, harness.Failed(m, metric, "GB/s", err))
	}
	return a
}

// surface is the empty grid of a type: kernels by shapes.
func surface(t stream.Type) results.Grid {
	g := results.Grid{Name: "median bandwidth by shape, " + string(t), X: results.Axis{Label: "width x accesses, threads; walk: CTAs per SM that walk, else one CTA per tile"}, Y: results.Axis{Label: "kernel"},
		Z: results.Axis{Label: "bandwidth", Unit: "GB/s"}}
	for _, s := range shapes(t) {
		g.XLabels = append(g.XLabels, s.label())
	}
	return g
}

// line is what the shapes of a kernel gave.
type line struct {
	kernel   stream.Kernel
	t        stream.Type
	of       []shape
	measured []*micro.Measured
	// rate is each shape's median in GB/s, NaN where it was not measured.
	rate []float64
	best int // -1 where nothing was measured
}

func newLine(gpu micro.GPU, k stream.Kernel, t stream.Type, bytes uint64, measured []*micro.Measured) (line, error) {
	l := line{kernel: k, t: t, best: -1}
	for _, m := range measured {
		kernel, typ, s, err := bandwidthPoint(m.Point)
		if err != nil {
			return line{}, err
		}
		if kernel != k || typ != t {
			continue
		}
		rate := math.NaN()
		if m.OK() {
			row, err := medianRow(m, stream.MetricMedian, counted(k, t, bytes))
			if err != nil {
				return line{}, fmt.Errorf("{%s}: %w", m.Point.Key(), err)
			}
			rate = row.Value
		}
		l.of, l.measured, l.rate = append(l.of, s), append(l.measured, m), append(l.rate, rate)
		if m.OK() && (l.best < 0 || rate > l.rate[l.best]) {
			l.best = len(l.rate) - 1
		}
	}
	return l, nil
}

// counted is the bytes of a trial: those of STREAM's rules.
func counted(k stream.Kernel, t stream.Type, bytes uint64) float64 {
	return float64(bytes) / float64(t.Bytes()) * float64(k.Bytes(t))
}

// cells puts the rates under the shapes of the grid.
func (l line) cells(all []shape) []*float64 {
	cells := make([]*float64, len(all))
	for i, s := range l.of {
		if at := slices.Index(all, s); at >= 0 && !math.IsNaN(l.rate[i]) {
			cells[at] = &l.rate[i]
		}
	}
	return cells
}

// rows are the best trial and the median of the best shape.
func (l line) rows(gpu micro.GPU, o Options, bytes uint64, all []line) []micro.Row {
	point := results.P("kernel", l.kernel.Name, "type", string(l.t), "bytes", fmt.Sprint(bytes))
	if l.best < 0 {
		if len(l.measured) == 0 {
			return nil
		}
		row := harness.Failed(l.measured[0], stream.MetricBest, "GB/s", l.measured[0].Err)
		row.Point = point
		return []micro.Row{row}
	}
	median, err := medianRow(l.measured[l.best], stream.MetricMedian, counted(l.kernel, l.t, bytes))
	if err != nil {
		return nil // newLine has read it
	}
	median.Point = point
	best := median
	best.Metric, best.Value, best.Interval, best.Confidence = stream.MetricBest, median.Stats.Max, nil, 0
	peak, from := gpu.DRAMPeak()
	rows := []micro.Row{best, median}
	for i := range rows {
		r := &rows[i]
		harness.SetPeak(r, peak, from)
		r.Annotations = append(l.notes(), stream.Variant)
		if note := l.bound(gpu, all); note != "" {
			r.Annotations = append(r.Annotations, note)
		}
		if bytes < stream.CacheFactor*uint64(gpu.L2Bytes) {
			harness.Flag(r, "an array of %d bytes is less than four times L2, which STREAM's rules ask for (--force)", bytes)
		}
	}
	return rows
}

// notes say which shape was best, and by how much.
func (l line) notes() []string {
	sorted := slices.DeleteFunc(slices.Clone(l.rate), math.IsNaN)
	slices.Sort(sorted)
	return []string{
		fmt.Sprintf("%s; best of %d shapes (%s), the middle one has %.1f %% of it", l.kernel.Formula, len(sorted), l.of[l.best], 100*sorted[len(sorted)/2]/sorted[len(sorted)-1]),
		fmt.Sprintf("%d trials, the first not counted; device time without launches", len(l.measured[l.best].Readings)),
	}
}
