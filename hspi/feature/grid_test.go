package feature

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/plan"
)

func short() plan.Options { return plan.Options{Model: "tiny", Seed: 1, Prompts: 4, ProbeTokens: 8} }

// One answer with 20 alternatives tells the type of the head, also where the
// decimals were rounded.
func TestOneAnswerTellsTheHead(t *testing.T) {
	for p, want := range map[gateway.Precision]Head{gateway.Float32: NoGrid, gateway.BFloat16: BFloat16, gateway.Float16: Float16} {
		for _, decimals := range []int{0, 6, 4} {
			t.Run(fmt.Sprintf("%s, %d decimals", p, decimals), func(t *testing.T) {
				for weights := range uint64(hspitest.Fewer(2, 1)) {
					model := gateway.NewModel(gateway.ModelOptions{Precision: p, Weights: weights})
					answer := hspitest.FirstProbe(t, hspitest.Ask(t, gateway.New(model, gateway.Options{Decimals: decimals}), short()))
					g, why, ok := FindGrid(answer)
					require.True(t, ok, why)
					require.Equal(t, want, g.Head, "%+v", g)
					require.True(t, g.Firm() || g.Head == NoGrid, "%+v", g)
				}
			})
		}
	}
}
