package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/gateway"
)

// platforms are simulated ones that differ as real ones do: in the type of the
// head, and in errors of the weights.
func platforms() map[string]gateway.ModelOptions {
	return map[string]gateway.ModelOptions{
		"sim-bf16":      {Precision: gateway.BFloat16},
		"sim-fp16":      {Precision: gateway.Float16},
		"sim-bf16-int4": {Precision: gateway.BFloat16, Perturb: 0.05},
	}
}

// recordings are sessions of each platform, in which little noise is the session's
// own.
func (s *scene) recordings(sessions int) string {
	s.t.Helper()
	dir := s.path("recordings")
	require.NoError(s.t, os.MkdirAll(dir, 0o700))
	for name, o := range platforms() {
		for n := 1; n <= sessions; n++ {
			quantisation := "none"
			if o.Perturb > 0 {
				quantisation = "int4"
			}
			s.must(append([]string{"hspi", "enroll", "--plan", "small", "--platform", name, "--session", fmt.Sprint(n), "--quiet",
				"--label", "device=sim,precision=" + string(o.Precision) + ",quantisation=" + quantisation,
				"--out", fmt.Sprintf("%s/%s-%d.jsonl", dir, name, n)}, endpoint(s.t, lively(o, n))...)...)
		}
	}
	return dir
}

// lively mixes two kinds of errors, as batches of other requests do.
func lively(o gateway.ModelOptions, seed int) http.Handler {
	other := o
	other.Perturb = max(o.Perturb, 1e-4)
	return gateway.New(gateway.NewModel(o), gateway.Options{Seed: uint64(seed), Other: gateway.NewModel(other), OtherShare: 0.2})
}

func TestTrainAndExplain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	recordings := s.recordings(3)
	profile := s.path("profile.json.zst")
	o := s.must("hspi", "train", recordings, "--out", profile, "--report", s.path("evaluation"), "--claims", "2", "--json", "--quiet")
	assert.Contains(t, o.err, "3 platforms, 9 sessions")
	assert.FileExists(t, s.path("evaluation/report.html"))
	assert.FileExists(t, s.path("evaluation/platforms-confusion.png"))
	assertJSON(t, o.out)
	var all evaluation
	require.NoError(t, json.Unmarshal([]byte(o.out), &all))
	assert.InDelta(t, 1, all.Ways["precision_quantisation"].BalancedAccuracy.Value, 0.01)
	assert.Equal(t, 3, all.Ways["platforms"].Classes)
	assert.Zero(t, all.Claims.True[decide.Contradicted])
	assert.NotZero(t, all.Claims.True[decide.Consistent])
	assert.NotZero(t, all.Claims.False[decide.Contradicted])

	o = s.must("hspi", "explain", recordings+"/sim-bf16-int4-1.jsonl", "--profile", profile, "--between", "sim-bf16-int4,sim-bf16")
	assert.Regexp(t, `(?m)^  .*bf16`, o.out)
	assert.Regexp(t, `sim-bf16-int4 +0\.[5-9]`, o.out)
	assert.Contains(t, o.out, "FOR sim-bf16-int4 AGAINST sim-bf16")
	o = s.must("hspi", "explain", recordings+"/sim-fp16-1.jsonl", "--json")
	assertJSON(t, o.out)

	o = s.gpubench("hspi", "explain", recordings+"/sim-fp16-1.jsonl", "--profile", profile, "--between", "sim-fp16,other")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.err, `no platform "other"; it has`)
}

func TestTrainLeavesOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	recordings := s.recordings(3)
	o := s.must("hspi", "train", recordings, "--out", s.path("p.json"), "--without-session", "3")
	assert.Contains(t, o.out, "3 platforms, 6 sessions")
	o = s.gpubench("hspi", "train", recordings, "--out", s.path("p.json"), "--without-session", "2,3")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.err, "two are needed")
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for says, args := range map[string][]string{
		"FILE is missing":        {},
		"no recorded sessions":   {t.TempDir()},
		"are for --report":       {t.TempDir(), "--unknown"},
		"no such file":           {s.path("nowhere")},
		"does not end in a hash": {s.put("bad.jsonl", "{}\n")},
	} {
		o := s.gpubench(append([]string{"hspi", "train", "--out", s.path("p.json")}, args...)...)
		assert.Equal(t, exitUsage, o.code, says)
		assert.Contains(t, o.err, says)
		assert.NoFileExists(t, s.path("p.json"))
	}
}
