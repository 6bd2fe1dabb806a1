package tensor

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

const overhead = 777 // cycles, the same in every launch

// onOneSM makes readings of a job whose first launch takes that many cycles.
func onOneSM(m *micro.Measured, cycles float64) *micro.Measured {
	for round := range 5 {
		var samples []uint64
		for i := range launches {
			c := uint64(math.Round(overhead + float64(i+1)*cycles))
			samples = append(samples, 1000, 1000+c, 5000, 5000+c, 7)
		}
		samples[0] -= uint64(round) // some spread
		m.Readings = append(m.Readings, results.Reading{Samples: samples})
	}
	return m
}

// onAllSMs makes compact readings at 1500 MHz.
func onAllSMs(m *micro.Measured, sms int, cycles float64) *micro.Measured {
	for range 5 {
		var samples []uint64
		for i := range launches {
			c := overhead + float64(i+1)*cycles
			ns := c / 1.5
			samples = append(samples, uint64(c*float64(sms)), uint64(ns*float64(sms)), 100, 100+uint64(ns), uint64(sms))
		}
		m.Readings = append(m.Readings, results.Reading{Samples: samples})
	}
	return m
}

func measured(t *testing.T, b micro.Benchmark, gpu micro.GPU, p results.Point) *micro.Measured {
	t.Helper()
	job, err := b.Job(gpu, p)
	require.NoError(t, err)
	return &micro.Measured{Point: p, Job: job, Proof: results.Proof{Kind: results.ProofSASS}}
}

func TestWgmmaThroughputAnalysis(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	b := wgmmaThroughput()
	var list []*micro.Measured
	for _, n := range []int{64, 128} {
		w := pair{"f16", "f32"}.wgmma(n, false, false)
		r := wgmmaRun{wgmma: w, groups: 1, ctas: 1}
		m := measured(t, b, gpu, w.point("fill", zeros, "groups", "1"))
		list = append(list, onOneSM(m, float64(n)/2*float64(w.body()*r.iterations())))
	}
	w := pair{"s8", "s32"}.wgmma(256, true, true)
	p := w.point("fill", random, "groups", "1", "on", allSMs)
	r, err := parseWgmmaRun(gpu, p)
	require.NoError(t, err)
	list = append(list, onAllSMs(measured(t, b, gpu, p), gpu.SMs, 128*float64(w.body()*r.iterations())))

	a, err := b.Analyse(gpu, list)
	require.NoError(t, err)
	require.Len(t, a.Rows, 5)
	for i, n := range []float64{64, 128} {
		rate, interval := a.Rows[2*i], a.Rows[2*i+1]
		assert.Equal(t, "FLOP/cycle/SM", rate.Unit)
		assert.InEpsilon(t, 4096, rate.Value, 1e-3)
		assert.InDelta(t, 100, rate.Peak.Percent, 0.1)
		assert.True(t, rate.HigherIsBetter)
		assert.Equal(t, "issue interval", interval.Metric)
		assert.InEpsilon(t, n/2, interval.Value, 1e-3)
		assert.GreaterOrEqual(t, interval.Value, interval.Band[0])
		assert.LessOrEqual(t, interval.Value, interval.Band[1])
		assert.NotZero(t, rate.Stats.N)
	}
	chip := a.Rows[4]
	assert.Equal(t, "Top/s", chip.Unit)
	assert.InDelta(t, 1500, chip.ClockMHz, 1)
	assert.InEpsilon(t, 16384*float64(gpu.SMs)*1.5e9/1e12, chip.Value, 2e-3)
	assert.InDelta(t, 100, chip.Peak.Percent, 0.2)
	assert.Equal(t, results.OK, chip.Status)

	require.Len(t, a.Series, 2)
	assert.Equal(t, "SS zeros f16", a.Series[0].Name)
	assert.Equal(t, "wgmma by N", a.Series[0].Group)
	assert.Len(t, a.Series[0].XY, 2)
	assert.Equal(t, "RS random s8 sparse", a.Series[1].Name)
}

func TestWgmmaLatencyAnalysis(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	b := wgmmaLatency()
	w := pair{"f16", "f32"}.wgmma(256, false, false)
	m := measured(t, b, gpu, w.point("fill", zeros))
	words := int(m.Job.Buffers[0].Bytes / 8)
	var samples []uint64
	for len(samples) < words {
		for _, n := range flanked(groupLengths()) {
			samples = append(samples, uint64(60+150*n))
		}
	}
	m.Readings = []results.Reading{{Samples: samples}}
	a, err := b.Analyse(gpu, []*micro.Measured{m})
	require.NoError(t, err)
	require.Len(t, a.Rows, 1)
	assert.Equal(t, "completion latency", a.Rows[0].Metric)
	assert.InDelta(t, 150, a.Rows[0].Value, 1e-6)
	assert.Equal(t, [2]float64{128, 288}, *a.Rows[0].Band)
}

// mmaCells makes readings of a form's points on one SM at a rate by warps and chains.
func mmaCells(t *testing.T, gpu micro.GPU, f mma, rate func(warps, chains int) float64) []*micro.Measured {
	var list []*micro.Measured
	for _, p := range mmaThroughputPlan(gpu) {
		if !f.matches(p) || p.Get("on") != oneSM {
			continue
		}
		warps, err := strconv.Atoi(p.Get("warps"))
		require.NoError(t, err)
		chains, err := strconv.Atoi(p.Get("chains"))
		require.NoError(t, err)
		c, err := f.configuration(gpu, p)
		require.NoError(t, err)
		steps := c.Work() / 32
		list = append(list, onOneSM(measured(t, mmaThroughput(), gpu, p), steps*f.operations()/rate(warps, chains)))
	}
	return list
}

func TestMMAThroughputAnalysis(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	f := mmaList()[0]
	require.True(t, f.surface())
	list := mmaCells(t, gpu, f, func(warps, chains int) float64 { return min(2560, 160*float64(warps*chains)) })
	chip := f.point("fill", zeros, "on", allSMs, "chains", "4", "warps", "16")
	c, err := f.configuration(gpu, chip)
	require.NoError(t, err)
	list = append(list, onAllSMs(measured(t, mmaThroughput(), gpu, chip), gpu.SMs, c.Work()/32*f.operations()/2560))

	a, err := mmaThroughput().Analyse(gpu, list)
	require.NoError(t, err)
	require.Len(t, a.Rows, 2)
	assert.InEpsilon(t, 2560, a.Rows[0].Value, 1e-3)
	assert.InDelta(t, 62.5, a.Rows[0].Peak.Percent, 0.1)
	assert.Equal(t, results.OK, a.Rows[0].Status)
	assert.Equal(t, f.point("fill", zeros, "on", oneSM), a.Rows[0].Point)
	assert.InEpsilon(t, 2560*float64(gpu.SMs)*1.5e9/1e12, a.Rows[1].Value, 2e-3)
	assert.Equal(t, results.OK, a.Rows[1].Status, a.Rows[1].Reason)
	require.Len(t, a.Grids, 1)
	assert.Equal(t, []string{"4", "8", "16"}, a.Grids[0].XLabels)
	assert.Equal(t, []string{"1", "2", "4", "8"}, a.Grids[0].YLabels)
	assert.InEpsilon(t, 640, *a.Grids[0].Cells[0][0], 1e-3)
}

// TestMMANotSaturated flags a rate that still rises.
func TestMMANotSaturated(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	types := elements()
	f := mma{shape: "m16n8k8", in: types["tf32"], acc: types["f32"]}
	a, err := mmaThroughput().Analyse(gpu, mmaCells(t, gpu, f, func(warps, _ int) float64 { return 50 * float64(warps) }))
	require.NoError(t, err)
	require.Len(t, a.Rows, 1)
	assert.Equal(t, results.Flagged, a.Rows[0].Status)
	assert.Contains(t, a.Rows[0].Reason, "not saturated")
}

// TestEmulatedHasNoPeak keeps an emulated form from being held against the unit's peak.
func TestEmulatedHasNoPeak(t *testing.T) {
	types := elements()
	fp8 := mma{shape: "m16n8k32", in: types["e4m3"], acc: types["f32"]}
	hopper, ada := nominal(t, isa.SM90a), nominal(t, isa.SM89)
	assert.Zero(t, fp8.peak(hopper))
	assert.True(t, fp8.emulated(hopper))
	assert.False(t, fp8.emulated(ada))
	assert.Equal(t, 1024.0, fp8.peak(ada), "GeForce accumulates in f32 at half the rate")

	p, err := fp8.proof(hopper)
	require.NoError(t, err)
	assert.Equal(t, proof{"QMMA.16832", "HMMA", 2}, p)
	p, err = fp8.proof(ada)
	require.NoError(t, err)
	assert.Equal(t, proof{"QMMA.16832", "", 1}, p)
}

func TestMMALatencyAnalysis(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	f := mmaList()[0]
	m := measured(t, mmaLatency(), gpu, f.point("through", throughC))
	words := int(m.Job.Buffers[0].Bytes / 8)
	var samples []uint64
	for len(samples) < words {
		for _, n := range flanked(f.lengths(gpu)) {
			samples = append(samples, uint64(40+33*n))
		}
	}
	m.Readings = []results.Reading{{Samples: samples}}
	a, err := mmaLatency().Analyse(gpu, []*micro.Measured{m})
	require.NoError(t, err)
	require.Len(t, a.Rows, 1)
	assert.InDelta(t, 33, a.Rows[0].Value, 1e-6)

	m.Readings[0].Samples = samples[1:]
	a, err = mmaLatency().Analyse(gpu, []*micro.Measured{m})
	require.NoError(t, err)
	assert.Equal(t, results.Failed, a.Rows[0].Status, "a reading of the wrong length is one failed row")
}

// TestScalingProof is used only where the machine code could not be read.
func TestScalingProof(t *testing.T) {
	rates := harness.Rates{Doubling: 2, WorstR2: 1}
	var row micro.Row
	scalingProof(&row, &micro.Measured{Proof: results.Proof{Kind: results.ProofSASS}}, rates)
	assert.Empty(t, row.Proof.Kind)
	scalingProof(&row, &micro.Measured{Proof: results.Proof{Kind: results.ProofNone}}, rates)
	assert.Equal(t, results.ProofScaling, row.Proof.Kind)
}
