package engine

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/hspi/probe"
)

// asked is a small plan's evidence from one start of the server.
func asked(t *testing.T, python, kind string) *evidence.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), kind+".jsonl")
	s, err := probe.Open(path, probe.Options{Endpoint: serve(t, python, model(t, python, kind)), Model: "tiny", Tool: "gpubench test", Seed: 7})
	require.NoError(t, err)
	c, err := s.Discover(t.Context())
	require.NoError(t, err)
	require.Equal(t, plan.Honoured, c.Completions, c)
	require.GreaterOrEqual(t, c.CompletionsLogprobs, 20)
	require.Equal(t, plan.Honoured, c.Echo)
	p, err := plan.Build(plan.Small("tiny", 7, s.ID()), c)
	require.NoError(t, err)
	res, err := s.Run(t.Context(), p)
	require.NoError(t, err)
	require.Empty(t, res.Failed)
	require.Equal(t, len(p.Items()), res.Answered)
	head, err := s.Close("complete")
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	require.Equal(t, head, f.Summary.Head)
	return f
}

// first are the chosen token's logprobs at the first position of each prompt,
// which depends on the prompt alone, as texts.
func first(t *testing.T, f *evidence.File) map[int]evidence.Number {
	t.Helper()
	all := map[int]evidence.Number{}
	for _, r := range f.Responses() {
		if r.Purpose.Series == plan.SeriesProbe && r.Purpose.Variant == "" {
			require.NotEmpty(t, r.Choices[0].Positions)
			all[r.Purpose.Prompt] = r.Choices[0].Positions[0].Logprob
		}
	}
	require.NotEmpty(t, all)
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

// A real engine repeats itself to the last digit over two starts, and each type
// of weights shows in what it answers: the coarser, the more.
func TestWeightTypesShow(t *testing.T) {
	py := python(t)
	if testing.Short() {
		t.Skip("starts six servers")
	}
	reference := first(t, asked(t, py, "f32"))
	require.Equal(t, reference, first(t, asked(t, py, "f32")), "the same platform, another session")
	d := map[string]float64{}
	for _, kind := range []string{"f16", "bf16", "q8_0", "q4_0"} {
		d[kind] = distance(t, reference, first(t, asked(t, py, kind)))
		t.Logf("%s differs from f32 by %.2g nats", kind, d[kind])
	}
	require.Positive(t, d["f16"])
	for _, middle := range []string{"bf16", "q8_0"} {
		require.Greater(t, d[middle], d["f16"])
		require.Greater(t, d["q4_0"], d[middle])
	}
}

// Its numbers are float32 in the digits of Python.
func TestNumbersAreFloat32(t *testing.T) {
	f := asked(t, python(t), "q8_0")
	n := 0
	for _, r := range f.Responses() {
		for _, c := range r.Choices {
			for _, p := range c.Positions {
				if p.Logprob.Class() != evidence.Finite {
					continue
				}
				v, err := p.Logprob.Float()
				require.NoError(t, err)
				require.Equal(t, v, float64(float32(v)), p.Logprob)
				n++
			}
		}
	}
	require.Greater(t, n, 20)
}
