package harness_test

import (
	"context"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func hopper() micro.GPU {
	gpu := micro.GPU{Arch: isa.SM90a, Spec: arch.Lookup(isa.SM90a, "NVIDIA H200"), Table: isa.New()}
	gpu.SMs = 132
	return gpu
}

// multiply is a chain whose outcome is easy to know.
func multiply() harness.Script {
	return harness.Script{Type: ptx.B32, Steps: []string{"mad.lo.s32 x x a b"}}
}

func multiplyInput() []byte {
	return harness.Input(func(i int) uint64 { return uint64(i) }, 3, 7)
}

// measured makes a measurement of synthetic readings.
func measured(rounds ...[]uint64) *micro.Measured {
	m := &micro.Measured{Point: results.P("op", "test")}
	for _, r := range rounds {
		m.Readings = append(m.Readings, results.Reading{Samples: r})
	}
	return m
}

// latencySamples are nine passes of the lengths, the first of them slow.
func latencySamples(lengths []int, cost func(n int) uint64) []uint64 {
	var s []uint64
	for pass := range 9 {
		for _, n := range lengths {
			c := cost(n)
			if pass == 0 {
				c += 500
			}
			s = append(s, c)
		}
	}
	return s
}

func TestLatencyIsTheSlope(t *testing.T) {
	row, err := harness.LatencyRow(measured(latencySamples(harness.Lengths(), func(n int) uint64 { return uint64(4*n + 37) })), nil)
	require.NoError(t, err)
	assert.InDelta(t, 4, row.Value, 1e-12)
	assert.Equal(t, results.OK, row.Status)
	assert.Equal(t, "cycles", row.Unit)
	assert.Equal(t, 8, row.Stats.N, "the pass that fills the instruction cache is not used")
}

func TestLatencyThatIsNotLinearIsFlagged(t *testing.T) {
	row, err := harness.LatencyRow(measured(latencySamples(harness.Lengths(), func(n int) uint64 { return uint64(n * n) })), nil)
	require.NoError(t, err)
	assert.Equal(t, results.Flagged, row.Status)
	assert.Contains(t, row.Reason, "linearly")
}

// TestUnequalSectionsAreNoted is what a wait in three sections of four once did.
func TestUnequalSectionsAreNoted(t *testing.T) {
	row, err := harness.LatencyRow(measured(latencySamples(harness.Lengths(), func(n int) uint64 {
		if n == 96 {
			return uint64(4*n + 13)
		}
		return uint64(4*n + 23)
	})), nil)
	require.NoError(t, err)
	assert.InDelta(t, 3.8835, row.Value, 1e-4)
	assert.Contains(t, row.Annotations[0], "largest residual")
	assert.Contains(t, row.Annotations[1], "not all lengths cost the same")
}

func TestFixedLatenciesLandOnIntegers(t *testing.T) {
	for _, c := range []struct {
		value  float64
		fixed  bool
		status results.Status
	}{{4.04, true, results.OK}, {3.88, true, results.Flagged}, {16.9, false, results.OK}} {
		row := micro.Row{Row: results.Row{Value: c.value, Status: results.OK}}
		harness.NoteInteger(&row, c.fixed)
		assert.Equal(t, c.status, row.Status, "%g", c.value)
		assert.Equal(t, c.value == 4.04, len(row.Annotations) == 1, "%g", c.value)
	}
}

func TestLatencyRefusesOtherSamples(t *testing.T) {
	_, err := harness.LatencyRow(measured(make([]uint64, 5)), nil)
	require.ErrorContains(t, err, "5 samples")
}

func TestSpreadOverSMs(t *testing.T) {
	lengths := []int{32, 96}
	fast := latencySamples(lengths, func(n int) uint64 { return uint64(4*n + 10) })
	slow := latencySamples(lengths, func(n int) uint64 { return uint64(5*n + 10) })
	samples := append(append(fast, slow...), 7, 3) // the SMs' numbers
	rows, series, err := harness.SpreadRows(measured(samples), lengths)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.InDelta(t, 4.5, rows[0].Value, 1e-12)
	assert.InDelta(t, 1, rows[1].Value, 1e-12)
	assert.Equal(t, []results.XY{{X: 3, Y: 5}, {X: 7, Y: 4}}, series.XY)
}

// cta is the words of a CTA that took so many cycles at 2 GHz.
func cta(cycles, sm uint64) []uint64 {
	return []uint64{1000, 1000 + cycles, 5000, 5000 + cycles/2, sm}
}

func TestRatesAreSlopes(t *testing.T) {
	var samples []uint64
	for _, n := range []uint64{1, 2, 3} {
		samples = append(samples, cta(100+1000*n, 4)...)
	}
	r, err := harness.ThroughputRates(measured(samples), 64000)
	require.NoError(t, err)
	assert.InDelta(t, 64, r.PerSM[0], 1e-9)
	assert.InDelta(t, 64*2e9, r.Chip[0], 1e3)
	assert.InDelta(t, 2000, r.ClockMHz[0], 1e-9)
	assert.InDelta(t, 2, r.Doubling, 1e-9)
	assert.Equal(t, 1, r.SMs)
	assert.Equal(t, results.ProofScaling, r.ScalingProof().Kind)
}

// TestRatesOfClocksThatWrapAndMove: 64-bit clocks pass 2^32 unharmed, the clock is
// that of the samples whatever it was, and a rate is no integer.
func TestRatesOfClocksThatWrapAndMove(t *testing.T) {
	const wrap = uint64(1) << 32
	var samples []uint64
	for _, n := range []uint64{1, 2, 3} {
		cycles := 100 + 3000*n
		samples = append(samples, wrap-1500, wrap-1500+cycles, 5000, 5000+cycles*2/3, 0) // 1.5 GHz
	}
	r, err := harness.ThroughputRates(measured(samples), 1000)
	require.NoError(t, err)
	assert.InDelta(t, 1.0/3, r.PerSM[0], 1e-9)
	assert.InDelta(t, 1500, r.ClockMHz[0], 1)
	assert.InDelta(t, 0.5e9, r.Chip[0], 1e6)
}

func TestWorkThatDoesNotScaleIsNoProof(t *testing.T) {
	var samples []uint64
	for _, c := range []uint64{1000, 1010, 1500} {
		samples = append(samples, cta(c, 0)...)
	}
	r, err := harness.ThroughputRates(measured(samples), 1)
	require.NoError(t, err)
	assert.Equal(t, results.ProofNone, r.ScalingProof().Kind)
}

// TestCompactWordsSayTheSame compares the rates of all CTAs' words with those
// of the words that the reducing kernel makes of them.
func TestCompactWordsSayTheSame(t *testing.T) {
	th := harness.Throughput{Make: multiply().Maker(), Chains: 1, Unroll: 8, Warps: 1, CTAs: 2, Iterations: 1, Compact: true, Input: multiplyInput()}
	job, err := th.Job(hopper())
	require.NoError(t, err)
	var full, reduced []uint64
	for _, n := range []uint64{1, 2, 3} {
		a, b := cta(1000*n, 4), cta(1200*n, 5)
		full = append(append(full, a...), b...)
		reduced = append(reduced, 2200*n, 1100*n, 5000, 5000+600*n, 2)
	}
	want, err := harness.ThroughputRates(measured(full), 64000)
	require.NoError(t, err)
	m := measured(reduced)
	m.Job = job
	got, err := harness.ThroughputRates(m, 64000)
	require.NoError(t, err)
	assert.InDelta(t, want.PerSM[0], got.PerSM[0], 1e-9)
	assert.InDelta(t, want.Chip[0], got.Chip[0], 1e-3)
	assert.InDelta(t, want.ClockMHz[0], got.ClockMHz[0], 1e-9)
	assert.Equal(t, want.SMs, got.SMs)
}

// TestReducingKernel runs a compact job on the emulator.
func TestReducingKernel(t *testing.T) {
	th := harness.Throughput{Make: multiply().Maker(), Chains: 2, Unroll: 4, Warps: 2, CTAs: 3, Iterations: 2, Compact: true, Input: multiplyInput()}
	gpu := hopper()
	job, err := th.Job(gpu)
	require.NoError(t, err)
	reading := emulate(t, gpu, job)
	require.Len(t, reading.Samples, 15)
	for i := range 3 {
		w := reading.Samples[5*i:][:5]
		assert.Positive(t, w[0], "cycles")
		assert.Greater(t, w[3], w[2], "stop after start")
		assert.Positive(t, w[4], "SMs")
	}

	one := th
	one.CTAs = 1
	single, err := one.Job(gpu)
	require.NoError(t, err)
	text, err := job.Text()
	require.NoError(t, err)
	other, err := single.Text()
	require.NoError(t, err)
	assert.Equal(t, text, other, "points that differ in CTAs share their PTX")
}

func emulate(t *testing.T, gpu micro.GPU, job *micro.Job) results.Reading {
	t.Helper()
	session, err := backend.NewEmulator(gpu.Device).Open(context.Background(), micro.JobID{}, job, micro.Code{})
	require.NoError(t, err)
	defer session.Close()
	reading, err := session.Run(context.Background())
	require.NoError(t, err)
	return reading
}

// TestResultsAreTheChains runs Verify on the emulator and computes the chains here.
func TestResultsAreTheChains(t *testing.T) {
	gpu := hopper()
	after := func(x uint32, steps int) uint32 {
		for range steps {
			x = 3*x + 7
		}
		return x
	}
	latency, err := harness.Latency{Make: multiply().Maker(), Lengths: []int{3, 5}, Input: multiplyInput()}.Job(gpu)
	require.NoError(t, err)
	throughput, err := harness.Throughput{Make: multiply().Maker(), Chains: 2, Unroll: 6, Warps: 4, CTAs: 1, Iterations: 9, Input: multiplyInput()}.Job(gpu)
	require.NoError(t, err)

	result, err := backend.Expected(context.Background(), latency)
	require.NoError(t, err)
	require.Len(t, result, 4*32)
	for lane := range 32 {
		assert.Equal(t, after(uint32(lane), 5), word(result, lane), "lane %d", lane)
	}
	result, err = backend.Expected(context.Background(), throughput)
	require.NoError(t, err)
	require.Len(t, result, 4*32*2, "one warp verifies")
	for i := range 64 {
		assert.Equal(t, after(uint32(i/2+i%2), 6), word(result, i), "lane %d, chain %d", i/2, i%2)
	}
}

func word(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }

func TestTextIndependsOfLaunchShape(t *testing.T) {
	th := harness.Throughput{Make: multiply().Maker(), Chains: 2, Unroll: 6, Warps: 4, CTAs: 1, Iterations: 9, Input: multiplyInput()}
	a, err := th.Job(hopper())
	require.NoError(t, err)
	th.Warps, th.Iterations = 32, 5
	b, err := th.Job(hopper())
	require.NoError(t, err)
	first, err := a.KernelHash()
	require.NoError(t, err)
	second, err := b.KernelHash()
	require.NoError(t, err)
	assert.Equal(t, first, second)
}

func TestScriptMistakesAreErrors(t *testing.T) {
	for _, step := range []string{
		"mad.lo.s32 x x a q",       // no such operand
		"mad.lo.s32 r0 r1 a b",     // nothing carried, and read before written
		"mad.la.s32 x x a b",       // no such instruction
		"@p0 mad.lo.s32 x x a b",   // predicate never set
		"setp.lt.s32 x x a",        // wrong class
		"mad.lo.s32 x x {h0,h1} b", // a vector where none fits
	} {
		_, err := harness.Latency{Make: harness.Script{Type: ptx.B32, Steps: []string{step}}.Maker(), Input: multiplyInput()}.Job(hopper())
		assert.Error(t, err, step)
	}
}

func TestPlateau(t *testing.T) {
	cells := func(values ...float64) []harness.Cell {
		var list []harness.Cell
		for i, v := range values {
			list = append(list, harness.Cell{Warps: 8 << i, Chains: 4, Scale: 2, M: measured(), Rates: harness.Rates{PerSM: []float64{v}, Doubling: 2, WorstR2: 1}})
		}
		return list
	}
	row, _ := harness.PlateauRow(cells(62, 64, 64), "op/cycle/SM")
	assert.Equal(t, results.OK, row.Status)
	assert.InDelta(t, 128, row.Value, 1e-12, "two operations a step")
	assert.Contains(t, row.Annotations[0], "8 × 4 reach 95 %")
	assert.True(t, row.HigherIsBetter)
	assert.Equal(t, results.ProofScaling, row.Proof.Kind, "there is no machine code")

	row, _ = harness.PlateauRow(cells(50, 63.9, 64.9, 64), "op/cycle/SM")
	assert.InDelta(t, 128, row.Value, 1e-12, "a lucky configuration is not the peak")

	row, _ = harness.PlateauRow(cells(20, 40, 60), "op/cycle/SM")
	assert.Equal(t, results.Flagged, row.Status)
	assert.Contains(t, row.Reason, "not saturated")
}

func TestSurface(t *testing.T) {
	var cells []harness.Cell
	for _, c := range []struct{ w, c int }{{1, 1}, {2, 1}, {1, 4}} {
		cells = append(cells, harness.Cell{Warps: c.w, Chains: c.c, Scale: 1, Rates: harness.Rates{PerSM: []float64{float64(10*c.w + c.c)}}})
	}
	g := harness.Surface("x", cells)
	assert.Equal(t, []string{"1", "2"}, g.XLabels)
	assert.Equal(t, []string{"1", "4"}, g.YLabels)
	assert.InDelta(t, 21, *g.Cells[0][1], 0)
	assert.InDelta(t, 14, *g.Cells[1][0], 0)
	assert.Nil(t, g.Cells[1][1], "not measured")
}

func TestChipMustAgreeWithItsSMs(t *testing.T) {
	th := harness.Throughput{Chains: 1, Unroll: 1, Warps: 1, CTAs: 2, Iterations: 2000}
	var samples []uint64
	for _, n := range []uint64{1, 2, 3} {
		samples = append(append(samples, cta(1000*n, 0)...), cta(1000*n, 1)...)
	}
	row, clock, err := harness.ChipRow(measured(samples), th, "Top/s", 1, 64)
	require.NoError(t, err)
	assert.Equal(t, results.OK, row.Status, row.Reason)
	assert.InDelta(t, 2000, clock, 1e-9)
	assert.InDelta(t, 64*2*2e9/1e12, row.Value, 1e-9)

	row, _, err = harness.ChipRow(measured(samples), th, "Top/s", 1, 70)
	require.NoError(t, err)
	assert.Equal(t, results.Flagged, row.Status)
}

func TestSizeMakesLaunchesOfOneLength(t *testing.T) {
	for _, warps := range []int{1, 8, 32} {
		th := harness.Throughput{Chains: 4, Unroll: 100, Warps: warps}
		th.Iterations = th.Size(harness.OneSM, 64)
		cycles := max(th.Work()/64, float64(th.Iterations*th.Unroll*4))
		assert.InEpsilon(t, harness.OneSM, cycles, 0.2, "%d warps", warps)
	}
}

func TestModelFindsWrongResults(t *testing.T) {
	model := harness.Model{Step: func(x float64) float64 { return x / 2 }, Tolerance: 1e-3}
	input := harness.Input(func(i int) uint64 { return uint64(math.Float32bits(float32(i + 1))) })
	check := model.Check(input, 3, 2)
	result := make([]byte, 4*64)
	for i := range 64 {
		binary.LittleEndian.PutUint32(result[4*i:], math.Float32bits(float32(i/2+i%2+1)/8))
	}
	require.NoError(t, check(result))
	binary.LittleEndian.PutUint32(result[4*9:], math.Float32bits(1))
	require.ErrorContains(t, check(result), "lane 4, chain 1")
}

func TestModelReadsHalves(t *testing.T) {
	model := harness.Model{Step: func(x float64) float64 { return -x }, Tolerance: 1e-3, Halves: true}
	input := harness.Input(func(int) uint64 { return 0x7c00_3c00 }) // infinity, one
	result := []byte{0x00, 0xbc, 0x00, 0xfc}
	require.NoError(t, model.Check(input, 1, 1)(result))
	require.Error(t, model.Check(input, 2, 1)(result))
}
