package virtual

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx/isa"
)

// fma is a*b+c as the machine computes it, with c as the product that comes first.
func fma(a, b, c float32) float32 { return Sequential{}.Dot([]float32{c, a}, []float32{1, b}) }

// fused is a*b+c by exact arithmetic.
func fused(a, b, c float32) float32 {
	exact := func(v float32) *big.Float { return new(big.Float).SetPrec(600).SetFloat64(float64(v)) }
	sum := exact(a)
	sum.Mul(sum, exact(b)).Add(sum, exact(c))
	v, _ := sum.Float32()
	return v
}

// The multiply-add rounds once, also where a float64 would round to the middle of two
// float32 and for the least numbers.
func TestFMA(t *testing.T) {
	one := float32(1)
	for _, c := range [][3]float32{
		{1 + 0x1p-12, 1 + 0x1p-12, 0x1p-60}, {1 + 0x1p-12, 1 - 0x1p-12, -0x1p-60}, {1 + 0x1p-23, 1 + 0x1p-23, 1},
		{one, 0x1p-149, 0x1p-149}, {0x1p-75, 0x1p-75, 0x1p-149}, {0x1.8p-75, 0x1p-75, 0}, {1, 1, -1}, {3, 5, 7},
		{1 + 0x1p-23, 0x1p-24, 1}, {-1 - 0x1p-23, 0x1p-24, -1},
	} {
		assert.Equal(t, fused(c[0], c[1], c[2]), fma(c[0], c[1], c[2]), c)
	}
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() float32 { return math.Float32frombits(random.Uint32()&0x807fffff | (117+random.Uint32()%20)<<23) }
	for range 20000 {
		a, b, c := draw(), draw(), draw()
		require.Equal(t, fused(a, b, c), fma(a, b, c), "%g %g %g", a, b, c)
	}
}

func TestRounding(t *testing.T) {
	for v, want := range map[float32]float32{1: 1, 1 + 0x1p-8: 1, 1 + 0x1.8p-8: 1 + 0x1p-7, 1 + 0x1p-7 + 0x1p-8: 1 + 0x1p-6, -3.14159: -3.140625} {
		assert.InDelta(t, want, BFloat16(v), 0, "%g", v)
	}
	for v, want := range map[float32]float32{1: 1, 1 + 0x1p-11: 1, 1 + 0x1.8p-11: 1 + 0x1p-10, 65504: 65504, 0x1p-24: 0x1p-24, 0x1p-26: 0} {
		assert.InDelta(t, want, Float16(v), 0, "%g", v)
	}
}

// Machines differ in what they lose, and agree where nothing is lost.
func TestDots(t *testing.T) {
	cores := func(target isa.Target, operand string) Dot {
		a, err := Cores(target, operand)
		require.NoError(t, err)
		return a.Dot
	}
	dots := map[string]Dot{"in order": Sequential{}, "blocks": Blocks{4}, "no size": Blocks{}, "ampere": cores(isa.SM80, "bf16"), "hopper": cores(isa.SM90, "bf16"), "tf32": cores(isa.SM90, "tf32")}
	of := func(d Dot, a, b []float32) float32 { return d.Dot(d.Row(a), d.Row(b)) }
	small := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for name, d := range dots {
		assert.InDelta(t, 385, of(d, small, small), 0, name)
	}
	// 2^24 swallows a one that comes alone; ones of a block come together. Tensor cores
	// align a block to its largest term, and keep 1 or 2 bits below a float32's.
	a := []float32{1 << 12, 1, 1, 1, 1, 1, 1, 1, 1}
	b := []float32{1 << 12, 1, 1, 1, 1, 1, 1, 1, 1}
	assert.InDelta(t, 1<<24, of(Sequential{}, a, b), 0)
	assert.InDelta(t, 1<<24+4, of(Blocks{4}, a, b), 0)
	assert.InDelta(t, 1<<24+6, of(cores(isa.SM80, "bf16"), a, b), 0, "7 of them with it, cut to an even number, and 1 alone")
	assert.InDelta(t, 1<<24+8, of(cores(isa.SM90, "bf16"), a, b), 0, "all 8 of them with it")
	assert.True(t, math.IsNaN(float64(cores(isa.SM90, "bf16").Dot(a, b))), "rows of another machine")
	_, err := Cores(isa.SM70, "tf32")
	require.Error(t, err)
	_, err = Cores(isa.SM90, "e4m3")
	require.Error(t, err)
}
