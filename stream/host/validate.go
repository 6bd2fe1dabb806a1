package host

import (
	"fmt"
	"math"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// values are what every element of the three arrays should be, as STREAM follows
// them: in scalars, through the same operations in the same type.
type values struct {
	a, b, c float64
	single  bool
}

// startValues are those after STREAM's first touch and its a = 2 a.
func startValues(t stream.Type) values { return values{2, 2, 0, t == stream.F32} }

// round is a result in the element's type.
func (v *values) round(x float64) float64 {
	if v.single {
		return float64(float32(x))
	}
	return x
}

// step follows one run of a kernel.
func (v *values) step(kernel string) {
	q := float64(stream.Q)
	switch kernel {
	case stream.Copy:
		v.c = v.a
	case stream.Scale:
		v.b = v.round(q * v.c)
	case stream.Add:
		v.c = v.round(v.a + v.b)
	case stream.Triad:
		v.a = v.round(v.b + v.round(q*v.c))
	case stream.Nstream:
		v.a = v.round(v.a + v.round(v.b+v.round(q*v.c)))
	case stream.Write:
		v.c = q
	}
}

// sum is what a reduction of n elements comes to; false for other kernels.
func (v *values) sum(kernel string, n uint64) (float64, bool) {
	switch kernel {
	case stream.Dot:
		return v.a * v.b * float64(n), true
	case stream.Read:
		return v.a * float64(n), true
	}
	return 0, false
}

// tolerance is STREAM's for the mean relative error of an array.
func tolerance(t stream.Type) float64 {
	if t == stream.F32 {
		return 1e-6
	}
	return 1e-13
}

// sumTolerance bounds the relative error of a sum of positive numbers whose pieces
// of pieceBytes were added up in elements: half of the last place for each addition.
// Go has eight accumulators, and assembly at least four vectors of them.
func sumTolerance(t stream.Type, isa ISA) float64 {
	additions := float64(pieceBytes(isa) / t.Bytes() / max(8, 4*vectorBytes(isa)/t.Bytes()))
	if t == stream.F32 {
		return additions * 0x1p-24
	}
	return additions * 0x1p-53
}

// checkArrays compares all elements with their values: mean relative error, in
// parallel, as STREAM does it.
func checkArrays(t *Team, a Arrays, typ stream.Type, want values) results.Check {
	worst, name := 0.0, ""
	for _, x := range []struct {
		name string
		data []byte
		want float64
	}{{"a", a.A, want.a}, {"b", a.B, want.b}, {"c", a.C, want.c}} {
		e := meanError(t, x.data, typ, x.want)
		if x.want != 0 {
			e /= math.Abs(x.want)
		}
		if e >= worst || math.IsNaN(e) {
			worst, name = e, x.name
		}
	}
	ok := worst <= tolerance(typ)
	return results.Check{By: "analytic", OK: ok, Detail: fmt.Sprintf(
		"STREAM's recurrence: mean relative error %.2g or less in every array (worst: %s), tolerance %.0e", worst, name, tolerance(typ))}
}

// meanError is the mean distance of the elements from a value.
func meanError(t *Team, data []byte, typ stream.Type, want float64) float64 {
	sums := make([]float64, t.Size())
	t.Do(func(worker int) {
		from, to := chunk(uint64(len(data)), t.Size(), worker)
		if typ == stream.F32 {
			sums[worker] = distance[float32](data[from:to], want)
		} else {
			sums[worker] = distance[float64](data[from:to], want)
		}
	})
	total := 0.0
	for _, s := range sums {
		total += s
	}
	return total / float64(len(data)/typ.Bytes())
}

func distance[T float](data []byte, want float64) float64 {
	sum, w := 0.0, T(want)
	for _, v := range typed[T](data) {
		sum += math.Abs(float64(v - w))
	}
	return sum
}

// checkSum compares a reduction with its value.
func checkSum(got, want float64, typ stream.Type, isa ISA) results.Check {
	e, limit := math.Abs(got-want)/math.Abs(want), sumTolerance(typ, isa)
	return results.Check{By: "analytic", OK: e <= limit, Detail: fmt.Sprintf(
		"sum %.10g, should be %.10g: relative error %.2g, tolerance %.2g", got, want, e, limit)}
}
