package tensor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/isa"
)

// generations are the targets whose answers to the probes differ.
var generations = []isa.Target{isa.SM70, isa.SM80, isa.SM90}

// product is one term a*b at index k.
type product struct {
	k    int
	a, b float64
}

func at0(ab ...float64) []product {
	var list []product
	for i := 0; i < len(ab); i += 2 {
		list = append(list, product{i / 2, ab[i], ab[i+1]})
	}
	return list
}

// dot runs a probe: K elements of type in, the rest zeros.
func dot(t *testing.T, target isa.Target, unit Unit, in, d string, depth int, c float64, terms []product) float64 {
	t.Helper()
	m, err := For(target, unit, d, in, in, d)
	require.NoError(t, err)
	a, b := NewVector(depth), NewVector(depth)
	for k := range depth {
		m.SetA(a, k, 0)
		m.SetB(b, k, 0)
	}
	for _, p := range terms {
		m.SetA(a, p.k, encode(t, m.A, p.a))
		m.SetB(b, p.k, encode(t, m.B, p.b))
	}
	return m.D.Float(m.Dot(a, b, encode(t, m.C, c)))
}

func encode(t *testing.T, f fp.Format, v float64) uint64 {
	bits := f.Round(v, fp.RN)
	require.Equal(t, v, f.Float(bits), "the probe's value must be exact")
	return bits
}

func times(n int, a, b float64) []product {
	list := make([]product, n)
	for i := range list {
		list[i] = product{i, a, b}
	}
	return list
}

// TestProbes are the published and derived probes with f16 operands: the answers
// of Volta, of Ampere, and of Hopper.
func TestProbes(t *testing.T) {
	p := math.Ldexp
	for _, c := range []struct {
		name  string
		terms []product
		c     float64
		want  [3]float64
	}{
		{"P1 fraction in one shot", at0(-p(1, 13), p(1, 10), -0.5, 1, -0.25, 1, -0.125, 1), p(1, 23), [3]float64{0, -0.5, -0.75}},
		{"P2 first guard bit", at0(1, 1), -(1 - p(1, -24)), [3]float64{p(1, -23), p(1, -24), p(1, -24)}},
		{"P3 second guard bit", at0(1, 1.25), -(p(1, -3) + p(1, -25)), [3]float64{1.125, 1.125, float64(math.Float32frombits(0x3F8FFFFF))}},
		{"P4 half-ulps", times(2, p(1, -10), p(1, -14)), 1, [3]float64{1, 1 + p(1, -23), 1 + p(1, -23)}},
		{"P5 quarter-ulps", []product{{0, p(1, -10), p(1, -14)}, {1, p(1, -11), p(1, -14)}, {2, p(1, -11), p(1, -14)}}, 1, [3]float64{1, 1, 1 + p(1, -23)}},
		{"P6 four quarter-ulps", times(4, p(1, -11), p(1, -14)), 1, [3]float64{1, 1, 1 + p(1, -23)}},
		{"P7 no third guard bit", times(8, p(1, -12), p(1, -14)), 1, [3]float64{1, 1, 1}},
		{"P8 not monotonic", times(4, 1, p(1, -24)), 1 - p(1, -24), [3]float64{1 + p(1, -23), 1 + p(1, -23), 1 + p(1, -23)}},
		{"P9 not monotonic", times(4, 1, p(1, -24)), 1, [3]float64{1, 1 + p(1, -22), 1 + p(1, -22)}},
		{"P10 width, near", []product{{0, p(1, -24), 1}, {7, p(1, -24), 1}}, 1, [3]float64{1, 1 + p(1, -23), 1 + p(1, -23)}},
		{"P10 width, far", []product{{0, p(1, -24), 1}, {8, p(1, -24), 1}}, 1, [3]float64{1, 1, 1 + p(1, -23)}},
		{"P11 rounding toward zero", times(3, 1, 1), 1 + p(1, -23) + p(1, -22), [3]float64{4, 4, 4}},
		{"P11 negated", times(3, -1, 1), -(1 + p(1, -23) + p(1, -22)), [3]float64{-4, -4, -4}},
		{"P12 tail 23", at0(1.5, 1.5, -1.5, 1.5, p(1, -12), p(1, -11)), 0, [3]float64{p(1, -23), p(1, -23), p(1, -23)}},
		{"P12 tail 24", at0(1.5, 1.5, -1.5, 1.5, p(1, -12), p(1, -12)), 0, [3]float64{0, p(1, -24), p(1, -24)}},
		{"P12 tail 25", at0(1.5, 1.5, -1.5, 1.5, p(1, -13), p(1, -12)), 0, [3]float64{0, 0, p(1, -25)}},
		{"P12 tail 26", at0(1.5, 1.5, -1.5, 1.5, p(1, -13), p(1, -13)), 0, [3]float64{0, 0, 0}},
		{"P13 tail 23", at0(1.125, 2, -1.125, 2, p(1, -12), p(1, -11)), 0, [3]float64{0, p(1, -23), p(1, -23)}},
		{"P13 tail 24", at0(1.125, 2, -1.125, 2, p(1, -12), p(1, -12)), 0, [3]float64{0, 0, p(1, -24)}},
		{"P13 tail 25", at0(1.125, 2, -1.125, 2, p(1, -13), p(1, -12)), 0, [3]float64{0, 0, 0}},
		{"P14 subnormal operand", at0(p(1, -24), 1), p(1, -40), [3]float64{p(1, -24), p(1, -24), p(1, -24)}},
		{"P15 control", at0(p(1, -12), p(1, -12)), p(1, -40), [3]float64{p(1, -24) + p(1, -40), p(1, -24) + p(1, -40), p(1, -24) + p(1, -40)}},
		{"P18 monotonic, below", times(8, 1, 1), p(1, 25) - 2, [3]float64{p(1, 25) - 2, p(1, 25) + 4, p(1, 25) + 4}},
		{"P18 monotonic, above", times(8, 1, 1), p(1, 25), [3]float64{p(1, 25), p(1, 25), p(1, 25) + 8}},
		{"P19 swamping", at0(p(1, 15), p(1, 15), -p(1, 15), p(1, 15), p(1, -24), 1), 0, [3]float64{0, 0, 0}},
		{"P20 blocks", []product{{0, p(1, 15), p(1, 15)}, {4, -p(1, 15), p(1, 15)}, {8, p(1, -24), 1}}, 0, [3]float64{p(1, -24), p(1, -24), 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, target := range generations {
				depth := 16
				require.Equalf(t, c.want[i], dot(t, target, Warp, "f16", "f32", depth, c.c, c.terms), "%s", target)
			}
			require.Equal(t, c.want[2], dot(t, isa.SM90a, Warpgroup, "f16", "f32", 16, c.c, c.terms), "wgmma")
		})
	}
}

// TestHalfAccumulator: P16, the exponent of a zero, and P17, one rounding from the sum.
func TestHalfAccumulator(t *testing.T) {
	p := math.Ldexp
	last := map[isa.Target]int{isa.SM70: 43, isa.SM80: 45, isa.SM90: 47}
	for _, target := range generations {
		for k := 40; k <= 48; k++ {
			want := 0.0
			if k <= last[target] {
				want = p(1, -24)
			}
			terms := at0(p(1, -11), p(1, -14), p(1, -(k-24)), p(1, -24))
			require.Equalf(t, want, dot(t, target, Warp, "f16", "f16", 16, 0, terms), "%s, tail 2^-%d", target, k)
		}
	}
	terms := at0(p(1, -11), p(1, -14), p(1, -24), p(1, -24))
	require.Equal(t, p(1, -24), dot(t, isa.SM90a, Warpgroup, "f16", "f16", 16, 0, terms), "wgmma keeps k=48")
	for i, want := range []float64{1, 1 + p(1, -10), 1 + p(1, -10)} {
		terms := at0(1, 1, 1, p(1, -11), p(1, -12), p(1, -12))
		require.Equal(t, want, dot(t, generations[i], Warp, "f16", "f16", 16, 0, terms))
	}
	require.Equal(t, 65504.0, dot(t, isa.SM90, Warp, "f16", "f16", 16, 65504, at0(15.5, 1)))
	require.True(t, math.IsInf(dot(t, isa.SM90, Warp, "f16", "f16", 16, 65504, at0(16, 1)), 1))
}

// TestFloor32: how far the f32 floor lets a bf16 tail be seen.
func TestFloor32(t *testing.T) {
	p := math.Ldexp
	for target, last := range map[isa.Target]int{isa.SM80: 156, isa.SM89: 156, isa.SM90: 158} {
		for k := 150; k <= 160; k++ {
			want := p(1, -149)
			if k <= last {
				want = 0
			}
			terms := at0(p(1, -23), p(1, -126), -p(1, -100), p(1, -(k-100)))
			require.Equalf(t, want, dot(t, target, Warp, "bf16", "f32", 8, 0, terms), "%s, 2^-%d", target, k)
		}
	}
	require.Equal(t, p(1, 106), dot(t, isa.SM80, Warp, "bf16", "f32", 8, 0, at0(p(1, 100), p(1, 30), -p(1, 100), p(1, 30), p(1, 53), p(1, 53))),
		"a product beyond f32 is no infinity, and 2^106 lies within the kept bits")
}

// TestTF32Blocks: P10 with tf32.
func TestTF32Blocks(t *testing.T) {
	p := math.Ldexp
	for target, block := range map[isa.Target]int{isa.SM80: 4, isa.SM89: 4, isa.SM90: 8} {
		for j := 1; j < 8; j++ {
			want := 1.0
			if j < block {
				want += p(1, -23)
			}
			require.Equal(t, want, dot(t, target, Warp, "tf32", "f32", 8, 1, []product{{0, p(1, -24), 1}, {j, p(1, -24), 1}}), "%s %d", target, j)
		}
	}
}

// TestEightBit: Q1 to Q6 for Ada's mma.sync and Hopper's wgmma, E1 and E2 for
// Hopper's mma.sync, which is made of two f16 products.
func TestEightBit(t *testing.T) {
	p := math.Ldexp
	pair := func(i, j, tail int, v float64) []product {
		return []product{{i, 64, 64}, {j, -64, 64}, {tail, v, 1}}
	}
	for _, c := range []struct {
		name        string
		in          string
		terms       []product
		c           float64
		ada, hopper float64
	}{
		{"Q1", "e4m3", nil, 1 + p(1, -14), 1, 1},
		{"Q2", "e4m3", nil, 1 + p(1, -13), 1 + p(1, -13), 1 + p(1, -13)},
		{"Q3", "e4m3", pair(0, 1, 2, 0.5), 0, 0.5, 0.5},
		{"Q4", "e4m3", pair(0, 1, 2, 0.25), 0, 0, 0},
		{"Q5", "e4m3", pair(0, 16, 1, 0.25), 0, 0, 0},
		{"Q6", "e4m3", pair(0, 1, 16, 0.25), 0, 0.25, 0},
		{"P1 in e5m2", "e5m2", at0(-p(1, 15), p(1, 8), -0.5, 1, -0.25, 1, -0.125, 1), p(1, 23), 0, 0},
	} {
		require.Equal(t, c.ada, dot(t, isa.SM89, Warp, c.in, "f32", 32, c.c, c.terms), c.name+" Ada")
		require.Equal(t, c.hopper, dot(t, isa.SM90a, Warpgroup, c.in, "f32", 32, c.c, c.terms), c.name+" Hopper wgmma")
	}
	big := func(i, j, tail int) []product {
		return []product{{i, p(1, 15), p(1, 10)}, {j, -p(1, 15), p(1, 10)}, {tail, 0.5, 1}}
	}
	require.Equal(t, 0.5, dot(t, isa.SM90, Warp, "e5m2", "f32", 32, 0, big(0, 1, 2)), "E1")
	require.Equal(t, 0.0, dot(t, isa.SM90, Warp, "e5m2", "f32", 32, 0, big(0, 2, 1)), "E1b")
	require.Equal(t, 0.5, dot(t, isa.SM90, Warp, "e5m2", "f32", 32, 0, big(0, 16, 2)), "E1c")
	require.Equal(t, p(1, 7)+p(1, -16), dot(t, isa.SM90, Warp, "e4m3", "f32", 32, p(1, 7), at0(3*p(1, -9), p(1, -9))), "E2: C is added last, to nearest")
}

func TestSpecials(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	m, err := For(isa.SM90, Warp, "f32", "bf16", "bf16", "f32")
	require.NoError(t, err)
	run := func(c float64, terms ...product) uint64 {
		a, b := NewVector(16), NewVector(16)
		for _, p := range terms {
			m.SetA(a, p.k, fp.BF16.Round(p.a, fp.RN))
			m.SetB(b, p.k, fp.BF16.Round(p.b, fp.RN))
		}
		return m.Dot(a, b, fp.F32.Round(c, fp.RN))
	}
	const nan32, inf32 = 0x7FFFFFFF, 0x7F800000
	require.EqualValues(t, nan32, run(0, product{3, nan, 1}))
	require.EqualValues(t, nan32, run(nan))
	require.EqualValues(t, nan32, run(0, product{0, inf, 0}))
	require.EqualValues(t, nan32, run(0, product{0, inf, 1}, product{9, -inf, 1}))
	require.EqualValues(t, nan32, run(-inf, product{0, inf, 1}))
	require.EqualValues(t, inf32, run(0, product{0, inf, 2}, product{1, -math.Ldexp(1, 127), 2}))
	require.EqualValues(t, inf32|1<<31, run(-inf, product{0, 1, 2}))
	require.EqualValues(t, inf32, run(0, product{0, math.Ldexp(1, 127), 1}, product{1, math.Ldexp(1, 127), 1}), "O1: overflow is infinity")
	require.EqualValues(t, math.Float32bits(0x1p-140), run(0, product{0, math.Ldexp(1, -100), math.Ldexp(1, -40)}), "S1: subnormal results stay")
	require.EqualValues(t, 0, run(math.Copysign(0, -1), product{0, 1, 1}, product{1, -1, 1}), "Z4")
	var z []product
	for k := range 16 {
		z = append(z, product{k, math.Copysign(0, -1), 1})
	}
	require.EqualValues(t, uint32(1)<<31, run(math.Copysign(0, -1), z...), "Z1")
	require.EqualValues(t, 0, run(math.Copysign(0, -1), z[:15]...), "Z2")
}

func TestUnknown(t *testing.T) {
	_, err := For(isa.SM80, Warp, "f32", "e4m3", "e4m3", "f32")
	require.NoError(t, err, "the table of instructions, not the arithmetic, says what sm_80 has")
	_, err = For(isa.SM75, Warp, "f32", "tf32", "tf32", "f32")
	require.ErrorIs(t, err, ErrUnknown)
	_, err = For(isa.SM90, Warp, "f32", "e2m1", "e2m1", "f32")
	require.ErrorIs(t, err, ErrUnknown)
}
