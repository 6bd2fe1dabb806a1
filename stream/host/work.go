package host

import (
	"math"
	"unsafe"

	"github.com/gpubench/gpubench/stream"
)

// work is what one worker does in one part: a contiguous piece of the arrays. It
// is made before time runs and used over and over; its run allocates nothing.
type work struct {
	block     // of the call in progress
	dst, x, y unsafe.Pointer
	bytes     uint64
	body      func(*block) // nil for Go
	rest      func(*block)
	fold      func(w *work, lanes int) // takes in what a call left; nil if it left nothing
	width     int                      // lanes that body leaves
	piece     uint64                   // bytes between two folds
	// What reductions came to.
	sum, max float64
	ext      extended
	_        [64]byte // workers write to theirs at once
}

// pieceBytes is how much a reduction adds up in elements before the sum goes to a
// float64: it bounds the rounding of float32 sums, at less than 1 % of the time.
// Go has fewer accumulators and is slower, so its pieces are smaller.
func pieceBytes(isa ISA) int {
	if isa == Go {
		return 1 << 16
	}
	return 1 << 20
}

// use says which arrays a part takes.
type use struct {
	part      part
	dst, x, y []byte
}

// exists reports whether there is such a form.
func (f form) exists() bool {
	return f.isa == Go && f.stores == Standard || assembly(f) != nil
}

// set makes the work of a form on the bytes from one place to another.
func (w *work) set(f form, u use, from, to uint64) {
	w.bytes = to - from
	w.dst, w.x, w.y = pointer(u.dst, from), pointer(u.x, from), pointer(u.y, from)
	w.body, w.rest = assembly(f), pure(f.part, f.typ)
	w.fold, w.width = folder(f)
	w.piece = uint64(pieceBytes(f.isa))
}

func pointer(s []byte, at uint64) unsafe.Pointer {
	if s == nil {
		return nil
	}
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), at)
}

// run does all of the work.
func (w *work) run() {
	w.sum, w.max, w.ext = 0, math.Inf(-1), extended{}
	at := uint64(0)
	if w.body != nil {
		if w.dst != nil {
			at = w.calls(w.rest, at, min(w.bytes, -uint64(uintptr(w.dst))%64), 1)
		}
		at = w.calls(w.body, at, at+(w.bytes-at)/unit*unit, w.width)
	}
	w.calls(w.rest, at, w.bytes, 1)
}

// calls has f do the bytes from at to end, and returns end.
func (w *work) calls(f func(*block), at, end uint64, lanes int) uint64 {
	for at < end {
		n := end - at
		if w.fold != nil {
			n = min(n, w.piece)
		}
		w.block.dst, w.block.x, w.block.y = step(w.dst, at), step(w.x, at), step(w.y, at)
		w.block.n = n
		f(&w.block)
		if w.fold != nil {
			w.fold(w, lanes)
		}
		at += n
	}
	return end
}

// step is a pointer so many bytes on; nil stays nil.
func step(p unsafe.Pointer, bytes uint64) unsafe.Pointer {
	if p == nil {
		return nil
	}
	return unsafe.Add(p, bytes)
}

// scalars sets s and t in both types.
func (w *work) scalars(s, t float64) {
	w.s, w.t, w.sf32, w.tf32 = s, t, float32(s), float32(t)
}

// folder is how a part's lanes are taken in, and how many lanes a call of the
// assembly leaves; nil for parts without a result.
func folder(f form) (func(*work, int), int) {
	width := vectorBytes(f.isa) / f.typ.Bytes()
	single := f.typ == stream.F32
	switch f.part {
	case partDot, partRead, partSumExp:
		return pick(single, foldSum[float32], foldSum[float64]), width
	case partMax:
		return pick(single, foldMax[float32], foldMax[float64]), width
	case partExtSum:
		return pick(single, foldExtended[float32], foldExtended[float64]), 4 * width
	}
	return nil, 0
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func foldSum[T float](w *work, n int) {
	for _, v := range lanes[T](&w.block, n) {
		w.sum += float64(v)
	}
}

func foldMax[T float](w *work, n int) {
	for _, v := range lanes[T](&w.block, n) {
		w.max = max(w.max, float64(v))
	}
}

func foldExtended[T float](w *work, n int) {
	out := lanes[T](&w.block, 2*n)
	for i := range n {
		w.ext = w.ext.add(extended{float64(out[i]), float64(out[n+i])})
	}
}

// vectorBytes is the size of a vector register; 0 for Go.
func vectorBytes(isa ISA) int {
	switch isa {
	case AVX512:
		return 64
	case AVX2:
		return 32
	case SSE2:
		return 16
	}
	return 0
}
