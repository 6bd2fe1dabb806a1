package engine

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/plan"
)

// makeTokenizer writes the tokenizer of a tiny model.
const makeTokenizer = `import sys
sys.path.insert(0, "../lab")
import tokenizer
with open("../lab/session.py") as f:
    tokenizer.train(f.read(), 512).save(sys.argv[1] + "/tokenizer.json")
`

// TestLab asks the lab's server on JAX, the same model in two types: from outside, a
// head in bf16 shows in the grid of its logits.
func TestLab(t *testing.T) {
	py := python(t, "jax, numpy")
	if testing.Short() {
		t.Skip("starts two servers")
	}
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), py, "-c", makeTokenizer, dir).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, dtype := range []string{"bf16", "fp32"} {
		t.Run(dtype, func(t *testing.T) {
			s := serve(t, py, "../lab/serve.py", "--framework", "jax", "--dtype", dtype, "--preset", "tiny", "--weights", "random",
				"--checkpoint", dir, "--cache", dir, "--follow")
			o := options(s, "lab", 1)
			o.Size = enrol.Quick
			rec, f := record(t, o)
			c := rec.Capabilities
			for name, a := range map[string]plan.Ability{"chat": c.Chat, "completions": c.Completions, "echo": c.Echo, "prompt_logprobs": c.PromptLogprobs,
				"token_ids": c.TokenIDs, "seed": c.Seed, "logit_bias": c.LogitBias, "stream": c.Stream} {
				assert.Equal(t, plan.Honoured, a, name)
			}
			assert.Equal(t, 20, c.ChatLogprobsGot)
			assert.Equal(t, 512, c.MaxModelLen)
			for _, said := range []string{"bf16", "fp16", "fp32"} {
				want := decide.Contradicted
				switch {
				case dtype == "fp32":
					want = decide.Inconclusive // models in any precision may have such a head
				case said == dtype:
					want = decide.Consistent
				}
				d := judge(t, f, said, nil)
				assert.Equal(t, want, d.Verdict, "claimed %s: %+v", said, d.Findings)
			}
		})
	}
}
