package table

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a small run with one row of every kind.
func sample() *results.Document {
	power := 310.0
	mma := results.Row{
		Benchmark: "tensor/mma-latency", Point: results.P("op", "mma.sync", "shape", "m16n8k16", "in", "f16", "acc", "f32"),
		Metric: "latency", Value: 33.0625, Unit: "cycles", Interval: &[2]float64{33.05, 33.07}, Confidence: 0.95,
		Status: results.OK, ClockMHz: 1979.6, ClockFrom: "kernel", PowerW: &power,
		Proof:   results.Proof{Kind: results.ProofSASS, Instruction: "HMMA.16816.F32", Count: 64},
		Correct: results.Check{By: "emulator", OK: true},
		Published: []results.Published{
			{GPU: "A100 PCIe", Value: 24.6, Unit: "cycles", Source: "arXiv:2402.13499v1, Table VII", Secondary: true},
			{GPU: "H800 PCIe", Value: 24.1, Unit: "cycles", Source: "arXiv:2402.13499v1, Table VII", Secondary: true, Note: "other accumulator"}},
	}
	bf16 := mma
	bf16.Point = results.P("op", "mma.sync", "shape", "m16n8k16", "in", "bf16", "acc", "f32")
	bf16.Value, bf16.Interval, bf16.Published = 33.4, &[2]float64{33.1, 33.8}, nil
	bf16.Status, bf16.Reason = results.Flagged, "0.40 cycles off an integer"
	e4m3 := results.Row{Benchmark: mma.Benchmark, Point: results.P("op", "mma.sync", "shape", "m16n8k32", "in", "e4m3", "acc", "f32"),
		Metric: "latency", Unit: "cycles", Status: results.Unsupported, Reason: "needs sm_89"}
	dram := results.Row{
		Benchmark: "memory/dram-bandwidth", Point: results.P("pattern", "read", "width", "16"), Metric: "bandwidth", Value: 4021.7312, Unit: "GB/s",
		Interval: &[2]float64{4019.1, 4024.3}, HigherIsBetter: true, Status: results.OK, ClockMHz: 1980, ClockFrom: "nvml",
		Proof: results.Proof{Kind: results.ProofScaling}, Peak: &results.Peak{Value: 4800, Percent: 83.8}, Correct: results.Check{By: "none"},
	}
	broken := dram
	broken.Point = results.P("pattern", "copy", "width", "16")
	broken.Status, broken.Reason, broken.Correct = results.Failed, "wrong result: 3 of 4096 words differ", results.Check{By: "analytic"}
	broken.Value, broken.Interval, broken.Peak = 0, nil, nil
	start := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	return &results.Document{
		Schema: results.SchemaVersion, State: results.Complete, Backend: "cuda", Suite: "hopper", Seed: 1, Started: start,
		Tool:   results.Tool{Version: "v0.1.0"},
		Device: results.Device{Name: "NVIDIA H200", Target: "sm_90a", SMs: 132, Driver: "580.159.03"},
		Phases: []results.Phase{{Name: "plan", Seconds: 0.21}, {Name: "compile", Seconds: 14.8}, {Name: "measure tensor/mma-latency", Seconds: 3.5},
			{Name: "measure memory/dram-bandwidth", Seconds: 8.25}, {Name: "measure", Seconds: 12.3}, {Name: "analyse", Seconds: 0.4}},
		Compile: results.Compile{Modules: 212, Cached: 12, WallSeconds: 14.8, CPUSeconds: 160.2, Slowest: "tensor/wgmma-throughput", SlowestSecs: 2.31},
		Canary: []results.Canary{{When: start, Name: "fma f32, one SM", Value: 127.9, Unit: "op/cycle/SM"},
			{When: start, Name: "fma f32, one SM", Value: 128, Unit: "op/cycle/SM"}},
		Rows: []results.Row{mma, bf16, e4m3, dram, broken},
	}
}

// long is a sample with a benchmark of n rows.
func long(n int) *results.Document {
	d := sample()
	d.Rows = nil
	for i := range n {
		r := results.Row{Benchmark: "memory/random-latency", Point: results.P("space", "global", "footprint", fmt.Sprint(2048<<(i%20), "+", i)), Metric: "latency",
			Value: 32 + float64(i), Unit: "cycles", Interval: &[2]float64{31.9 + float64(i), 32.1 + float64(i)}, Status: results.OK,
			Proof: results.Proof{Kind: results.ProofSASS, Instruction: "LDG.E.64", Count: 64}}
		if i == 33 {
			r.Status, r.Reason = results.Flagged, "not saturated"
		}
		d.Rows = append(d.Rows, r)
	}
	return d
}

func written(t *testing.T, d *results.Document, o Options) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, d, o))
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestGolden(t *testing.T) {
	replayed := sample()
	replayed.Backend, replayed.State = "replay", results.Interrupted
	replayed.Recording = &results.Origin{Name: "h200", Recorded: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), Stale: 2}
	for name, tt := range map[string]struct {
		doc     *results.Document
		options Options
	}{
		"unlimited":    {sample(), Options{}},
		"width-120":    {sample(), Options{Width: 120}},
		"width-80":     {sample(), Options{Width: 80}},
		"ascii-100":    {sample(), Options{Width: 100, ASCII: true}},
		"recording":    {replayed, Options{Width: 120}},
		"long":         {long(100), Options{Width: 120}},
		"no-rows":      {&results.Document{Backend: "cuda", State: results.Interrupted}, Options{}},
		"long-all-ten": {long(10), Options{Width: 120, All: true}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, written(t, tt.doc, tt.options)) })
	}
}

func compared() *results.Comparison {
	a, b := sample(), sample()
	b.Device.Driver, b.Started = "590.1", a.Started.Add(time.Hour)
	b.Rows[0].Value, b.Rows[0].Interval = 30, &[2]float64{29.99, 30.01}
	b.Rows[1].KernelHash = "other"
	b.Rows[3].Value, b.Rows[3].Interval = 3900, &[2]float64{3890, 3910}
	same := a.Rows[0]
	same.Point = results.P("op", "same")
	a.Rows, b.Rows = append(a.Rows, same), append(b.Rows, same)
	return results.Compare(a, b, results.CompareOptions{})
}

func TestGoldenComparison(t *testing.T) {
	for name, o := range map[string]Options{"comparison": {Width: 120}, "comparison-all": {All: true}, "comparison-ascii-80": {Width: 80, ASCII: true}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, WriteComparison(&b, compared(), o))
			golden(t, name, b.String())
		})
	}
}

func TestLongComparisonIsCondensed(t *testing.T) {
	a, b := long(100), long(100)
	for i := range b.Rows {
		b.Rows[i].KernelHash = "other"
	}
	b.Rows[90].KernelHash, b.Rows[90].Value, b.Rows[90].Interval = "", 1, &[2]float64{1, 1}
	c := results.Compare(a, b, results.CompareOptions{})
	var short, all bytes.Buffer
	require.NoError(t, WriteComparison(&short, c, Options{}))
	require.NoError(t, WriteComparison(&all, c, Options{All: true}))
	assert.Contains(t, short.String(), "and 76 more rows; --all shows every row")
	assert.Equal(t, 23, strings.Count(short.String(), "different kernel"))
	assert.Contains(t, short.String(), "122.0000", "a row with a verdict comes first")
	assert.Equal(t, 99, strings.Count(all.String(), "different kernel"))
	assert.NotContains(t, all.String(), "--all")
}

// TestLinesFit: at any width that a terminal has, no line is longer.
func TestLinesFit(t *testing.T) {
	for limit := 60; limit <= 200; limit += 3 {
		for _, d := range []*results.Document{sample(), long(60)} {
			for _, o := range []Options{{Width: limit}, {Width: limit, ASCII: true}, {Width: limit, All: true}} {
				for _, line := range strings.Split(written(t, d, o), "\n") {
					require.LessOrEqual(t, utf8.RuneCountInString(line), limit, line)
				}
			}
		}
		var b bytes.Buffer
		require.NoError(t, WriteComparison(&b, compared(), Options{Width: limit}))
		for _, line := range strings.Split(b.String(), "\n") {
			require.LessOrEqual(t, utf8.RuneCountInString(line), max(limit, 82), line) // verdicts and counts are not cut
		}
	}
}

func TestASCII(t *testing.T) {
	text := written(t, sample(), Options{ASCII: true})
	for i, r := range text {
		require.Less(t, r, rune(127), text[max(0, i-20):i])
	}
	assert.NotContains(t, text, "?")
	assert.Contains(t, text, "+/-0.01")
	assert.Contains(t, text, "24.6 (secondary)")
	assert.Equal(t, "a?b", ascii("a漢b"))
}

func TestEmptyColumnsAreLeftOut(t *testing.T) {
	d := sample()
	d.Rows = d.Rows[3:4]
	text := written(t, d, Options{})
	assert.NotContains(t, text, "published")
	assert.NotContains(t, text, "check")
	assert.Contains(t, text, "of peak")
	assert.Contains(t, text, "1980*")
	assert.Contains(t, text, "* clock from the card's sensors")
}

func TestLongBenchmarks(t *testing.T) {
	count := func(text string) int { return strings.Count(text, "LDG.E.64") }
	assert.Equal(t, 40, count(written(t, long(40), Options{})), "40 rows are not long")
	short := written(t, long(41), Options{})
	assert.Equal(t, 24, count(short))
	assert.Contains(t, short, "24 of 41 rows")
	assert.Contains(t, short, "flagged: not saturated")
	assert.Contains(t, short, "footprint=2048+0", "the first row")
	assert.Contains(t, short, "+40", "the last row")
	assert.Equal(t, 41, count(written(t, long(41), Options{All: true})))
}

func TestCondense(t *testing.T) {
	rows := func(n, failed int) []results.Row {
		list := make([]results.Row, n)
		for i := range list {
			list[i] = results.Row{Value: float64(i), Status: results.OK}
			if i >= n-failed {
				list[i].Status = results.Failed
			}
		}
		return list
	}
	for _, tt := range []struct{ n, failed, wantFailed int }{{100, 0, 0}, {100, 1, 1}, {100, 60, 12}, {100, 100, 24}, {100, 95, 19}, {41, 41, 24}} {
		got := condense(rows(tt.n, tt.failed), 24)
		require.Len(t, got, 24, tt)
		failed := 0
		for i, r := range got {
			if r.Status == results.Failed {
				failed++
			}
			assert.True(t, i == 0 || got[i-1].Value < r.Value, "in order, none twice")
		}
		assert.Equal(t, tt.wantFailed, failed, tt)
	}
	assert.Equal(t, []int{1}, evenly([]int{1, 2, 3}, 1))
	assert.Equal(t, []int{1, 3}, evenly([]int{1, 2, 3}, 2))
	assert.Empty(t, evenly([]int{1, 2}, 0))
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		s     string
		limit int
		want  []string
	}{
		{"", 5, []string{""}},
		{"one two", 0, []string{"one two"}},
		{"one two", 7, []string{"one two"}},
		{"one two", 6, []string{"one", "two"}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"ab cdefghij", 6, []string{"ab cde", "fghij"}},
		{"abcde fghijklmn", 6, []string{"abcde", "fghijk", "lmn"}},
		{"±±±± ±±", 4, []string{"±±±±", "±±"}},
	} {
		assert.Equal(t, tt.want, wrap(tt.s, tt.limit), tt.s)
	}
}

// TestWrapLosesNothing: every width keeps every character, in order.
func TestWrapLosesNothing(t *testing.T) {
	text := "sass ✓ HGMMA.64x256x16.F32×64 and footprint=1099511627776 a b c"
	letters := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	for limit := 1; limit < 80; limit++ {
		lines := wrap(text, limit)
		for _, l := range lines {
			assert.LessOrEqual(t, utf8.RuneCountInString(l), limit)
		}
		assert.Equal(t, letters(text), letters(strings.Join(lines, "")))
	}
}

func TestWriteReportsTheWriter(t *testing.T) {
	gone := errors.New("pipe closed")
	assert.ErrorIs(t, Write(failing{gone}, long(2000), Options{All: true}), gone)
	assert.ErrorIs(t, Write(failing{gone}, sample(), Options{}), gone)
	assert.ErrorIs(t, WriteComparison(failing{gone}, compared(), Options{}), gone)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestProofLine(t *testing.T) {
	assert.Equal(t, "2 sass, 1 scaling", proofLine(sample().Rows))
	assert.Equal(t, "no row has a number", proofLine(sample().Rows[2:3]))
	assert.Equal(t, "1 not said", proofLine([]results.Row{{Status: results.OK}}))
}
