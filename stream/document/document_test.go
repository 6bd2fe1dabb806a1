package document

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/host"
)

// line is a row of a kernel whose trials reach from 80 to 100 GB/s.
func line(kernel, stores string) results.Row {
	r := results.Row{Benchmark: "stream/bandwidth", Metric: stream.MetricBest, Value: 100, Unit: "GB/s", Status: results.OK,
		Point: results.P("kernel", kernel, "type", "f64", "bytes", "1073741824"),
		Stats: &results.Stats{Min: 80, Median: 90, Max: 100}}
	if stores != "" {
		r.Benchmark = host.Benchmark
		r.Point = append(r.Point, results.P("stores", stores, "threads", "2")...)
	}
	return r
}

func TestClassic(t *testing.T) {
	copyRow, median := line(stream.Copy, ""), line(stream.Copy, "")
	copyRow.Peak = &results.Peak{Value: 125, Percent: 80}
	copyRow.Annotations = []string{"bound by the weather: in the same run it rained"}
	median.Metric = stream.MetricMedian
	bad := line(stream.Triad, "tuned")
	bad.Status, bad.Reason = results.Failed, "wrong results"
	flagged := line(stream.Scale, "tuned")
	flagged.Status, flagged.Reason = results.Flagged, "too small"
	doc := &results.Document{Backend: "cuda", Device: results.Device{Name: "a GPU"}, Host: results.Host{CPU: &results.CPU{Model: "a CPU"}},
		Rows: []results.Row{flagged, bad, copyRow, median}}
	var b strings.Builder
	require.NoError(t, Classic(&b, doc))
	assert.Equal(t, `
a CPU, arrays of 1024 MiB, f64, 2 threads, tuned stores
Function         Best Rate GB/s       Median     Min time  Median time     Max time
scale:                    100.0         90.0     0.021475     0.023861     0.026844
triad:          error: wrong results

a GPU, arrays of 1024 MiB, f64
Function         Best Rate GB/s       Median     Min time  Median time     Max time   of peak
copy:                     100.0         90.0     0.021475     0.023861     0.026844    80.0 %

These are results based on a variant of the STREAM benchmark code.
* scale f64 tuned: flagged: too small
* copy f64: bound by the weather; the rows' notes say how that is known
`, b.String())
}

func TestClassicOfARecordingSaysSo(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Classic(&b, &results.Document{Backend: "replay", Device: results.Device{Name: "a GPU"}, Rows: []results.Row{line(stream.Copy, "")}}))
	assert.True(t, strings.HasPrefix(b.String(), "RECORDING"), b.String())
}

func TestClassicOfNothing(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Classic(&b, &results.Document{Backend: "cuda"}))
	assert.Empty(t, b.String())
	assert.Error(t, Classic(full{}, &results.Document{Rows: []results.Row{line(stream.Copy, "")}}))
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestHostComesFirst(t *testing.T) {
	r := &host.Result{CPU: results.CPU{Model: "a CPU", Allowed: []int{0, 1}, MemoryBytes: 7}, Rows: []results.Row{line(stream.Copy, "tuned")}}
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	alone := OfHost(r, start, start.Add(time.Second))
	assert.Equal(t, "a CPU", alone.Device.Name)
	assert.Equal(t, BackendHost, alone.Backend)
	assert.Equal(t, 2, alone.Host.CPUs)
	require.Len(t, alone.Benchmarks, 1)

	doc := &results.Document{Device: results.Device{Name: "a GPU"}, Rows: []results.Row{line(stream.Copy, "")}}
	AddHost(doc, r, time.Second)
	assert.Equal(t, "a GPU", doc.Device.Name)
	assert.Equal(t, host.Benchmark, doc.Rows[0].Benchmark)
	assert.Len(t, doc.Rows, 2)
	assert.Equal(t, "a CPU", doc.Host.CPU.Model)
	assert.Equal(t, 1.0, doc.Phases[0].Seconds)
}
