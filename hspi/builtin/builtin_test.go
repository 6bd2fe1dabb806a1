package builtin_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/builtin"
	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/probe"
	"github.com/gpubench/gpubench/hspi/verify"
)

// TestHeldOutSessions: the profile knows each platform by a session that it was not
// trained on. Platforms that differ in load only count as one.
func TestHeldOutSessions(t *testing.T) {
	p, err := builtin.Profile()
	require.NoError(t, err)
	sessions, err := enrol.Load(filepath.Join("..", "recorded"))
	require.NoError(t, err)
	n := 0
	for _, s := range sessions {
		if s.Number != builtin.HeldOut {
			continue
		}
		n++
		r := p.Classify(s.Evidence.Responses())
		best := r.Scores[0].Platform
		for _, name := range []string{"device", "precision", "head", "quantisation", "kv", "attention", "engine", "tp"} {
			assert.Equal(t, s.Labels[name], best.Labels[name], "%s session %s: %s", s.Platform, s.Number, name)
		}
		assert.Less(t, r.Unknown, 0.5, s.Platform)
	}
	assert.GreaterOrEqual(t, n, 20)
}

// TestAnotherModel: of a model that the profile does not know, nothing is said that
// needs it.
func TestAnotherModel(t *testing.T) {
	p, err := builtin.Profile()
	require.NoError(t, err)
	server := httptest.NewServer(gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16}))
	defer server.Close()
	e, err := probe.ParseEndpoint(server.URL)
	require.NoError(t, err)
	o := enrol.Options{Size: enrol.Standard, Session: 1}
	o.Endpoint, o.Model, o.Tool, o.Seed = e, "tiny", "test", 1
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, err = enrol.Record(context.Background(), path, o)
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	c, err := claim.Parse("h200-bf16-int4-flash-torch-tp2", nil)
	require.NoError(t, err)
	r := verify.Judge(f, c, p, decide.Options{})
	for _, part := range r.Findings {
		if part.Part == claim.Precision {
			assert.Equal(t, decide.Consistent, part.Verdict)
			continue
		}
		assert.Contains(t, []decide.Verdict{decide.Inconclusive, decide.NotTestable}, part.Verdict, "%+v", part)
	}
	assert.Greater(t, r.Unknown, 0.5)
}

// TestFewRequests: less than 50 requests, discovery included, tell the quantisation:
// of each platform the session that was held out is served again.
func TestFewRequests(t *testing.T) {
	p, err := builtin.Profile()
	require.NoError(t, err)
	sessions, err := enrol.Load(filepath.Join("..", "recorded"))
	require.NoError(t, err)
	right, n := 0, 0
	for _, s := range sessions {
		if s.Number != builtin.HeldOut {
			continue
		}
		f := asked(t, s)
		require.LessOrEqual(t, f.Summary.Exchanges, 50)
		n++
		words := p.Classify(f.Responses()).Label("quantisation")
		best := ""
		for word, v := range words {
			if v > words[best] {
				best = word
			}
		}
		if best == s.Labels["quantisation"] {
			right++
		} else {
			t.Logf("%s: %s with %.2f", s.Platform, best, words[best])
		}
	}
	assert.GreaterOrEqual(t, float64(right), 0.95*float64(n), "%d of %d", right, n)
	t.Logf("%d of %d", right, n)
}

// asked asks a recorded session the quick plan.
func asked(t *testing.T, s enrol.Session) *evidence.File {
	t.Helper()
	replay, err := gateway.NewReplay(s.Evidence)
	require.NoError(t, err)
	server := httptest.NewServer(replay)
	defer server.Close()
	e, err := probe.ParseEndpoint(server.URL)
	require.NoError(t, err)
	o := enrol.Options{Size: enrol.Quick}
	o.Endpoint, o.Model, o.Tool, o.Seed = e, "lab", "test", 1
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, err = enrol.Record(context.Background(), path, o)
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	return f
}
