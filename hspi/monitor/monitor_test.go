package monitor_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/monitor"
	"github.com/gpubench/gpubench/hspi/probe"
)

// rounds asks each handler once.
func rounds(t *testing.T, handlers ...http.Handler) []*evidence.File {
	t.Helper()
	var all []*evidence.File
	for i, h := range handlers {
		server := httptest.NewServer(h)
		e, err := probe.ParseEndpoint(server.URL)
		require.NoError(t, err)
		o := enrol.Options{Size: enrol.Small}
		o.Endpoint, o.Model, o.Tool, o.Seed = e, "tiny", "test", 1
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.jsonl", i))
		_, err = enrol.Record(context.Background(), path, o)
		server.Close()
		require.NoError(t, err)
		f, err := evidence.Load(path)
		require.NoError(t, err)
		all = append(all, f)
	}
	return all
}

// times is a handler n times.
func times(n int, make func(i int) http.Handler) []http.Handler {
	var all []http.Handler
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

// few are options with little calibration.
func few() monitor.Options { return monitor.Options{Reference: 2, Calibration: 5, Alpha: 0.05} }

// noisy is a model in whose logprobs some noise is, another in each round.
func noisy(perturb float64) func(int) http.Handler {
	return func(i int) http.Handler {
		return gateway.New(gateway.NewModel(gateway.ModelOptions{Perturb: perturb}), gateway.Options{Noise: 1e-3, Seed: uint64(i)})
	}
}

func TestAChangeIsTold(t *testing.T) {
	t.Parallel()
	all := rounds(t, append(times(9, noisy(0)), times(6, noisy(0.02))...)...)
	c := monitor.Assess(all, few())
	require.True(t, c.Changed, "%+v", c)
	assert.Equal(t, c.Rounds[9].Time, *c.Since)
	assert.False(t, monitor.Assess(all[:9], few()).Changed)
	assert.Equal(t, monitor.Reference, c.Rounds[1].Phase)
	assert.Equal(t, monitor.Calibration, c.Rounds[6].Phase)
	assert.Equal(t, monitor.Watch, c.Rounds[7].Phase)
}

func TestNoChange(t *testing.T) {
	t.Parallel()
	c := monitor.Assess(rounds(t, times(14, noisy(0))...), few())
	assert.False(t, c.Changed)
	assert.True(t, c.Ready)
	steady := monitor.Assess(rounds(t, times(10, func(int) http.Handler { return gateway.NewModel(gateway.ModelOptions{}) })...), few())
	assert.Less(t, steady.E, 1.0)
	assert.InDelta(t, -6, steady.Rounds[9].Score, 1e-9)
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	c := monitor.Assess(rounds(t, times(4, noisy(0))...), few())
	assert.False(t, c.Ready)
	assert.Equal(t, 3, c.Missing)
	assert.Equal(t, 7, monitor.Assess(nil, few()).Missing)
}

// TestLostRounds: what has no logprobs says nothing, and harms nothing.
func TestLostRounds(t *testing.T) {
	t.Parallel()
	handlers := times(9, noisy(0))
	handlers[3] = gateway.NewModel(gateway.ModelOptions{IgnoreLogprobs: true})
	c := monitor.Assess(rounds(t, handlers...), few())
	assert.Equal(t, monitor.Lost, c.Rounds[3].Phase)
	assert.NotEmpty(t, c.Rounds[3].Why)
	assert.True(t, c.Ready)
}
