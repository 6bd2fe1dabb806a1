//go:build peer

package main

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/host"
)

// checkBytes is the size of an array in check: odd in pages, vectors and lines.
const checkBytes = 1<<20 + 4096 + 64 + 16

// check has C and our kernel work on the same values and compares every element
// of all arrays. Products may be rounded before they are added, or not.
func (b *bench) check(kernel string, width int, t stream.Type) error {
	k, err := stream.Find(kernel)
	if err != nil {
		return err
	}
	memory, err := host.NewMemory(checkBytes)
	if err != nil {
		return err
	}
	defer memory.Close()
	a := memory.Arrays()
	loop, err := host.NewLoop(b.team, a, k, t, "", host.Standard)
	if err != nil {
		return err
	}
	var left [2][]float64
	for i, run := range []func() float64{
		func() float64 { loop.Run(); return loop.Sum },
		func() float64 { return b.lib.call(kernel, width, t, a) },
	} {
		distinct(a, t)
		sum := run()
		left[i] = append(contents(a, t), sum)
	}
	limit := map[stream.Type]float64{stream.F64: 1e-12, stream.F32: 1e-4}[t]
	for i, want := range left[0] {
		if got := left[1][i]; !(math.Abs(got-want) <= limit*math.Abs(want)) {
			return fmt.Errorf("the C peer's %s of %s at width %d left %g at %d, ours %g", kernel, t, width, got, i, want)
		}
	}
	return nil
}

// distinct fills the arrays with positive values that differ from place to place.
func distinct(a host.Arrays, t stream.Type) {
	for j, s := range [][]byte{a.A, a.B, a.C} {
		for i := range len(s) / t.Bytes() {
			v := 1 + float64((i*(2*j+3))%1009)
			if t == stream.F32 {
				typed[float32](s)[i] = float32(v)
			} else {
				typed[float64](s)[i] = v
			}
		}
	}
}

// contents are all elements of the arrays.
func contents(a host.Arrays, t stream.Type) []float64 {
	var all []float64
	for _, s := range [][]byte{a.A, a.B, a.C} {
		if t == stream.F64 {
			all = append(all, typed[float64](s)...)
			continue
		}
		for _, v := range typed[float32](s) {
			all = append(all, float64(v))
		}
	}
	return slices.Clip(all)
}

func typed[T float32 | float64](s []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(s))), uintptr(len(s))/unsafe.Sizeof(t))
}
