package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
)

// endpoint serves a handler and gives the flags that name it.
func endpoint(t *testing.T, h http.Handler) []string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return []string{"--endpoint", s.URL + "/v1", "--model", "tiny", "--timeout", "2s"}
}

// hspi runs a subcommand with flags and more of them.
func (s *scene) hspi(name string, flags []string, more ...string) outcome {
	s.t.Helper()
	return s.gpubench(append(append([]string{"hspi", name}, flags...), more...)...)
}

func TestEnroll(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	flags := endpoint(t, gateway.NewModel(gateway.ModelOptions{}))
	path := s.path("e.jsonl")
	o := s.hspi("enroll", flags, "--plan", "small", "--platform", "here", "--session", "2", "--label", "precision=fp32,engine=go", "--out", path)
	require.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "answered  5 of 5 requests")
	f, err := evidence.Load(path)
	require.NoError(t, err)
	assert.Contains(t, o.out, f.Summary.Head)
	open := f.Sessions()[0].Open
	assert.Equal(t, "here", open.Label)
	assert.Equal(t, "fp32", open.Labels["precision"])
	assert.Equal(t, "2", open.Labels["session"])

	o = s.hspi("enroll", flags, "--plan", "small", "--platform", "here", "--session", "2", "--out", path)
	require.Equal(t, exitOK, o.code, "what is there is gone on with: "+o.err)
	again, err := evidence.Load(path)
	require.NoError(t, err)
	assert.Equal(t, f.Summary.Exchanges, again.Summary.Exchanges, "nothing is asked again")

	o = s.hspi("enroll", flags, "--plan", "small", "--platform", "there", "--out", path)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.err, "of another session")
	o = s.hspi("enroll", flags, "--plan", "small", "--platform", "here", "--session", "3", "--out", path)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.err, "its number is 2")
}

func TestEnrollDryRun(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.gpubench("hspi", "enroll", "--endpoint", "http://127.0.0.1:1", "--model", "m", "--platform", "p", "--dry-run", "--out", s.path("e.jsonl"),
		"--price-prompt", "1", "--price-completion", "2")
	require.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "nothing is sent")
	assert.Regexp(t, `all +\d+ requests +up to \d+ tokens +cost up to 0\.\d*[1-9]`, o.out)
	assert.NoFileExists(t, s.path("e.jsonl"))
}

func TestEnrollRefuses(t *testing.T) {
	t.Setenv("EMPTY_KEY", "")
	t.Setenv("GOOD_KEY", "sk-0123456789")
	s := newScene(t)
	for says, args := range map[string][]string{
		"--endpoint is missing":                              {"--model", "m", "--platform", "p"},
		"--model is missing":                                 {"--endpoint", "http://127.0.0.1:1", "--platform", "p"},
		"--platform is missing":                              {"--endpoint", "http://127.0.0.1:1", "--model", "m"},
		"sessions are counted from 1":                        {"--endpoint", "http://127.0.0.1:1", "--model", "m", "--platform", "p", "--session", "0"},
		`--plan "huge": it is one of small, quick, standard`: {"--endpoint", "http://127.0.0.1:1", "--model", "m", "--platform", "p", "--plan", "huge"},
		"the environment variable EMPTY_KEY":                 {"--endpoint", "http://127.0.0.1:1", "--model", "m", "--platform", "p", "--key-env", "EMPTY_KEY"},
		"without encryption":                                 {"--endpoint", "http://example.invalid", "--model", "m", "--platform", "p", "--key-env", "GOOD_KEY"},
		"--endpoint: unusable endpoint":                      {"--endpoint", "ftp://host", "--model", "m", "--platform", "p"},
		"--max-cost needs --price-prompt":                    {"--endpoint", "http://127.0.0.1:1", "--model", "m", "--platform", "p", "--max-cost", "1"},
		"budgets, prices, rates, times and":                  {"--endpoint", "http://127.0.0.1:1", "--model", "m", "--platform", "p", "--rate", "-1"},
	} {
		o := s.gpubench(append([]string{"hspi", "enroll", "--out", s.path("refused.jsonl")}, args...)...)
		assert.Equal(t, exitUsage, o.code, "%s: %s", says, o.err)
		assert.Contains(t, o.err, says)
		assert.NoFileExists(t, s.path("refused.jsonl"))
	}
}

// TestTheKeyIsOnlySent: it is in the header, and neither in the evidence nor on
// the terminal.
func TestTheKeyIsOnlySent(t *testing.T) {
	const key = "sk-super-secret-0123456789"
	t.Setenv("API_KEY", key)
	s := newScene(t)
	seen := ""
	model := gateway.NewModel(gateway.ModelOptions{})
	flags := endpoint(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		seen = q.Header.Get("Authorization")
		model.ServeHTTP(w, q)
	}))
	path := s.path("e.jsonl")
	o := s.hspi("enroll", flags, "--plan", "small", "--platform", "p", "--key-env", "API_KEY", "--out", path)
	require.Equal(t, exitOK, o.code, o.err)
	assert.Equal(t, "Bearer "+key, seen)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.NotContains(t, string(text)+o.out+o.err, key)

	flags = endpoint(t, gateway.New(model, gateway.Options{Faults: []gateway.Fault{{Kind: gateway.EchoKey}}}))
	o = s.hspi("enroll", flags, "--plan", "small", "--platform", "p", "--key-env", "API_KEY", "--out", s.path("f.jsonl"))
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "the key is not accepted")
	text, err = os.ReadFile(s.path("f.jsonl"))
	require.NoError(t, err)
	assert.NotContains(t, string(text)+o.out+o.err, key)
	assert.Contains(t, string(text), strings.Repeat("*", len(key)), "what the server repeated is masked")
}

func TestEnrollTellsWhatFailed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	flags := endpoint(t, gateway.New(gateway.NewModel(gateway.ModelOptions{}), gateway.Options{
		Faults: []gateway.Fault{{Kind: gateway.Status, Value: "422", From: 30, Count: 1}}}))
	o := s.hspi("enroll", flags, "--platform", "p", "--out", s.path("e.jsonl"))
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "1 of")
	assert.Contains(t, o.err, "422")
}
