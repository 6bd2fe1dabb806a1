package export

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"github.com/gpubench/gpubench/results"
)

// sample has text that every format has to escape.
func sample() *results.Document {
	power := 310.5
	latency := results.Row{Benchmark: "tensor/mma-latency", Point: results.P("shape", "m16n8k16", "in", "f16"), Metric: "latency",
		Value: 33.0625, Unit: "cycles", Interval: &[2]float64{33.05, 33.07}, Confidence: 0.95,
		Stats:  &results.Stats{N: 5, Min: 33, Q1: 33.05, Median: 33.0625, Q3: 33.07, Max: 33.1, MAD: 0.01, Outliers: 1},
		Status: results.OK, ClockMHz: 1979.6, ClockFrom: "kernel", PowerW: &power, KernelHash: "abc",
		Proof: results.Proof{Kind: results.ProofSASS, Instruction: "HMMA.16816.F32", Count: 64}, Correct: results.Check{By: "emulator", OK: true},
		Published: []results.Published{{GPU: "A100", Value: 24.6, Unit: "cycles", Source: "paper, Table 1", Secondary: true, Note: "assumed"}}}
	again := latency // the same labels once more
	again.Value = 33.1
	bandwidth := results.Row{Benchmark: "memory/dram-bandwidth", Point: results.P("pattern", "read \"fast\"\\slow", "metric", "a/b c", "9x", "1"), Metric: "peak bandwidth",
		Value: 4021.7312, Unit: "GB/s", HigherIsBetter: true, Status: results.Flagged, Reason: "not\nsaturated, \"yet\"", Peak: &results.Peak{Value: 4800, Percent: 83.8, From: "bus"}}
	missing := results.Row{Benchmark: "tensor/mma-latency", Point: results.P("shape", "m16n8k32"), Metric: "latency", Unit: "cycles",
		Status: results.Unsupported, Reason: "needs sm_89"}
	wild := results.Row{Benchmark: "alu/throughput", Metric: "rate-8", Value: 1e15, Unit: "op/cycle/SM", HigherIsBetter: true,
		Status: results.Implausible, Reason: "above the peak"}
	broken := results.Row{Benchmark: "alu/throughput", Metric: "rate", Value: math.NaN(), Unit: "op/cycle/SM", HigherIsBetter: true, Status: results.OK}
	fast := results.Row{Benchmark: "alu/launch-2", Metric: "overhead-16", Value: 2150, Unit: "ns", Status: results.OK}
	return &results.Document{Schema: 1, State: results.Complete, Backend: "replay", Suite: "hopper", Tool: results.Tool{Version: "v0.1.0"},
		Device:    results.Device{Name: "NVIDIA H200", Target: "sm_90a", Driver: "580.159.03"},
		Recording: &results.Origin{Name: "h200"}, Started: time.Date(2026, 11, 24, 20, 0, 0, 5e8, time.UTC),
		Phases: []results.Phase{{Name: "compile", Seconds: 1.5}},
		Rows:   []results.Row{latency, again, bandwidth, missing, wild, broken, fast}}
}

func exported(t *testing.T, format string, d *results.Document) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, format, d))
	return b.String()
}

func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		assert.NotEmpty(t, exported(t, f, sample()), f)
		exported(t, f, &results.Document{}) // nothing to say is no error
		gone := errors.New("pipe closed")
		assert.ErrorIs(t, Write(failing{gone}, f, sample()), gone, f)
	}
	err := Write(new(bytes.Buffer), "xml", sample())
	var unknown *FormatError
	require.ErrorAs(t, err, &unknown)
	assert.EqualError(t, err, `format "xml" is not known; there are csv, benchfmt, openmetrics`)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestExportDoesNotChangeTheDocument: NaN stays where it was.
func TestExportDoesNotChangeTheDocument(t *testing.T) {
	d := sample()
	for _, f := range Formats() {
		exported(t, f, d)
	}
	assert.True(t, math.IsNaN(d.Rows[5].Value))
	d.Rows[5].Value = 0
	want := sample()
	want.Rows[5].Value = 0
	assert.Equal(t, want, d)
}

// columnNames is a promise: names are added at its end and never change.
const columnNames = "benchmark,point,metric,value,unit,interval_low,interval_high,confidence,samples,min,q1,median,q3,max,mad,outliers," +
	"higher_is_better,status,reason,clock_mhz,clock_from,power_w,temperature_c,throttle,proof,instruction,instruction_count,proof_detail,emulated," +
	"checked_by,correct,check_detail,peak,peak_percent,peak_from,band_low,band_high,kernel,published,annotations," +
	"device,target,driver,tool,suite,backend,recording,started"

func readCSV(t *testing.T, text string) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, columnNames, strings.Join(lines[0], ","))
	var list []map[string]string
	for _, l := range lines[1:] {
		m := map[string]string{}
		for i, name := range lines[0] {
			m[name] = l[i]
		}
		list = append(list, m)
	}
	return list
}

func TestCSVReadsBack(t *testing.T) {
	d := sample()
	rows := readCSV(t, exported(t, "csv", d))
	require.Len(t, rows, len(d.Rows))
	for i, got := range rows {
		r := d.Rows[i]
		assert.Equal(t, r.Benchmark, got["benchmark"])
		assert.Equal(t, r.Point.Key(), got["point"])
		assert.Equal(t, "NVIDIA H200", got["device"])
		assert.Equal(t, "h200", got["recording"])
		assert.Equal(t, "2026-11-24T20:00:00.5Z", got["started"])
		if v, err := strconv.ParseFloat(got["value"], 64); r.Status == results.Unsupported || math.IsNaN(r.Value) {
			assert.Empty(t, got["value"])
		} else {
			require.NoError(t, err)
			assert.Equal(t, r.Value, v)
		}
	}
	first := rows[0]
	for name, want := range map[string]string{"interval_low": "33.05", "interval_high": "33.07", "confidence": "0.95", "samples": "5", "min": "33",
		"outliers": "1", "clock_mhz": "1979.6", "power_w": "310.5", "temperature_c": "", "proof": "sass", "instruction_count": "64", "emulated": "false",
		"correct": "true", "peak": "", "kernel": "abc", "published": "A100: 24.6 cycles (paper, Table 1, secondary; assumed)"} {
		assert.Equal(t, want, first[name], name)
	}
	assert.Equal(t, "not\nsaturated, \"yet\"", rows[2]["reason"])
	assert.Equal(t, "83.8", rows[2]["peak_percent"])
	assert.Empty(t, rows[2]["correct"], "not checked is not false")
	assert.Equal(t, "1e+15", rows[4]["value"], "the number of an implausible row is kept")
	assert.Equal(t, "error", rows[5]["status"])
	assert.Contains(t, rows[5]["reason"], "NaN")
}

func TestBenchfmtReadsBack(t *testing.T) {
	text := exported(t, "benchfmt", sample())
	reader := benchfmt.NewReader(strings.NewReader(text), "test")
	type read struct {
		name, unit string
		iters      int
		value      float64
	}
	var got []read
	better := map[string]string{}
	for reader.Scan() {
		switch r := reader.Result().(type) {
		case *benchfmt.Result:
			assert.Equal(t, "NVIDIA H200", r.GetConfig("device"))
			assert.Equal(t, "replay", r.GetConfig("backend"))
			assert.Equal(t, "h200", r.GetConfig("recording"))
			base, parts := r.Name.Parts()
			for _, p := range parts {
				assert.Equal(t, byte('/'), p[0], "no part of %s is taken for GOMAXPROCS", base)
			}
			require.Len(t, r.Values, 1)
			v := r.Values[0]
			if v.OrigUnit != "" { // the reader turns ns into sec
				v.Value, v.Unit = v.OrigValue, v.OrigUnit
			}
			got = append(got, read{string(r.Name), v.Unit, r.Iters, v.Value})
		case *benchfmt.UnitMetadata:
			better[r.OrigUnit] = r.Key + "=" + r.Value
		default:
			t.Errorf("%T: %v", r, r)
		}
	}
	require.NoError(t, reader.Err())
	assert.Equal(t, []read{
		{"TensorMmaLatency/shape=m16n8k16/in=f16/metric=latency", "cycles", 5, 33.0625},
		{"TensorMmaLatency/shape=m16n8k16/in=f16/metric=latency", "cycles", 5, 33.1},
		{`MemoryDramBandwidth/pattern=read_"fast"\slow/metric=a|b_c/9x=1/metric=peak_bandwidth`, "GB/s", 1, 4021.7312},
		{"AluLaunch2/metric=overhead_16", "ns", 1, 2150},
	}, got)
	assert.Equal(t, map[string]string{"cycles": "better=lower", "GB/s": "better=higher", "ns": "better=lower"}, better)
	assert.Contains(t, text, "# unsupported tensor/mma-latency{shape=m16n8k32} latency: needs sm_89\n")
	assert.Contains(t, text, "# flagged")
	assert.Contains(t, text, `not saturated, "yet"`)
	assert.Contains(t, text, "# implausible alu/throughput{} rate-8: above the peak\n")
}

func TestBenchfmtUnitOfBothWays(t *testing.T) {
	d := &results.Document{Rows: []results.Row{{Benchmark: "a", Metric: "m", Unit: "x", Status: results.OK}, {Benchmark: "b", Metric: "m", Unit: "x", HigherIsBetter: true, Status: results.OK}}}
	assert.NotContains(t, exported(t, "benchfmt", d), "Unit")
	assert.Equal(t, "count", benchUnit(" "))
	assert.Equal(t, "a-b", benchUnit("a b"))
}

func TestOpenMetrics(t *testing.T) {
	families := parseOpenMetrics(t, exported(t, "openmetrics", sample()))
	cycles := families["gpubench_result_cycles"]
	assert.Equal(t, "gauge", cycles.kind)
	assert.Equal(t, "cycles", cycles.unit)
	require.Len(t, cycles.samples, 2)
	assert.Equal(t, 33.0625, cycles.samples[0].value)
	assert.Equal(t, map[string]string{"benchmark": "tensor/mma-latency", "metric": "latency", "shape": "m16n8k16", "in": "f16"}, cycles.samples[0].labels)
	assert.Equal(t, "2", cycles.samples[1].labels["repeat"])

	rate := families["gpubench_result_bytes_per_second"].samples
	require.Len(t, rate, 1)
	assert.InEpsilon(t, 4021.7312e9, rate[0].value, 1e-12)
	assert.Equal(t, `read "fast"\slow`, rate[0].labels["pattern"])
	assert.Equal(t, "a/b c", rate[0].labels["point_metric"])
	assert.Equal(t, "1", rate[0].labels["point_9x"])
	assert.InEpsilon(t, 2.15e-6, families["gpubench_result_seconds"].samples[0].value, 1e-12)
	assert.InEpsilon(t, 0.838, families["gpubench_peak_ratio"].samples[0].value, 1e-12)
	assert.Equal(t, 33.05, families["gpubench_result_low_cycles"].samples[0].value)
	assert.Equal(t, 1979.6e6, families["gpubench_sm_clock_hertz"].samples[0].value)
	assert.Equal(t, 1795550400.5, families["gpubench_run_start_time_seconds"].samples[0].value)

	info := families["gpubench_row"].samples
	require.Len(t, info, 7, "a row without a number is not missing")
	assert.Equal(t, "needs sm_89", info[3].labels["reason"])
	assert.Equal(t, "not\nsaturated, \"yet\"", info[2].labels["reason"])
	assert.Equal(t, "error", info[5].labels["status"])
	assert.NotContains(t, families, "gpubench_result_operations_per_cycle_per_sm", "no number that must not be read")
	counts := map[string]float64{}
	for _, s := range families["gpubench_rows"].samples {
		counts[s.labels["status"]] = s.value
	}
	assert.Equal(t, map[string]float64{"ok": 3, "flagged": 1, "throttled": 0, "unsupported": 1, "skipped": 0, "implausible": 1, "error": 1}, counts)
}

func TestMetricUnit(t *testing.T) {
	for unit, want := range map[string]string{"": "number", "%": "ratio", "instr/cycle/SM": "instr_per_cycle_per_sm", "J/(op)": "j_per_op", "≤": "number", "us": "seconds", "TFLOP/s": "flops_per_second"} {
		name, _ := metricUnit(unit)
		assert.Equal(t, want, name, unit)
	}
}

func TestLabelName(t *testing.T) {
	for key, want := range map[string]string{"shape": "shape", "in": "in", "le": "point_le", "__x": "point___x", "9": "point_9", "a b-c": "a_b_c", "": "point_", "é": "_"} {
		assert.Equal(t, want, labelName(key, nil), key)
	}
	assert.Equal(t, "a_", labelName("a", labels{{"a", "1"}}))
}

// TestFullSizeExport: the coordinates of a whole suite keep every line valid.
func TestFullSizeExport(t *testing.T) {
	d := sample()
	for i := range 500 {
		r := d.Rows[i%7]
		r.Point = results.P("op", fmt.Sprint(i%50), "warps", fmt.Sprint(i%3), "status", "x")
		d.Rows = append(d.Rows, r)
	}
	parseOpenMetrics(t, exported(t, "openmetrics", d))
	assert.Len(t, readCSV(t, exported(t, "csv", d)), 507)
}
