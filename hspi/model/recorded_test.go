package model

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/plan"
)

// lab is the recordings of one machine: what differs here is no machine.
var lab = hspitest.NewLab(hspitest.Recorded, "h200")

// recorded are the first sessions of platforms.
func recorded(t testing.TB, most int, platforms ...string) []Session {
	t.Helper()
	return hspitest.As[Session](lab.Of(t, platforms, hspitest.First(most)...))
}

// some are platforms that differ in precision, quantisation, attention and tp.
var some = []string{"h200-bf16-flash", "h200-bf16-tp2", "h200-bf16-int8", "h200-fp8-tensor", "h200-fp16-flash"}

// accuracy is the share of predictions whose most probable class is right, of those
// whose truth is a class.
func accuracy(predictions []Prediction) float64 {
	right, n := 0, 0
	for _, p := range predictions {
		if _, known := p.Probabilities[p.Truth]; !known {
			continue
		}
		n++
		best := true
		for class, probability := range p.Probabilities {
			best = best && (class == p.Truth || probability < p.Probabilities[p.Truth])
		}
		if best {
			right++
		}
	}
	return float64(right) / float64(n)
}

// area is how often an unknown platform is more novel than a known one.
func area(predictions []Prediction) float64 {
	wins, n := 0.0, 0
	for _, a := range predictions {
		if _, known := a.Probabilities[a.Truth]; known {
			continue
		}
		for _, b := range predictions {
			if _, known := b.Probabilities[b.Truth]; !known {
				continue
			}
			n++
			switch {
			case a.Novelty > b.Novelty:
				wins++
			case a.Novelty == b.Novelty:
				wins += 0.5
			}
		}
	}
	return wins / float64(n)
}

func TestRecordedPlatformsAreToldApart(t *testing.T) {
	sessions := recorded(t, 3, some[:hspitest.Fewer(5, 3)]...)
	predictions, err := CrossValidate(t.Context(), sessions, true)
	require.NoError(t, err)
	require.Len(t, predictions, 2*len(sessions))
	t.Logf("accuracy %.3f, unknown platforms %.3f", accuracy(predictions), area(predictions))
	require.GreaterOrEqual(t, accuracy(predictions), 0.95)
	require.GreaterOrEqual(t, area(predictions), 0.9)
}

// Twelve requests tell the quantisation.
func TestQuantisationFromTwelveRequests(t *testing.T) {
	sessions := recorded(t, 3, some[5-hspitest.Fewer(5, 3):]...)
	for i, s := range sessions {
		sessions[i].Answers = nil
		for _, r := range s.Answers {
			if r.Purpose.Series == plan.SeriesProbe && r.Purpose.Variant == "" {
				sessions[i].Answers = append(sessions[i].Answers, r)
			}
		}
		require.Len(t, sessions[i].Answers, 12)
	}
	predictions, err := CrossValidate(t.Context(), sessions, false)
	require.NoError(t, err)
	got := accuracy(ByLabel(predictions, "quantisation"))
	t.Logf("accuracy over quantisations %.3f", got)
	require.GreaterOrEqual(t, got, 0.95)
}

// Nothing is told where there is nothing to tell: with labels that were drawn by
// lot, accuracy falls to chance, or below: each session has a twin under another label.
func TestShuffledLabelsFallToChance(t *testing.T) {
	sessions := recorded(t, 3, some...)
	random := rand.New(rand.NewPCG(5, 5))
	sum, draws := 0.0, hspitest.Fewer(2, 1)
	for range draws {
		shuffled := make([]Session, len(sessions))
		for i, j := range random.Perm(len(sessions)) {
			shuffled[i] = sessions[i]
			shuffled[i].Answers = sessions[j].Answers
		}
		predictions, err := CrossValidate(t.Context(), shuffled, false)
		require.NoError(t, err)
		sum += accuracy(predictions)
	}
	mean := sum / float64(draws)
	t.Logf("accuracy %.3f, chance %.3f", mean, 1/float64(len(some)))
	require.Less(t, mean, 0.4)
}

func TestProfileComesBackFromItsFile(t *testing.T) {
	sessions := recorded(t, hspitest.Fewer(3, 2), some[:3]...)
	p, err := Train(t.Context(), sessions)
	require.NoError(t, err)
	require.Equal(t, Tested{Sessions: len(sessions)}, p.Tested)
	answers := sessions[0].Answers
	for _, name := range []string{"profile.json", "profile.json.zst"} {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, p.Save(file))
		again, err := Load(file)
		require.NoError(t, err)
		a, b := p.Classify(answers), again.Classify(answers)
		require.Equal(t, a.Unknown, b.Unknown)
		for i := range a.Scores {
			require.Equal(t, a.Scores[i].Name, b.Scores[i].Name)
			require.Equal(t, a.Scores[i].Probability, b.Scores[i].Probability)
			require.Equal(t, a.Scores[i].Pair, b.Scores[i].Pair)
		}
	}
	reversed := append([]Session(nil), sessions...)
	for i := range reversed {
		reversed[i] = sessions[len(sessions)-1-i]
	}
	q, err := Train(t.Context(), reversed)
	require.NoError(t, err)
	require.Equal(t, saved(t, p), saved(t, q), "the order of sessions does not matter")

	r := p.Classify(answers)
	require.Equal(t, sessions[0].Platform, r.Scores[0].Name)
	reasons, bits := p.Explain(r.Scores[0], r.Scores[1]), 0.0
	for _, reason := range reasons {
		bits += reason.Bits
	}
	require.Len(t, reasons, len(sumNames()))
	require.Greater(t, bits, 5.0, "they add up to the odds")
	empty := p.Classify(nil)
	require.InDelta(t, 1, empty.Unknown, 0)
	require.Zero(t, empty.Places)
}

func TestUnusableProfiles(t *testing.T) {
	for text, says := range map[string]string{
		"":   "EOF",
		`{}`: `it says that it is ""`,
		`{"kind":"gpubench hspi profile","schema":99}`:                                        "it has version 99",
		`{"kind":"gpubench hspi profile","schema":1}`:                                         "it has 0 platforms",
		`{"kind":"gpubench hspi profile","schema":1,"platforms":[{"name":"a"}]}`:              "it has 1 platforms",
		`{"kind":"gpubench hspi profile","schema":1,"platforms":[{"name":"a"},{"name":"b"}]}`: "its weights do not fit",
	} {
		_, err := Read(strings.NewReader(text))
		require.ErrorIs(t, err, ErrProfile, text)
		require.ErrorContains(t, err, says, text)
	}
}

func TestTrainingNeedsData(t *testing.T) {
	sessions := recorded(t, 2, some[:2]...)
	_, err := Train(t.Context(), sessions[:1])
	require.ErrorIs(t, err, ErrTraining)
	require.ErrorContains(t, err, "1 platforms")
	_, err = Train(t.Context(), sessions[:3])
	require.ErrorContains(t, err, "has one session")
	_, err = Train(t.Context(), []Session{{Platform: "a", Number: "1"}, {Platform: "a", Number: "2"}, {Platform: "b", Number: "1"}, {Platform: "b", Number: "2"}})
	require.ErrorContains(t, err, "no logprobs")
}

// HSPI-LD as published, on prompts that sessions share.
func TestPublishedOnRecordedPlatforms(t *testing.T) {
	predictions, err := CrossValidatePublished(t.Context(), recorded(t, 3, some[:hspitest.Fewer(4, 2)]...), false)
	require.NoError(t, err)
	t.Logf("accuracy %.3f", accuracy(predictions))
	require.Greater(t, accuracy(predictions), 0.5)
}

// saved is a profile's file.
func saved(t *testing.T, p *Profile) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.json")
	require.NoError(t, p.Save(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
