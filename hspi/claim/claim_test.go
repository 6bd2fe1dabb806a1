package claim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
)

func TestParse(t *testing.T) {
	for text, want := range map[string][]claim.Stated{
		"h100-bf16-vllm":                   {{claim.Device, "h100"}, {claim.Precision, "bf16"}, {claim.Engine, "vllm"}},
		"A100-FP16-AWQ-sglang-tp2":         {{claim.Device, "a100"}, {claim.Precision, "fp16"}, {claim.Quantisation, "awq"}, {claim.Engine, "sglang"}, {claim.TP, "tp2"}},
		"h200-bf16-torch-compile":          {{claim.Device, "h200"}, {claim.Precision, "bf16"}, {claim.Engine, "torch-compile"}},
		"cpu-avx512-fp8-channel":           {{claim.Device, "cpu-avx512"}, {claim.Quantisation, "fp8-channel"}},
		"fp8-flash":                        {{claim.Quantisation, "fp8"}, {claim.Attention, "flash"}},
		"bfloat16":                         {{claim.Precision, "bf16"}},
		"device=h100, tp=8":                {{claim.Device, "h100"}, {claim.TP, "tp8"}},
		"gpu=h100,quantisation=none":       {{claim.Device, "h100"}, {claim.Quantisation, "unquantised"}},
		"dtype=half,Quantization=AWQ":      {{claim.Precision, "fp16"}, {claim.Quantisation, "awq"}},
		"bf16-kvfp8":                       {{claim.Precision, "bf16"}, {claim.KV, "kvfp8"}},
		"mychip-bf16":                      {{claim.Device, "mychip"}, {claim.Precision, "bf16"}},
		"tensorrt-llm-tp16":                {{claim.Engine, "tensorrt"}, {claim.TP, "tp16"}},
		"quantisation=fp8-weight,kv=kvfp8": {{claim.Quantisation, "fp8-weight"}, {claim.KV, "kvfp8"}},
	} {
		c, err := claim.Parse(text, map[claim.Part][]string{claim.Device: {"mychip"}})
		require.NoError(t, err, text)
		assert.Equal(t, want, c.Stated, text)
		again, err := claim.Parse(c.String(), map[claim.Part][]string{claim.Device: {"mychip"}})
		require.NoError(t, err, text)
		assert.ElementsMatch(t, c.Stated, again.Stated, text)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"h100-bf17":     `"bf17" in "h100-bf17" is not known; did you mean "bf16" (precision)?`,
		"h10-bf16":      `did you mean "h100" (device), or "h20" (device), or "a10" (device)?`,
		"bf16-vlm":      `did you mean "vllm" (engine)?`,
		"device=gh20":   `did you mean "h20" (device)`,
		"quantum":       "is not known; known are device: a100",
		"":              `"" in "" is not known; known are device: a100`,
		"bf16-fp16":     `"bf16" and "fp16" both say the precision`,
		"tp0":           `"tp0"`,
		"colour=red":    "parts are device, precision, quantisation, kv, engine, attention, tp",
		"engine=gcc":    `engine "gcc" in "engine=gcc" is not known; known are engine: vllm`,
		"h100--bf16":    `"" in`,
		"device=h100,,": "PART=WORD",
	} {
		_, err := claim.Parse(text, nil)
		require.ErrorIs(t, err, claim.ErrClaim, text)
		assert.ErrorContains(t, err, says, text)
	}
}

func TestAccepts(t *testing.T) {
	for _, c := range []struct {
		claim, label string
		want         bool
	}{
		{"fp8", "fp8-channel", true}, {"fp8-channel", "fp8-tensor", false}, {"unquantised", "none", true}, {"unquantised", "int8", false},
		{"cpu", "cpu-amx", true}, {"h100", "h1000", false}, {"tp2", "2", true}, {"tp2", "4", false}, {"kvfp8", "fp8", true},
		{"kvfp8", "bf16", false}, {"torch", "torch-compile", true}, {"sdpa", "flash", true}, {"awq", "int4", true}, {"bf16", "BF16", true},
	} {
		p, err := claim.Parse(c.claim, nil)
		require.NoError(t, err)
		assert.Equal(t, c.want, p.Stated[0].Accepts(c.label), "%s, %s", c.claim, c.label)
	}
}
