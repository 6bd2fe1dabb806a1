package cell

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gpubench/gpubench/results"
)

func row(v float64, unit string, interval ...float64) results.Row {
	r := results.Row{Value: v, Unit: unit, Status: results.OK}
	if len(interval) == 2 {
		r.Interval = &[2]float64{interval[0], interval[1]}
	}
	return r
}

func TestValueShowsWhatTheIntervalSupports(t *testing.T) {
	for _, tt := range []struct {
		name            string
		row             results.Row
		value, interval string
	}{
		{"exact latency", row(4, "cycles", 4, 4), "4.00", "±0"},
		{"surprising latency stays visible", row(4.02, "cycles", 4.019, 4.021), "4.02", "±<0.01"},
		{"no interval", row(33.0625, "cycles"), "33.06", ""},
		{"cycles with a wide interval", row(651.27, "cycles", 639, 663), "651", "±12"},
		{"cycles with a very wide interval", row(651.27, "cycles", 601, 701), "650", "±50"},
		{"bandwidth", row(4021.7312, "GB/s", 4019.1, 4024.3), "4021.7", "±2.6"},
		{"large half-width", row(123456, "op/s", 121456, 125456), "123500", "±2000"},
		{"uneven arms", row(10, "ns", 9.9, 10.6), "10.0", "+0.6 −0.1"},
		{"interval beside the value", row(10, "ns", 11, 12), "10.0", "[11.0, 12.0]"},
		{"one digit of the half-width", row(10, "ns", 9.4, 10.6), "10.0", "±0.6"},
		{"two digits below 3.5", row(10, "ns", 9.66, 10.34), "10.00", "±0.34"},
		{"exact with fewer digits", row(17.7, "ns"), "17.7", ""},
		{"rounded is not exact", row(2.0004, "ns"), "2.000", ""},
		{"four digits without interval", row(0.123456, "J"), "0.1235", ""},
		{"integers in full", row(50331649, "op"), "50331649", ""},
		{"a tiny value is not zero", row(0.0000001234, "J/op"), "1.234e-07", ""},
		{"bytes", row(196608, "B"), "192 KiB", ""},
		{"bytes with bracket", row(52428800, "B", 50331648, 54525952), "50 MiB", "±2 MiB"},
		{"tight interval on a large value", row(989.4, "Top/s", 989.3999999, 989.4000001), "989.4000", "±<0.0001"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.value, Value(tt.row))
			assert.Equal(t, tt.interval, Interval(tt.row))
		})
	}
}

func TestNumberNeverPanics(t *testing.T) {
	for _, v := range []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, -1e-9} {
		assert.NotEmpty(t, Number(v))
		assert.NotEmpty(t, Value(row(v, "cycles", v, v+1)))
		assert.NotEmpty(t, Bytes(v))
	}
}

func TestPercentNeverRoundsToHundred(t *testing.T) {
	for v, want := range map[float64]string{
		99.4: "99.4 %", 99.97: "99.97 %", 100: "100.0 %", 100.04: "100.04 %", 99.99999: "<100 %", 100.00001: ">100 %", 12: "12.0 %",
	} {
		assert.Equal(t, want, Percent(results.Row{Status: results.OK, Peak: &results.Peak{Percent: v}}), v)
	}
}

func TestFields(t *testing.T) {
	r := row(32, "cycles")
	r.Proof = results.Proof{Kind: results.ProofSASS, Instruction: "HMMA.16816.F32", Count: 64}
	r.Correct = results.Check{By: "emulator", OK: true}
	r.ClockMHz, r.ClockFrom = 1979.6, "nvml"
	r.Published = []results.Published{{GPU: "H800 PCIe", Value: 32, Unit: "cycles"}, {GPU: "RTX 4090", Value: 17.7, Unit: "ns", Secondary: true}}
	assert.Equal(t, "sass ✓ HMMA.16816.F32×64", Proof(r))
	assert.Equal(t, "emulator ✓", Check(r))
	assert.Equal(t, "1980*", Clock(r))
	assert.Equal(t, "H800 32, 4090 17.7 ns†", Published(r))
	r.Published = []results.Published{{GPU: "H800 PCIe", Value: 58.8, Unit: "cycles", Note: "clock overhead"}}
	assert.Equal(t, "H800 58.8‡", Published(r))
	r.Status, r.Reason, r.Value = results.Unsupported, "needs sm_90a", 0
	assert.Equal(t, "–", Value(r))
	assert.Equal(t, "unsupported: needs sm_90a", Status(r))
}

func TestBanner(t *testing.T) {
	doc := &results.Document{Backend: "cuda"}
	assert.Empty(t, Banner(doc))
	doc.Backend = "replay"
	doc.Device.Name = "NVIDIA H200"
	doc.Recording = &results.Origin{Name: "h200", Recorded: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Stale: 2}
	assert.Equal(t, `RECORDING: these numbers were not measured on this machine. They are replayed from a recorded run of NVIDIA H200`+
		` on 2026-03-01 ("h200"); 2 points are stale: their kernels changed since.`, Banner(doc))
}

func TestCounts(t *testing.T) {
	rows := []results.Row{{Status: results.Skipped}, {Status: results.OK}, {Status: results.OK}, {Status: "new"}}
	assert.Equal(t, "2 ok, 1 skipped, 1 unknown", CountLine(rows))
}
