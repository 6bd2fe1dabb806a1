package cuda

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if runtime.GOOS != "linux" {
		return // the device's thread is only known on Linux
	}
	m.Run()
}

func TestOpenFails(t *testing.T) {
	_, err := openWith(&fake{t: t}, 3)
	assert.ErrorIs(t, err, ErrNoDevice)
	assert.ErrorContains(t, err, "open device 3")
}

func TestMemory(t *testing.T) {
	d, _ := openFake(t)
	assert.Equal(t, Attributes{Index: 2, Name: "Fake", SMs: 132}, d.Attributes())
	p, err := d.Alloc(16)
	require.NoError(t, err)
	require.NoError(t, d.Fill(p, 7, 4))
	require.NoError(t, d.Write(p+1, []byte{1, 2}))
	got := make([]byte, 5)
	require.NoError(t, d.Read(got, p))
	assert.Equal(t, []byte{7, 1, 2, 7, 0}, got)
	require.NoError(t, d.Write(p, nil))
	require.NoError(t, d.Read(nil, p))
	require.NoError(t, d.Free(p))
	require.NoError(t, d.Free(0))

	_, err = d.Alloc(1 << 40)
	assert.ErrorIs(t, err, ErrOutOfMemory)
	assert.ErrorContains(t, err, "1099511627776 bytes")
	free, total, err := d.MemInfo()
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 2}, []uint64{free, total})
}

func loadFake(t *testing.T, d *Device) *Function {
	t.Helper()
	m, err := d.Load([]byte("cubin"))
	require.NoError(t, err)
	f, err := m.Function("run")
	require.NoError(t, err)
	return f
}

func TestFunction(t *testing.T) {
	d, drv := openFake(t)
	_, err := d.Load(nil)
	assert.Error(t, err)
	m, err := d.Load([]byte("cubin"))
	require.NoError(t, err)
	_, err = m.Function("walk")
	assert.EqualError(t, err, "kernel walk: cuModuleGetFunction: named symbol not found (CUDA_ERROR_NOT_FOUND, 500)")
	f, err := m.Function("run")
	require.NoError(t, err)
	info, err := f.Info()
	require.NoError(t, err)
	assert.Equal(t, 32, info.Registers)
	require.NoError(t, f.AllowShared(200<<10))
	require.NoError(t, f.AllowNonPortableCluster())
	require.NoError(t, f.PreferSharedCarveout(100))
	assert.Equal(t, map[functionAttribute]int{8: 200 << 10, 9: 100, 14: 1}, drv.sets)
	require.NoError(t, m.Unload())
	require.NoError(t, m.Unload())
	_, err = m.Function("run")
	assert.ErrorIs(t, err, ErrStale)
}

func TestLaunchChecks(t *testing.T) {
	one := Launch{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{32, 1, 1}}
	ptr, tmap := make([]byte, 8), make([]byte, 128)
	for _, c := range []struct {
		name string
		l    Launch
		args [][]byte
		want string // "" for none
	}{
		{"good", one, [][]byte{ptr, tmap}, ""},
		{"no grid", Launch{Block: one.Block}, [][]byte{ptr, tmap}, "every dimension must be at least 1"},
		{"too few", one, [][]byte{ptr}, "1 arguments for 2 parameters"},
		{"short", one, [][]byte{ptr, ptr}, "argument 1 has 8 bytes, and the parameter 128"},
		{"empty", one, [][]byte{ptr, nil}, "argument 1 is empty"},
		{"huge", one, [][]byte{make([]byte, 40000)}, "40000 bytes of arguments"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, drv := openFake(t)
			err := d.Launch(loadFake(t, d), c.l, c.args)
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, [][][]byte{c.args}, drv.launches)
				return
			}
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "launch run: ")
			assert.Empty(t, drv.launches)
		})
	}
}

func TestLaunchOldDriverAndForeignDevice(t *testing.T) {
	d, drv := openFake(t)
	drv.oldDriver = true
	f := loadFake(t, d)
	one := Launch{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}}
	assert.NoError(t, d.Launch(f, one, [][]byte{{1}}))
	other, _ := openFake(t)
	assert.ErrorContains(t, other.Launch(f, one, nil), "another device")
}

func TestPackParams(t *testing.T) {
	offsets, total := packParams([][]byte{make([]byte, 4), make([]byte, 128), make([]byte, 65), {1}})
	assert.Equal(t, []int{0, 64, 192, 320}, offsets)
	assert.Equal(t, 384, total)
}

func TestSynchronize(t *testing.T) {
	d, drv := openFake(t)
	drv.busyFor = 3
	require.NoError(t, d.Synchronize(t.Context()))

	drv.forever = true
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, d.Synchronize(ctx), context.DeadlineExceeded)
}

// TestHungKernel: nothing may wait behind a kernel that never ends, and when it ends after
// all, the device is of use again.
func TestHungKernel(t *testing.T) {
	d, drv := openFake(t)
	f := loadFake(t, d)
	hang := func(hung bool) { require.NoError(t, d.Do(func() error { drv.forever = hung; return nil })) }
	hang(true)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err := d.Elapsed(ctx, func() error { return nil })
	assert.ErrorIs(t, err, ErrBusy)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, d.Read(make([]byte, 1), 0), ErrBusy)
	_, err = d.Load([]byte("cubin"))
	assert.ErrorIs(t, err, ErrBusy)
	_, err = f.Info()
	assert.ErrorIs(t, err, ErrBusy)
	assert.ErrorIs(t, d.Reset(), ErrBusy)
	assert.Equal(t, 1, drv.opens, "the context is left alone")

	hang(false)
	assert.NoError(t, d.Read(make([]byte, 1), 0))
	_, err = f.Info()
	assert.NoError(t, err, "no reset happened")

	hang(true)
	ctx, cancel = context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, d.Synchronize(ctx), ErrBusy)
	assert.ErrorIs(t, d.Close(), ErrBusy)
	assert.True(t, drv.opened, "destroying the context would wait for ever")
}

func TestElapsed(t *testing.T) {
	d, drv := openFake(t)
	f := loadFake(t, d)
	one := Launch{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}}
	took, err := d.Elapsed(t.Context(), func() error { return d.Launch(f, one, [][]byte{make([]byte, 8), make([]byte, 128)}) })
	require.NoError(t, err)
	assert.Equal(t, 1500*time.Nanosecond, took)
	assert.Equal(t, []event{eventStart, eventStop}, drv.marks)
	assert.Len(t, drv.launches, 1)

	boom := errors.New("boom")
	_, err = d.Elapsed(t.Context(), func() error { return boom })
	assert.ErrorIs(t, err, boom)
}

func TestFaultAndReset(t *testing.T) {
	d, drv := openFake(t)
	f := loadFake(t, d)
	require.NoError(t, d.Do(func() error { drv.fault = errIllegal; return nil }))
	assert.ErrorIs(t, d.Synchronize(t.Context()), ErrFault)
	_, err := d.Alloc(16)
	assert.ErrorIs(t, err, ErrFault)

	require.NoError(t, d.Reset(), "destroying a faulted context says so, which is no failure")
	assert.Equal(t, 2, drv.opens)
	require.NoError(t, d.Synchronize(t.Context()))
	_, err = f.Info()
	assert.ErrorIs(t, err, ErrStale)
	_, err = loadFake(t, d).Info()
	assert.NoError(t, err)
}

func TestClose(t *testing.T) {
	d, drv := openFake(t)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	assert.False(t, drv.opened)
	assert.ErrorIs(t, d.Synchronize(t.Context()), ErrClosed)
	assert.ErrorIs(t, d.Reset(), ErrClosed)
	_, err := d.Compile(t.Context(), "m", "ptx", "sm_90a")
	assert.ErrorIs(t, err, ErrClosed)
}
