package decide

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
)

// An endpoint that shares no digit with the nearest platform is not said to be
// most like it.
func TestNearestWords(t *testing.T) {
	for same, want := range map[float64]string{
		40: "it answers most like bf16-jax: at 40 of 58 positions with the same digits as one of its sessions",
		0:  "at none of 58 positions it has the digits of bf16-jax, which is the nearest that is known",
	} {
		pair := model.Pair{Places: [feature.Kinds]int{58}, Exact: [feature.Kinds]float64{same}}
		assert.Equal(t, want, nearestWords(model.Score{Name: "bf16-jax", Pair: pair}))
	}
}
