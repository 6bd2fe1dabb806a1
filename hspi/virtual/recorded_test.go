package virtual

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/plan"
)

// tolerance is how far log-probabilities of two float32 computations may be from
// each other, in nats. Logits are up to 16, where a float32 has steps of 1e-6; a sum
// of 512 products in another order moves one by a few steps, and 8 layers of that by a
// few more. In bfloat16 it would be a thousand times as much.
const tolerance = 1e-4

// The model in float32 says what an H200 said in float32, but for the rounding.
func TestFloat32IsThatOfAnH200(t *testing.T) {
	sessions, err := enrol.Load("../recorded/h200/h200-fp32-eager.tar.zst")
	require.NoError(t, err)
	tokens, err := LoadTokenizer(checkpoint("tokenizer.json"), Small().Vocab)
	require.NoError(t, err)
	m := NewModel(trained(t), FP32())
	const prompts, positions = 1, 3
	far, compared, best := 0.0, 0, 0
	for _, r := range sessions[0].Evidence.Responses() {
		if r.Purpose.Series != plan.SeriesProbe || r.Purpose.Variant != "" || r.Purpose.Prompt >= prompts {
			continue
		}
		ids := append([]int{tokenBegin}, tokens.Encode(plan.ShortPrompt(1, r.Purpose.Prompt))...)
		require.Equal(t, strconv.Itoa(len(ids)), string(r.Usage.Prompt), "the tokens of the prompt")
		require.NotEmpty(t, r.Choices[0].TokenIDs)
		for i, p := range r.Choices[0].Positions[:positions] {
			ours := logSoftmax(m.Logits(ids))
			for _, alternative := range p.Top {
				theirs, err := strconv.ParseFloat(string(alternative.Logprob), 64)
				require.NoError(t, err)
				id := -1
				for k := range ours {
					if tokens.Text(k) == alternative.Token.Text && (id < 0 || math.Abs(ours[k]-theirs) < math.Abs(ours[id]-theirs)) {
						id = k // several tokens are broken UTF-8, and print the same
					}
				}
				require.GreaterOrEqual(t, id, 0, alternative.Token.Text)
				far = max(far, math.Abs(ours[id]-theirs))
				compared++
			}
			if slices.Index(ours, slices.Max(ours)) == r.Choices[0].TokenIDs[i] {
				best++
			}
			ids = append(ids, r.Choices[0].TokenIDs[i])
		}
	}
	t.Logf("%d log-probabilities differ by %.2g nats at most", compared, far)
	require.GreaterOrEqual(t, compared, prompts*positions*20)
	require.Equal(t, prompts*positions, best, "the same most likely tokens")
	require.Less(t, far, tolerance)
}

func logSoftmax(logits []float32) []float64 {
	top, sum := float64(slices.Max(logits)), 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	out := make([]float64, len(logits))
	for i, v := range logits {
		out[i] = float64(v) - top - math.Log(sum)
	}
	return out
}
