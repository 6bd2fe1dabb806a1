package decide

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
)

// BenchmarkTenThousandAnswers is features and decision of 10,000 answers that were
// read and decoded before (package evidence measures that).
func BenchmarkTenThousandAnswers(b *testing.B) {
	sessions := sessions(b, some...)
	p, err := model.Train(b.Context(), sessions)
	require.NoError(b, err)
	var answers []*evidence.Response
	for len(answers) < 10_000 {
		for _, s := range sessions {
			answers = append(answers, s.Answers...)
		}
	}
	answers = answers[:10_000]
	c, err := claim.Parse("h200-bf16-unquantised-torch-flash-tp1", Enrolled(p))
	require.NoError(b, err)
	b.Run("features", func(b *testing.B) {
		for b.Loop() {
			feature.Extract(answers)
		}
	})
	b.Run("decision", func(b *testing.B) {
		for b.Loop() {
			Decide(c, answers, p, Options{})
		}
	})
}
