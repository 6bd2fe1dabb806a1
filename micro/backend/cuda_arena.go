package backend

import (
	"slices"

	"github.com/gpubench/gpubench/internal/cuda"
)

// Large buffers come out of one allocation that is never given back before the end.
// Memory that the driver hands out after something was freed can be a tenth to a
// fifth slower than the same memory in a fresh process (measured on an H200: reads
// of 6 GiB at 3750 GB/s instead of 4590), presumably for the size of its pages.
// One large allocation is as fast at any time and in every part.
const (
	// arenaLeast is the size from which a buffer comes out of the arena.
	arenaLeast = 32 << 20
	// arenaShare is the part of the free memory that the arena takes: what the runner
	// lets open sessions have together, and something for alignment.
	arenaShare = 0.65
	// arenaAlign keeps buffers on pages of their own.
	arenaAlign = 2 << 20
)

// arena hands out parts of one allocation, first fit.
type arena struct {
	base  cuda.Ptr
	bytes uint64
	free  []span // by offset; neighbours are merged
}

// span is a stretch of the arena.
type span struct{ at, bytes uint64 }

// newArena makes an arena of one allocation.
func newArena(base cuda.Ptr, bytes uint64) *arena {
	return &arena{base, bytes, []span{{0, bytes}}}
}

// alloc gives the first stretch that is long enough.
func (a *arena) alloc(bytes uint64) (cuda.Ptr, bool) {
	bytes = aligned(bytes)
	i := slices.IndexFunc(a.free, func(s span) bool { return s.bytes >= bytes })
	if i < 0 {
		return 0, false
	}
	at := a.free[i].at
	a.free[i] = span{at + bytes, a.free[i].bytes - bytes}
	if a.free[i].bytes == 0 {
		a.free = slices.Delete(a.free, i, i+1)
	}
	return a.base + cuda.Ptr(at), true
}

// holds says whether an address is of the arena.
func (a *arena) holds(p cuda.Ptr) bool {
	return a != nil && p >= a.base && uint64(p-a.base) < a.bytes
}

// release takes back what alloc gave for that many bytes.
func (a *arena) release(p cuda.Ptr, bytes uint64) {
	s := span{uint64(p - a.base), aligned(bytes)}
	i, _ := slices.BinarySearchFunc(a.free, s, func(x, y span) int { return int(int64(x.at) - int64(y.at)) })
	a.free = slices.Insert(a.free, i, s)
	if i+1 < len(a.free) && s.at+s.bytes == a.free[i+1].at {
		a.free[i].bytes += a.free[i+1].bytes
		a.free = slices.Delete(a.free, i+1, i+2)
	}
	if i > 0 && a.free[i-1].at+a.free[i-1].bytes == a.free[i].at {
		a.free[i-1].bytes += a.free[i].bytes
		a.free = slices.Delete(a.free, i, i+1)
	}
}

func aligned(bytes uint64) uint64 { return (bytes + arenaAlign - 1) / arenaAlign * arenaAlign }

// alloc takes a large buffer out of the arena, which it makes at the first one, and
// everything else, also what no longer fits, from the driver.
func (d *CUDA) alloc(bytes uint64) (cuda.Ptr, error) {
	if bytes >= arenaLeast {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.arena == nil {
			d.arena = d.makeArena()
		}
		if p, ok := d.arena.alloc(bytes); ok {
			return p, nil
		}
	}
	return d.gpu.Alloc(bytes)
}

// makeArena allocates it; where the driver has less, the arena is empty.
func (d *CUDA) makeArena() *arena {
	bytes := aligned(uint64(arenaShare * float64(d.about.FreeBytes)))
	base, err := d.gpu.Alloc(bytes)
	if err != nil {
		return newArena(0, 0)
	}
	return newArena(base, bytes)
}

// release gives back what alloc gave.
func (d *CUDA) release(p cuda.Ptr, bytes uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.arena.holds(p) {
		d.arena.release(p, bytes)
		return nil
	}
	return d.gpu.Free(p)
}
