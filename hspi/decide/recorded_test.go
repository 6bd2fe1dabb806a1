package decide

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/plan"
)

// lab is the recordings of one machine: what differs here is no machine.
var lab = hspitest.NewLab(hspitest.Recorded, "h200")

// some are platforms with what is to be told apart.
var some = []string{"h200-bf16-flash", "h200-bf16-tp2", "h200-bf16-int8", "h200-fp16-flash"}

// sessions are the first four of each platform, three with the race detector.
func sessions(t testing.TB, platforms ...string) []model.Session {
	t.Helper()
	return hspitest.As[model.Session](lab.Of(t, platforms, hspitest.First(hspitest.Fewer(4, 3))...))
}

// claimOf is the true claim about a platform with these labels.
func claimOf(t *testing.T, labels map[string]string, p *model.Profile) claim.Claim {
	t.Helper()
	text := fmt.Sprintf("precision=%s,quantisation=%s,engine=%s,attention=%s,tp=tp%s", labels["precision"], labels["quantisation"], labels["engine"], labels["attention"], labels["tp"])
	c, err := claim.Parse(text, Enrolled(p))
	require.NoError(t, err)
	return c
}

// A heavy load is no contradiction, and an endpoint that stands for nothing that is
// enrolled is no proof of anything.
func TestLoadAndUnknownPlatforms(t *testing.T) {
	p, err := model.Train(t.Context(), sessions(t, "h200-bf16-flash", "h200-bf16-tp2", "h200-fp8-tensor"))
	require.NoError(t, err)
	said, err := claim.Parse("quantisation=none,tp=tp1", Enrolled(p))
	require.NoError(t, err)
	for _, s := range sessions(t, "h200-bf16-flash-heavy")[:2] {
		d := Decide(said, s.Answers, p, Options{})
		require.NotEqual(t, Contradicted, d.Verdict, "%+v", d.Findings)
	}
	for _, s := range sessions(t, "h200-bf16-eager")[:1] {
		d := Decide(said, s.Answers, p, Options{})
		require.Equal(t, Inconclusive, d.Verdict, "%+v", d.Findings)
		require.Greater(t, d.Unknown, 0.5)
		require.Contains(t, strings.Join(d.Findings[0].Evidence, " "), "like no enrolled platform")
	}
	device, err := claim.Parse("h100", Enrolled(p))
	require.NoError(t, err)
	d := Decide(device, sessions(t, "h200-bf16-flash")[0].Answers, p, Options{})
	require.Equal(t, NotTestable, d.Verdict)
	require.Contains(t, d.Findings[0].Evidence[0], "no enrolled platform has device h100")
}

// Platforms that say the same cannot be told apart, and the verdict says so.
func TestTwinsAreNotTestable(t *testing.T) {
	sessions := sessions(t, "h200-bf16-flash", "h200-bf16-int8")
	for _, s := range sessions {
		if s.Platform == "h200-bf16-flash" { // the same answers as those of another engine
			twin := s
			twin.Platform, twin.Labels = "twin", map[string]string{"engine": "vllm", "quantisation": "none"}
			sessions = append(sessions, twin)
		}
	}
	p, err := model.Train(t.Context(), sessions)
	require.NoError(t, err)
	said, err := claim.Parse("engine=torch,quantisation=none", Enrolled(p))
	require.NoError(t, err)
	d := Decide(said, sessions[0].Answers, p, Options{})
	require.Equal(t, NotTestable, d.Findings[0].Verdict, "%+v", d.Findings[0])
	require.Contains(t, d.Findings[0].Evidence[0], "cannot be told from answers")
	require.Equal(t, Consistent, d.Findings[1].Verdict, "%+v", d.Findings[1])
	require.NotNil(t, d.Exchange)
	require.Greater(t, d.Exchange.P, 0.01)
	require.Contains(t, d.Exchange.String(), "would be found")
	require.NotEmpty(t, d.Reasons)
}

// On sessions that were not trained on, no true claim is contradicted, and every
// false one is.
func TestClaimsOnRecordedSessions(t *testing.T) {
	const held = "3"
	sessions := sessions(t, some...)
	var rest, tests []model.Session
	for _, s := range sessions {
		if s.Number == held {
			tests = append(tests, s)
		} else {
			rest = append(rest, s)
		}
	}
	p, err := model.Train(t.Context(), rest)
	require.NoError(t, err)
	require.Len(t, tests, len(some))
	right, wrong := 0, 0
	for _, s := range tests {
		for _, q := range p.Platforms {
			d := Decide(claimOf(t, q.Labels, p), s.Answers, p, Options{})
			if q.Name == s.Platform {
				require.NotEqual(t, Contradicted, d.Verdict, "%s: %+v", s.Platform, d.Findings)
				if d.Verdict == Consistent {
					right++
				}
				continue
			}
			require.NotEqual(t, Consistent, d.Verdict, "%s claimed to be %s: %+v", s.Platform, q.Name, d.Findings)
			if d.Verdict == Contradicted {
				wrong++
			}
		}
	}
	t.Logf("%d of %d true claims consistent, %d of %d false ones contradicted", right, len(tests), wrong, len(tests)*(len(tests)-1))
	require.GreaterOrEqual(t, right, len(tests)-1)
	require.GreaterOrEqual(t, wrong, len(tests)*(len(tests)-1)*9/10)
}

// Each recorded answer of eight tokens tells the type of the head by itself.
func TestPrecisionOfRecordedAnswers(t *testing.T) {
	for name, want := range map[string]feature.Head{"h200-bf16-flash": feature.BFloat16, "h200-fp16-flash": feature.Float16, "h200-fp32-eager": feature.NoGrid, "h200-bf16-fp32head": feature.NoGrid} {
		right, firm, n := 0, 0, 0
		for _, r := range sessions(t, name)[0].Answers {
			if r.Purpose.Series != plan.SeriesProbe || n == hspitest.Fewer(21, 6) {
				continue
			}
			g, why, ok := feature.FindGrid([]*evidence.Response{r})
			require.True(t, ok, why)
			n++
			if g.Head == want {
				right++
			}
			if g.Head == want && (g.Firm() || want == feature.NoGrid) {
				firm++
			}
		}
		t.Logf("%s: %d of %d answers tell %s, %d firmly", name, right, n, want, firm)
		require.Equal(t, hspitest.Fewer(21, 6), n)
		require.Equal(t, n, right, name)
		require.GreaterOrEqual(t, firm, n*9/10, name)
	}
}
