package verify_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/probe"
	"github.com/gpubench/gpubench/hspi/verify"
)

func findings(verdicts ...decide.Verdict) []decide.Finding {
	parts := claim.Parts()
	var all []decide.Finding
	for i, v := range verdicts {
		all = append(all, decide.Finding{Part: parts[i], Claimed: "x", Verdict: v})
	}
	return all
}

func TestOverall(t *testing.T) {
	const c, x, i, n = decide.Consistent, decide.Contradicted, decide.Inconclusive, decide.NotTestable
	for _, tt := range []struct {
		parts []decide.Verdict
		want  decide.Verdict
		says  string
	}{
		{[]decide.Verdict{c, c}, c, "all that is claimed"},
		{[]decide.Verdict{c, n}, i, "consistent in device, but precision could not be decided"},
		{[]decide.Verdict{c, x, n, i}, x, "contradicts the claimed precision"},
		{[]decide.Verdict{n, n}, n, "nothing of the claim"},
		{[]decide.Verdict{n, i}, i, "neither for nor against"},
		{nil, n, "nothing of the claim"},
	} {
		got, why := verify.Overall(findings(tt.parts...))
		assert.Equal(t, tt.want, got, tt.parts)
		assert.Contains(t, why, tt.says)
	}
}

func TestTested(t *testing.T) {
	r := &verify.Result{Findings: findings(decide.Consistent, decide.NotTestable), Verdict: decide.Inconclusive}
	assert.Equal(t, decide.Consistent, r.Tested().Verdict)
	assert.Len(t, r.Tested().Findings, 2, "what was left out is still shown")
	nothing := &verify.Result{Findings: findings(decide.NotTestable), Verdict: decide.NotTestable}
	assert.Equal(t, decide.NotTestable, nothing.Tested().Verdict)
}

// recorded is a small session of a handler.
func recorded(t *testing.T, h http.Handler) *evidence.File {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	e, err := probe.ParseEndpoint(server.URL)
	require.NoError(t, err)
	o := enrol.Options{Size: enrol.Small}
	o.Endpoint, o.Model, o.Tool, o.Seed, o.Retry.Attempts = e, "tiny", "test", 1, 1
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, recordErr := enrol.Record(context.Background(), path, o)
	f, err := evidence.Load(path)
	require.NoError(t, err, recordErr)
	return f
}

func said(t *testing.T, text string) claim.Claim {
	c, err := claim.Parse(text, nil)
	require.NoError(t, err)
	return c
}

func TestJudge(t *testing.T) {
	f := recorded(t, gateway.NewModel(gateway.ModelOptions{Precision: gateway.Float16}))
	r := verify.Judge(f, said(t, "bf16-tp2"), nil, decide.Options{})
	assert.Equal(t, decide.Contradicted, r.Verdict)
	assert.Equal(t, "tiny", r.Model)
	assert.Equal(t, f.Summary.Head, r.Head)
	assert.Positive(t, r.Answered)
	var text, page bytes.Buffer
	require.NoError(t, r.Text(&text))
	assert.Contains(t, text.String(), "verdict   CONTRADICTED")
	require.NoError(t, r.Page().HTML(&page))
	assert.Contains(t, page.String(), `class="verdict bad"`)
	assert.Contains(t, page.String(), r.Head)
}

func TestJudgeOfNothing(t *testing.T) {
	empty := verify.Judge(&evidence.File{}, said(t, "bf16"), nil, decide.Options{})
	assert.Equal(t, decide.NotTestable, empty.Verdict)
	assert.Contains(t, empty.Findings[0].Evidence[0], "nothing was asked")
	down := verify.Judge(recorded(t, http.NotFoundHandler()), said(t, "bf16"), nil, decide.Options{})
	assert.Equal(t, decide.NotTestable, down.Verdict)
	assert.Contains(t, down.Findings[0].Evidence[0], "404")
	assert.NotEmpty(t, down.Noticed)
}
