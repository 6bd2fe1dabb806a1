package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/cuda"
	"github.com/gpubench/gpubench/internal/nvml"
	"github.com/gpubench/gpubench/micro"
)

const text = ".version 8.0\n.target sm_90a, texmode_independent\n"

// TestOpenCUDA holds in every build: with a GPU it opens, else the reason is a known one.
func TestOpenCUDA(t *testing.T) {
	d, err := OpenCUDA(0, "")
	if err == nil {
		assert.Equal(t, "cuda", d.Backend())
		assert.NotEmpty(t, d.Describe().Name)
		assert.NoError(t, d.Close())
		return
	}
	t.Log(err)
	assert.Nil(t, d)
	if !cuda.Built() {
		assert.ErrorIs(t, err, cuda.ErrNotBuilt)
		return
	}
	known := errors.Is(err, cuda.ErrNoDriver) || errors.Is(err, cuda.ErrNoDevice) || errors.Is(err, cuda.ErrDriverTooOld)
	assert.True(t, known, "%v", err)
}

// job fills "samples" by one launch and adds to it by another; Setup fills "input".
func job() *micro.Job {
	launch := func(kernel, buffer string, v uint32) micro.Launch {
		return micro.Launch{Kernel: kernel, Grid: micro.Dim(1), Block: micro.Dim(32),
			Args: []micro.Arg{micro.Ptr(buffer, 0), micro.U32(v)}}
	}
	return &micro.Job{
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: 16},
			{Name: "result", Bytes: 8},
			{Name: "input", Bytes: 12, Data: func() []byte { return []byte{9, 9, 9, 9, 9, 9, 9, 9, 7} }},
			{Name: "none"},
		},
		Setup:    []micro.Launch{launch("fill", "input", 5)},
		Verify:   []micro.Launch{launch("add", "result", 6)},
		Launches: []micro.Launch{launch("fill", "samples", 40), launch("add", "samples", 2)},
		Samples:  "samples", Result: "result",
	}
}

// only is a job of one launch.
func only(l micro.Launch) *micro.Job {
	return &micro.Job{Buffers: []micro.Buffer{{Name: "samples", Bytes: 8}}, Launches: []micro.Launch{l}, Samples: "samples"}
}

func open(t *testing.T, d *CUDA, j *micro.Job, image string) micro.Session {
	t.Helper()
	s, err := d.Open(t.Context(), micro.JobID{Benchmark: "unit/what", Point: "a=1"}, j, micro.Code{Image: []byte(image)})
	require.NoError(t, err)
	return s
}

func TestCUDARunsAJob(t *testing.T) {
	d, g := openFake(t, "")
	s := open(t, d, job(), "x")
	input := s.(*session).buffers["input"].addr
	assert.Equal(t, []byte{5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0}, g.mem[input], "data, then zeros, then the set-up")

	got, err := s.Verify(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []byte{6, 0, 0, 0, 0, 0, 0, 0}, got)
	for range 2 {
		r, err := s.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []uint64{42, 0}, r.Samples)
		assert.Equal(t, 1500.0, r.ElapsedNS)
		assert.WithinDuration(t, time.Now(), r.Sensors.When, time.Minute)
	}
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.Run(t.Context())
	assert.ErrorContains(t, err, "closed")
	assertNoLeak(t, g)
}

// TestCUDATransfers fills and copies in order with the launches.
func TestCUDATransfers(t *testing.T) {
	d, g := openFake(t, "")
	j := job()
	j.Buffers = append(j.Buffers, micro.Buffer{Name: "copy", Bytes: 8})
	j.Launches = append(j.Launches,
		micro.Launch{Transfer: &micro.Transfer{To: micro.Ptr("input", 0), From: micro.Arg{Bits: 9}, Bytes: 8}},
		micro.Launch{Transfer: &micro.Transfer{To: micro.Ptr("copy", 4), From: micro.Ptr("input", 4), Bytes: 4}})
	s := open(t, d, j, "x")
	_, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 0, 0, 0, 9, 9, 9, 9}, g.mem[s.(*session).buffers["copy"].addr])

	j.Launches[len(j.Launches)-1].Transfer.From.Buffer = "nowhere"
	_, err = d.Open(t.Context(), micro.JobID{}, j, micro.Code{Image: []byte("x")})
	assert.ErrorContains(t, err, "not one of the job's")
	require.NoError(t, s.Close())
	assertNoLeak(t, g)
}

// TestCUDALargeBuffersShareOneAllocation, which stays.
func TestCUDALargeBuffersShareOneAllocation(t *testing.T) {
	d, g := openFake(t, "")
	d.about.FreeBytes, g.free = 2*arenaLeast, 8*arenaLeast
	large := func(n uint64) cuda.Ptr {
		p, err := d.alloc(n)
		require.NoError(t, err)
		return p
	}
	a := large(arenaLeast)
	b := large(arenaLeast + 1)
	require.Len(t, g.mem, 1+1, "the arena, and what did not fit")
	assert.True(t, d.arena.holds(a))
	require.NoError(t, d.release(a, arenaLeast))
	assert.Equal(t, a, large(arenaLeast), "the same place again")
	require.NoError(t, d.release(b, arenaLeast+1))
	_ = large(64)
	assert.False(t, d.arena.holds(large(64)), "small buffers come from the driver")
}

func assertNoLeak(t *testing.T, g *fakeGPU) {
	t.Helper()
	assert.Empty(t, g.mem, "memory that nobody freed")
	assert.Equal(t, g.loads, g.unloads, "modules")
}

func TestCUDASharesModules(t *testing.T) {
	d, g := openFake(t, "")
	a, b, c := open(t, d, job(), "x"), open(t, d, job(), "x"), open(t, d, job(), "y")
	assert.Equal(t, 2, g.loads)
	require.NoError(t, a.Close())
	assert.Equal(t, 0, g.unloads)
	_, err := b.Run(t.Context())
	assert.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
	assertNoLeak(t, g)
}

// TestCUDAFunctionAttributes: sessions of one image share the function, so the attributes
// must be those of the launch, whoever launched before.
func TestCUDAFunctionAttributes(t *testing.T) {
	d, g := openFake(t, "")
	l := job().Launches[0]
	big, plain := l, l
	big.SharedBytes, big.Carveout, big.NonPortable = 200<<10, 101, true
	a, b := open(t, d, only(big), "x"), open(t, d, only(plain), "x")
	for _, s := range []micro.Session{a, a, b, a} {
		_, err := s.Run(t.Context())
		require.NoError(t, err)
	}
	run := "fill [1 1 1] [32 1 1] "
	assert.Equal(t, []string{"shared 204800", "carveout 100", "non-portable", run + "204800", run + "204800",
		"carveout -1", run + "0", "carveout 100", run + "204800"}, g.log)
}

func TestCUDARefusesJobs(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(*micro.Job)
	}{
		{`samples buffer "nowhere"`, func(j *micro.Job) { j.Samples = "nowhere" }},
		{`result buffer "nowhere"`, func(j *micro.Job) { j.Result = "nowhere" }},
		{"not whole 64-bit words", func(j *micro.Job) { j.Samples = "input" }},
		{"named symbol not found", func(j *micro.Job) { j.Launches[0].Kernel = "walk" }},
		{"launch of add: argument 0: buffer \"x\"", func(j *micro.Job) { j.Launches[1].Args[0].Buffer = "x" }},
		{"offset 17 is outside", func(j *micro.Job) { j.Launches[1].Args[0].Offset = 17 }},
		{"does not fit into 4 bytes", func(j *micro.Job) { j.Launches[1].Args[1].Bits = 1 << 32 }},
		{"does not fit into 4 bytes", func(j *micro.Job) { j.Launches[1].Args[0].Size = 4 }},
		{"size 2", func(j *micro.Job) { j.Launches[1].Args[1].Size = 2 }},
		{"grid: [-1 0 0]", func(j *micro.Job) { j.Launches[1].Grid = [3]int{-1} }},
		{"-1 bytes of shared memory", func(j *micro.Job) { j.Launches[1].SharedBytes = -1 }},
		{"buffer input: 9 bytes of data for 8", func(j *micro.Job) { j.Buffers[2].Bytes = 8 }},
		{"two of that name", func(j *micro.Job) { j.Buffers[3].Name = "input" }},
	} {
		t.Run(c.want, func(t *testing.T) {
			d, g := openFake(t, "")
			j := job()
			c.edit(j)
			_, err := d.Open(t.Context(), micro.JobID{Benchmark: "unit/what", Point: "a=1"}, j, micro.Code{Image: []byte("x")})
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "open unit/what a=1: ")
			assert.NotErrorIs(t, err, micro.ErrFault)
			assertNoLeak(t, g)
		})
	}
}

func TestCUDAOutOfMemory(t *testing.T) {
	d, g := openFake(t, "")
	j := job()
	j.Buffers[2].Bytes = 3 << 20
	_, err := d.Open(t.Context(), micro.JobID{}, j, micro.Code{Image: []byte("x")})
	assert.ErrorIs(t, err, cuda.ErrOutOfMemory)
	assert.ErrorContains(t, err, "3.0 MiB asked, 1.0 MiB free of 2.0 MiB")
	assertNoLeak(t, g)
}

func TestCUDAFaultAndReset(t *testing.T) {
	d, g := openFake(t, "")
	healthy := open(t, d, job(), "x")
	faulty := open(t, d, only(micro.Launch{Kernel: "fault"}), "x")
	_, err := faulty.Run(t.Context())
	assert.ErrorIs(t, err, micro.ErrFault)
	assert.ErrorIs(t, err, cuda.ErrFault)
	assert.EqualError(t, err, "run fault: "+errIllegal.Error())
	_, err = healthy.Run(t.Context())
	assert.ErrorIs(t, err, micro.ErrFault, "the context is gone for all")
	_, err = d.Open(t.Context(), micro.JobID{}, job(), micro.Code{Image: []byte("z")})
	assert.ErrorIs(t, err, micro.ErrFault)

	require.NoError(t, d.Reset())
	_, err = healthy.Run(t.Context())
	assert.ErrorIs(t, err, micro.ErrFault, "an old session stays lost")
	again := open(t, d, job(), "x")
	frees, unloads := g.frees, g.unloads
	require.NoError(t, healthy.Close())
	require.NoError(t, faulty.Close())
	assert.Equal(t, []int{frees, unloads}, []int{g.frees, g.unloads}, "old addresses may be others' now")
	r, err := again.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []uint64{42, 0}, r.Samples)
	require.NoError(t, again.Close())
	assert.Empty(t, g.mem)
}

func TestCUDAFaultInSetup(t *testing.T) {
	d, _ := openFake(t, "")
	j := job()
	j.Setup = []micro.Launch{{Kernel: "fault"}}
	_, err := d.Open(t.Context(), micro.JobID{Benchmark: "b", Point: "p"}, j, micro.Code{Image: []byte("x")})
	assert.ErrorIs(t, err, micro.ErrFault)
	assert.EqualError(t, err, "open b p: set up: run fault: "+errIllegal.Error())
	require.NoError(t, d.Reset())
	open(t, d, job(), "x")
}

func TestCUDAKernelThatNeverEnds(t *testing.T) {
	d, g := openFake(t, "")
	s := open(t, d, only(micro.Launch{Kernel: "hang"}), "x")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := s.Run(ctx)
	assert.ErrorIs(t, err, micro.ErrFault, "only a reset shows whether the GPU is of use")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.EqualError(t, err, "run hang: a kernel is still running: context deadline exceeded")
	assert.ErrorIs(t, d.Reset(), cuda.ErrBusy)

	g.hung = false
	ctx, cancel = context.WithCancel(t.Context())
	s = open(t, d, only(micro.Launch{Kernel: "hang"}), "x")
	time.AfterFunc(time.Millisecond, cancel)
	_, err = s.Run(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, micro.ErrFault, "who interrupts has no faulty kernel")
}

func TestCUDACompile(t *testing.T) {
	dir := t.TempDir()
	d, g := openFake(t, dir)
	g.info = "ptxas info    : (C7510) Potential Performance Loss: x"
	first, err := d.Compile(t.Context(), "m", text)
	require.NoError(t, err)
	assert.Equal(t, micro.Code{Image: []byte("m|sm_90a|" + text), Elapsed: time.Second,
		Warnings: []string{"(C7510) Potential Performance Loss: x"}}, first)

	second, err := d.Compile(t.Context(), "m", text)
	require.NoError(t, err)
	assert.True(t, second.Cached)
	assert.Equal(t, first.Image, second.Image)
	assert.Equal(t, first.Warnings, second.Warnings, "a warning must not get lost in the cache")
	assert.Equal(t, 1, g.links)

	_, err = d.Compile(t.Context(), "m", text+" ")
	require.NoError(t, err)
	assert.Equal(t, 2, g.links, "another text")
	newer := newCUDA(g, 13010, nil, dir)
	_, err = newer.Compile(t.Context(), "m", text)
	require.NoError(t, err)
	assert.Equal(t, 3, g.links, "another driver")
}

func TestCUDACacheDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"cut in the head", func(b []byte) []byte { return b[:20] }},
		{"a bit", func(b []byte) []byte { b[len(b)-3] ^= 1; return b }},
		{"another format", func(b []byte) []byte { b[0]++; return b }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, g := openFake(t, t.TempDir())
			_, err := d.Compile(t.Context(), "m", text)
			require.NoError(t, err)
			path := d.cache.path(text)
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, c.damage(append([]byte(nil), whole...)), 0o600))
			code, err := d.Compile(t.Context(), "m", text)
			require.NoError(t, err)
			assert.False(t, code.Cached)
			assert.Equal(t, "m|sm_90a|"+text, string(code.Image))
			assert.Equal(t, 2, g.links)
			mended, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, whole, mended)
		})
	}
}

func TestCUDACacheThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	d, g := openFake(t, file)
	for range 2 {
		_, err := d.Compile(t.Context(), "m", text)
		assert.NoError(t, err)
	}
	assert.Equal(t, 2, g.links)
	assert.ErrorContains(t, CheckCacheDir(file), "make the cache")
	assert.Error(t, CheckCacheDir(""))
	assert.NoError(t, CheckCacheDir(t.TempDir()))

	none, g := openFake(t, "")
	for range 2 {
		_, err := none.Compile(t.Context(), "m", text)
		assert.NoError(t, err)
	}
	assert.Equal(t, 2, g.links)
}

func TestCUDACompileRefused(t *testing.T) {
	dir := t.TempDir()
	d, g := openFake(t, dir)
	g.linkErr = &cuda.CompileError{Name: "m", Target: "sm_90a", Err: errors.New("no")}
	_, err := d.Compile(t.Context(), "m", text)
	assert.EqualError(t, err, "compile m for sm_90a: no")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "what failed is not kept")
}

func TestCUDAConcurrency(t *testing.T) {
	d, g := openFake(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			image := fmt.Sprint(i % 3)
			_, err := d.Compile(t.Context(), image, text)
			assert.NoError(t, err)
			for range 8 {
				s, err := d.Open(t.Context(), micro.JobID{}, job(), micro.Code{Image: []byte(image)})
				if !assert.NoError(t, err) {
					return
				}
				r, err := s.Run(t.Context())
				assert.NoError(t, err)
				assert.Equal(t, []uint64{42, 0}, r.Samples)
				assert.NoError(t, s.Close())
			}
		})
	}
	wg.Wait()
	assertNoLeak(t, g)
}

func TestCUDADescribe(t *testing.T) {
	d, _ := openFake(t, "")
	about := d.Describe()
	assert.Equal(t, "sm_90a", about.Target)
	assert.Equal(t, "9.0", about.ComputeCapability)
	assert.Equal(t, "13.0", about.DriverAPI)
	assert.Equal(t, 1980.0, about.MaxClockMHz)
	assert.Equal(t, 232448, about.SharedPerBlock)
	assert.Equal(t, false, *about.ECC)

	watts, on := 700.0, true
	i := nvml.Info{Driver: "580.1", VBIOS: "96.0", PowerLimitW: &watts, ECC: &on}
	about = describe(newFakeGPU().Attributes(), 12040, i)
	assert.Equal(t, "580.1", about.Driver)
	assert.Equal(t, "12.4", about.DriverAPI)
	assert.Equal(t, 700.0, about.PowerLimitW)
	assert.Equal(t, 3201.0, about.MemClockMHz, "as the driver says, where NVML does not know")
	assert.True(t, *about.ECC)
}

func TestCUDASensors(t *testing.T) {
	none, _ := openFake(t, "")
	assert.Nil(t, none.Sensors().PowerW)
	assert.Empty(t, none.Telemetry())

	clock, released := 1755.0, 0
	read := func() nvml.Reading {
		return nvml.Reading{When: time.Now(), SMClockMHz: &clock, Throttle: []string{"sw_power_cap"}}
	}
	s := &sensors{sampler: nvml.NewSampler(read, time.Hour), release: func() { released++ }}
	d := newCUDA(newFakeGPU(), 13000, s, "")
	run := open(t, d, job(), "x")
	r, err := run.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1755.0, *r.Sensors.SMClockMHz)
	assert.Equal(t, []string{"sw_power_cap"}, r.Sensors.Throttle)
	assert.Len(t, d.Telemetry(), 1)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	assert.Equal(t, 1, released)
}
