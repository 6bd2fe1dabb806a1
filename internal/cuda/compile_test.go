package cuda

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompileInParallel(t *testing.T) {
	const callers = 4
	d, drv := openFake(t)
	drv.linkGate = make(chan struct{})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			c, err := d.Compile(t.Context(), "m", "ptx", "sm_90a")
			assert.NoError(t, err)
			assert.Equal(t, "mptx", string(c.Image))
			assert.Equal(t, "info", c.InfoLog)
		})
	}
	require.Eventually(t, func() bool { return drv.linking.Load() == callers }, 5*time.Second, time.Millisecond,
		"all are in the compiler at the same time")
	require.NoError(t, d.Synchronize(t.Context()), "and the device's thread is free")
	close(drv.linkGate)
	wg.Wait()
}

func TestCompileRefused(t *testing.T) {
	d, drv := openFake(t)
	drv.linkErr = driverSays
	_, err := d.Compile(t.Context(), "m", "bad", "sm_80")
	var c *CompileError
	require.ErrorAs(t, err, &c)
	assert.Equal(t, "compile m for sm_80: line 1: no", err.Error())
	assert.ErrorIs(t, err, error(driverSays))
}

func TestCompileCancelled(t *testing.T) {
	d, drv := openFake(t)
	drv.linkGate = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := d.Compile(ctx, "m", "ptx", "sm_90a")
		done <- err
	}()
	require.Eventually(t, func() bool { return drv.linking.Load() == 1 }, 5*time.Second, time.Millisecond)
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)

	// Close waits for the compilation, which uses the context.
	closed := make(chan error, 1)
	go func() { closed <- d.Close() }()
	select {
	case <-closed:
		t.Fatal("closed under a running compilation")
	case <-time.After(5 * time.Millisecond):
	}
	close(drv.linkGate)
	assert.NoError(t, <-closed)

	_, err := d.Compile(ctx, "m", "ptx", "sm_90a")
	assert.ErrorIs(t, err, context.Canceled)
}
