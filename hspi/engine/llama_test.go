package engine

import (
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/hspi/probe"
	"github.com/gpubench/gpubench/hspi/verify"
)

// platform is a type of weights and three sessions of it, each of a server of its own.
type platform struct {
	name     string
	labels   map[string]string
	claim    string // what is true of it
	sessions []*evidence.File
	// abilities are what the first session found out.
	abilities plan.Capabilities
}

// platforms are all types. The precision of quantised weights has no name, so their
// label is left out.
func platforms() []*platform {
	return []*platform{
		{name: "f32", claim: "fp32-unquantised", labels: map[string]string{"quantisation": "none", "precision": "fp32"}},
		{name: "f16", claim: "fp16-unquantised", labels: map[string]string{"quantisation": "none", "precision": "fp16"}},
		{name: "bf16", claim: "bf16-unquantised", labels: map[string]string{"quantisation": "none", "precision": "bf16"}},
		{name: "q8_0", claim: "q8", labels: map[string]string{"quantisation": "q8_0"}},
		{name: "q4_0", claim: "q4", labels: map[string]string{"quantisation": "q4_0"}},
	}
}

// gguf makes the tiny model of a type.
func gguf(t *testing.T, python, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny-"+kind+".gguf")
	out, err := exec.CommandContext(t.Context(), python, "testdata/make_gguf.py", kind, path).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func llama(t *testing.T, python, path string) *server {
	t.Helper()
	return serve(t, python, "testdata/llama_server.py", path, "tiny")
}

// TestLlamaServer starts llama.cpp's server fifteen times: three sessions of each
// type of weights.
func TestLlamaServer(t *testing.T) {
	py := python(t, "gguf, xllamacpp")
	if testing.Short() {
		t.Skip("starts fifteen servers")
	}
	all := platforms()
	for _, p := range all {
		path := gguf(t, py, p.name)
		for i := range 3 {
			s := llama(t, py, path)
			rec, f := record(t, options(s, "tiny", i+1))
			s.stop()
			p.sessions = append(p.sessions, f)
			if i == 0 {
				p.abilities = rec.Capabilities
			}
		}
	}
	t.Run("abilities", func(t *testing.T) { testAbilities(t, all) })
	t.Run("numbers are float32", func(t *testing.T) { testNumbers(t, all) })
	t.Run("weights show", func(t *testing.T) { testWeightsShow(t, all) })
	t.Run("the head cannot be told", func(t *testing.T) { testHead(t, all) })
	t.Run("verify", func(t *testing.T) { testVerify(t, all) })
	t.Run("a type that is not enrolled", func(t *testing.T) { testUnknown(t, all) })
}

// testAbilities: what this server can do, and what it takes and ignores.
func testAbilities(t *testing.T, all []*platform) {
	for _, p := range all {
		c := p.abilities
		for name, a := range map[string]plan.Ability{"chat": c.Chat, "completions": c.Completions, "seed": c.Seed, "n": c.N, "logit_bias": c.LogitBias, "stream": c.Stream} {
			assert.Equal(t, plan.Honoured, a, "%s: %s", p.name, name)
		}
		assert.Equal(t, plan.Ignored, c.Echo, p.name)
		assert.GreaterOrEqual(t, c.ChatLogprobsGot, 20, p.name)
		assert.GreaterOrEqual(t, c.CompletionsLogprobsGot, 20, p.name)
		assert.Equal(t, 2048, c.MaxModelLen, p.name)
		assert.Equal(t, "llamacpp", c.Declared["owned_by"], p.name)
	}
}

// testNumbers: each logprob is a float32 in all its digits.
func testNumbers(t *testing.T, all []*platform) {
	n := 0
	for _, p := range all {
		for _, r := range p.sessions[0].Responses() {
			for _, c := range r.Choices {
				for _, at := range c.Positions {
					v, err := at.Logprob.Float()
					require.NoError(t, err)
					require.Equal(t, v, float64(float32(v)), at.Logprob)
					n++
				}
			}
		}
	}
	assert.Greater(t, n, 1000)
}

// first are the chosen token's logprobs at the first position of each prompt that
// all sessions share, as texts.
func first(t *testing.T, f *evidence.File) map[int]evidence.Number {
	t.Helper()
	all := map[int]evidence.Number{}
	for _, r := range f.Responses() {
		if r.Purpose.Series == plan.SeriesProbe && r.Purpose.Variant == "" {
			require.NotEmpty(t, r.Choices[0].Positions)
			all[r.Purpose.Prompt] = r.Choices[0].Positions[0].Logprob
		}
	}
	require.GreaterOrEqual(t, len(all), 10)
	return all
}

// distance is the mean difference of logprobs, in nats.
func distance(t *testing.T, a, b map[int]evidence.Number) float64 {
	t.Helper()
	sum := 0.0
	for prompt := range a {
		x, err := a[prompt].Float()
		require.NoError(t, err)
		y, err := b[prompt].Float()
		require.NoError(t, err)
		sum += math.Abs(x - y)
	}
	return sum / float64(len(a))
}

// testWeightsShow: an engine repeats itself to the last digit over two starts, and
// the coarser the weights, the farther it is from exact ones.
func testWeightsShow(t *testing.T, all []*platform) {
	exact := first(t, all[0].sessions[0])
	d := map[string]float64{}
	for _, p := range all {
		require.Equal(t, first(t, p.sessions[0]), first(t, p.sessions[1]), p.name)
		d[p.name] = distance(t, exact, first(t, p.sessions[0]))
		t.Logf("%s differs from f32 by %.2g nats", p.name, d[p.name])
	}
	assert.Positive(t, d["f16"])
	for _, middle := range []string{"bf16", "q8_0"} {
		assert.Greater(t, d[middle], d["f16"])
		assert.Greater(t, d["q4_0"], d[middle])
	}
}

// testHead: llama.cpp computes logits in float32 whatever the weights are, so the
// grid must decide nothing, and say so.
func testHead(t *testing.T, all []*platform) {
	for _, p := range all {
		for _, said := range []string{"fp32", "bf16"} {
			d := judge(t, p.sessions[2], said, nil)
			assert.Equal(t, decide.Inconclusive, d.Verdict, "%s, claimed %s", p.name, said)
			require.Len(t, d.Findings, 1)
			assert.Empty(t, d.Findings[0].Found)
			assert.Contains(t, d.Findings[0].Evidence[0], "the logits lie on no grid of 16-bit numbers")
		}
	}
}

// testVerify: by two sessions of each type, the third is consistent with what it is,
// and contradicts what the others are.
func testVerify(t *testing.T, all []*platform) {
	profile := train(t, all...)
	for _, p := range all {
		for _, q := range all {
			want := decide.Contradicted
			if p == q {
				want = decide.Consistent
			}
			d := judge(t, p.sessions[2], q.claim, profile)
			assert.Equal(t, want, d.Verdict, "%s, claimed %s: %+v", p.name, q.claim, d.Findings)
		}
	}
}

// testUnknown: a type that the profile lacks is like none that it has, so nothing is
// confirmed.
func testUnknown(t *testing.T, all []*platform) {
	for _, left := range []string{"bf16", "q4_0"} {
		at := slices.IndexFunc(all, func(p *platform) bool { return p.name == left })
		profile := train(t, slices.Concat(all[:at], all[at+1:])...)
		for _, said := range []string{"unquantised", "q8"} {
			d := judge(t, all[at].sessions[2], said, profile)
			assert.Equal(t, decide.Inconclusive, d.Verdict, "%s, claimed %s: %+v", left, said, d.Findings)
			assert.Greater(t, d.Unknown, 0.5, left)
		}
	}
}

// TestServerStops: a server that goes away in mid-session ends it with an error, and
// what it answered before is kept and judged.
func TestServerStops(t *testing.T) {
	py := python(t, "gguf, xllamacpp")
	s := llama(t, py, gguf(t, py, "q8_0"))
	o := options(s, "tiny", 1)
	o.Retry.Attempts = 1
	answered := 0
	o.Progress = func(probe.Event) {
		if answered++; answered == 40 {
			s.stop()
		}
	}
	path := filepath.Join(t.TempDir(), "evidence.jsonl")
	_, err := enrol.Record(t.Context(), path, o)
	var refused *probe.TransportError
	require.ErrorAs(t, err, &refused)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	assert.Greater(t, len(f.Responses()), 10)
	c, err := claim.Parse("bf16", nil)
	require.NoError(t, err)
	r := verify.Judge(f, c, nil, decide.Options{})
	assert.Equal(t, decide.Inconclusive, r.Verdict, r.Why)
	require.NotEmpty(t, r.Noticed)
	assert.Contains(t, r.Noticed[len(r.Noticed)-1], "the session ended early: failed: ")
}
