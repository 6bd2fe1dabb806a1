package host

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/stream"
)

// testArrays are outside of the heap, with an odd number of elements.
func testArrays(t testing.TB, bytes uint64) Arrays {
	t.Helper()
	m, err := NewMemory(bytes)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m.Arrays()
}

// eachLoop runs f with every kernel in every form that this machine has.
func eachLoop(t *testing.T, team *Team, a Arrays, f func(t *testing.T, l *Loop)) {
	for _, k := range stream.Kernels() {
		for _, typ := range stream.Types() {
			for _, isa := range ISAs() {
				for _, st := range []Stores{Standard, Tuned} {
					if !Offers(k, typ, isa, st) {
						continue
					}
					l, err := NewLoop(team, a, k, typ, isa, st)
					require.NoError(t, err)
					t.Run(k.Name+"/"+string(typ)+"/"+string(isa)+"/"+string(st), func(t *testing.T) { f(t, l) })
				}
			}
		}
	}
}

// TestLoopsAreChecked checks every kernel on several threads as a measurement
// does, and again with one wrong element in what it left.
func TestLoopsAreChecked(t *testing.T) {
	team := testTeam(t, 2)
	a := testArrays(t, 50_008)
	eachLoop(t, team, a, func(t *testing.T, l *Loop) {
		set := newSetting(team, a, l.Kernel.Name, l.Type)
		set.start()
		for range stream.Trials {
			l.Run()
		}
		run := []*trials{{Timing: Timing{Kernel: l.Kernel, Type: l.Type, ISA: l.ISA}, loop: l}}
		set.check(run)
		assert.True(t, run[0].Check.OK, run[0].Check.Detail)
		assert.Equal(t, "analytic", run[0].Check.By)
		spoil(l, a)
		set.check(run)
		assert.False(t, run[0].Check.OK, run[0].Check.Detail)
	})
	team.Park()
}

// spoil changes an element of the array that a kernel writes, or its sum.
func spoil(l *Loop, a Arrays) {
	data := a.C
	switch l.Kernel.Name {
	case stream.Triad, stream.Nstream:
		data = a.A
	case stream.Scale, stream.Softmax2, stream.Softmax3:
		data = a.B
	}
	data[len(data)/16*8+7] ^= 0x40 // an exponent
	l.Sum *= 1.001
}

// TestTimedRegionAllocatesNothing counts the allocations of the whole process.
// (testing.AllocsPerRun will not do: it leaves one CPU to threads that wait for
// each other.)
func TestTimedRegionAllocatesNothing(t *testing.T) {
	team := testTeam(t, 2)
	a := testArrays(t, 1<<16)
	defer quiet()()
	eachLoop(t, team, a, func(t *testing.T, l *Loop) {
		newSetting(team, a, l.Kernel.Name, l.Type).start()
		ns := make([]uint64, 5)
		l.time()
		least := uint64(1)
		for try := 0; try < 5 && least > 0; try++ { // the runtime allocates at times
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for i := range ns {
				ns[i] = l.time()
			}
			runtime.ReadMemStats(&after)
			least = min(least, after.Mallocs-before.Mallocs)
		}
		assert.Zero(t, least)
	})
	team.Park()
}

func TestNewLoopRefuses(t *testing.T) {
	team := testTeam(t, 1)
	a := testArrays(t, 4096)
	triad, err := stream.Find(stream.Triad)
	require.NoError(t, err)
	_, err = NewLoop(team, a, triad, stream.F64, "avx1024", Standard)
	assert.ErrorIs(t, err, ErrISA)
	_, err = NewLoop(team, a, triad, stream.F64, Go, Tuned)
	assert.ErrorIs(t, err, ErrNoForm)
	_, err = NewLoop(team, a, stream.Kernel{Name: "fft"}, stream.F64, Go, Standard)
	assert.ErrorIs(t, err, stream.ErrUnknownKernel)
	_, err = NewLoop(team, Arrays{a.A, a.B, a.C[:8]}, triad, stream.F64, Go, Standard)
	assert.ErrorContains(t, err, "equal")
	_, err = NewLoop(team, Arrays{a.A[:12], a.B[:12], a.C[:12]}, triad, stream.F64, Go, Standard)
	assert.ErrorContains(t, err, "elements")
}

// TestChunks cover every byte once, with inner bounds on pages.
func TestChunks(t *testing.T) {
	for _, n := range []uint64{8, 4096, 4104, 1 << 20, 1<<20 + 8} {
		for workers := 1; workers < 9; workers++ {
			at := uint64(0)
			for i := range workers {
				from, to := chunk(n, workers, i)
				assert.Equal(t, at, from)
				assert.GreaterOrEqual(t, to, from)
				if to < n {
					assert.Zero(t, to%chunkBytes)
				}
				at = to
			}
			assert.Equal(t, n, at)
		}
	}
}
