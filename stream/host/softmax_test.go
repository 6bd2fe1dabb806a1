package host

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/stream"
)

// expError is the greatest error of e^x in units of the last place: below one in
// our kernels; math.Exp is rounded to float32 or is what Go has.
func (f form) expError() float64 {
	if f.isa == Go {
		return 2
	}
	return 1
}

// runPart runs a form on one thread.
func runPart[T float](f form, dst, x []T, s, t float64) *work {
	var w work
	u := use{part: f.part, x: raw(x)}
	if dst != nil {
		u.dst = raw(dst)
	}
	w.set(f, u, 0, uint64(len(raw(x))))
	w.scalars(s, t)
	w.run()
	return &w
}

// bigExp is e^x to far more than a float64 holds: by its series after halving.
func bigExp(x float64) *big.Float {
	const halvings = 12
	y := new(big.Float).SetPrec(200).SetFloat64(math.Ldexp(x, -halvings))
	sum, term := new(big.Float).SetPrec(200).SetInt64(1), new(big.Float).SetPrec(200).SetInt64(1)
	for k := int64(1); k < 40; k++ {
		term.Mul(term, y)
		term.Quo(term, new(big.Float).SetInt64(k))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

// ulps is the distance of got from the exact value in units of the last place
// that the value has in the type.
func ulps(got float64, exact *big.Float, typ stream.Type) float64 {
	e := exact.MantExp(nil)
	digits := map[stream.Type]int{stream.F64: 53, stream.F32: 24}[typ]
	d := new(big.Float).SetPrec(200).SetFloat64(got)
	d.Sub(d, exact)
	f, _ := d.Float64()
	return math.Abs(math.Ldexp(f, digits-e))
}

// TestExp measures the error of the exponential inside of the vector kernels
// against exact values.
func TestExp(t *testing.T) {
	for _, typ := range stream.Types() {
		x := exponents(3000)
		exact := make([]*big.Float, len(x))
		for i := range x {
			exact[i] = bigExp(x[i])
		}
		for _, f := range forms(partExpScale) {
			if f.typ != typ {
				continue
			}
			t.Run(f.String(), func(t *testing.T) {
				worst := 0.0
				for i, y := range f.exp(x) {
					worst = max(worst, ulps(y, exact[i], typ))
				}
				t.Logf("worst error %.3f ULP", worst)
				assert.LessOrEqual(t, worst, f.expError())
			})
		}
	}
}

// exponents are arguments that float32 holds too, more of them near zero.
func exponents(n int) []float64 {
	rng := rand.New(rand.NewPCG(7, 8))
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(-86 * rng.Float64()))
		if i%3 == 0 {
			x[i] = float64(float32(-rng.Float64()))
		}
	}
	return x
}

// exp has the form compute the exponentials.
func (f form) exp(x []float64) []float64 {
	if f.typ == stream.F32 {
		return expOf[float32](f, x)
	}
	return expOf[float64](f, x)
}

func expOf[T float](f form, x []float64) []float64 {
	in, out := make([]T, len(x)), make([]T, len(x))
	for i, v := range x {
		in[i] = T(v)
	}
	runPart(f, out, in, 0, 1)
	y := make([]float64, len(x))
	for i, v := range out {
		y[i] = float64(v)
	}
	return y
}

// TestSoftmaxPasses compares every form of both kernels with the definition.
func TestSoftmaxPasses(t *testing.T) {
	for _, f := range forms(partExpScale) {
		t.Run(f.String(), func(t *testing.T) {
			if f.typ == stream.F32 {
				checkSoftmax[float32](t, f, 2e-6)
			} else {
				checkSoftmax[float64](t, f, 1e-14)
			}
		})
	}
}

func checkSoftmax[T float](t *testing.T, f form, limit float64) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{1, 3, 64, 127, 128, 1001, 5000} {
		// Far from zero, where exp itself overflows or vanishes.
		for _, shift := range []float64{0, 1000, -1000} {
			x := random[T](rng, n)
			for i := range x {
				x[i] = T(float64(x[i])*5 + shift)
			}
			want := definition(x)
			two, three := make([]T, n), make([]T, n)
			sum := runPart(f.with(partExtSum), nil, x, 0, 0).ext.normal()
			runPart(f.with(partExtScale), two, x, 1/sum.m, sum.e)
			top := runPart(f.with(partMax), nil, x, 0, 0).max
			runPart(f.with(partExpScale), three, x, top, 1/runPart(f.with(partSumExp), nil, x, top, 0).sum)
			for i := range want {
				require.InEpsilon(t, want[i], float64(two[i]), limit, "two passes: element %d of %d", i, n)
				require.InEpsilon(t, want[i], float64(three[i]), limit, "three passes: element %d of %d", i, n)
			}
		}
	}
}

// with is the form of another part; one that stores nothing has only one.
func (f form) with(p part) form {
	f.part = p
	if p.reduces() {
		f.stores = Standard
	}
	return f
}

// definition is softmax by math.Exp.
func definition[T float](x []T) []float64 {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = max(top, float64(v))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Exp(float64(v) - top)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return y
}

// TestCompare sums up more results than a plain sum would bear.
func TestCompare(t *testing.T) {
	const n = 1 << 21
	x := make([]float64, n)
	set(x, 0.1)
	sum, worst := compare(x, []float64{0.1}, 0)
	assert.InEpsilon(t, 0.1*n, sum, 1e-15)
	assert.Zero(t, worst)
	x[5] = math.NaN()
	_, worst = compare(x, []float64{0.1}, 0)
	assert.True(t, math.IsNaN(worst))
}
