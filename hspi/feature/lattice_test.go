package feature

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// confidentList is a position whose first token has nearly all of the mass, with
// logprobs calculated along a path.
func confidentList(random *rand.Rand, path Path) *list {
	x := []float32{18 + 8*random.Float32()}
	for range 400 {
		x = append(x, x[0]-9-4*random.Float32())
	}
	sum := float32(0)
	for _, v := range x {
		sum += float32(math.Exp(float64(v - x[0])))
	}
	lse := x[0] + float32(math.Log(float64(sum)))
	l := &list{chosen: 0}
	for _, v := range x[:20] {
		var lp float32
		switch path {
		case PathSubtract:
			lp = v - x[0] - float32(math.Log(float64(sum)))
		case PathLogSoftmax:
			lp = float32(math.Log(float64(float32(math.Exp(float64(v-x[0]))) / sum)))
		case PathLogSum:
			lp = v - lse
		case PathNone:
			lp = v - x[0] - float32(math.Log(float64(sum))) + 1e-4*random.Float32()
		}
		l.tokens, l.ids, l.logprobs = append(l.tokens, ""), append(l.ids, -1), append(l.logprobs, float64(lp))
	}
	return l
}

func TestLatticeTellsThePath(t *testing.T) {
	for _, path := range []Path{PathSubtract, PathLogSoftmax, PathLogSum, PathNone} {
		random := rand.New(rand.NewPCG(1, 2))
		var all []*list
		for range 60 {
			all = append(all, confidentList(random, path))
		}
		lattice := readLattice(all)
		got, ok := lattice.Path()
		require.True(t, ok, "%+v", lattice)
		require.Equal(t, path, got, "%+v", lattice)
		require.True(t, lattice.value().Available())
	}
}

func TestLatticeNeedsConfidentTokens(t *testing.T) {
	v := readLattice([]*list{{logprobs: []float64{-0.7, -0.7}, tokens: []string{"a", "b"}, ids: []int{0, 1}}}).value()
	require.False(t, v.Available())
	require.Contains(t, v.String(), "not available, because 0 tokens")
}
