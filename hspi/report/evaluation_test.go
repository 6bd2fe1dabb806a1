package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/report"
)

// say is a prediction over classes a and b.
func say(session, truth string, a, novelty float64) report.Prediction {
	return report.Prediction{Session: session, Truth: truth, Probabilities: map[string]float64{"a": a, "b": 1 - a}, Novelty: novelty}
}

func TestConfusion(t *testing.T) {
	c := report.Confuse([]report.Prediction{say("1", "a", 0.9, 0), say("1", "a", 0.8, 0), say("2", "a", 0.7, 0), say("2", "a", 0.4, 0),
		say("3", "b", 0.1, 0), say("3", "c", 0.6, 9)})
	assert.Equal(t, []string{"a", "b"}, c.Classes)
	assert.Equal(t, [][]int{{3, 1}, {0, 1}}, c.Counts)
	assert.InDelta(t, (0.75+1)/2, c.BalancedAccuracy(), 1e-12)
	assert.InDelta(t, (6.0/7+2.0/3)/2, c.MacroF1(), 1e-12)
	assert.True(t, math.IsNaN(report.Confuse(nil).BalancedAccuracy()))
}

func TestTiesGoToTheFirst(t *testing.T) { assert.Equal(t, "a", say("", "b", 0.5, 0).Best()) }

func TestReliability(t *testing.T) {
	bins := report.Reliability([]report.Prediction{say("", "a", 0.95, 0), say("", "b", 0.91, 0), say("", "a", 1, 0), say("", "b", 0.55, 0)})
	require.Len(t, bins, 2)
	assert.Equal(t, 1, bins[0].Count)
	assert.Zero(t, bins[0].Right)
	assert.InDelta(t, 2.0/3, bins[1].Right, 1e-12)
	assert.InDelta(t, (0.55+math.Abs(2.86-2))/4, report.CalibrationError(bins), 1e-12)
}

func TestCurves(t *testing.T) {
	all := []report.Prediction{say("", "a", 0.9, 1), say("", "b", 0.2, 2), say("", "c", 0.5, 3), say("", "c", 0.5, 2)}
	unknown := report.Unknown(all)
	assert.InDelta(t, 3.5/4, unknown.Area, 1e-12, "a tie counts by half")
	assert.Equal(t, report.Point{False: 1, True: 1}, unknown.Points[len(unknown.Points)-1])
	assert.InDelta(t, 1, report.Classes(all).Area, 1e-12)
	assert.True(t, math.IsNaN(report.Unknown(all[:2]).Area), "nothing unknown, no curve")
}

// TestScoresWithoutMeaning: chance is an area of one half.
func TestScoresWithoutMeaning(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []report.Prediction
	for i := range 4000 {
		all = append(all, say(fmt.Sprint(i), string(rune('a'+i%2)), random.Float64(), 0))
	}
	assert.InDelta(t, 0.5, report.Classes(all).Area, 0.03)
	assert.InDelta(t, 0.5, report.Confuse(all).BalancedAccuracy(), 0.03)
}

// TestIntervalIsOverSessions: a hundred answers of each of 6 sessions tell no more
// than one of each.
func TestIntervalIsOverSessions(t *testing.T) {
	var one, many []report.Prediction
	for s := range 6 {
		a := 0.9
		if s == 0 {
			a = 0.1
		}
		p := say(fmt.Sprint(s), "a", a, 0)
		one = append(one, p)
		for range 100 {
			many = append(many, p)
		}
	}
	accuracy := func(p []report.Prediction) float64 { return report.Confuse(p).BalancedAccuracy() }
	a, b := report.OverSessions(one, accuracy, 1), report.OverSessions(many, accuracy, 1)
	assert.Equal(t, a, b)
	assert.InDelta(t, 5.0/6, a.Value, 1e-12)
	assert.Less(t, a.Low, 0.6)
	assert.InDelta(t, 1, a.High, 0)
}
