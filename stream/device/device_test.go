package device

import (
	"context"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// small is a GPU of two SMs, so that the emulator has little to do.
func small(t *testing.T) micro.GPU {
	gpu, err := micro.Nominal(isa.SM90)
	require.NoError(t, err)
	gpu.SMs = 2
	return gpu
}

// tiny arrays have several tiles of every shape.
var tiny = Options{Bytes: 3 * granule, Force: true}

// result runs a job's Setup and Verify on the emulator, with the judge's limit of steps lifted.
func result(t *testing.T, job *micro.Job) []byte {
	require.NoError(t, job.Valid())
	session, err := backend.NewEmulator(results.Device{}).Open(context.Background(), micro.JobID{}, job, micro.Code{})
	require.NoError(t, err)
	out, err := session.Verify(context.Background())
	require.NoError(t, err)
	return out
}

// TestEveryShapeIsRight walks arrays of several tiles on the emulator in the
// first, the widest and the walking shapes of every kernel and type.
func TestEveryShapeIsRight(t *testing.T) {
	gpu := small(t)
	for _, b := range Benchmarks(tiny) {
		if b.Name != bandwidthName {
			continue
		}
		for i, p := range b.Plan(gpu) {
			if testing.Short() && i%5 > 0 {
				continue
			}
			t.Run(p.Key(), func(t *testing.T) {
				job, err := b.Job(gpu, p)
				require.NoError(t, err)
				assert.NoError(t, job.Check(result(t, job)))
			})
		}
	}
}

// find is a benchmark by its name.
func find(t *testing.T, o Options, name string) micro.Benchmark {
	for _, b := range Benchmarks(o) {
		if b.Name == name {
			return b
		}
	}
	t.Fatalf("no benchmark %q", name)
	return micro.Benchmark{}
}

// TestWrongKernelsAreFound puts a wrong element function into each kernel.
func TestWrongKernelsAreFound(t *testing.T) {
	gpu := small(t)
	s := shape{width: 16, unroll: 1, threads: 128, policy: policyDefault}
	for _, k := range stream.Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			if k.Name == stream.Softmax2 || k.Name == stream.Softmax3 {
				t.Skip("its last pass needs the state of the others")
			}
			prog := newProgram(k.Name, stream.F64, []shape{s}, false)
			right := prog.variants[0].pass.element
			wrong := prog.variants[0].pass
			wrong.element = func(c *code, in []ptx.Reg) ptx.Reg {
				if wrong.stores == nil { // count the element twice
					right(c, in)
					return right(c, in)
				}
				return c.compute("add.rn", right(c, in), ptx.Float(1))
			}
			prog.variants[0].pass = wrong
			launch := prog.launch(gpu, prog.variants[0], granule, 1, 1)
			job, err := prog.job(gpu, granule, launch, []micro.Launch{launch}, []micro.Launch{launch})
			require.NoError(t, err)
			assert.Error(t, job.Check(result(t, job)))
		})
	}
}

// TestUnfinishedWalksAreFound leaves the last tile out.
func TestUnfinishedWalksAreFound(t *testing.T) {
	gpu := small(t)
	s := shape{width: 16, unroll: 1, threads: 128, policy: policyDefault}
	for _, kernel := range []string{stream.Copy, stream.Nstream, stream.Dot, stream.Read} {
		prog := newProgram(kernel, stream.F32, []shape{s}, false)
		launch := prog.launch(gpu, prog.variants[0], granule, 1, 1)
		launch.Grid[0]--
		job, err := prog.job(gpu, granule, launch, []micro.Launch{launch}, []micro.Launch{launch})
		require.NoError(t, err)
		assert.Error(t, job.Check(result(t, job)), kernel)
	}
}

// TestLevels holds that each 16 elements have every value once, which the truth of softmax rests on.
func TestLevels(t *testing.T) {
	for array := range 7 {
		for block := range uint32(3000) {
			seen := 0
			for i := range uint32(levels) {
				seen |= 1 << level(levels*block+i, array)
			}
			require.Equal(t, 1<<levels-1, seen, "array %d, block %d", array, block)
		}
	}
}

// TestFootprintsAndMixtures verifies small ones on the emulator.
func TestFootprintsAndMixtures(t *testing.T) {
	gpu := small(t)
	gpu.L2Bytes, gpu.MemoryBytes, gpu.FreeBytes = granule/4, 60*granule, 60*granule
	points := map[string][]results.Point{
		footprintName:  {results.P("kernel", "triad", "footprint", "1048576"), results.P("kernel", "read", "footprint", "98304")},
		mixtureName:    {results.P("reads", "2", "writes", "3"), results.P("reads", "0", "writes", "1"), results.P("reads", "2", "writes", "0")},
		driverCopyName: {results.P("op", opCopy), results.P("op", opFill)},
	}
	for name, list := range points {
		b := find(t, Options{Bytes: granule}, name)
		for _, p := range list {
			job, err := b.Job(gpu, p)
			require.NoError(t, err, "%s {%s}", name, p.Key())
			assert.NoError(t, job.Check(result(t, job)), "%s {%s}", name, p.Key())
		}
	}
}

func TestDriverCopyFindsWrongBytes(t *testing.T) {
	job, err := find(t, tiny, driverCopyName).Job(small(t), results.P("op", opCopy))
	require.NoError(t, err)
	data := result(t, job)
	require.NoError(t, job.Check(data))
	data[8*700] ^= 1
	assert.ErrorContains(t, job.Check(data), "element")
	assert.Error(t, job.Check(data[8:]))
}

// TestTimes runs a trial on the emulator, whose timers count: a launch's words must
// be in order whatever CTA they are from.
func TestTimes(t *testing.T) {
	gpu := small(t)
	b := find(t, tiny, bandwidthName)
	for _, p := range []results.Point{b.Plan(gpu)[0], shape{16, 4, 512, 2, policyDefault}.point(stream.Softmax3, stream.F32)} {
		job, err := b.Job(gpu, p)
		require.NoError(t, err)
		session, err := backend.NewEmulator(results.Device{}).Open(t.Context(), micro.JobID{}, job, micro.Code{})
		require.NoError(t, err)
		r, err := session.Run(t.Context())
		require.NoError(t, err)
		require.Len(t, r.Samples, words)
		assert.Greater(t, r.Samples[wordStop], r.Samples[wordStart], "%s", p.Key())
		assert.NotEqual(t, uint64(math.MaxUint64), r.Samples[wordStart])
		assert.GreaterOrEqual(t, r.Samples[wordStop], r.Samples[wordSMTimeEnd])
	}
}

func TestSize(t *testing.T) {
	gpu := small(t)
	l2 := uint64(gpu.L2Bytes)
	for name, tt := range map[string]struct {
		o    Options
		free uint64
		want uint64
		err  error
	}{
		"default":           {Options{}, gpu.FreeBytes, defaultBytes, nil},
		"little memory":     {Options{}, 12 * l2 * 2, 4 * l2, nil},
		"rounded up":        {Options{Bytes: 4*l2 + 1}, gpu.FreeBytes, 4*l2 + granule, nil},
		"too small":         {Options{Bytes: l2}, gpu.FreeBytes, 0, ErrTooSmall},
		"too small, forced": {Options{Bytes: l2, Force: true}, gpu.FreeBytes, l2, nil},
		"too large":         {Options{Bytes: gpu.MemoryBytes}, gpu.FreeBytes, 0, ErrTooLarge},
		"no memory":         {Options{}, granule, 0, ErrTooLarge},
	} {
		gpu.FreeBytes = tt.free
		got, err := tt.o.Size(gpu)
		assert.ErrorIs(t, err, tt.err, name)
		assert.Equal(t, tt.want, got, name)
		if err != nil {
			assert.ErrorContains(t, err, "--size", name)
		}
	}
}

// word is a little-endian word of a result.
func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

// TestExpectedSum compares the sum that the checking kernel gives with Go's.
func TestExpectedSum(t *testing.T) {
	gpu := small(t)
	s := shape{width: 16, unroll: 1, threads: 128, policy: policyDefault}
	prog := newProgram(stream.Dot, stream.F64, []shape{s}, false)
	launch := prog.launch(gpu, prog.variants[0], granule, 1, 1)
	job, err := prog.job(gpu, granule, launch, []micro.Launch{launch}, []micro.Launch{launch})
	require.NoError(t, err)
	var want uint64
	for i := range uint32(granule / 8) {
		want += uint64(level(i, 0)+1) * uint64(level(i, 1)+1)
	}
	assert.Equal(t, want, word(result(t, job), resultExpected))
}
