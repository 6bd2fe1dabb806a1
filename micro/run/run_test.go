package run

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

func measure(t *testing.T, d *fakeDevice, b ...micro.Benchmark) *results.Document {
	t.Helper()
	doc, err := Run(context.Background(), d, b, Options{Seed: 7})
	require.NoError(t, err)
	return doc
}

func TestRowsCarryTheirEvidence(t *testing.T) {
	power, clock := 120.0, 1980.0
	d := &fakeDevice{code: good(), run: func(string, int) (results.Reading, error) {
		return results.Reading{Samples: []uint64{10}, Sensors: results.Sensors{PowerW: &power, SMClockMHz: &clock}}, nil
	}}
	doc := measure(t, d, toy(2))
	require.Len(t, doc.Rows, 2)
	row := doc.Rows[0]
	assert.Equal(t, results.OK, row.Status, row.Reason)
	assert.Equal(t, "toy/one", row.Benchmark)
	assert.Equal(t, results.Proof{Kind: results.ProofSASS, Instruction: "FFMA", Count: 4}, row.Proof)
	assert.Equal(t, results.Check{By: micro.ByAnalytic, OK: true}, row.Correct)
	assert.Equal(t, power, *row.PowerW)
	assert.Equal(t, clock, row.ClockMHz)
	assert.Equal(t, "nvml", row.ClockFrom)
	assert.NotEmpty(t, row.KernelHash)
	assert.Equal(t, results.Complete, doc.State)
	assert.Equal(t, uint64(7), doc.Seed)
	require.Len(t, doc.Raw, 2)
	assert.Len(t, doc.Raw[0].Rounds, 3)
	assert.Equal(t, []byte{1, 2, 3, 4}, doc.Raw[0].Rounds[0].Result)
	require.Len(t, doc.Kernels, 1, "both points have one text")
	assert.Equal(t, d.opened, d.closed, "sessions leaked")
	assert.Equal(t, "Is it a toy?", doc.Benchmarks[0].Question)
}

func TestGates(t *testing.T) {
	reading := func(v uint64, throttle ...string) func(string, int) (results.Reading, error) {
		return func(string, int) (results.Reading, error) {
			return results.Reading{Samples: []uint64{v}, Sensors: results.Sensors{Throttle: throttle}}, nil
		}
	}
	short := good()
	short[0].Sections[0][0].Count = 3
	for _, tt := range []struct {
		name   string
		device *fakeDevice
		status results.Status
		reason string
	}{
		{"above the peak", &fakeDevice{code: good(), run: reading(101)}, results.Implausible, "101.00 % of the theoretical peak"},
		{"outside the band", &fakeDevice{code: good(), run: reading(60)}, results.Flagged, "outside the expected band"},
		{"instruction missing", &fakeDevice{code: []results.MachineCode{{Kernel: "k"}}, run: reading(10)}, results.Failed, "no FFMA"},
		{"chain folded", &fakeDevice{code: short, run: reading(10)}, results.Flagged, "[3] × FFMA, expected [4]"},
		{"code not readable", &fakeDevice{run: reading(10)}, results.Flagged, "could not be read"},
		{"wgmma serialised", &fakeDevice{code: good(), warnings: []string{"wgmma serialized"}, run: reading(10)}, results.Flagged, "wgmma serialized"},
		{"wrong result", &fakeDevice{code: good(), run: reading(10), verify: func(string) ([]byte, error) { return []byte{9}, nil }}, results.Failed, "wrong result: not 1 2 3 4"},
		{"throttled, but in cycles", &fakeDevice{code: good(), run: reading(10, "hw_slowdown")}, results.OK, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := measure(t, tt.device, toy(1))
			require.Len(t, doc.Rows, 1)
			assert.Equal(t, tt.status, doc.Rows[0].Status)
			assert.Contains(t, doc.Rows[0].Reason, tt.reason)
			assert.NotZero(t, doc.Rows[0].Value, "the number is kept")
		})
	}
}

func TestThrottledRowsWithTimeAreMarked(t *testing.T) {
	b := toy(1)
	analyse := b.Analyse
	b.Analyse = func(gpu micro.GPU, all []*micro.Measured) (micro.Analysis, error) {
		a, err := analyse(gpu, all)
		fast := a.Rows[0]
		a.Rows[0].Unit, a.Rows[0].ClockMHz = "GB/s", 1500
		fast.Unit, fast.ClockMHz = "GB/s", 1979
		a.Rows = append(a.Rows, fast)
		return a, err
	}
	doc := measure(t, &fakeDevice{code: good(), run: func(string, int) (results.Reading, error) {
		return results.Reading{Samples: []uint64{10}, Sensors: results.Sensors{Throttle: []string{"sw_power_cap"}}}, nil
	}}, b)
	require.Len(t, doc.Rows, 2)
	assert.Equal(t, results.Throttled, doc.Rows[0].Status)
	assert.Contains(t, doc.Rows[0].Reason, "1500 of 1980 MHz (sw_power_cap)")
	assert.Equal(t, results.OK, doc.Rows[1].Status, "the clock was at its highest all the same")
}

func TestThrottledPointGetsMoreRounds(t *testing.T) {
	d := &fakeDevice{code: good(), run: func(_ string, round int) (results.Reading, error) {
		r := results.Reading{Samples: []uint64{10}}
		if round <= 3 {
			r.Sensors.Throttle = []string{"sw_power_cap"}
		}
		return r, nil
	}}
	doc := measure(t, d, toy(1))
	assert.Len(t, doc.Raw[0].Rounds, 4)
	always := &fakeDevice{code: good(), run: func(string, int) (results.Reading, error) {
		return results.Reading{Samples: []uint64{10}, Sensors: results.Sensors{Throttle: []string{"sw_power_cap"}}}, nil
	}}
	doc = measure(t, always, toy(1))
	assert.Len(t, doc.Raw[0].Rounds, 3+retries, "a throttled point is kept after a few more rounds")
}

func TestFaultLosesOnlyItsPoint(t *testing.T) {
	d := &fakeDevice{code: good(), run: func(point string, round int) (results.Reading, error) {
		if point == "i=1" && round == 2 {
			return results.Reading{}, fmt.Errorf("illegal address: %w", micro.ErrFault)
		}
		return results.Reading{Samples: []uint64{10}}, nil
	}}
	doc := measure(t, d, toy(4), toy(1))
	assert.Equal(t, 1, d.resets)
	byStatus := map[results.Status]int{}
	for _, r := range doc.Rows {
		byStatus[r.Status]++
	}
	assert.Equal(t, map[results.Status]int{results.OK: 4, results.Failed: 1}, byStatus)
	assert.Equal(t, results.Complete, doc.State)
}

func TestDeviceThatDoesNotComeBackEndsTheRunInGoodOrder(t *testing.T) {
	d := &fakeDevice{code: good(), reset: errors.New("illegal address"), run: func(point string, round int) (results.Reading, error) {
		if point == "i=1" && round == 2 {
			return results.Reading{}, fmt.Errorf("illegal address: %w", micro.ErrFault)
		}
		return results.Reading{Samples: []uint64{10}}, nil
	}}
	doc, err := Run(context.Background(), d, []micro.Benchmark{toy(4), toy(1)}, Options{Seed: 7})
	require.ErrorIs(t, err, ErrDeviceLost)
	assert.Equal(t, results.Interrupted, doc.State)
	assert.Equal(t, 4, d.opened, "nothing more is opened on a lost device")
	faults := 0
	for _, r := range doc.Raw {
		if r.Fault {
			faults++
			assert.Equal(t, "i=1", r.Point.Key())
			assert.NotEmpty(t, r.Error)
		}
	}
	assert.Equal(t, 1, faults)
}

func TestPointThatFaultedBeforeIsNotAFaultNow(t *testing.T) {
	d := &fakeDevice{code: good(), open: func(point string) error {
		if point == "i=1" {
			return fmt.Errorf("illegal address; %w", micro.ErrFaulted)
		}
		return nil
	}}
	doc := measure(t, d, toy(3))
	assert.Zero(t, d.resets)
	for _, r := range doc.Raw {
		assert.Equal(t, r.Point.Key() == "i=1", r.Fault, r.Point.Key())
	}
	assert.Equal(t, results.Failed, doc.Rows[len(doc.Rows)-1].Status)
}

func TestFailuresOfSinglePoints(t *testing.T) {
	for name, d := range map[string]*fakeDevice{
		"compile": {code: good(), compile: func(string) error { return errors.New("ptxas said no") }},
		"open":    {code: good(), open: func(string) error { return errors.New("out of memory") }},
		"verify":  {code: good(), verify: func(string) ([]byte, error) { return nil, errors.New("gone") }},
	} {
		t.Run(name, func(t *testing.T) {
			doc := measure(t, d, toy(1))
			require.Len(t, doc.Rows, 1)
			assert.Equal(t, results.Failed, doc.Rows[0].Status)
			assert.NotEmpty(t, doc.Rows[0].Reason)
		})
	}
}

func TestUnsupportedPointsShareARow(t *testing.T) {
	b := toy(30)
	b.Job = func(micro.GPU, results.Point) (*micro.Job, error) { return nil, micro.Unsupportedf("needs sm_100a") }
	doc := measure(t, &fakeDevice{}, b)
	require.Len(t, doc.Rows, 1)
	assert.Equal(t, results.Unsupported, doc.Rows[0].Status)
	assert.Equal(t, "needs sm_100a (30 points)", doc.Rows[0].Reason)
}

func TestInterruptKeepsWhatWasMeasured(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	d := &fakeDevice{code: good(), run: func(string, int) (results.Reading, error) {
		if n++; n == 7 {
			cancel()
		}
		return results.Reading{Samples: []uint64{10}}, nil
	}}
	doc, err := Run(ctx, d, []micro.Benchmark{toy(4), toy(3)}, Options{})
	require.NoError(t, err)
	assert.Equal(t, results.Interrupted, doc.State)
	rounds := 0
	for _, r := range doc.Raw {
		rounds += len(r.Rounds)
	}
	assert.Equal(t, 7, rounds)
	skipped := 0
	for _, r := range doc.Rows {
		if r.Status == results.Skipped {
			skipped++
		}
	}
	assert.Equal(t, 3, skipped, "the second benchmark's points are named")
	assert.Equal(t, d.opened, d.closed)
}

func TestRoundsAreInterleavedInSeededOrder(t *testing.T) {
	first, second := &fakeDevice{code: good()}, &fakeDevice{code: good()}
	measure(t, first, toy(6))
	measure(t, second, toy(6))
	assert.Equal(t, first.order, second.order)
	seen := map[string]bool{}
	for _, p := range first.order[:6] {
		seen[p] = true
	}
	assert.Len(t, seen, 6, "every point runs once before any runs twice")
	assert.NotEqual(t, first.order[:6], first.order[6:12], "rounds have different orders")
}

func TestChunksFitTheDevice(t *testing.T) {
	d := &fakeDevice{code: good(), free: 100} // 24 bytes a point, 60 usable
	measure(t, d, toy(5))
	assert.LessOrEqual(t, d.most, 2)
}

func TestAnalysisErrorIsARow(t *testing.T) {
	b := toy(1)
	b.Analyse = func(micro.GPU, []*micro.Measured) (micro.Analysis, error) {
		return micro.Analysis{}, errors.New("no knees")
	}
	doc := measure(t, &fakeDevice{code: good()}, b)
	require.Len(t, doc.Rows, 1)
	assert.Equal(t, results.Failed, doc.Rows[0].Status)
	assert.Equal(t, "no knees", doc.Rows[0].Reason)
	assert.Len(t, doc.Raw, 1, "the samples are kept")
}

func TestEmulatedInstructionIsToldFromNative(t *testing.T) {
	code := []results.MachineCode{{Kernel: "k", Sections: []results.Section{{{Mnemonic: "IMNMX", Count: 8}}}}}
	want := micro.Expect{Kernel: "k", Instruction: "VIMNMX", Emulated: "IMNMX", Sections: []int{4}, PerStep: 2}
	p := Prove(want, code, nil)
	assert.True(t, p.Emulated)
	assert.Equal(t, results.ProofSASS, p.Kind)
	assert.Equal(t, "IMNMX", p.Instruction)
}
