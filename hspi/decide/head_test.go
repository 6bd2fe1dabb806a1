package decide

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/plan"
)

// probed is the first answer to a probe alone.
func probed(t *testing.T, h http.Handler) []*evidence.Response {
	t.Helper()
	return hspitest.FirstProbe(t, hspitest.Ask(t, h, plan.Options{Model: "tiny", Seed: 1, Prompts: 1, ProbeTokens: 8}))
}

func stated(t *testing.T, text string) claim.Stated {
	t.Helper()
	c, err := claim.Parse(text, nil)
	require.NoError(t, err)
	return c.Stated[0]
}

func TestPrecisionFromOneAnswer(t *testing.T) {
	served := func(p gateway.Precision) http.Handler { return gateway.NewModel(gateway.ModelOptions{Precision: p}) }
	for name, c := range map[string]struct {
		served  http.Handler
		claimed string
		want    Verdict
	}{
		"as claimed":         {served(gateway.BFloat16), "bf16", Consistent},
		"bf16 for fp16":      {served(gateway.BFloat16), "fp16", Contradicted},
		"fp16 for bf16":      {served(gateway.Float16), "bf16", Contradicted},
		"fp16 for fp32":      {served(gateway.Float16), "fp32", Contradicted},
		"fp32 for bf16":      {served(gateway.Float32), "bf16", Inconclusive},
		"fp32 as claimed":    {served(gateway.Float32), "fp32", Inconclusive},
		"rounded to 4":       {gateway.New(served(gateway.BFloat16), gateway.Options{Decimals: 4}), "fp16", Contradicted},
		"rounded to 2":       {gateway.New(served(gateway.Float32), gateway.Options{Decimals: 2}), "fp32", NotTestable},
		"little noise":       {gateway.New(served(gateway.BFloat16), gateway.Options{Noise: 1e-4}), "bf16", Consistent},
		"much noise":         {gateway.New(served(gateway.BFloat16), gateway.Options{Noise: 0.1}), "bf16", NotTestable},
		"one alternative":    {gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16, MaxLogprobs: 1}), "bf16", NotTestable},
		"no logprobs at all": {gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16, IgnoreLogprobs: true}), "bf16", NotTestable},
	} {
		t.Run(name, func(t *testing.T) {
			f := Precision(stated(t, c.claimed), probed(t, c.served))
			require.Equal(t, c.want, f.Verdict, "%+v", f)
			require.NotEmpty(t, f.Evidence)
		})
	}
}

// Without a profile, or with one of other prompts, only the grid is judged, and the
// rest is not testable and says why.
func TestWithoutReferences(t *testing.T) {
	c, err := claim.Parse("h100-bf16-fp8-vllm", nil)
	require.NoError(t, err)
	d := Decide(c, probed(t, gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16})), nil, Options{})
	require.Equal(t, Consistent, d.Verdict, "as far as it can be tested")
	for _, f := range d.Findings {
		if f.Part == claim.Precision {
			require.Equal(t, Consistent, f.Verdict)
			continue
		}
		require.Equal(t, NotTestable, f.Verdict)
		require.Contains(t, f.Evidence[0], "no recordings")
	}
	require.InDelta(t, 1, d.Unknown, 0)
	d = Decide(c, nil, nil, Options{})
	require.Equal(t, NotTestable, d.Verdict)
	require.Equal(t, []string{"there are no answers"}, d.Limits)
}

// An endpoint that repeats itself whatever happens, and one whose numbers were
// changed, have limits that are told.
func TestLimits(t *testing.T) {
	model := gateway.NewModel(gateway.ModelOptions{Precision: gateway.BFloat16})
	o := plan.Options{Model: "tiny", Seed: 1, Prompts: 2, ProbeTokens: 4, Repeats: 3, RepeatOf: 1, Loads: []int{2}, LoadRepeats: 1}
	d := Decide(claim.Claim{}, hspitest.Ask(t, model, o), nil, Options{})
	require.Len(t, d.Limits, 1)
	require.Contains(t, d.Limits[0], "repeated itself in all digits at the prompt that was asked again, also under load")
	o.Loads = nil
	d = Decide(claim.Claim{}, hspitest.Ask(t, model, o), nil, Options{})
	require.NotContains(t, d.Limits[0], "load:", "nobody looked at that")
	d = Decide(claim.Claim{}, hspitest.Ask(t, gateway.New(model, gateway.Options{Noise: 0.01}), o), nil, Options{})
	require.Len(t, d.Limits, 1)
	require.Contains(t, d.Limits[0], "noise was added")
}

func TestHolm(t *testing.T) {
	all := []Finding{{P: 0.01, tested: true}, {P: 1, Adjusted: 1}, {P: 0.04, tested: true}, {P: 0.03, tested: true}}
	holm(all)
	require.InDelta(t, 0.03, all[0].Adjusted, 1e-12)
	require.InDelta(t, 0.06, all[3].Adjusted, 1e-12)
	require.InDelta(t, 0.06, all[2].Adjusted, 1e-12, "not smaller than that of a smaller p")
	require.InDelta(t, 1, all[1].Adjusted, 0)
}
