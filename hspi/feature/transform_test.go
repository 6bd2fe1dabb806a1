package feature

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// rounded is v with p significant bits.
func rounded(v float64, p int) float64 {
	u := ulp(v, p)
	return math.RoundToEven(v/u) * u
}

// drawnLists are positions of a head with p significant bits, with something done to
// the logits afterwards in float32.
func drawnLists(p int, after func(float64) float64) []*list {
	random := rand.New(rand.NewPCG(3, uint64(p)))
	var all []*list
	for range 5 {
		l := &list{chosen: 0, spread: 1e-6}
		top, z := 20+6*random.Float64(), 30*random.Float64()
		for i := range 20 {
			x := rounded(top-0.7*float64(i)*random.Float64(), p)
			l.tokens, l.ids = append(l.tokens, ""), append(l.ids, -1)
			l.logprobs = append(l.logprobs, float64(float32(after(x)-z)))
		}
		all = append(all, l)
	}
	return all
}

// What models do to their logits is inverted before a head is named.
func TestTransformsAreInverted(t *testing.T) {
	ways := map[string]func(float64) float64{
		"nothing":     func(x float64) float64 { return x },
		"soft cap 30": func(x float64) float64 { return float64(float32(30 * math.Tanh(x/30))) },
		"soft cap 50": func(x float64) float64 { return float64(float32(50 * math.Tanh(x/50))) },
		"scale":       func(x float64) float64 { return float64(float32(x * 0.7)) },
	}
	for name, way := range ways {
		for h, p := range digits {
			g, why, ok := findGrid(drawnLists(p, way))
			require.True(t, ok, why)
			require.Equal(t, h, g.Head, "%s, %+v", name, g)
			require.True(t, g.Firm())
			if name == "nothing" {
				require.Empty(t, g.Transform)
				require.InDelta(t, 18, g.Level, 10, "the grid's step tells the level")
			} else {
				require.Contains(t, g.Transform, name)
			}
		}
	}
	g, _, ok := findGrid(drawnLists(24, ways["scale"]))
	require.True(t, ok)
	require.Equal(t, NoGrid, g.Head)
}

// Noise alone never looks like a grid.
func TestNoGridIsFoundInNoise(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	for range 6 {
		var all []*list
		for range 4 {
			l := &list{spread: 5e-5} // 4 decimals
			for i := range 20 {
				v := -float64(i) * random.Float64()
				l.tokens, l.ids, l.logprobs = append(l.tokens, ""), append(l.ids, -1), append(l.logprobs, math.Round(v*1e4)/1e4)
			}
			all = append(all, l)
		}
		g, why, ok := findGrid(all)
		require.True(t, ok, why)
		require.Equal(t, NoGrid, g.Head, "%+v", g)
	}
}
