package main

import (
	"context"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/gateway"
)

// ticking gives every call another time.
func (s *scene) ticking() {
	start, n := s.world.now(), 0
	s.world.now = func() time.Time {
		n++
		return start.Add(time.Duration(n) * time.Second)
	}
}

// switched serves one handler, and from a switch on another.
func switched(before, after http.Handler) (http.Handler, *atomic.Bool) {
	var on atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if on.Load() {
			after.ServeHTTP(w, q)
			return
		}
		before.ServeHTTP(w, q)
	}), &on
}

func TestMonitor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.ticking()
	handler, change := switched(gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16}),
		gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16, Perturb: 0.05}))
	flags := append(endpoint(t, handler), "--out", s.path("watch"), "--every", "0", "--reference", "1", "--calibrate", "4", "--alpha", "0.05", "--quiet")
	o := s.hspi("monitor", flags, "--rounds", "2")
	assert.Equal(t, exitInconclusive, o.code, o.err)
	assert.Contains(t, o.err, "4 more rounds until changes can be told")
	o = s.hspi("monitor", flags, "--rounds", "4", "--claim", "bf16")
	require.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "no change so far")
	assert.FileExists(t, s.path("watch/report.html"))

	for _, other := range [][]string{{"--model", "other"}, {"--seed", "2"}, {"--endpoint", "http://127.0.0.1:1"}} {
		o = s.hspi("monitor", flags, other...)
		assert.Equal(t, exitUsage, o.code, other)
		assert.Contains(t, o.err, "rounds of another endpoint, model or seed")
	}

	change.Store(true)
	o = s.hspi("monitor", flags, "--json") // until the change is told
	require.Equal(t, exitContradicted, o.code, o.err)
	assert.Contains(t, o.err, "changed: e-value")
	assertJSON(t, o.out)
	files, err := os.ReadDir(s.path("watch"))
	require.NoError(t, err)
	assert.Less(t, len(files), 6+1+12)
}

func TestMonitorTellsAContradiction(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	flags := append(endpoint(t, served(gateway.Float16, gateway.Options{})), "--out", s.path("watch"), "--rounds", "1")
	o := s.hspi("monitor", flags, "--claim", "bf16")
	assert.Equal(t, exitContradicted, o.code, o.out)
	assert.Contains(t, o.err, "contradicted")
}

func TestMonitorOfNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	flags := append(endpoint(t, gateway.NewModel(gateway.ModelOptions{IgnoreLogprobs: true})), "--out", s.path("watch"), "--rounds", "1")
	o := s.hspi("monitor", flags)
	assert.Equal(t, exitNotTestable, o.code, o.out)
	assert.Contains(t, o.err, "logprobs")
}

func TestMonitorRefuses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for says, more := range map[string][]string{
		"--out is missing": {},
		"--alpha 2":        {"--out", s.path("w"), "--alpha", "2"},
		"--reference and":  {"--out", s.path("w"), "--calibrate", "0"},
		"--rounds and":     {"--out", s.path("w"), "--rounds", "-1"},
		"known are device": {"--out", s.path("w"), "--claim", "nothing"},
	} {
		o := s.hspi("monitor", []string{"--endpoint", "http://127.0.0.1:1", "--model", "m"}, more...)
		assert.Equal(t, exitUsage, o.code, says)
		assert.Contains(t, o.err, says)
	}
	assert.NoDirExists(t, s.path("w"))
}

func TestMonitorInterrupted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx = ctx
	flags := append(endpoint(t, served(gateway.BFloat16, gateway.Options{})), "--out", s.path("watch"), "--every", "1h")
	time.AfterFunc(300*time.Millisecond, cancel)
	o := s.hspi("monitor", flags)
	assert.Equal(t, exitInterrupted, o.code, o.err)
	assert.Contains(t, o.err, "goes on with the rounds in")
}
