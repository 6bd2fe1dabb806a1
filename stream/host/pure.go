package host

import (
	"math"
	"unsafe"

	"github.com/gpubench/gpubench/stream"
)

// float is an element.
type float interface{ float32 | float64 }

// pure finds the Go form of a part. It takes any length and alignment, so it
// also does what an assembly kernel leaves at the ends. Reductions leave one lane.
func pure(p part, t stream.Type) func(*block) {
	if t == stream.F32 {
		return pureOf[float32](p)
	}
	return pureOf[float64](p)
}

func pureOf[T float](p part) func(*block) {
	switch p {
	case partCopy:
		return goCopy[T]
	case partScale:
		return goScale[T]
	case partAdd:
		return goAdd[T]
	case partTriad:
		return goTriad[T]
	case partNstream:
		return goNstream[T]
	case partWrite:
		return goWrite[T]
	case partDot:
		return goDot[T]
	case partRead:
		return goRead[T]
	case partMax:
		return goMax[T]
	case partSumExp:
		return goSumExp[T]
	case partExpScale:
		return goExpScale[T]
	case partExtSum:
		return goExtSum[T]
	case partExtScale:
		return goExtScale[T]
	}
	return nil
}

// elements is an array of the block as a slice.
func elements[T float](p unsafe.Pointer, b *block) []T {
	var t T
	return unsafe.Slice((*T)(p), b.n/uint64(unsafe.Sizeof(t)))
}

// lanes is the block's output as elements.
func lanes[T float](b *block, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(&b.out)), n)
}

// goCopy is a loop: copy() takes stores that go around the caches where it likes.
func goCopy[T float](b *block) {
	dst, x := elements[T](b.dst, b), elements[T](b.x, b)
	for len(dst) >= 8 && len(x) >= 8 {
		d, s := (*[8]T)(dst), (*[8]T)(x)
		d[0], d[1], d[2], d[3] = s[0], s[1], s[2], s[3]
		d[4], d[5], d[6], d[7] = s[4], s[5], s[6], s[7]
		dst, x = dst[8:], x[8:]
	}
	for i := range dst {
		dst[i] = x[i]
	}
}

func goScale[T float](b *block) {
	dst, x, q := elements[T](b.dst, b), elements[T](b.x, b), T(b.s)
	for len(dst) >= 8 && len(x) >= 8 {
		d, s := (*[8]T)(dst), (*[8]T)(x)
		d[0], d[1], d[2], d[3] = q*s[0], q*s[1], q*s[2], q*s[3]
		d[4], d[5], d[6], d[7] = q*s[4], q*s[5], q*s[6], q*s[7]
		dst, x = dst[8:], x[8:]
	}
	for i := range dst {
		dst[i] = q * x[i]
	}
}

func goAdd[T float](b *block) {
	dst, x, y := elements[T](b.dst, b), elements[T](b.x, b), elements[T](b.y, b)
	for len(dst) >= 8 && len(x) >= 8 && len(y) >= 8 {
		d, s, t := (*[8]T)(dst), (*[8]T)(x), (*[8]T)(y)
		d[0], d[1], d[2], d[3] = s[0]+t[0], s[1]+t[1], s[2]+t[2], s[3]+t[3]
		d[4], d[5], d[6], d[7] = s[4]+t[4], s[5]+t[5], s[6]+t[6], s[7]+t[7]
		dst, x, y = dst[8:], x[8:], y[8:]
	}
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func goTriad[T float](b *block) {
	dst, x, y, q := elements[T](b.dst, b), elements[T](b.x, b), elements[T](b.y, b), T(b.s)
	for len(dst) >= 8 && len(x) >= 8 && len(y) >= 8 {
		d, s, t := (*[8]T)(dst), (*[8]T)(x), (*[8]T)(y)
		d[0], d[1], d[2], d[3] = s[0]+q*t[0], s[1]+q*t[1], s[2]+q*t[2], s[3]+q*t[3]
		d[4], d[5], d[6], d[7] = s[4]+q*t[4], s[5]+q*t[5], s[6]+q*t[6], s[7]+q*t[7]
		dst, x, y = dst[8:], x[8:], y[8:]
	}
	for i := range dst {
		dst[i] = x[i] + q*y[i]
	}
}

func goNstream[T float](b *block) {
	dst, x, y, q := elements[T](b.dst, b), elements[T](b.x, b), elements[T](b.y, b), T(b.s)
	for len(dst) >= 8 && len(x) >= 8 && len(y) >= 8 {
		d, s, t := (*[8]T)(dst), (*[8]T)(x), (*[8]T)(y)
		for i := range d {
			d[i] += s[i] + q*t[i]
		}
		dst, x, y = dst[8:], x[8:], y[8:]
	}
	for i := range dst {
		dst[i] += x[i] + q*y[i]
	}
}

func goWrite[T float](b *block) {
	dst, q := elements[T](b.dst, b), T(b.s)
	for i := range dst {
		dst[i] = q
	}
}

func goDot[T float](b *block) {
	x, y := elements[T](b.x, b), elements[T](b.y, b)
	var a [8]T
	for len(x) >= 8 && len(y) >= 8 {
		s, t := (*[8]T)(x), (*[8]T)(y)
		a[0], a[1], a[2], a[3] = a[0]+s[0]*t[0], a[1]+s[1]*t[1], a[2]+s[2]*t[2], a[3]+s[3]*t[3]
		a[4], a[5], a[6], a[7] = a[4]+s[4]*t[4], a[5]+s[5]*t[5], a[6]+s[6]*t[6], a[7]+s[7]*t[7]
		x, y = x[8:], y[8:]
	}
	for i := range x {
		a[i] += x[i] * y[i]
	}
	lanes[T](b, 1)[0] = sum8(a)
}

func goRead[T float](b *block) {
	x := elements[T](b.x, b)
	var a [8]T
	for len(x) >= 8 {
		s := (*[8]T)(x)
		a[0], a[1], a[2], a[3] = a[0]+s[0], a[1]+s[1], a[2]+s[2], a[3]+s[3]
		a[4], a[5], a[6], a[7] = a[4]+s[4], a[5]+s[5], a[6]+s[6], a[7]+s[7]
		x = x[8:]
	}
	for i := range x {
		a[i] += x[i]
	}
	lanes[T](b, 1)[0] = sum8(a)
}

func sum8[T float](a [8]T) T {
	return (a[0] + a[4]) + (a[1] + a[5]) + (a[2] + a[6]) + (a[3] + a[7])
}

func goMax[T float](b *block) {
	m := T(math.Inf(-1))
	for _, v := range elements[T](b.x, b) {
		m = max(m, v)
	}
	lanes[T](b, 1)[0] = m
}

func goSumExp[T float](b *block) {
	sum := 0.0
	for _, v := range elements[T](b.x, b) {
		sum += math.Exp(float64(v) - b.s)
	}
	lanes[T](b, 1)[0] = T(sum)
}

func goExpScale[T float](b *block) {
	dst, x := elements[T](b.dst, b), elements[T](b.x, b)
	for i, v := range x {
		dst[i] = T(math.Exp(float64(v)-b.s) * b.t)
	}
}

func goExtSum[T float](b *block) {
	sum := extended{}
	for _, v := range elements[T](b.x, b) {
		sum = sum.add(extendedExp(float64(v)))
	}
	out := lanes[T](b, 2)
	out[0], out[1] = T(sum.m), T(sum.e)
}

func goExtScale[T float](b *block) {
	dst, x := elements[T](b.dst, b), elements[T](b.x, b)
	for i, v := range x {
		e := extendedExp(float64(v))
		dst[i] = T(math.Ldexp(e.m*b.s, int(e.e-b.t)))
	}
}
