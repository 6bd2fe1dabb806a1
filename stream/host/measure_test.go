package host

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// small is a quick measurement of everything: far too small by the rule, so forced.
func small(t *testing.T) Options {
	a := testArrays(t, 1<<18)
	return Options{Arrays: &a, Force: true, Threads: 1}
}

func TestMeasure(t *testing.T) {
	percent := debug.SetGCPercent(77)
	defer debug.SetGCPercent(percent)
	o := small(t)
	o.Sweep, o.Threads = true, 0
	last, calls := -1.0, 0
	o.Progress = func(done float64, what string) {
		assert.GreaterOrEqual(t, done, last)
		assert.Less(t, done, 1.0)
		assert.NotEmpty(t, what)
		last = done
		calls++
	}
	r, err := Measure(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, 77, debug.SetGCPercent(77), "the collector is as it was")
	assert.Equal(t, 2*2*3+2*2, calls)
	assert.Positive(t, r.TickNS)
	assert.EqualValues(t, 1<<18, r.ArrayBytes)
	checkRows(t, r)
	for _, s := range r.Series {
		assert.Equal(t, Benchmark, s.Benchmark)
		for i, p := range s.XY {
			assert.Positive(t, p.Y)
			assert.LessOrEqual(t, p.Low, p.Y)
			assert.GreaterOrEqual(t, p.High, p.Y)
			assert.True(t, i == 0 || p.X > s.XY[i-1].X)
		}
	}
	_, err = json.Marshal(r.Rows)
	assert.NoError(t, err)
}

// checkRows wants what every row must have, and each row once.
func checkRows(t *testing.T, r *Result) {
	t.Helper()
	require.Len(t, r.Rows, 2*len(r.Raw), "best and median")
	ids := map[string]bool{}
	for i, row := range r.Rows {
		assert.False(t, ids[row.ID()], "twice: %s", row.ID())
		ids[row.ID()] = true
		// The arrays are too small, and on a slow clock the trials too short.
		assert.Equal(t, results.Flagged, row.Status, row.Reason)
		assert.Contains(t, row.Reason, "too small")
		assert.True(t, row.Correct.OK, row.Correct.Detail)
		assert.Contains(t, row.Annotations, stream.Variant)
		assert.Equal(t, stream.Trials-1, row.Stats.N)
		if i%2 == 0 {
			assert.Equal(t, stream.MetricBest, row.Metric)
			assert.Equal(t, row.Stats.Max, row.Value)
			assert.Nil(t, row.Interval)
		} else {
			assert.Equal(t, stream.MetricMedian, row.Metric)
			assert.Equal(t, row.Stats.Median, row.Value)
			assert.LessOrEqual(t, row.Interval[0], row.Value)
			assert.GreaterOrEqual(t, row.Interval[1], row.Value)
			assert.Greater(t, row.Confidence, confidence)
		}
		assert.Len(t, r.Raw[i/2].Rounds, stream.Trials)
		assert.Equal(t, row.Point, r.Raw[i/2].Point)
		assert.Equal(t, row.Point.Get("isa") == string(Go), row.Proof.Instruction == "")
	}
	for _, k := range stream.Kernels() {
		for _, typ := range stream.Types() {
			assert.True(t, slices.ContainsFunc(r.Rows, func(row results.Row) bool {
				return row.Point.Get("kernel") == k.Name && row.Point.Get("type") == string(typ)
			}), "%s of %s", k.Name, typ)
		}
	}
}

// TestMeasureEveryISA measures in each, and in Go alone what the wish cannot give.
func TestMeasureEveryISA(t *testing.T) {
	for _, isa := range ISAs() {
		o := small(t)
		o.ISA, o.Types, o.Kernels = isa, []stream.Type{stream.F32}, []string{stream.Add, stream.Softmax2}
		r, err := Measure(t.Context(), o)
		require.NoError(t, err)
		for _, row := range r.Rows {
			want := isa
			if isa == SSE2 && row.Point.Get("kernel") == stream.Softmax2 {
				want = Go
			}
			assert.Equal(t, string(want), row.Point.Get("isa"))
			assert.True(t, row.Correct.OK, row.Correct.Detail)
		}
	}
}

// TestMeasureAskedForTuned says of what has no such form that it has none.
func TestMeasureAskedForTuned(t *testing.T) {
	o := small(t)
	o.ISA, o.Stores, o.Kernels = Go, []Stores{Tuned}, []string{stream.Copy}
	r, err := Measure(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, r.Rows, 2)
	for _, row := range r.Rows {
		assert.Equal(t, results.Unsupported, row.Status)
		assert.NotEmpty(t, row.Reason)
	}
}

func TestMeasureRefuses(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want error
	}{
		{Options{Kernels: []string{"fft"}}, stream.ErrUnknownKernel},
		{Options{ISA: "neon"}, ErrISA},
		{Options{Threads: 1 << 20}, ErrThreads},
		{Options{Bytes: 1 << 55}, ErrMemory},
		{Options{Bytes: ^uint64(0)}, ErrMemory},
	} {
		r, err := Measure(t.Context(), c.o)
		assert.ErrorIs(t, err, c.want)
		assert.Nil(t, r)
	}
	_, err := Measure(t.Context(), Options{Types: []stream.Type{"f16"}})
	assert.ErrorContains(t, err, "f16")
	_, err = Measure(t.Context(), Options{Stores: []Stores{"fast"}})
	assert.ErrorContains(t, err, "fast")
}

// TestMeasureStops returns what there is when the context ends.
func TestMeasureStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := small(t)
	steps := 0
	o.Progress = func(float64, string) {
		if steps++; steps == 2 {
			cancel()
		}
	}
	r, err := Measure(ctx, o)
	assert.ErrorIs(t, err, context.Canceled)
	require.NotNil(t, r)
	assert.Len(t, r.Rows, 8, "the first group was done, two rows a kernel")
}

// TestArrayBytes is STREAM's rule, and what memory says to it.
func TestArrayBytes(t *testing.T) {
	m := machine{CPU: results.CPU{CacheBytes: 100 << 20, FreeBytes: 8 << 30}}
	both := stream.Types()
	got, flag, err := m.arrayBytes(Options{Types: both})
	require.NoError(t, err)
	assert.EqualValues(t, 400<<20, got)
	assert.Empty(t, flag)

	var size *SizeError
	_, _, err = m.arrayBytes(Options{Types: both, Bytes: 399 << 20})
	require.ErrorAs(t, err, &size)
	assert.ErrorIs(t, err, ErrTooSmall)
	assert.NotErrorIs(t, err, ErrMemory)
	assert.EqualValues(t, 400<<20, size.Need)
	assert.EqualValues(t, 100<<20, size.Elements, "of the smaller type")
	got, flag, err = m.arrayBytes(Options{Types: both, Bytes: 5000, Force: true})
	require.NoError(t, err)
	assert.EqualValues(t, 8192, got)
	assert.Contains(t, flag, "too small")

	_, _, err = m.arrayBytes(Options{Types: both, Bytes: 3 << 30})
	assert.ErrorIs(t, err, ErrMemory)
	assert.NotErrorIs(t, err, ErrTooSmall)
	assert.ErrorContains(t, err, "3072 MiB")
	m.FreeBytes = 1 << 30
	_, _, err = m.arrayBytes(Options{Types: both, Force: true})
	assert.ErrorIs(t, err, ErrMemory, "the rule asks for more than there is")

	m = machine{CPU: results.CPU{CacheBytes: 10 << 20, FreeBytes: 300 << 20}}
	got, _, err = m.arrayBytes(Options{Types: both})
	require.NoError(t, err)
	assert.EqualValues(t, 40<<20, got, "the rule's size where the default does not fit")
}

func TestTicks(t *testing.T) {
	s := &session{machine: machine{}, tick: 1000}
	timing := &Timing{Kernel: stream.Kernels()[0], Type: stream.F64, ISA: Go, Stores: Standard, Bytes: 80,
		NS: slices.Repeat([]uint64{19_999}, stream.Trials), HalfNS: 10_000, FullNS: 19_999, Check: results.Check{OK: true}}
	row := s.rows(timing)[0]
	assert.Equal(t, results.Flagged, row.Status)
	assert.Contains(t, row.Reason, "20 steps of the clock")
	assert.Equal(t, results.ProofScaling, row.Proof.Kind)
	assert.InDelta(t, 160.0/19_999, row.Value, 1e-12)

	timing.Check.OK = false
	assert.Equal(t, results.Failed, s.rows(timing)[0].Status)
}
