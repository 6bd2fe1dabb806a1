package backend

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/emu"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// fmaJob is the harness's latency job of x = x*a + b.
func fmaJob(t *testing.T) *micro.Job {
	t.Helper()
	gpu, err := micro.Nominal(isa.SM80)
	require.NoError(t, err)
	bits := func(v float32) uint64 { return uint64(math.Float32bits(v)) }
	job, err := harness.Latency{
		Make: harness.Register(ptx.F32, 2, func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg) {
			k.I("fma.rn.f32", x, x, c[0], c[1])
		}),
		Input: harness.Input(func(int) uint64 { return bits(1.5) }, bits(0.75), bits(0.1)),
	}.Job(gpu)
	require.NoError(t, err)
	return job
}

func TestEmulatorRunsAHarnessJob(t *testing.T) {
	job := fmaJob(t)
	want := float32(1.5)
	total := 0
	for _, n := range harness.Lengths() {
		total += n
	}
	for range total {
		want = float32(math.FMA(float64(want), 0.75, float64(float32(0.1)))) // one rounding matters little here: it converges
	}
	got, err := Expected(t.Context(), job)
	require.NoError(t, err)
	require.NotEmpty(t, got)
	assert.InDelta(t, want, math.Float32frombits(binary.LittleEndian.Uint32(got)), 1e-6)
	assert.False(t, Approximate(job))

	dev := NewEmulator(results.Device{Name: "imaginary", Target: "sm_80"})
	assert.Equal(t, "imaginary", dev.Describe().Name)
	assert.Equal(t, KindEmulator, dev.Backend())
	code, err := dev.Compile(t.Context(), "", "")
	require.NoError(t, err)
	assert.Nil(t, code.Image)
	s, err := dev.Open(t.Context(), micro.JobID{}, job, code)
	require.NoError(t, err)
	again, err := s.Verify(t.Context())
	require.NoError(t, err)
	assert.Equal(t, got, again, "the judge and the device are one machine")
	reading, err := s.Run(t.Context())
	require.NoError(t, err)
	lengths := harness.Lengths()
	require.Zero(t, len(reading.Samples)%len(lengths))
	for i, cycles := range reading.Samples {
		more := reading.Samples[i/len(lengths)*len(lengths)]
		assert.EqualValues(t, lengths[i%len(lengths)]-lengths[0], cycles-more, "time is counted in operations")
	}
	assert.NoError(t, s.Close())
	assert.NoError(t, dev.Reset())
	assert.NoError(t, dev.Close())
	assert.Nil(t, dev.Sensors().PowerW)
}

// custom is a job of one kernel with a buffer each for samples and result.
func custom(body func(k *ptx.Kernel, in, result ptx.Reg)) *micro.Job {
	m := ptx.NewModule(isa.New(), isa.SM80)
	k := m.Kernel("k")
	in, result := k.Param("in", ptx.B64), k.Param("result", ptx.B64)
	body(k, in, result)
	launch := micro.Launch{Kernel: "k", Grid: micro.Dim(1), Block: micro.Dim(1), Args: []micro.Arg{micro.Ptr("in", 8), micro.Ptr("result", 0)}}
	return &micro.Job{Module: m, Verify: []micro.Launch{launch}, Launches: []micro.Launch{launch}, Samples: "result", Result: "result",
		Buffers: []micro.Buffer{{Name: "in", Bytes: 1 << 36, Data: func() []byte { return []byte{8: 5} }}, {Name: "result", Bytes: 8}, {Name: "none"}}}
}

func TestExpectedTouchesGiantBuffersLazily(t *testing.T) {
	job := custom(func(k *ptx.Kernel, in, result ptx.Reg) {
		v, w, far := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B64)
		k.I("ld.global.u32", v, ptx.At(in, 0))
		k.I("add.u64", far, in, ptx.Int(1<<35))
		k.I("ld.global.u32", w, ptx.At(far, 0))
		k.I("add.u32", v, v, w)
		k.I("st.global.u32", ptx.At(result, 0), v)
	})
	got, err := Expected(t.Context(), job)
	require.NoError(t, err)
	assert.Equal(t, []byte{5, 0, 0, 0, 0, 0, 0, 0}, got)
}

func TestEmulatorErrors(t *testing.T) {
	_, err := Expected(t.Context(), custom(func(k *ptx.Kernel, in, result ptx.Reg) {
		k.I("st.global.u32", ptx.At(result, 8), ptx.Int(1))
	}))
	assert.ErrorIs(t, err, micro.ErrFault)
	assert.ErrorIs(t, err, emu.ErrBounds)

	job := custom(func(k *ptx.Kernel, in, result ptx.Reg) {
		x := k.Reg(ptx.F32)
		k.I("ld.global.f32", x, ptx.At(in, 0))
		k.I("ex2.approx.ftz.f32", x, x)
		k.I("st.global.f32", ptx.At(result, 0), x)
	})
	assert.True(t, Approximate(job))
	job.Result = "nothing"
	_, err = Expected(t.Context(), job)
	assert.ErrorContains(t, err, `no buffer "nothing"`)
	job.Verify[0].Args[0].Buffer = "elsewhere"
	_, err = Expected(t.Context(), job)
	assert.ErrorContains(t, err, `no buffer "elsewhere"`)

	job = custom(func(*ptx.Kernel, ptx.Reg, ptx.Reg) {})
	job.Buffers[1].Data = func() []byte { return make([]byte, 9) }
	_, err = Expected(t.Context(), job)
	assert.ErrorIs(t, err, emu.ErrBounds)
}
