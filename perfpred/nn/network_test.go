package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/nn/tape"
)

// tiny is a network with its first rows of machines, in two groups of three.
func tiny(t *testing.T) (*network, *part) {
	t.Helper()
	table := machines(12, 3)
	s, err := newSample(table, []string{"score", "memory"}, "")
	require.NoError(t, err)
	l := newLayout(table, []Group{{"compute", []string{"cores", "mhz", "compiler"}}})
	e, err := fitEncoder(table, l, 3)
	require.NoError(t, err)
	n := newNetwork(sizes{Bins: 3, Token: 4, Vector: 6, Head: 5, Heads: 2, Targets: 2}, l, e.Vocabulary, rand.New(rand.NewPCG(4, 4)))
	return n, &part{e.encode(table, l, 3), s.y, s.known}
}

func loss(n *network, t *tape.Tape, p *part) *tape.Value {
	way := pass{network: n, t: t}
	return t.Loss(way.forward(p.x), p.y, p.known, float64(len(p.y)), tape.MSE{})
}

func gradientOf(t *testing.T, n *network, p *part) []float64 {
	t.Helper()
	way := tape.New(&n.params)
	require.NoError(t, way.Backward(loss(n, way, p)))
	return way.Gradient()
}

// The gradient of the whole network is right in every weight.
func TestGradientOfNetwork(t *testing.T) {
	n, p := tiny(t)
	got := gradientOf(t, n, p)
	const step = 1e-5
	data, way := n.params.Data(), tape.NewInference(&n.params)
	at := func(i int, by float64) float64 {
		was := data[i]
		data[i] = was + by
		defer func() { data[i] = was }()
		way.Reset()
		v := loss(n, way, p)
		require.NoError(t, way.Err())
		return v.Data[0]
	}
	for i := range data {
		require.InDelta(t, (at(i, step)-at(i, -step))/(2*step), got[i], 1e-6, "weight %d", i)
	}
}

// What the published code gets wrong: attention between groups must learn and
// must matter.
func TestGradientReachesAllAttention(t *testing.T) {
	n, p := tiny(t)
	gradient := gradientOf(t, n, p)
	at, seen := 0, 0
	for _, s := range n.params.Shapes() {
		own := gradient[at : at+s.Rows*s.Cols]
		at += s.Rows * s.Cols
		if !strings.HasSuffix(s.Name, ".ask") {
			continue
		}
		seen++
		for third, name := range []string{"query", "key", "value"} {
			largest := 0.0
			for i, g := range own {
				if i%s.Cols/(s.Cols/3) == third {
					largest = max(largest, math.Abs(g))
				}
			}
			assert.Greater(t, largest, 1e-6, "%s %s", s.Name, name)
		}
	}
	assert.Equal(t, 3, seen, "two groups and between them")
}

func TestAttentionBetweenGroupsChangesThePrediction(t *testing.T) {
	n, p := tiny(t)
	predict := func() []float64 {
		way := pass{network: n, t: tape.NewInference(&n.params)}
		return slices.Clone(way.forward(p.x).Data)
	}
	before := predict()
	n.params.Fill(n.inter.ask.weight, 0)
	n.params.Fill(n.inter.ask.offset, 0)
	assert.NotEqual(t, before, predict())
}

func TestBlankHidesFeatures(t *testing.T) {
	n, p := tiny(t)
	rows := p.x.pick([]int{0, 1, 2})
	n.blank(rows, 0, rand.New(rand.NewPCG(1, 1)))
	assert.Equal(t, p.x.pick([]int{0, 1, 2}), rows, "a share of 0 hides nothing")
	n.blank(rows, 1, rand.New(rand.NewPCG(1, 1)))
	for g, group := range rows.groups {
		for at := 0; at < len(group.codes); at += codeBins + n.sizes.Bins {
			assert.Equal(t, []float64{0, 1, 0, 0, 0, 0}, group.codes[at:at+codeBins+n.sizes.Bins])
		}
		for at, name := range group.names {
			assert.Equal(t, n.groups[g].first[at%n.groups[g].names], name)
		}
	}
}
