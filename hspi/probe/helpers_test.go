package probe

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/plan"
)

// quick are options with short waits for a server of the test.
func quick(t *testing.T, server *httptest.Server) Options {
	t.Helper()
	e, err := ParseEndpoint(server.URL)
	require.NoError(t, err)
	return Options{Endpoint: e, Model: "tiny", Tool: "gpubench test", Seed: 1, Retry: Retry{First: time.Millisecond, Most: 2 * time.Millisecond}}
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// behind is a simulated model behind a gateway with faults.
func behind(faults ...gateway.Fault) *gateway.Gateway {
	return gateway.New(gateway.NewModel(gateway.ModelOptions{}), gateway.Options{Seed: 1, Faults: faults})
}

// one is a small request.
func one(t *testing.T, q plan.Request) plan.Item {
	t.Helper()
	if q.Purpose.Series == "" {
		q.Purpose.Series = plan.SeriesProbe
	}
	if q.Prompt == "" {
		q.Prompt = "one two three"
	}
	if q.MaxTokens == 0 {
		q.MaxTokens = 2
	}
	item, err := q.Item("tiny")
	require.NoError(t, err)
	return item
}

// run is a session over a new evidence file.
func run(t *testing.T, o Options) (*Session, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	s, err := Open(path, o)
	require.NoError(t, err)
	return s, path
}

// closed ends a session and gives its evidence.
func closed(t *testing.T, s *Session, path string) *evidence.File {
	t.Helper()
	_, err := s.Close("complete")
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	return f
}

func exchanges(f *evidence.File) []*evidence.Exchange {
	var all []*evidence.Exchange
	for _, rec := range f.Records {
		if rec.Exchange != nil {
			all = append(all, rec.Exchange)
		}
	}
	return all
}

func noteCodes(f *evidence.File) []evidence.NoteCode {
	var all []evidence.NoteCode
	for _, rec := range f.Notes() {
		all = append(all, rec.Note.Code)
	}
	return all
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
