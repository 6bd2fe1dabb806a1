package results

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sound is a row that has nothing against a comparison.
func sound(value, half float64, unit string) Row {
	return Row{Benchmark: "b", Metric: "m", Value: value, Unit: unit, HigherIsBetter: unit != "cycles" && unit != "ns",
		Interval: &[2]float64{value - half, value + half}, Confidence: 0.95, Status: OK, ClockMHz: 1980, KernelHash: "k"}
}

func document(rows ...Row) *Document {
	return &Document{Schema: 1, State: Complete, Backend: "cuda", Device: Device{Name: "NVIDIA H200", Driver: "580"}, Rows: rows}
}

func compareRows(a, b Row) ComparedRow {
	return Compare(document(a), document(b), CompareOptions{}).Rows[0]
}

func TestCompareVerdicts(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b    Row
		verdict Verdict
		ratio   float64
	}{
		"higher is faster":          {sound(100, 0.1, "GB/s"), sound(110, 0.1, "GB/s"), Faster, 1.1},
		"lower is slower":           {sound(100, 0.1, "GB/s"), sound(90, 0.1, "GB/s"), Slower, 0.9},
		"fewer cycles are faster":   {sound(30, 0, "cycles"), sound(20, 0, "cycles"), Faster, 1.5},
		"more cycles are slower":    {sound(20, 0, "cycles"), sound(30, 0, "cycles"), Slower, 2. / 3},
		"exact and equal":           {sound(4, 0, "cycles"), sound(4, 0, "cycles"), Same, 1},
		"within the tolerance":      {sound(100, 0.1, "GB/s"), sound(100.5, 0.1, "GB/s"), Same, 1.005},
		"exactly at the tolerance":  {sound(100, 0, "GB/s"), sound(101, 0, "GB/s"), Same, 1.01},
		"and below":                 {sound(101, 0, "GB/s"), sound(100, 0, "GB/s"), Same, 100. / 101},
		"crosses the edge":          {sound(100, 0.1, "GB/s"), sound(101, 0.1, "GB/s"), CannotTell, 1.01},
		"too wide":                  {sound(100, 5, "GB/s"), sound(100, 5, "GB/s"), CannotTell, 1},
		"far apart though wide":     {sound(100, 5, "GB/s"), sound(150, 5, "GB/s"), Faster, 1.5},
		"wide and shifted a little": {sound(100, 5, "GB/s"), sound(104, 5, "GB/s"), CannotTell, 1.04},
	} {
		t.Run(name, func(t *testing.T) {
			r := compareRows(tt.a, tt.b)
			assert.Equal(t, tt.verdict, r.Verdict, r.Reason)
			assert.InEpsilon(t, tt.ratio, r.Ratio, 1e-12)
			require.NotNil(t, r.Interval)
			assert.True(t, r.Interval[0] <= r.Ratio*(1+1e-12) && r.Ratio <= r.Interval[1]*(1+1e-12))
			assert.Equal(t, tt.verdict == CannotTell, r.Reason != "")

			back := compareRows(tt.b, tt.a) // the other way around
			opposite := map[Verdict]Verdict{Faster: Slower, Slower: Faster, Same: Same, CannotTell: CannotTell}
			assert.Equal(t, opposite[tt.verdict], back.Verdict)
			assert.InEpsilon(t, 1/tt.ratio, back.Ratio, 1e-12)
			assert.InEpsilon(t, 1/r.Interval[0], back.Interval[1], 1e-12)
		})
	}
}

func TestCompareCannotTell(t *testing.T) {
	good := sound(100, 0.1, "GB/s")
	with := func(change func(*Row)) Row {
		r := good
		change(&r)
		return r
	}
	for reason, b := range map[string]Row{
		"status: unsupported in B":                              with(func(r *Row) { r.Status = Unsupported }),
		"status: throttled in B":                                with(func(r *Row) { r.Status = Throttled }),
		"status: implausible in B":                              with(func(r *Row) { r.Status = Implausible }),
		"different units, GB/s and B/s":                         with(func(r *Row) { r.Unit = "B/s" }),
		"one says higher is better, the other lower":            with(func(r *Row) { r.HigherIsBetter = false }),
		"different kernel":                                      with(func(r *Row) { r.KernelHash = "other" }),
		"clock: 1980 MHz in A, 1755 MHz in B":                   with(func(r *Row) { r.ClockMHz = 1755 }),
		"clock: not known in B":                                 with(func(r *Row) { r.ClockMHz = 0 }),
		"interval: missing in B":                                with(func(r *Row) { r.Interval = nil }),
		"no ratio: a value is not above zero":                   with(func(r *Row) { r.Value = 0 }),
		"interval: 101 to 102 does not hold the value 100 in B": with(func(r *Row) { r.Interval = &[2]float64{101, 102} }),
		"interval: 0 to 102 does not hold the value 100 in B":   with(func(r *Row) { r.Interval = &[2]float64{0, 102} }),
	} {
		t.Run(reason, func(t *testing.T) {
			r := compareRows(good, b)
			assert.Equal(t, CannotTell, r.Verdict)
			assert.Equal(t, reason, r.Reason)
			assert.Nil(t, r.Interval)
			assert.Zero(t, r.Ratio)
			assert.Equal(t, b.Status.HasNumber(), r.B != nil)
			assert.Equal(t, CannotTell, compareRows(b, good).Verdict)
		})
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		odd := with(func(r *Row) { r.Value, r.Interval = v, &[2]float64{v, v} })
		assert.Equal(t, "no ratio: a value is not above zero", compareRows(good, odd).Reason)
		assert.Nil(t, compareRows(good, odd).B)
	}
	skipped := with(func(r *Row) { r.Status = Skipped })
	assert.Equal(t, "status: skipped in both", compareRows(skipped, skipped).Reason)
	assert.Equal(t, "status: skipped in A, unsupported in B", compareRows(skipped, with(func(r *Row) { r.Status = Unsupported })).Reason)
	bare := with(func(r *Row) { r.Interval = nil })
	assert.Equal(t, "interval: missing in both", compareRows(bare, bare).Reason)
	dark := with(func(r *Row) { r.ClockMHz = 0 })
	assert.Equal(t, "clock: not known in both", compareRows(dark, dark).Reason)
	flagged := with(func(r *Row) { r.Status = Flagged })
	assert.Equal(t, Same, compareRows(good, flagged).Verdict, "a flagged number may be read")
}

func TestCyclesAreFreeOfTheClock(t *testing.T) {
	a, b := sound(4, 0, "cycles"), sound(4, 0, "cycles")
	b.ClockMHz = 1000
	assert.Equal(t, Same, compareRows(a, b).Verdict)
	for unit, want := range map[string]bool{
		"cycles": false, "op/cycle/SM": false, "B/cycle/SM": false, "FLOP/cycle/SM": false, "B": false, "%": false, "x": false, "instructions": false, "SMs": false,
		"Top/s": true, "TFLOP/s": true, "GB/s": true, "ns": true, "us": true, "W": true, "J": true, "pJ/op": true, "TFLOP/s/W": true, "op/J": true, "GCUPS/s": true,
	} {
		assert.Equal(t, want, timed(unit), unit)
	}
}

func TestCompareMatchesRows(t *testing.T) {
	row := func(point string, v float64) Row {
		r := sound(v, 0, "cycles")
		r.Point = P("op", point)
		return r
	}
	c := Compare(document(row("x", 1), row("y", 2), row("x", 3)), document(row("x", 1), row("z", 4), row("x", 3), row("x", 5)), CompareOptions{})
	var got []string
	for _, r := range c.Rows {
		got = append(got, r.Point.Get("op")+" "+string(r.Verdict)+" "+r.Reason)
	}
	assert.Equal(t, []string{"x same ", "y cannot tell not in B", "x same ", "z cannot tell not in A", "x cannot tell not in A"}, got)
	assert.Nil(t, c.Rows[1].B)
	assert.Equal(t, 4.0, *c.Rows[3].B)
}

func TestCompareDifferentDevices(t *testing.T) {
	a, b := document(sound(100, 0.1, "GB/s")), document(sound(200, 0.1, "GB/s"))
	b.Device = Device{Name: "NVIDIA A100", Driver: "580"}
	b.Rows[0].ClockMHz, b.Rows[0].KernelHash = 1410, "other"
	c := Compare(a, b, CompareOptions{})
	assert.Equal(t, Faster, c.Rows[0].Verdict)
	assert.Equal(t, []string{"different devices, NVIDIA H200 and NVIDIA A100: their clocks and kernels are part of the difference"}, c.Notes)
}

func TestCompareNotes(t *testing.T) {
	a, b := document(), document()
	assert.Empty(t, Compare(a, b, CompareOptions{}).Notes)
	a.Device.UUID, b.Device.UUID, b.Device.Driver, b.Backend, b.State, a.Backend = "1", "2", "590", "replay", Interrupted, "emulator"
	assert.Equal(t, []string{"two cards of the same kind", `different drivers, "580" and "590"`, "A was computed on the CPU: no GPU was measured",
		"B is replayed from a recording", "B was interrupted"}, Compare(a, b, CompareOptions{}).Notes)
}

func TestCompareSums(t *testing.T) {
	row := func(benchmark string, v, half float64) Row {
		r := sound(v, half, "GB/s")
		r.Benchmark = benchmark
		return r
	}
	missing := row("x", 1, 0)
	missing.Status = Failed
	c := Compare(document(row("x", 100, 0), row("x", 100, 0), row("y", 100, 0), row("y", 100, 50), missing),
		document(row("x", 200, 0), row("x", 50, 0), row("y", 100, 0), row("y", 800, 795), missing), CompareOptions{})
	assert.Equal(t, ComparedSum{Faster: 1, Slower: 1, Same: 1, CannotTell: 2, Ratios: 4, Ratio: c.Total.Ratio}, c.Total)
	assert.InEpsilon(t, math.Pow(8, 0.25), c.Total.Ratio, 1e-12, "a row that cannot tell for its interval counts too")
	require.Len(t, c.Benchmarks, 2)
	assert.Equal(t, "x", c.Benchmarks[0].Name)
	assert.InEpsilon(t, 1.0, c.Benchmarks[0].Ratio, 1e-12)
	for _, v := range Verdicts() {
		assert.Equal(t, c.Benchmarks[0].Count(v)+c.Benchmarks[1].Count(v), c.Total.Count(v), v)
	}
	assert.Zero(t, c.Total.Count("other"))
}

func TestCompareItselfIsTheSame(t *testing.T) {
	var rows []Row
	for i := range 20 {
		r := sound(float64(1+i), 0.001, "GB/s")
		r.Point = P("i", string(rune('a'+i)))
		rows = append(rows, r)
	}
	c := Compare(document(rows...), document(rows...), CompareOptions{})
	assert.Equal(t, ComparedSum{Same: 20, Ratios: 20, Ratio: 1}, c.Total)
}

func TestCompareOfNothing(t *testing.T) {
	c := Compare(document(), document(), CompareOptions{})
	text, err := json.Marshal(c)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"rows":[]`)
	assert.Contains(t, string(text), `"benchmarks":[]`)
	assert.Equal(t, DefaultTolerance, c.Tolerance)
}

// TestRatioIntervalCoverage draws two runs whose true ratio is known and counts
// how often the interval of the ratio holds it.
func TestRatioIntervalCoverage(t *testing.T) {
	const trials, n, ratio = 2000, 15, 1.25
	random := rand.New(rand.NewPCG(21, 22))
	run := func(median float64) Row {
		samples := make([]float64, n)
		for i := range samples {
			samples[i] = median * math.Exp(0.02*random.NormFloat64())
		}
		r := sound(Summarize(samples).Median, 0, "GB/s")
		lo, hi, _ := MedianInterval(samples, 0.95)
		r.Interval = &[2]float64{lo, hi}
		return r
	}
	held, wrong := 0, 0
	for range trials {
		c := compareRows(run(100), run(100*ratio))
		if c.Interval[0] <= ratio && ratio <= c.Interval[1] {
			held++
		}
		if c.Verdict != Faster && c.Verdict != CannotTell {
			wrong++
		}
	}
	share := float64(held) / trials // 96.5 % for each of the two, a little more for the ratio
	assert.Greater(t, share, 0.955)
	assert.Less(t, share, 0.995)
	assert.Zero(t, wrong)
}
