package feature

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/internal/hspitest"
	"github.com/gpubench/gpubench/hspi/plan"
)

// whole has all series, and little of each.
func whole() plan.Options {
	return plan.Options{Model: "tiny", Seed: 1, Prompts: 4, ProbeTokens: 8, Repeats: 10, RepeatOf: 1, Temperatures: 1, Prefixes: 2, Loads: []int{2}, LoadRepeats: 1}
}

// Each case is something that an endpoint does, and the feature that tells it.
func TestFeaturesTellWhatAnEndpointDoes(t *testing.T) {
	model := func(o gateway.ModelOptions) *gateway.Model { return gateway.NewModel(o) }
	bf16 := model(gateway.ModelOptions{Precision: gateway.BFloat16})
	for name, c := range map[string]struct {
		options gateway.Options
		model   *gateway.Model
		feature string
		check   func(t *testing.T, v Value)
	}{
		"a grid":               {model: bf16, feature: "logit grid", check: func(t *testing.T, v Value) { require.InDelta(t, 8, v.Number, 0) }},
		"ties":                 {model: bf16, feature: "tie rate", check: func(t *testing.T, v Value) { require.Greater(t, v.Number, 0.2) }},
		"no ties":              {model: model(gateway.ModelOptions{}), feature: "tie rate", check: func(t *testing.T, v Value) { require.Zero(t, v.Number) }},
		"raw":                  {model: bf16, feature: "temperature point", check: func(t *testing.T, v Value) { require.InDelta(t, 1, v.Number, 0.01) }},
		"after temperature":    {model: model(gateway.ModelOptions{Processed: true}), feature: "temperature point", check: func(t *testing.T, v Value) { require.InDelta(t, 2, v.Number, 0.01) }},
		"full digits":          {model: bf16, feature: "form of numbers", check: func(t *testing.T, v Value) { require.Contains(t, v.Words, string(WriterSingle)) }},
		"rounded":              {options: gateway.Options{Decimals: 5}, model: bf16, feature: "form of numbers", check: func(t *testing.T, v Value) { require.Contains(t, v.Words, string(WriterRounded)) }},
		"noise":                {options: gateway.Options{Noise: 1e-3}, model: bf16, feature: "form of numbers", check: func(t *testing.T, v Value) { require.Contains(t, v.Words, string(WriterDouble)) }},
		"the same each time":   {model: bf16, feature: "distinct answers", check: func(t *testing.T, v Value) { require.InDelta(t, 1, v.Number, 0) }},
		"noise each time":      {options: gateway.Options{Noise: 1e-3}, model: bf16, feature: "distinct answers", check: func(t *testing.T, v Value) { require.InDelta(t, 10, v.Number, 0) }},
		"two backends":         {options: gateway.Options{Other: model(gateway.ModelOptions{}), OtherShare: 0.5}, model: bf16, feature: "types of head", check: func(t *testing.T, v Value) { require.InDelta(t, 2, v.Number, 0) }},
		"one backend":          {model: bf16, feature: "types of head", check: func(t *testing.T, v Value) { require.InDelta(t, 1, v.Number, 0) }},
		"decode as prefill":    {model: bf16, feature: "decode against prefill", check: func(t *testing.T, v Value) { require.False(t, v.Available(), "this plan gives nothing back") }},
		"stored answers":       {options: gateway.Options{Cache: true}, model: bf16, feature: "distinct answers", check: func(t *testing.T, v Value) { require.InDelta(t, 1, v.Number, 0) }},
		"warm as cold":         {model: bf16, feature: "cold against warm prefix", check: func(t *testing.T, v Value) { require.Zero(t, v.Number); require.Equal(t, 4, v.N) }},
		"load without effect":  {model: bf16, feature: "alone against under load", check: func(t *testing.T, v Value) { require.Zero(t, v.Number) }},
		"sentinels everywhere": {options: gateway.Options{Faults: []gateway.Fault{{Kind: gateway.Sentinels, From: 20}}}, model: bf16, feature: "sentinels", check: func(t *testing.T, v Value) { require.Positive(t, v.Number) }},
		"nothing at all":       {model: model(gateway.ModelOptions{IgnoreLogprobs: true}), feature: "logit grid", check: func(t *testing.T, v Value) { require.False(t, v.Available()) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, Extract(hspitest.Ask(t, gateway.New(c.model, c.options), whole())).Get(c.feature))
		})
	}
}

// Weights with a fixed error differ in the same way each time.
func TestCompare(t *testing.T) {
	serve := func(o gateway.ModelOptions) []Observation {
		return Observe(hspitest.Ask(t, gateway.NewModel(o), whole()))
	}
	reference := serve(gateway.ModelOptions{Precision: gateway.BFloat16})
	same := Compare(serve(gateway.ModelOptions{Precision: gateway.BFloat16}), reference)
	require.InDelta(t, 1, same.Get("same digits").Number, 0)
	require.Zero(t, same.Get("difference p99").Number)
	changed := Compare(serve(gateway.ModelOptions{Precision: gateway.BFloat16, Perturb: 0.1}), reference)
	require.Less(t, changed.Get("same digits").Number, 0.05)
	require.InDelta(t, 0.09, changed.Get("difference").Number, 0.05)
	require.Greater(t, changed.Get("difference p99").Number, changed.Get("difference").Number)
	require.InDelta(t, 1, changed.Get("constancy of the difference").Number, 0.01)
	require.Contains(t, changed.Get("steps apart").Words, "in steps of 2^-")
	other := Compare(serve(gateway.ModelOptions{Precision: gateway.Float32}), reference)
	require.False(t, other.Get("steps apart").Available(), "%v", other.Get("steps apart"))
	none := Compare(nil, reference)
	require.False(t, none.Get("same digits").Available())
	require.Len(t, none, len(same), "the same features in any case")
}
