package enrol_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/hspi/probe"
)

// options are for a server of the test.
func options(t *testing.T, address string) enrol.Options {
	e, err := probe.ParseEndpoint(address)
	require.NoError(t, err)
	o := enrol.Options{Size: enrol.Standard, Session: 1}
	o.Endpoint, o.Model, o.Tool, o.Seed, o.Label = e, "tiny", "test", 1, "here"
	o.Timeout, o.Retry = time.Second, probe.Retry{Attempts: 2, First: time.Millisecond, Most: time.Millisecond, Patience: time.Second}
	return o
}

func serve(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// record records a session of a handler.
func record(t *testing.T, h http.Handler, path string, change ...func(*enrol.Options)) (*enrol.Recording, error) {
	o := options(t, serve(t, h))
	for _, c := range change {
		c(&o)
	}
	return enrol.Record(context.Background(), path, o)
}

func TestRecord(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "e.jsonl")
	rec, err := record(t, gateway.NewModel(gateway.ModelOptions{}), path)
	require.NoError(t, err)
	assert.Empty(t, rec.Result.Failed)
	assert.Equal(t, rec.Result.Items, rec.Result.Answered)
	assert.Len(t, rec.Result.Responses, rec.Result.Answered)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	assert.Equal(t, rec.Head, f.Summary.Head)
	assert.True(t, f.Summary.Ended)
	assert.Equal(t, rec.Result.Spent.Requests, f.Summary.Exchanges)
	series := map[string]int{}
	for _, r := range f.Responses() {
		series[r.Purpose.Series+" "+r.Purpose.Variant]++
	}
	assert.Equal(t, 12, series[plan.SeriesProbe+" "])
	assert.Equal(t, 8, series[plan.SeriesProbe+" "+plan.VariantFresh])
	assert.Equal(t, 12, series[plan.SeriesForced+" "], "answers are given back")
}

// TestSessionsSharePrompts: but for the fresh and the cold ones.
func TestSessionsSharePrompts(t *testing.T) {
	t.Parallel()
	prompts := func(session int) map[string]bool {
		path := filepath.Join(t.TempDir(), "e.jsonl")
		_, err := record(t, gateway.NewModel(gateway.ModelOptions{}), path, func(o *enrol.Options) { o.Session = session })
		require.NoError(t, err)
		f, err := evidence.Load(path)
		require.NoError(t, err)
		keys := map[string]bool{}
		for _, r := range f.Responses() {
			keys[r.Key] = true
		}
		return keys
	}
	one, two := prompts(1), prompts(2)
	var differ []string
	for key := range one {
		if !two[key] {
			differ = append(differ, key)
		}
	}
	assert.Len(t, differ, 8+3*3, "fresh; cold and twice warm")
}

// TestGoesOn: a session that was interrupted asks nothing twice.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "e.jsonl")
	g := gateway.New(gateway.NewModel(gateway.ModelOptions{}), gateway.Options{})
	address := serve(t, g)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := options(t, address)
	exchanges := 0
	o.Progress = func(e probe.Event) {
		if e.Exchange != nil && exchanges == 40 {
			cancel()
		}
		exchanges++
	}
	_, err := enrol.Record(ctx, path, o)
	require.ErrorIs(t, err, context.Canceled)
	rec, err := enrol.Record(context.Background(), path, options(t, address))
	require.NoError(t, err)
	assert.Equal(t, rec.Result.Items, rec.Result.Answered)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	assert.Len(t, f.Sessions(), 1)
	answers := map[string]int{}
	for _, rec := range f.Records {
		if rec.Exchange != nil && rec.Exchange.Answered() {
			answers[rec.Exchange.Key]++
		}
	}
	for key, n := range answers {
		assert.Equal(t, 1, n, key)
	}
}

// TestBadInput: whatever an endpoint does, the error says what, and all that came
// is in the evidence.
func TestBadInput(t *testing.T) {
	t.Parallel()
	model := func() http.Handler { return gateway.NewModel(gateway.ModelOptions{}) }
	always := func(kind gateway.FaultKind, value string) http.Handler {
		return gateway.New(model(), gateway.Options{Faults: []gateway.Fault{{Kind: kind, Value: value}}})
	}
	late := func(kind gateway.FaultKind, value string) http.Handler {
		return gateway.New(model(), gateway.Options{Faults: []gateway.Fault{{Kind: kind, Value: value, From: 40}}})
	}
	for name, c := range map[string]struct {
		handler http.Handler
		kind    error // nil: recorded to the end
		answers bool  // some prompts were answered
	}{
		"401":              {always(gateway.EchoKey, ""), probe.ErrUnauthorized, false},
		"401 late":         {late(gateway.EchoKey, ""), probe.ErrUnauthorized, true},
		"404":              {always(gateway.Status, "404"), probe.ErrNotFound, false},
		"429":              {always(gateway.RateLimit, "0"), probe.ErrRateLimited, false},
		"429, a long wait": {late(gateway.RateLimit, "3600"), probe.ErrRateLimited, true},
		"500":              {always(gateway.Status, "500"), probe.ErrServer, false},
		"500 late":         {late(gateway.Status, "503"), probe.ErrStopped, true},
		"redirect":         {always(gateway.Redirect, "http://elsewhere.invalid/v1"), nil, false},
		"empty choices":    {late(gateway.EmptyChoices, ""), probe.ErrStopped, true},
		"broken":           {late(gateway.BrokenJSON, ""), probe.ErrStopped, true},
		"page":             {always(gateway.HTML, ""), probe.ErrUnreadable, false},
		"hang":             {late(gateway.Hang, ""), probe.ErrStopped, true},
		"no logprobs":      {gateway.NewModel(gateway.ModelOptions{RefuseLogprobs: true}), nil, true},
		"NaN":              {always(gateway.NaN, ""), nil, true},
		"sentinels":        {always(gateway.Sentinels, ""), nil, true},
		"stripped":         {gateway.New(model(), gateway.Options{Strip: []string{"logprobs"}}), nil, true},
		"model changes":    {gateway.New(model(), gateway.Options{Model: "other", ModelAfter: 50}), nil, true},
		"some fail": {gateway.New(model(), gateway.Options{Faults: []gateway.Fault{{Kind: gateway.DropConnection, From: 30, Every: 9}}}),
			nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "e.jsonl")
			rec, err := record(t, c.handler, path)
			switch {
			case name == "redirect":
				var transport *probe.TransportError
				require.ErrorAs(t, err, &transport)
				assert.Equal(t, evidence.FailureRedirect, transport.Kind)
			case c.kind == nil:
				require.NoError(t, err)
			default:
				require.ErrorIs(t, err, c.kind)
			}
			f, loadErr := evidence.Load(path)
			require.NoError(t, loadErr)
			assert.True(t, f.Summary.Ended)
			assert.Equal(t, rec.Head, f.Summary.Head)
			assert.Equal(t, c.answers, rec.Result.Answered > 0)
			end := f.Records[len(f.Records)-1].End
			require.NotNil(t, end)
			assert.Equal(t, err == nil, end.Reason == "complete", end.Reason)
			assert.Positive(t, f.Summary.Exchanges)
		})
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "e.jsonl")
	rec, err := record(t, gateway.NewModel(gateway.ModelOptions{}), path, func(o *enrol.Options) { o.Budget.Requests = 50 })
	require.ErrorIs(t, err, probe.ErrBudget)
	assert.Equal(t, 50, rec.Result.Spent.Requests)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	assert.Equal(t, "budget", f.Records[len(f.Records)-1].End.Reason)
}

// TestForeignFile: what is no evidence is left as it is.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "no-evidence.txt")
	rec, err := record(t, gateway.NewModel(gateway.ModelOptions{}), path)
	require.ErrorIs(t, err, evidence.ErrBroken)
	assert.Nil(t, rec)
}

func TestPlanNeedsNobody(t *testing.T) {
	t.Parallel()
	for _, size := range enrol.Sizes() {
		o := options(t, "http://127.0.0.1:1")
		o.Size = size
		p, err := enrol.Plans(o)
		require.NoError(t, err)
		var text strings.Builder
		require.NoError(t, probe.DryRun(o.Options, p...).Text(&text))
		assert.Contains(t, text.String(), "nothing is sent")
	}
}
