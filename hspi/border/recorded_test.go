package border_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/border"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
)

// recorded is the set made on an H200, and the sessions that answered it.
func recorded(t *testing.T) (*border.Set, []border.Session) {
	t.Helper()
	s, err := border.Load("recorded/h200.json.zst")
	require.NoError(t, err)
	files, err := enrol.Load("recorded/h200")
	require.NoError(t, err)
	sessions, without, err := s.Sessions(files)
	require.NoError(t, err)
	require.Empty(t, without)
	require.Len(t, sessions, 156)
	return s, sessions
}

// TestRecorded: what the README of the recordings says, and what must be reached.
func TestRecorded(t *testing.T) {
	s, sessions := recorded(t)
	t.Run("unsteady", func(t *testing.T) { unsteady(t, sessions) })
	t.Run("evaluate", func(t *testing.T) { evaluate(t, s, sessions) })
	t.Run("prompts", func(t *testing.T) { growth(t, s, sessions) })
	t.Run("shuffled", func(t *testing.T) { shuffled(t, s, sessions) })
}

func unsteady(t *testing.T, sessions []border.Session) {
	some := map[string]int{}
	for id, n := range border.Unsteady(sessions) {
		if n > 0 {
			some[id] = n
		}
	}
	assert.Equal(t, map[string]int{"h200-fp8-tensor": 81, "h200-tf32-eager": 60, "h200-bf16-jax": 8}, some)
}

func evaluate(t *testing.T, s *border.Set, sessions []border.Session) {
	// Under the race detector with the first prompts only; the figures are the same.
	s, sessions = s.First(hspitest.Fewer(160, 40), sessions)
	e, err := s.Evaluate(sessions, border.EvaluationOptions{Alpha: 0.01, Seed: 1, Unknown: true})
	require.NoError(t, err)
	assert.InDelta(t, 22./24, e.Platforms.Value, 1e-9)
	assert.InDelta(t, 1, e.Classes.Low, 1e-9)
	assert.Equal(t, map[string]int{"h200-fp32-efficient as h200-fp32-eager": 6, "h200-fp32-jax as h200-fp32-eager": 6}, e.Confused)
	for _, p := range e.Pairs {
		if p.Prompts > 0 {
			assert.Equal(t, [2]int{p.Sessions, p.Sessions}, [2]int{p.Published, p.Ours}, p.A+" "+p.B)
		}
	}
	assert.InDelta(t, 0.991, e.Published.Value, 0.001)
	assert.InDelta(t, e.Published.Value, e.Ours.Value, 1e-9, "no better than the published decision")
	assert.Zero(t, e.True[decide.Contradicted])
	assert.Zero(t, e.False[decide.Consistent])
	assert.Equal(t, 3828, e.False[decide.Contradicted])
	assert.Equal(t, 36, e.False[decide.Inconclusive], "the three on fp32 of each other")
	assert.Equal(t, 138, e.Unknown.Refused, "all but the three on fp32, which answer like each other")
	assert.LessOrEqual(t, e.Unknown.Known, 1)
	assert.GreaterOrEqual(t, e.Unknown.Area, 0.9)
	assert.Contains(t, e.String(), "138 of 156 sessions")
}

// growth: twenty prompts tell precision and quantisation, ten do not yet.
func growth(t *testing.T, s *border.Set, sessions []border.Session) {
	for _, tt := range []struct {
		prompts            int
		platforms, classes float64
	}{{20, 0.917, 1}, {10, 0.868, 0.9}}[:hspitest.Fewer(2, 1)] {
		few, of := s.First(tt.prompts, sessions)
		e, err := few.Evaluate(of, border.EvaluationOptions{Alpha: 0.01, Seed: 1})
		require.NoError(t, err)
		assert.InDelta(t, tt.platforms, e.Platforms.Value, 0.001, tt.prompts)
		assert.InDelta(t, tt.classes, e.Classes.Value, 0.001, tt.prompts)
		assert.Zero(t, e.True[decide.Contradicted], tt.prompts)
	}
}

// shuffled: where platforms say nothing about answers, nothing is recognised.
func shuffled(t *testing.T, s *border.Set, sessions []border.Session) {
	few, of := s.First(20, sessions)
	for i := range few.Prompts {
		few.Prompts[i].Answers = nil // they tell the true platforms
	}
	sum, runs := 0.0, hspitest.Fewer(4, 1)
	for seed := range runs {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		mixed := append([]border.Session(nil), of...)
		random.Shuffle(len(mixed), func(i, j int) { mixed[i].Said, mixed[j].Said = mixed[j].Said, mixed[i].Said })
		e, err := few.Evaluate(mixed, border.EvaluationOptions{Alpha: 0.01, Seed: 1})
		require.NoError(t, err)
		sum += e.Platforms.Value
	}
	assert.Less(t, sum/float64(runs), 0.1, "chance is 1 of 24")
}
