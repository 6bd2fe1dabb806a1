package hspitest

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/hspi/probe"
)

// served starts a handler on loopback for the length of a test.
func served(t testing.TB, h http.Handler) probe.Endpoint {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	e, err := probe.ParseEndpoint(server.URL + "/v1")
	require.NoError(t, err)
	return e
}

// Ask is what a handler answers to a plan, after discovery.
func Ask(t testing.TB, h http.Handler, o plan.Options) []*evidence.Response {
	t.Helper()
	path := filepath.Join(t.TempDir(), "e.jsonl")
	s, err := probe.Open(path, probe.Options{Endpoint: served(t, h), Model: o.Model, Tool: "test", Seed: o.Seed})
	require.NoError(t, err)
	c, err := s.Discover(t.Context())
	require.NoError(t, err)
	o.Nonce = s.ID()
	p, err := plan.Build(o, c)
	require.NoError(t, err)
	_, err = s.Run(t.Context(), p)
	require.NoError(t, err)
	_, err = s.Close("complete")
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	return f.Responses()
}

// FirstProbe is the first answer to a probe.
func FirstProbe(t testing.TB, all []*evidence.Response) []*evidence.Response {
	t.Helper()
	for _, r := range all {
		if r.Purpose.Series == plan.SeriesProbe {
			return []*evidence.Response{r}
		}
	}
	require.Fail(t, "no probe was answered")
	return nil
}

// Enrol is the evidence of a recorded session of a handler, also where the session
// fails.
func Enrol(t testing.TB, h http.Handler, model string, size enrol.Size) *evidence.File {
	t.Helper()
	o := enrol.Options{Size: size, Session: 1}
	o.Endpoint, o.Model, o.Tool, o.Seed, o.Retry.Attempts = served(t, h), model, "test", 1, 1
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, failure := enrol.Record(t.Context(), path, o)
	f, err := evidence.Load(path)
	require.NoError(t, err, failure)
	return f
}
