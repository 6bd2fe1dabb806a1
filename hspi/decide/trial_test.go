package decide

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/model"
)

// cards are the recordings of two cards of the same kind of multiprocessor.
var cards = hspitest.NewLab(hspitest.Recorded, "h200", "h100")

func cardSessions(t *testing.T) []model.Session {
	t.Helper()
	return hspitest.As[model.Session](cards.Of(t, []string{"h200-bf16-flash", "h100-bf16-flash", "h200-bf16-int8", "h100-bf16-int8"}, hspitest.First(3)...))
}

// The type of quantisation is told, the card is not: both give the same digits.
func TestTryToldAndUntold(t *testing.T) {
	got, err := Try(t.Context(), cardSessions(t), 4, 1, Options{})
	require.NoError(t, err)
	require.Empty(t, got.Wrong)
	require.Equal(t, map[Verdict]int{Consistent: 12}, got.True)
	require.Equal(t, map[Verdict]int{Contradicted: 24}, got.False, "of each session, what two platforms of the other quantisation are")
	require.Equal(t, map[Verdict]int{Consistent: 12}, got.Untold, "of each session, what its twin is")
}

// What is wrong is counted: a session that is not what its labels say.
func TestTryCountsErrors(t *testing.T) {
	sessions := cardSessions(t)
	for i := range sessions {
		if s := &sessions[i]; s.Platform == "h200-bf16-int8" && s.Number == sessions[0].Number {
			s.Answers = sessions[0].Answers
			require.Equal(t, "h200-bf16-flash", sessions[0].Platform)
		}
	}
	got, err := Try(t.Context(), sessions, 4, 1, Options{})
	require.NoError(t, err)
	require.Equal(t, 1, got.True[Contradicted])
	require.NotEmpty(t, got.Wrong)
}
