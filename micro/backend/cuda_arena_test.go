package backend

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/cuda"
)

// TestArenaNeverGivesTwice takes and gives back at random and compares with a map
// of what is taken.
func TestArenaNeverGivesTwice(t *testing.T) {
	const pages = 64
	a := newArena(arenaAlign, pages*arenaAlign)
	rng := rand.New(rand.NewPCG(1, 2))
	type part struct {
		at    cuda.Ptr
		bytes uint64
	}
	var taken []part
	owner := map[uint64]bool{}
	for range 5000 {
		if len(taken) > 0 && rng.IntN(2) == 0 {
			i := rng.IntN(len(taken))
			p := taken[i]
			taken = append(taken[:i], taken[i+1:]...)
			a.release(p.at, p.bytes)
			for x := uint64(p.at); x < uint64(p.at)+p.bytes; x += arenaAlign {
				delete(owner, x)
			}
			continue
		}
		bytes := 1 + rng.Uint64N(8*arenaAlign)
		at, ok := a.alloc(bytes)
		if !ok {
			continue
		}
		require.True(t, a.holds(at))
		require.LessOrEqual(t, uint64(at)+bytes, uint64((pages+1)*arenaAlign))
		for x := uint64(at); x < uint64(at)+bytes; x += arenaAlign {
			require.False(t, owner[x], "page %#x is given twice", x)
			owner[x] = true
		}
		taken = append(taken, part{at, bytes})
	}
	for _, p := range taken {
		a.release(p.at, p.bytes)
	}
	assert.Equal(t, []span{{0, pages * arenaAlign}}, a.free, "all is one stretch again")
}

func TestArenaOfNothingHoldsNothing(t *testing.T) {
	var none *arena
	assert.False(t, none.holds(5))
	_, ok := newArena(0, 0).alloc(1)
	assert.False(t, ok)
	assert.False(t, newArena(0, 0).holds(0))
}
