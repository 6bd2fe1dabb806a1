package host

import (
	"unsafe"

	"github.com/gpubench/gpubench/stream"
)

// typed is memory as elements.
func typed[T float](data []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data))/unsafe.Sizeof(t))
}

// Start sets the arrays as STREAM does: a = 1, b = 2, c = 0, each piece by the
// thread that will work on it, and then a = 2 a. All that is written before the
// first of it is timed, so pages are where their owner wrote them.
func Start(t *Team, a Arrays, typ stream.Type) {
	t.Do(func(worker int) {
		if typ == stream.F32 {
			startChunk[float32](a, t.Size(), worker)
		} else {
			startChunk[float64](a, t.Size(), worker)
		}
	})
}

func startChunk[T float](a Arrays, workers, worker int) {
	from, to := chunk(uint64(len(a.A)), workers, worker)
	set(typed[T](a.A[from:to]), 1)
	set(typed[T](a.B[from:to]), 2)
	set(typed[T](a.C[from:to]), 0)
	for i, v := range typed[T](a.A[from:to]) {
		typed[T](a.A[from:to])[i] = 2 * v
	}
}

func set[T float](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
