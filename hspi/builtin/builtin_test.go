package builtin_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/builtin"
	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/verify"
)

// lab is where the profile's platforms were recorded.
var lab = hspitest.NewLab(hspitest.Recorded, "h200", "h100", "cpu")

// heldOut are the sessions that the profile was not trained on, one of each
// platform that has it; of every fourth platform with the race detector.
func heldOut(t *testing.T, p *model.Profile) []hspitest.Recording {
	t.Helper()
	number, err := strconv.Atoi(builtin.HeldOut)
	require.NoError(t, err)
	var all []hspitest.Recording
	for i, q := range p.Platforms {
		if i%hspitest.Fewer(1, 4) == 0 {
			all = append(all, lab.Recorded(t, q.Name, number)...)
		}
	}
	return all
}

// TestHeldOutSessions: the profile knows each platform by a session that it was not
// trained on. Platforms that differ in load only count as one.
func TestHeldOutSessions(t *testing.T) {
	p, err := builtin.Profile()
	require.NoError(t, err)
	sessions, refused := heldOut(t, p), 0
	for _, s := range sessions {
		r := p.Classify(s.Answers)
		best := r.Scores[0].Platform
		if told, cpu := best.Labels["device"], strings.HasPrefix(s.Labels["device"], "cpu"); cpu { // an H100 and an H200 answer the same
			assert.Equal(t, s.Labels["device"], told, "%s session %s", s.Platform, s.Number)
		} else {
			assert.NotContains(t, told, "cpu", "%s session %s", s.Platform, s.Number)
		}
		for _, name := range []string{"precision", "head", "quantisation", "kv", "attention", "engine", "tp"} {
			assert.Equal(t, s.Labels[name], best.Labels[name], "%s session %s: %s", s.Platform, s.Number, name)
		}
		if r.Unknown > 0.5 {
			refused++
			t.Logf("%s session %s is refused, probability of an unknown platform %.2f", s.Platform, s.Number, r.Unknown)
		}
	}
	assert.GreaterOrEqual(t, len(sessions), hspitest.Fewer(50, 12))
	assert.LessOrEqual(t, refused, len(sessions)/20)
}

// TestAnotherModel: of a model that the profile does not know, nothing is said that
// needs it.
func TestAnotherModel(t *testing.T) {
	p, err := builtin.Profile()
	require.NoError(t, err)
	f := hspitest.Enrol(t, gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16}), "tiny", enrol.Standard)
	c, err := claim.Parse("h200-bf16-int4-flash-torch-tp2", nil)
	require.NoError(t, err)
	r := verify.Judge(f, c, p, decide.Options{})
	for _, part := range r.Findings {
		if part.Part == claim.Precision {
			assert.Equal(t, decide.Consistent, part.Verdict)
			continue
		}
		assert.Contains(t, []decide.Verdict{decide.Inconclusive, decide.NotTestable}, part.Verdict, "%+v", part)
	}
	assert.Greater(t, r.Unknown, 0.5)
}

// TestFewRequests: less than 50 requests, discovery included, tell the quantisation:
// of each platform the session that was held out is served again.
func TestFewRequests(t *testing.T) {
	p, err := builtin.Profile()
	require.NoError(t, err)
	sessions := heldOut(t, p)
	right, n := 0, len(sessions)
	for _, s := range sessions {
		replay, err := gateway.NewReplay(s.File)
		require.NoError(t, err)
		f := asked(t, replay)
		require.LessOrEqual(t, f.Summary.Exchanges, 50)
		words := p.Classify(f.Responses()).Label("quantisation")
		best := ""
		for word, v := range words {
			if v > words[best] {
				best = word
			}
		}
		if best == s.Labels["quantisation"] {
			right++
		} else {
			t.Logf("%s: %s with %.2f", s.Platform, best, words[best])
		}
	}
	assert.GreaterOrEqual(t, float64(right), 0.95*float64(n), "%d of %d", right, n)
	t.Logf("%d of %d", right, n)
}

// TestEvasion: what stands between may mix, round or add noise; it never makes
// another platform consistent with the claim, and never a true claim contradicted.
func TestEvasion(t *testing.T) {
	p, err := builtin.Profile()
	require.NoError(t, err)
	honest, cheap := replayed(t, "h200-bf16-flash"), replayed(t, "h200-bf16-int4")
	c, err := claim.Parse("bf16-unquantised", nil)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		o    gateway.Options
		from http.Handler
		not  decide.Verdict
	}{
		"cheap":                 {gateway.Options{}, cheap, decide.Consistent},
		"cheap, rounded to 4":   {gateway.Options{Decimals: 4}, cheap, decide.Consistent},
		"cheap, rounded to 2":   {gateway.Options{Decimals: 2}, cheap, decide.Consistent},
		"cheap, little noise":   {gateway.Options{Noise: 1e-3}, cheap, decide.Consistent},
		"cheap, much noise":     {gateway.Options{Noise: 0.1}, cheap, decide.Consistent},
		"half cheap":            {gateway.Options{Seed: 1, Other: honest, OtherShare: 0.5}, cheap, decide.Consistent},
		"honest":                {gateway.Options{}, honest, decide.Contradicted},
		"honest, rounded to 4":  {gateway.Options{Decimals: 4}, honest, decide.Contradicted},
		"honest, rounded to 2":  {gateway.Options{Decimals: 2}, honest, decide.Contradicted},
		"honest, little noise":  {gateway.Options{Noise: 1e-3}, honest, decide.Contradicted},
		"honest, answers again": {gateway.Options{Cache: true}, honest, decide.Contradicted},
	} {
		t.Run(name, func(t *testing.T) {
			r := verify.Judge(asked(t, gateway.New(tt.from, tt.o)), c, p, decide.Options{})
			t.Logf("%s: %s (unknown %.2f)", r.Verdict, r.Why, r.Unknown)
			assert.NotEqual(t, tt.not, r.Findings[1].Verdict, "%+v", r.Findings)
		})
	}
}

// replayed serves the held-out session of a platform.
func replayed(t *testing.T, platform string) http.Handler {
	t.Helper()
	number, err := strconv.Atoi(builtin.HeldOut)
	require.NoError(t, err)
	replay, err := gateway.NewReplay(lab.Sessions(t, platform, number)[0].File)
	require.NoError(t, err)
	return replay
}

// asked asks a handler the quick plan.
func asked(t *testing.T, h http.Handler) *evidence.File {
	t.Helper()
	return hspitest.Enrol(t, h, "lab", enrol.Quick)
}
