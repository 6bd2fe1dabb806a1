package clock

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func nominal(t *testing.T, target isa.Target) micro.GPU {
	t.Helper()
	gpu, err := micro.Nominal(target)
	require.NoError(t, err)
	return gpu
}

// at finds a row by its metric.
func at(t *testing.T, rows []micro.Row, metric string) micro.Row {
	t.Helper()
	for _, r := range rows {
		if r.Metric == metric {
			return r
		}
	}
	require.Failf(t, "no such row", "%s", metric)
	return micro.Row{}
}

// assembled gives the machine code of the module.
func assembled(t *testing.T, target isa.Target) []results.MachineCode {
	t.Helper()
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	text, err := timersModule(nominal(t, target)).Build()
	require.NoError(t, err)
	cubin, err := ptxas.Assemble(t.Context(), text, target.String())
	require.NoError(t, err)
	code, err := run.MachineCode(cubin)
	require.NoError(t, err)
	return code
}

func TestMachineCodeProves(t *testing.T) {
	for _, target := range isa.AllTargets() {
		t.Run(target.String(), func(t *testing.T) {
			code := assembled(t, target)
			proof := readsProof(&micro.Measured{Code: code}, 0)
			assert.Equal(t, results.ProofSASS, proof.Kind, "the clock reads stand in a row")
			assert.Equal(t, reads+1, proof.Count)
			for _, measure := range []string{measureTick, measureSpin} {
				assert.Equal(t, results.ProofSASS, run.Prove(expect(measure), code, nil).Kind, measure)
			}
		})
	}
}

// TestRoundsRunAndAnalyse runs every point on the emulator, whose timers both count operations.
func TestRoundsRunAndAnalyse(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	var measured []*micro.Measured
	for _, p := range timersPlan(gpu) {
		job, err := timersJob(gpu, p)
		require.NoError(t, err)
		require.NoError(t, job.Valid())
		if p.Get("measure") == measureSpin {
			job.Launches[0].Args[1].Bits /= 100 // the emulator takes a while for milliseconds
		}
		session, err := backend.NewEmulator(gpu.Device).Open(t.Context(), micro.JobID{}, job, micro.Code{})
		require.NoError(t, err)
		result, err := session.Verify(t.Context())
		require.NoError(t, err)
		require.NoError(t, job.Check(result), p.Key())
		assert.Error(t, job.Check(make([]byte, len(result))), "nothing written")
		r, err := session.Run(t.Context())
		require.NoError(t, err)
		require.NoError(t, session.Close())
		r.ElapsedNS = 4000 + float64(r.Samples[min(1, len(r.Samples))])
		measured = append(measured, &micro.Measured{Point: p, Job: job, Readings: []results.Reading{r}})
	}
	a, err := timersAnalyse(gpu, measured)
	require.NoError(t, err)
	assert.Equal(t, 1.0, at(t, a.Rows, "cost of a clock read").Value, "an operation of the emulator")
	assert.Equal(t, results.Flagged, at(t, a.Rows, "tick of %globaltimer").Status, "each read sees a step there")
	assert.InDelta(t, 1000, at(t, a.Rows, "SM clock by %globaltimer").Value, 1)
	assert.InDelta(t, 1, at(t, a.Rows, "device events over %globaltimer").Value, 1e-9)
	assert.Equal(t, results.ProofScaling, at(t, a.Rows, "SM clock by device events").Proof.Kind)
}

func reading(elapsed float64, words ...uint64) results.Reading {
	return results.Reading{Samples: words, ElapsedNS: elapsed}
}

func TestCostOfReads(t *testing.T) {
	m := &micro.Measured{Point: results.P("measure", measureReads)}
	var words []uint64
	for pass := range passes {
		at := uint64(1000 * (pass + 1))
		for i := range reads + 1 {
			if pass == 0 {
				at += uint64(i) // the first pass is slow, and not linear
			}
			words, at = append(words, at), at+18
		}
	}
	m.Readings = []results.Reading{reading(0, words...)}
	rows, err := readsRows(m)
	require.NoError(t, err)
	assert.InDelta(t, 18, rows[0].Value, 1e-9)
	assert.Equal(t, results.OK, rows[0].Status)
	assert.Equal(t, results.ProofScaling, rows[0].Proof.Kind, "the machine code is not known")

	m.Code = []results.MachineCode{{Kernel: measureReads, Sections: make([]results.Section, reads)}}
	rows, err = readsRows(m)
	require.NoError(t, err)
	assert.Equal(t, results.ProofSASS, rows[0].Proof.Kind)

	m.Code[0].Sections[3] = results.Section{{Mnemonic: "R2UR", Count: 2}}
	rows, err = readsRows(m)
	require.NoError(t, err)
	assert.Equal(t, results.ProofScaling, rows[0].Proof.Kind, "something stands between the reads")

	m.Readings[0].Samples = words[:7]
	_, err = readsRows(m)
	assert.ErrorContains(t, err, "7 samples")
}

// ticks are a reading of steps.
func ticks(polls uint64, list ...uint64) results.Reading {
	words := append([]uint64{polls, 40 * polls, uint64(len(list)), 0, 0}, make([]uint64, steps)...)
	for i, s := range list {
		words[tickHead+i] = s
		words[3] += s
	}
	return reading(0, words...)
}

func TestTick(t *testing.T) {
	m := &micro.Measured{Readings: []results.Reading{ticks(9, 32, 32, 64, 32), ticks(8, 32, 96)}}
	rows, err := tickRows(m)
	require.NoError(t, err)
	assert.Equal(t, 32.0, rows[0].Value)
	assert.Equal(t, results.OK, rows[0].Status)
	assert.Contains(t, rows[0].Annotations[0], "4 of 6 steps")
	assert.Contains(t, rows[0].Annotations[1], "35 % of 17 reads in a row saw a step: a read takes about 16.9 ns")

	m.Readings = []results.Reading{ticks(90, 1024, 992, 1024)}
	rows, err = tickRows(m)
	require.NoError(t, err)
	assert.Equal(t, 992.0, rows[0].Value)
	assert.Contains(t, rows[0].Annotations[2], "units of 32 ns")

	m.Readings = []results.Reading{ticks(2, 64, 32)}
	rows, err = tickRows(m)
	require.NoError(t, err)
	assert.Equal(t, results.Flagged, rows[0].Status, "reads slower than the tick prove nothing")

	m.Readings = []results.Reading{ticks(budget)}
	_, err = tickRows(m)
	assert.ErrorIs(t, err, errStill)
}

// spinning makes the spins of some rounds at a clock, with a launch of 5 µs and
// events that run at a rate of %globaltimer.
func spinning(mhz, rate float64, nvml *float64) []*micro.Measured {
	var list []*micro.Measured
	for _, ms := range spins() {
		m := &micro.Measured{Point: results.P("measure", measureSpin)}
		for round := range 5 {
			ns := float64(ms)*1e6 + float64(32*round)
			r := reading(5000+rate*ns, uint64(ns*mhz/1e3), uint64(ns), 1000, 0)
			r.Sensors.SMClockMHz = nvml
			m.Readings = append(m.Readings, r)
		}
		list = append(list, m)
	}
	return list
}

func TestTimersThatAgree(t *testing.T) {
	gpu, nvml := nominal(t, isa.SM90a), 1980.0
	a, err := timersAnalyse(gpu, spinning(1995, 1.0001, &nvml))
	require.NoError(t, err)
	require.Len(t, a.Rows, 4)
	ratio := at(t, a.Rows, "device events over %globaltimer")
	assert.InDelta(t, 1.0001, ratio.Value, 1e-7, "what a launch costs cancels")
	assert.Equal(t, results.OK, ratio.Status)
	assert.InDelta(t, 1995, at(t, a.Rows, "SM clock by %globaltimer").Value, 0.01)
	events := at(t, a.Rows, "SM clock by device events")
	assert.InDelta(t, 1995/1.0001, events.Value, 0.01)
	assert.Equal(t, results.OK, events.Status)
	card := at(t, a.Rows, "SM clock by %globaltimer over NVML's")
	assert.InDelta(t, 1995.0/1980, card.Value, 1e-5)
	assert.Equal(t, results.Flagged, card.Status)
	assert.Contains(t, card.Reason, "+0.76 %")
	assert.Equal(t, results.ProofScaling, card.Proof.Kind, "the machine code is not known")
	for _, r := range a.Rows {
		assert.NotEmpty(t, r.From)
		assert.NotEmpty(t, r.Point)
	}
}

func TestTimersThatDisagree(t *testing.T) {
	a, err := timersAnalyse(nominal(t, isa.SM90a), spinning(1980, 0.995, nil))
	require.NoError(t, err)
	require.Len(t, a.Rows, 3, "NVML knows nothing")
	for _, metric := range []string{"device events over %globaltimer", "SM clock by device events"} {
		row := at(t, a.Rows, metric)
		assert.Equal(t, results.Flagged, row.Status)
		assert.Contains(t, row.Reason, "0.50 %: rows in units of time")
	}
}

func TestClockThatNVMLKnows(t *testing.T) {
	nvml := 1980.0
	a, err := timersAnalyse(nominal(t, isa.SM90a), spinning(1981, 1, &nvml))
	require.NoError(t, err)
	require.Len(t, a.Rows, 4)
	for _, row := range a.Rows {
		assert.Equal(t, results.OK, row.Status, row.Metric)
	}
}

func TestNoEventsNoAgreement(t *testing.T) {
	list := spinning(1980, 1, nil)
	for _, m := range list {
		for i := range m.Readings {
			m.Readings[i].ElapsedNS = 0
		}
	}
	a, err := timersAnalyse(nominal(t, isa.SM90a), list)
	require.NoError(t, err)
	assert.Len(t, a.Rows, 1)
}

func TestChecksFindBadTimers(t *testing.T) {
	assert.NoError(t, checkReads([]uint64{5, 6, 9}))
	assert.ErrorIs(t, checkReads([]uint64{5, 6, 4}), errBackwards)
	assert.ErrorIs(t, checkReads([]uint64{5, 6, 6}), errStill)

	good := make([]uint64, steps)
	for i := range good {
		good[i] = 32
	}
	tick := func(edit func(w []uint64)) error {
		w := append([]uint64{}, ticks(99, good...).Samples...)
		edit(w)
		return checkTick(w)
	}
	assert.NoError(t, tick(func([]uint64) {}))
	assert.ErrorIs(t, tick(func(w []uint64) { w[4] = 1 }), errBackwards)
	assert.ErrorIs(t, tick(func(w []uint64) { w[2]-- }), errStill)
	assert.NoError(t, tick(func(w []uint64) { w[3] += 500 }), "steps between bursts are not seen")
	assert.ErrorContains(t, tick(func(w []uint64) { w[9] += 32 }), "add up")

	assert.NoError(t, checkSpun([]uint64{40000, checkSpin, 100, 0}))
	assert.ErrorContains(t, checkSpun([]uint64{40000, checkSpin - 1, 100, 0}), "before")
	assert.ErrorIs(t, checkSpun([]uint64{40000, checkSpin, 100, 1}), errBackwards)
	assert.ErrorIs(t, checkSpun([]uint64{0, checkSpin, 100, 0}), errStill)
	assert.ErrorContains(t, checkWords(make([]byte, 8), spinWords, checkSpun), "8 bytes")
}

func TestUnknownPoints(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	for _, p := range []results.Point{results.P("measure", "sundial"), results.P("measure", measureSpin, "ms", "some")} {
		_, err := timersJob(gpu, p)
		assert.ErrorContains(t, err, p.Key())
	}
}
