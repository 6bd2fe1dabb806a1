package feature

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/hspi/probe"
)

// recorded is what an endpoint answers to a plan.
func recorded(t *testing.T, h http.Handler, o plan.Options) []*evidence.Response {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	e, err := probe.ParseEndpoint(server.URL + "/v1")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "e.jsonl")
	s, err := probe.Open(path, probe.Options{Endpoint: e, Model: "tiny", Tool: "test", Seed: o.Seed})
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

// one is the first answer to a probe.
func one(t *testing.T, all []*evidence.Response) []*evidence.Response {
	t.Helper()
	for _, r := range all {
		if r.Purpose.Series == plan.SeriesProbe {
			return []*evidence.Response{r}
		}
	}
	t.Fatal("no probe was answered")
	return nil
}
