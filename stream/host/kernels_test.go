package host

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/stream"
)

// forms lists every form of a part that this machine runs.
func forms(p part) []form {
	var list []form
	for _, isa := range ISAs() {
		for _, t := range stream.Types() {
			for _, s := range []Stores{Standard, Tuned} {
				if f := (form{isa, p, t, s}); f.exists() {
					list = append(list, f)
				}
			}
		}
	}
	return list
}

func (f form) String() string { return fmt.Sprintf("%s/%s/%s/%s", f.part, f.isa, f.typ, f.stores) }

// The plain formulas: what each part leaves in dst, element by element.
func formula(p part, d, x, y, q float64) float64 {
	switch p {
	case partCopy:
		return x
	case partScale:
		return q * x
	case partAdd:
		return x + y
	case partTriad:
		return x + q*y
	case partNstream:
		return d + x + q*y
	}
	return q
}

var storing = []part{partCopy, partScale, partAdd, partTriad, partNstream, partWrite}

// TestStores runs every form over odd lengths at odd places and looks at every
// element, and at those before and behind, which must stay.
func TestStores(t *testing.T) {
	for _, p := range storing {
		for _, f := range forms(p) {
			t.Run(f.String(), func(t *testing.T) {
				if f.typ == stream.F32 {
					checkStores[float32](t, f)
				} else {
					checkStores[float64](t, f)
				}
			})
		}
	}
}

func checkStores[T float](t *testing.T, f form) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 25 {
		n, guard := 1+rng.IntN(1500), 9
		arrays := [3][]T{}
		for i := range arrays {
			arrays[i] = random[T](rng, n+2*guard+rng.IntN(9))
		}
		at := [3]int{}
		for i := range at {
			at[i] = rng.IntN(guard)
		}
		before := append([]T(nil), arrays[0]...)
		d, x, y := arrays[0][at[0]:][:n], arrays[1][at[1]:][:n], arrays[2][at[2]:][:n]
		q := float64(T(rng.NormFloat64()))
		var w work
		w.set(f, use{f.part, raw(d), raw(x), raw(y)}, 0, uint64(len(raw(d))))
		w.scalars(q, 0)
		w.run()
		for i := range arrays[0] {
			j := i - at[0]
			if j < 0 || j >= n {
				require.Equal(t, before[i], arrays[0][i], "element %d of %d is not part of the array", j, n)
				continue
			}
			want := formula(f.part, float64(before[i]), float64(x[j]), float64(y[j]), q)
			// Products may be rounded before they are added, or not.
			scale := math.Abs(float64(before[i])) + math.Abs(float64(x[j])) + math.Abs(q*float64(y[j])) + math.Abs(want)
			require.InDelta(t, want, float64(arrays[0][i]), 2*epsilon[T]()*scale, "element %d of %d", j, n)
		}
	}
}

func epsilon[T float]() float64 {
	var t T
	if unsafe.Sizeof(t) == 4 {
		return 0x1p-23
	}
	return 0x1p-52
}

func random[T float](rng *rand.Rand, n int) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = T(rng.NormFloat64())
	}
	return s
}

// raw is the memory of a slice.
func raw[T float](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), uintptr(len(s))*unsafe.Sizeof(s[0]))
}

// TestSums compares reductions with sums in float64, also over several pieces.
func TestSums(t *testing.T) {
	for _, p := range []part{partDot, partRead} {
		for _, f := range forms(p) {
			t.Run(f.String(), func(t *testing.T) {
				if f.typ == stream.F32 {
					checkSums[float32](t, f)
				} else {
					checkSums[float64](t, f)
				}
			})
		}
	}
}

func checkSums[T float](t *testing.T, f form) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 7, 63, 64, 65, 129, 1000, 4097, 400_001} {
		x, y := random[T](rng, n+3)[3:], random[T](rng, n+1)[1:]
		want, size := 0.0, 0.0
		for i := range x {
			v := float64(x[i])
			if f.part == partDot {
				v *= float64(y[i])
			}
			want, size = want+v, size+math.Abs(v)
		}
		var w work
		w.set(f, use{f.part, nil, raw(x), raw(y)}, 0, uint64(len(raw(x))))
		w.run()
		assert.InDelta(t, want, w.sum, 20*epsilon[T]()*size, "of %d", n)
	}
}
