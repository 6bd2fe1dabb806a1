package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/verify"
)

// served is a simulated model behind a gateway.
func served(p gateway.Precision, o gateway.Options) http.Handler {
	return gateway.New(gateway.NewModel(gateway.ModelOptions{Precision: p}), o)
}

// verdict reads what --json printed.
func verdict(t *testing.T, o outcome) *verify.Result {
	t.Helper()
	var keys map[string]any
	require.NoError(t, json.Unmarshal([]byte(o.out), &keys), o.out)
	for _, f := range keys["findings"].([]any) {
		delete(f.(map[string]any), "words") // whose keys are names of labels
	}
	assertKeys(t, keys)
	var r verify.Result
	require.NoError(t, json.Unmarshal([]byte(o.out), &r), o.out)
	return &r
}

func TestVerify(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	flags := endpoint(t, served(gateway.BFloat16, gateway.Options{}))
	dir := s.path("v")
	o := s.hspi("verify", flags, "--plan", "small", "--claim", "bf16", "--out", dir)
	require.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "CONSISTENT")
	assert.FileExists(t, filepath.Join(dir, "report.html"))

	o = s.hspi("verify", nil, "--evidence", filepath.Join(dir, evidenceName), "--claim", "fp16-tp2", "--json")
	assert.Equal(t, exitContradicted, o.code, o.err)
	r := verdict(t, o)
	assert.Equal(t, "fp16-tp2", r.Claim)
	require.Len(t, r.Findings, 2)
	assert.Equal(t, "bf16", r.Findings[0].Found)
	assert.NotEmpty(t, r.Findings[1].Evidence)
	assert.Contains(t, o.err, "contradicts the claimed precision")

	o = s.hspi("verify", nil, "--evidence", filepath.Join(dir, evidenceName), "--claim", "bf16-vllm")
	assert.Equal(t, exitInconclusive, o.code, "what was not tested is no pass")
	o = s.hspi("verify", nil, "--evidence", filepath.Join(dir, evidenceName), "--claim", "bf16-vllm", "--tested-only")
	assert.Equal(t, exitOK, o.code, o.err)
}

func TestVerifyRefuses(t *testing.T) {
	t.Setenv("GPUBENCH_TEST_VERIFY_KEY", "sk-9876543210fedcba")
	s := newScene(t)
	for says, args := range map[string][]string{
		"--claim is missing":     {"--endpoint", "http://127.0.0.1:1", "--model", "m"},
		`did you mean "bf16"`:    {"--endpoint", "http://127.0.0.1:1", "--model", "m", "--claim", "h100-bf17"},
		"without encryption":     {"--endpoint", "http://192.0.2.1", "--model", "m", "--claim", "bf16", "--key-env", "GPUBENCH_TEST_VERIFY_KEY"},
		"not the key itself":     {"--endpoint", "http://127.0.0.1:1", "--model", "m", "--claim", "bf16", "--key-env", "sk-0123456789abcdef"},
		"has a query":            {"--endpoint", "https://h/v1?key=sk-0123456789abcdef", "--model", "m", "--claim", "bf16"},
		"a user name or pass":    {"--endpoint", "https://me:sk-0123456789abcdef@h/v1", "--model", "m", "--claim", "bf16"},
		"--endpoint is missing":  {"--claim", "bf16"},
		"asks nobody":            {"--claim", "bf16", "--evidence", "e.jsonl", "--endpoint", "http://127.0.0.1:1"},
		"no such file":           {"--claim", "bf16", "--evidence", s.path("nowhere.jsonl")},
		"does not end in a hash": {"--claim", "bf16", "--evidence", s.put("broken.jsonl", "{}\n")},
	} {
		o := s.gpubench(append([]string{"hspi", "verify", "--out", s.path("refused")}, args...)...)
		assert.Equal(t, exitUsage, o.code, "%s: %s", says, o.err)
		assert.Contains(t, o.err, says)
		assert.NoDirExists(t, s.path("refused"))
		assert.NotContains(t, o.err+o.out, "0123456789abcdef", "a key in the wrong place is not repeated")
	}
}

// TestVerifyBadInput: whatever the endpoint does, there is a verdict that says
// why, and all that came is in the evidence.
func TestVerifyBadInput(t *testing.T) {
	t.Parallel()
	always := func(kind gateway.FaultKind, value string) http.Handler {
		return served(gateway.BFloat16, gateway.Options{Faults: []gateway.Fault{{Kind: kind, Value: value}}})
	}
	late := func(kind gateway.FaultKind, value string) http.Handler {
		return served(gateway.BFloat16, gateway.Options{Faults: []gateway.Fault{{Kind: kind, Value: value, From: 15}}})
	}
	for name, c := range map[string]struct {
		handler http.Handler
		code    int
		says    string
	}{
		"key refused":     {always(gateway.EchoKey, ""), exitNotTestable, "the key is not accepted"},
		"no such model":   {always(gateway.Status, "404"), exitNotTestable, "404"},
		"rate limit":      {always(gateway.RateLimit, "3600"), exitNotTestable, "429"},
		"redirect":        {always(gateway.Redirect, "http://elsewhere.invalid/v1"), exitNotTestable, "redirect"},
		"server error":    {always(gateway.Status, "500"), exitNotTestable, "status 500"},
		"loading":         {always(gateway.Status, "503"), exitNotTestable, "still loading"},
		"hangs":           {always(gateway.Hang, ""), exitNotTestable, "no answer in time"},
		"hangs in body":   {always(gateway.HangInBody, ""), exitNotTestable, "no answer in time"},
		"drops":           {always(gateway.DropConnection, ""), exitNotTestable, "ended too early"},
		"broken JSON":     {always(gateway.BrokenJSON, ""), exitNotTestable, "cannot be read"},
		"cut stream":      {always(gateway.CutStream, ""), exitNotTestable, "cannot be read"},
		"empty body":      {always(gateway.EmptyBody, ""), exitNotTestable, "cannot be read"},
		"error in a 200":  {always(gateway.ErrorIn200, ""), exitNotTestable, "upstream is overloaded"},
		"page":            {always(gateway.HTML, ""), exitNotTestable, "cannot be read"},
		"empty choices":   {always(gateway.EmptyChoices, ""), exitNotTestable, "choices"},
		"refused":         {gateway.NewModel(gateway.ModelOptions{RefuseLogprobs: true}), exitNotTestable, "logprobs"},
		"ignored":         {gateway.NewModel(gateway.ModelOptions{IgnoreLogprobs: true}), exitNotTestable, "logprobs"},
		"stripped":        {served(gateway.BFloat16, gateway.Options{Strip: []string{"logprobs"}}), exitNotTestable, "logprobs"},
		"NaN":             {always(gateway.NaN, ""), exitNotTestable, "logprobs"},
		"infinity":        {always(gateway.Infinity, ""), exitNotTestable, "logprobs"},
		"sentinels":       {always(gateway.Sentinels, ""), exitNotTestable, "logprobs"},
		"model changes":   {served(gateway.BFloat16, gateway.Options{Model: "other", ModelAfter: 15}), exitNotTestable, "changed in mid-run"},
		"key lost late":   {late(gateway.EchoKey, ""), exitOK, "ended early"},
		"quota late":      {late(gateway.RateLimit, "3600"), exitOK, "ended early"},
		"cut off late":    {late(gateway.CutJSON, ""), exitOK, "ends too early"},
		"hangs late":      {late(gateway.Hang, ""), exitOK, "no answer in time"},
		"drops late":      {late(gateway.DropConnection, ""), exitOK, "ended too early"},
		"server late":     {late(gateway.Status, "502"), exitOK, "status 502"},
		"rounding to 4":   {served(gateway.BFloat16, gateway.Options{Decimals: 4}), exitOK, "bf16"},
		"rounding to 1":   {served(gateway.BFloat16, gateway.Options{Decimals: 1}), exitNotTestable, "decimals"},
		"caching":         {served(gateway.BFloat16, gateway.Options{Cache: true}), exitOK, "they were stored"},
		"two heads":       {served(gateway.BFloat16, gateway.Options{Other: gateway.NewModel(gateway.ModelOptions{Precision: gateway.Float16}), OtherShare: 0.5}), exitContradicted, "more than one kind of backend"},
		"noise":           {served(gateway.BFloat16, gateway.Options{Noise: 0.1}), exitNotTestable, "noise was added"},
		"two of the same": {served(gateway.BFloat16, gateway.Options{Other: gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16}), OtherShare: 0.5}), exitOK, "bf16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			dir := s.path("v")
			o := s.hspi("verify", endpoint(t, c.handler), "--plan", "quick", "--attempts", "1", "--timeout", "2s", "--claim", "bf16", "--profile", "none", "--out", dir, "--json", "--quiet")
			assert.Equal(t, c.code, o.code, o.out+o.err)
			assert.Contains(t, o.out, c.says)
			r := verdict(t, o)
			require.Len(t, r.Findings, 1)
			assert.NotEmpty(t, r.Findings[0].Evidence)
			f, err := evidence.Load(filepath.Join(dir, evidenceName))
			require.NoError(t, err)
			assert.True(t, f.Summary.Ended)
			assert.Equal(t, r.Head, f.Summary.Head)
			assert.Positive(t, f.Summary.Exchanges)
		})
	}
}

// TestVerifyTLS: a certificate that nobody vouches for ends the run before anything
// is asked.
func TestVerifyTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(served(gateway.BFloat16, gateway.Options{}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	s := newScene(t)
	o := s.gpubench("hspi", "verify", "--endpoint", server.URL, "--model", "tiny", "--claim", "bf16", "--attempts", "1", "--out", s.path("v"))
	assert.Equal(t, exitNotTestable, o.code, o.err)
	assert.Contains(t, o.out, "certificate")
}

// TestVerifyGoesOn: an interrupted run says how to go on, and asks nothing twice.
func TestVerifyGoesOn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	model, n := gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16}), 0
	flags := endpoint(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if n++; n == 20 {
			cancel()
		}
		model.ServeHTTP(w, q)
	}))
	s.ctx = ctx
	o := s.hspi("verify", flags, "--plan", "small", "--claim", "bf16", "--out", s.path("v"))
	require.Equal(t, exitInterrupted, o.code, o.out+o.err)
	assert.Contains(t, o.err, "--out "+s.path("v"))
	s.ctx = context.Background()
	o = s.hspi("verify", flags, "--plan", "small", "--claim", "bf16", "--out", s.path("v"))
	require.Equal(t, exitOK, o.code, o.err)
	text, err := os.ReadFile(filepath.Join(s.path("v"), evidenceName))
	require.NoError(t, err)
	assert.Contains(t, string(text), "the session goes on")
}
