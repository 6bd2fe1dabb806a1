package verify_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
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
func recorded(t *testing.T, h http.Handler) *evidence.File { return session(t, h, enrol.Small) }

func session(t *testing.T, h http.Handler, size enrol.Size) *evidence.File {
	t.Helper()
	return hspitest.Enrol(t, h, "tiny", size)
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
	assert.Empty(t, down.Features)
}

func simulated(p gateway.Precision, perturb float64) http.Handler {
	return gateway.NewModel(gateway.ModelOptions{Precision: p, Perturb: perturb})
}

// Backends with heads of two types are found, and contradict a claim of either, and
// a balancer that keeps connections together shows between connections.
func TestMixtures(t *testing.T) {
	two := gateway.New(simulated(gateway.BFloat16, 0), gateway.Options{Seed: 1, Other: simulated(gateway.Float16, 0), OtherShare: 0.5})
	f := session(t, two, enrol.Quick)
	for _, claimed := range []string{"bf16", "fp16"} {
		r := verify.Judge(f, said(t, claimed), nil, decide.Options{})
		assert.Equal(t, decide.Contradicted, r.Verdict, claimed)
		assert.Contains(t, r.Findings[0].Evidence[0], "more than one kind of backend")
		assert.Contains(t, r.Noticed[0], "more than one kind of backend")
	}

	const connections = "repeats over one connection and others"
	one := verify.Judge(session(t, simulated(gateway.BFloat16, 0), enrol.Standard), said(t, "bf16"), nil, decide.Options{})
	assert.InDelta(t, 0, one.Features.Get(connections).Number, 0)
	assert.Empty(t, one.Noticed)
	sticky := gateway.New(simulated(gateway.BFloat16, 0), gateway.Options{Seed: 2, Other: simulated(gateway.BFloat16, 0.5), OtherShare: 0.5, Sticky: true})
	r := verify.Judge(session(t, sticky, enrol.Standard), said(t, "bf16"), nil, decide.Options{})
	v := r.Features.Get(connections)
	require.True(t, v.Available(), v.Missing)
	assert.Greater(t, v.Number, 0.2, v.Words)
	assert.Equal(t, decide.Consistent, r.Verdict, "both are bf16")
}

// A cache in between is told by the ids of its answers.
func TestStoredAnswers(t *testing.T) {
	r := verify.Judge(session(t, gateway.New(simulated(gateway.BFloat16, 0), gateway.Options{Cache: true}), enrol.Standard), said(t, "bf16"), nil, decide.Options{})
	assert.Contains(t, r.Noticed[0], "they were stored")
	assert.Contains(t, r.Limits[0], "stored answers")
}

// The own-load curve, cold and warm cache, prefill against decode, repeats and
// connections are asked for, read, and shown by the report.
func TestTheReportShowsWhatAnswersTell(t *testing.T) {
	var page bytes.Buffer
	r := verify.Judge(session(t, simulated(gateway.BFloat16, 0), enrol.Standard), said(t, "bf16"), nil, decide.Options{})
	require.NoError(t, r.Page().HTML(&page))
	for _, name := range []string{"logit grid", "temperature point", "distinct answers", "repeats over one connection and others", "types of head",
		"cold against warm prefix", "alone against under load", "decode against prefill", "stored answers"} {
		assert.True(t, r.Features.Get(name).Available(), name)
		assert.Contains(t, page.String(), "<td>"+name+"</td>")
	}
	assert.Contains(t, page.String(), "mean by load: load=1")
	for _, row := range []string{"<td>echo</td><td>honoured</td>", "<td>completions_logprobs</td><td>128</td>", "<td>seed</td><td>honoured</td>",
		"<td>prompt_logprobs</td><td>honoured</td>", "<td>token_ids</td><td>honoured</td>", "<td>system_fingerprint</td><td>gateway-1</td>"} {
		assert.Contains(t, page.String(), row)
	}
	var text bytes.Buffer
	require.NoError(t, r.Text(&text))
	assert.Contains(t, text.String(), "which is no evidence\n  - owned_by: gateway")
	refused := verify.Judge(session(t, gateway.NewModel(gateway.ModelOptions{MaxLogprobs: 13}), enrol.Small), said(t, "bf16"), nil, decide.Options{})
	assert.Contains(t, refused.Abilities, verify.Fact{Name: "completions-logprobs=128 refused", Value: "Requested sample logprobs of 128, which is greater than max allowed: 13"})
}

// What interrupted a session that then went on is past.
func TestOnlyTheLastEndIsNoticed(t *testing.T) {
	f := recorded(t, simulated(gateway.BFloat16, 0))
	id := f.Sessions()[0].Session
	cut := &evidence.Record{Kind: evidence.KindEnd, Session: id, End: &evidence.End{Reason: "interrupted"}}
	early := *f
	early.Records = append([]*evidence.Record{f.Records[0], cut}, f.Records...)
	assert.Empty(t, verify.Judge(&early, said(t, "bf16"), nil, decide.Options{}).Noticed)
	late := *f
	late.Records = append(f.Records[:len(f.Records):len(f.Records)], cut)
	assert.Equal(t, []string{"the session ended early: interrupted"}, verify.Judge(&late, said(t, "bf16"), nil, decide.Options{}).Noticed)
}
