package decide

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/plan"
)

// benchPlatforms are some of those that were recorded, with what is to be told apart.
var benchPlatforms = []string{"h200-bf16-flash", "h200-bf16-tp2", "h200-bf16-int8", "h200-fp16-flash"}

// recordedSessions reads recorded platforms of the repository.
func recordedSessions(t testing.TB, platforms ...string) []model.Session {
	t.Helper()
	var all []model.Session
	for _, name := range platforms {
		all = append(all, recordedPlatform(t, name)...)
	}
	return all
}

func recordedPlatform(t testing.TB, name string) []model.Session {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "recorded", "h200", name+".tar.zst"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	z, err := zstd.NewReader(f)
	require.NoError(t, err)
	defer z.Close()
	labels := map[string]map[string]string{}
	var all []model.Session
	for archive := tar.NewReader(z); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		number, ending, _ := strings.Cut(path.Base(header.Name), ".")
		switch ending {
		case "jsonl":
			if number > "04" {
				continue // enough for tests
			}
			file, err := evidence.Read(bytes.NewReader(text))
			require.NoError(t, err)
			all = append(all, model.Session{Platform: name, Number: number, Answers: file.Responses()})
		case "meta.json":
			var meta struct{ Labels map[string]any }
			require.NoError(t, json.Unmarshal(text, &meta))
			labels[number] = map[string]string{}
			for k, v := range meta.Labels {
				labels[number][k] = fmt.Sprint(v)
			}
		}
	}
	for i := range all {
		all[i].Labels = labels[all[i].Number]
		require.NotEmpty(t, all[i].Labels)
	}
	return all
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
	p, err := model.Train(t.Context(), recordedSessions(t, "h200-bf16-flash", "h200-bf16-tp2", "h200-fp8-tensor"))
	require.NoError(t, err)
	said, err := claim.Parse("quantisation=none,tp=tp1", Enrolled(p))
	require.NoError(t, err)
	for _, s := range recordedPlatform(t, "h200-bf16-flash-heavy")[:2] {
		d := Decide(said, s.Answers, p, Options{})
		require.NotEqual(t, Contradicted, d.Verdict, "%+v", d.Findings)
	}
	for _, s := range recordedPlatform(t, "h200-bf16-eager")[:1] {
		d := Decide(said, s.Answers, p, Options{})
		require.Equal(t, Inconclusive, d.Verdict, "%+v", d.Findings)
		require.Greater(t, d.Unknown, 0.5)
		require.Contains(t, strings.Join(d.Findings[0].Evidence, " "), "like no enrolled platform")
	}
	device, err := claim.Parse("h100", Enrolled(p))
	require.NoError(t, err)
	d := Decide(device, recordedPlatform(t, "h200-bf16-flash")[0].Answers, p, Options{})
	require.Equal(t, NotTestable, d.Verdict)
	require.Contains(t, d.Findings[0].Evidence[0], "no enrolled platform has device h100")
}

// Platforms that say the same cannot be told apart, and the verdict says so.
func TestTwinsAreNotTestable(t *testing.T) {
	sessions := recordedSessions(t, "h200-bf16-flash", "h200-bf16-int8")
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
	require.Contains(t, d.Findings[0].Evidence[0], "the same digits")
	require.Equal(t, Consistent, d.Findings[1].Verdict, "%+v", d.Findings[1])
	require.NotNil(t, d.Exchange)
	require.Greater(t, d.Exchange.P, 0.01)
	require.Contains(t, d.Exchange.String(), "would be found")
	require.NotEmpty(t, d.Reasons)
}

// On sessions that were not trained on, no true claim is contradicted, and every
// false one is.
func TestClaimsOnRecordedSessions(t *testing.T) {
	const held = "03"
	sessions := recordedSessions(t, benchPlatforms...)
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
		for _, r := range recordedPlatform(t, name)[0].Answers {
			if r.Purpose.Series != plan.SeriesProbe {
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
		require.Equal(t, n, right, name)
		require.GreaterOrEqual(t, firm, n*9/10, name)
	}
}
