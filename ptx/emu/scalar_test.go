package emu

import (
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/isa"
)

// edges are the 64-bit patterns that arithmetic goes wrong at.
var edges = []uint64{0, 1, 2, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
	0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 0x8001, 0x80007FFF, 0x7FFF8000}

func rows(r *rand.Rand, n, width int) [][]uint64 {
	list := make([][]uint64, 1024)
	for i := range list {
		list[i] = make([]uint64, n)
		for j := range list[i] {
			v := r.Uint64() >> r.IntN(64)
			if r.IntN(2) == 0 {
				v = edges[r.IntN(len(edges))]
			}
			list[i][j] = truncate(v, width)
		}
	}
	return list
}

func repeat(t ptx.Type, n int) []ptx.Type {
	list := make([]ptx.Type, n)
	for i := range list {
		list[i] = t
	}
	return list
}

func s32(v uint64) int64 { return int64(int32(v)) }

func TestIntegerInstructions(t *testing.T) {
	u32 := func(v int64) uint64 { return uint64(uint32(v)) }
	wide := func(v int64) *big.Int { return big.NewInt(v) }
	high := func(a, b *big.Int, width uint) uint64 {
		p := new(big.Int).Rsh(new(big.Int).Mul(a, b), width)
		return new(big.Int).And(p, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	}
	for _, c := range []struct {
		name   string
		in     []ptx.Type
		out    ptx.Type
		expect func(v []uint64) uint64
	}{
		{"add.u32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return (v[0] + v[1]) & 0xFFFFFFFF }},
		{"sub.s32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return (v[0] - v[1]) & 0xFFFFFFFF }},
		{"mul.lo.s32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return v[0] * v[1] & 0xFFFFFFFF }},
		{"mul.hi.s32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return high(wide(s32(v[0])), wide(s32(v[1])), 32) & 0xFFFFFFFF }},
		{"mul.hi.u32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return v[0] * v[1] >> 32 }},
		{"mul.wide.s32", repeat(ptx.B32, 2), ptx.B64, func(v []uint64) uint64 { return uint64(s32(v[0]) * s32(v[1])) }},
		{"mul.wide.u32", repeat(ptx.B32, 2), ptx.B64, func(v []uint64) uint64 { return v[0] * v[1] }},
		{"mad.lo.u32", repeat(ptx.B32, 3), ptx.B32, func(v []uint64) uint64 { return (v[0]*v[1] + v[2]) & 0xFFFFFFFF }},
		{"mad.wide.s32", []ptx.Type{ptx.B32, ptx.B32, ptx.B64}, ptx.B64, func(v []uint64) uint64 { return uint64(s32(v[0])*s32(v[1])) + v[2] }},
		{"min.s32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return u32(min(s32(v[0]), s32(v[1]))) }},
		{"max.u32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return max(v[0], v[1]) }},
		{"max.s64", repeat(ptx.B64, 2), ptx.B64, func(v []uint64) uint64 { return uint64(max(int64(v[0]), int64(v[1]))) }},
		{"min.relu.s32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return u32(max(0, min(s32(v[0]), s32(v[1])))) }},
		{"shl.b32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 {
			if v[1] > 31 {
				return 0
			}
			return v[0] << v[1] & 0xFFFFFFFF
		}},
		{"shr.s32", repeat(ptx.B32, 2), ptx.B32, func(v []uint64) uint64 { return u32(s32(v[0]) >> min(v[1], 32)) }},
		{"shr.u64", []ptx.Type{ptx.B64, ptx.B32}, ptx.B64, func(v []uint64) uint64 { return v[0] >> min(v[1]&0xFFFFFFFF, 64) }},
		{"shf.l.wrap.b32", repeat(ptx.B32, 3), ptx.B32, func(v []uint64) uint64 {
			return uint64(uint32((v[1]<<32 | v[0]) << (v[2] & 31) >> 32))
		}},
		{"popc.b32", repeat(ptx.B32, 1), ptx.B32, func(v []uint64) uint64 { return uint64(bits.OnesCount32(uint32(v[0]))) }},
		{"clz.b32", repeat(ptx.B32, 1), ptx.B32, func(v []uint64) uint64 { return uint64(bits.LeadingZeros32(uint32(v[0]))) }},
		{"brev.b32", repeat(ptx.B32, 1), ptx.B32, func(v []uint64) uint64 { return uint64(bits.Reverse32(uint32(v[0]))) }},
		{"bfe.u32", repeat(ptx.B32, 3), ptx.B32, func(v []uint64) uint64 {
			x := new(big.Int).Rsh(new(big.Int).SetUint64(v[0]), uint(v[1]&255))
			return x.And(x, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(v[2]&255)), big.NewInt(1))).Uint64()
		}},
		{"bfe.s32", repeat(ptx.B32, 3), ptx.B32, func(v []uint64) uint64 { return bfeSigned(v[0], int(v[1]&255), int(v[2]&255)) }},
		{"bfind.u32", repeat(ptx.B32, 1), ptx.B32, func(v []uint64) uint64 { return u32(int64(bits.Len64(v[0]) - 1)) }},
		{"dp4a.s32.s32", repeat(ptx.B32, 3), ptx.B32, func(v []uint64) uint64 {
			sum := s32(v[2])
			for i := range 4 {
				sum += int64(int8(v[0]>>(8*i))) * int64(int8(v[1]>>(8*i)))
			}
			return u32(sum)
		}},
		{"prmt.b32", repeat(ptx.B32, 3), ptx.B32, func(v []uint64) uint64 {
			var out uint64
			for i := range 4 {
				s := v[2] >> (4 * i)
				b := (v[1]<<32 | v[0]) >> (8 * (s & 7)) & 255
				if s&8 != 0 {
					b = uint64(uint8(int8(b) >> 7))
				}
				out |= b << (8 * i)
			}
			return out
		}},
		{"cvt.s64.s32", repeat(ptx.B32, 1), ptx.B64, func(v []uint64) uint64 { return uint64(s32(v[0])) }},
		{"cvt.rn.f32.u32", repeat(ptx.B32, 1), ptx.F32, func(v []uint64) uint64 { return uint64(math.Float32bits(float32(v[0]))) }},
		{"cvt.rn.f64.s32", repeat(ptx.B32, 1), ptx.F64, func(v []uint64) uint64 { return math.Float64bits(float64(s32(v[0]))) }},
		{"add.s16x2", repeat(ptx.B32, 2), ptx.B32, pairwise(func(a, b int16) int16 { return a + b })},
		{"max.s16x2", repeat(ptx.B32, 2), ptx.B32, pairwise(func(a, b int16) int16 { return max(a, b) })},
		{"min.relu.s16x2", repeat(ptx.B32, 2), ptx.B32, pairwise(func(a, b int16) int16 { return max(min(a, b), 0) })},
		{"min.u16x2", repeat(ptx.B32, 2), ptx.B32, pairwise(func(a, b int16) int16 { return int16(min(uint16(a), uint16(b))) })},
		{"setp.lt.s16", repeat(ptx.B16, 2), ptx.Pred, func(v []uint64) uint64 { return b2u(int16(v[0]) < int16(v[1])) }},
		{"setp.ge.u64", repeat(ptx.B64, 2), ptx.Pred, func(v []uint64) uint64 { return b2u(v[0] >= v[1]) }},
		{"setp.gt.s64", repeat(ptx.B64, 2), ptx.Pred, func(v []uint64) uint64 { return b2u(int64(v[0]) > int64(v[1])) }},
		{"selp.b32", []ptx.Type{ptx.B32, ptx.B32, ptx.Pred}, ptx.B32, func(v []uint64) uint64 {
			if uint32(v[2]) != 0 {
				return v[0] & 0xFFFFFFFF
			}
			return v[1] & 0xFFFFFFFF
		}},
		{"xor.pred", repeat(ptx.Pred, 2), ptx.Pred, func(v []uint64) uint64 { return b2u((uint32(v[0]) != 0) != (uint32(v[1]) != 0)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			width := 64
			if c.in[0] == ptx.B32 {
				width = 32
			}
			list := rows(rand.New(rand.NewPCG(1, 1)), len(c.in), width)
			for i, got := range apply(t, isa.SM90, c.name, c.in, c.out, list) {
				require.Equalf(t, c.expect(list[i]), got, "%s of %x", c.name, list[i])
			}
		})
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func pairwise(f func(a, b int16) int16) func(v []uint64) uint64 {
	return func(v []uint64) uint64 {
		low, high := f(int16(v[0]), int16(v[1])), f(int16(v[0]>>16), int16(v[1]>>16))
		return uint64(uint16(low)) | uint64(uint16(high))<<16
	}
}

// bfeSigned follows the manual's loop, bit by bit.
func bfeSigned(a uint64, pos, n int) uint64 {
	sign := uint64(0)
	if n > 0 {
		sign = a >> min(pos+n-1, 31) & 1
	}
	var d uint64
	for i := range 32 {
		bit := sign
		if i < n && pos+i <= 31 {
			bit = a >> (pos + i) & 1
		}
		d |= bit << i
	}
	return d
}

func TestLop3(t *testing.T) {
	list := rows(rand.New(rand.NewPCG(1, 2)), 3, 32)
	for _, c := range []struct {
		table  int64
		expect func(a, b, c uint64) uint64
	}{
		{0x96, func(a, b, c uint64) uint64 { return a ^ b ^ c }},
		{0x80, func(a, b, c uint64) uint64 { return a & b & c }},
		{0xCA, func(a, b, c uint64) uint64 { return a&b | ^a&c }},
		{0xF0, func(a, b, c uint64) uint64 { return a }},
	} {
		for i, got := range apply(t, isa.SM80, "lop3.b32", repeat(ptx.B32, 3), ptx.B32, list, ptx.Int(c.table)) {
			v := list[i]
			require.Equal(t, c.expect(v[0], v[1], v[2])&0xFFFFFFFF, got)
		}
	}
}

// values are random bit patterns of a format, many of them special.
func values(r *rand.Rand, f fp.Format) uint64 {
	special := []uint64{0, f.SignBit(), 1, f.Inf(), f.Max(), f.NaN(), f.SignBit() | f.Inf(), f.SignBit() | 1, 1 << f.ManBits, 1<<f.ManBits - 1,
		uint64(f.Bias()) << f.ManBits, uint64(f.Bias())<<f.ManBits | 1}
	switch r.IntN(4) {
	case 0:
		return special[r.IntN(len(special))]
	case 1: // near 1
		return r.Uint64()&(1<<f.ManBits-1) | uint64(f.Bias()-3+r.IntN(6))<<f.ManBits | uint64(r.IntN(2))*f.SignBit()
	}
	return r.Uint64() & (f.SignBit()<<1 - 1)
}

// exactly rounds a*b+c (or what op says) through big.Float, never through the code under test.
func exactly(f fp.Format, op string, v []uint64) (uint64, bool) {
	x := make([]float64, len(v))
	for i := range v {
		if x[i] = f.Float(v[i]); math.IsNaN(x[i]) || math.IsInf(x[i], 0) {
			return 0, false
		}
	}
	z := new(big.Float).SetPrec(4000)
	b := func(i int) *big.Float { return new(big.Float).SetPrec(4000).SetFloat64(x[i]) }
	switch op {
	case "add":
		z.Add(b(0), b(1))
	case "sub":
		z.Sub(b(0), b(1))
	case "mul":
		z.Mul(b(0), b(1))
	case "fma":
		z.Add(z.Mul(b(0), b(1)), b(2))
	}
	if z.Sign() == 0 {
		return 0, false
	}
	return nearest(f, z), true
}

// nearest rounds to nearest even on the grid of the format's numbers.
func nearest(f fp.Format, z *big.Float) uint64 {
	exp := max(z.MantExp(nil)-1, f.MinExp())
	unit := new(big.Float).SetMantExp(big.NewFloat(1), exp-f.ManBits)
	q := new(big.Float).SetPrec(4000).Quo(new(big.Float).Abs(z), unit)
	n, _ := q.Int(nil)
	rest := new(big.Float).SetPrec(4000).Sub(q, new(big.Float).SetInt(n))
	if c := rest.Cmp(big.NewFloat(0.5)); c > 0 || c == 0 && n.Bit(0) == 1 {
		n.Add(n, big.NewInt(1))
	}
	k := n.Uint64()
	var mag uint64
	if k < 1<<f.ManBits {
		mag = k
	} else {
		mag = uint64(exp-f.MinExp())<<f.ManBits + k
	}
	mag = min(mag, f.Inf())
	if z.Signbit() {
		mag |= f.SignBit()
	}
	return mag
}

func TestFloatArithmeticIsCorrectlyRounded(t *testing.T) {
	for _, c := range []struct {
		name string
		f    fp.Format
		reg  ptx.Type
	}{
		{"f32", fp.F32, ptx.F32}, {"f64", fp.F64, ptx.F64}, {"f16", fp.F16, ptx.B16}, {"bf16", fp.BF16, ptx.B16},
	} {
		for op, n := range map[string]int{"add": 2, "sub": 2, "mul": 2, "fma": 3} {
			name := op + ".rn." + c.name
			if len(table.Lookup(name)) == 0 {
				continue
			}
			t.Run(name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(2, 1))
				list := make([][]uint64, 1024)
				for i := range list {
					for range n {
						list[i] = append(list[i], values(r, c.f))
					}
				}
				for i, got := range apply(t, isa.SM90, name, repeat(c.reg, n), c.reg, list) {
					if want, ok := exactly(c.f, op, list[i]); ok {
						require.Equalf(t, want, got, "%s of %x", name, list[i])
					}
				}
			})
		}
	}
}

// TestPackedIsTwoScalars: the x2 forms do what the scalar ones do, in both halves.
func TestPackedIsTwoScalars(t *testing.T) {
	for _, f := range []struct {
		name   string
		format fp.Format
	}{{"f16", fp.F16}, {"bf16", fp.BF16}} {
		for op, n := range map[string]int{"add.rn.": 2, "mul.rn.": 2, "fma.rn.": 3, "fma.rn.relu.": 3, "min.": 2, "max.": 2} {
			t.Run(op+f.name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(3, 1))
				low, high, both := make([][]uint64, 512), make([][]uint64, 512), make([][]uint64, 512)
				for i := range both {
					for range n {
						l, h := values(r, f.format), values(r, f.format)
						low[i], high[i], both[i] = append(low[i], l), append(high[i], h), append(both[i], h<<16|l)
					}
				}
				l := apply(t, isa.SM90, op+f.name, repeat(ptx.B16, n), ptx.B16, low)
				h := apply(t, isa.SM90, op+f.name, repeat(ptx.B16, n), ptx.B16, high)
				for i, got := range apply(t, isa.SM90, op+f.name+"x2", repeat(ptx.B32, n), ptx.B32, both) {
					require.Equalf(t, h[i]<<16|l[i], got, "%x", both[i])
				}
			})
		}
	}
}

func TestSpecialValues(t *testing.T) {
	const nan, inf, one, neg0 = 0x7FFFFFFF, 0x7F800000, 0x3F800000, 0x80000000
	for _, c := range []struct {
		name string
		in   []uint64
		want uint64
	}{
		{"min.f32", []uint64{nan, one}, one},
		{"max.f32", []uint64{one, 0xFFC00001}, one},
		{"max.f32", []uint64{nan, 0xFFC00001}, nan},
		{"max.f32", []uint64{neg0, 0}, 0},
		{"min.f32", []uint64{0, neg0}, neg0},
		{"add.rn.f32", []uint64{inf, inf | neg0}, nan},
		{"add.rn.f32", []uint64{one, one | neg0}, 0},
		{"mul.rn.f32", []uint64{inf, neg0}, nan},
		{"mul.rn.f32", []uint64{1, neg0 | 1}, neg0},
		{"fma.rn.f32", []uint64{neg0, one, neg0}, neg0},
		{"fma.rn.f32", []uint64{neg0, one, 0}, 0},
	} {
		got := apply(t, isa.SM80, c.name, repeat(ptx.F32, len(c.in)), ptx.F32, [][]uint64{c.in})
		require.Equalf(t, c.want, got[0], "%s of %x", c.name, c.in)
	}
}

func TestConversions(t *testing.T) {
	f := func(v float64) uint64 { return uint64(math.Float32bits(float32(v))) }
	for _, c := range []struct {
		name string
		from ptx.Type
		to   ptx.Type
		in   []uint64
		want uint64
	}{
		{"cvt.rni.s32.f32", ptx.F32, ptx.B32, []uint64{f(2.5)}, 2},
		{"cvt.rni.s32.f32", ptx.F32, ptx.B32, []uint64{f(-3.5)}, 0xFFFFFFFC},
		{"cvt.rzi.s32.f32", ptx.F32, ptx.B32, []uint64{f(-3.9)}, 0xFFFFFFFD},
		{"cvt.rzi.s32.f32", ptx.F32, ptx.B32, []uint64{f(1e20)}, 0x7FFFFFFF},
		{"cvt.rzi.s32.f32", ptx.F32, ptx.B32, []uint64{0x7FC00000}, 0},
		{"cvt.rzi.u32.f32", ptx.F32, ptx.B32, []uint64{f(-1)}, 0},
		{"cvt.rzi.u32.f32", ptx.F32, ptx.B32, []uint64{f(4e9)}, 4000000000},
		{"cvt.rn.f32.f64", ptx.F64, ptx.F32, []uint64{math.Float64bits(1 + 0x1p-24 + 0x1p-50)}, f(1 + 0x1p-23)},
		{"cvt.f64.f32", ptx.F32, ptx.F64, []uint64{f(0.1)}, math.Float64bits(float64(float32(0.1)))},
		{"cvt.rn.f16.f32", ptx.F32, ptx.B16, []uint64{f(65520)}, 0x7C00},
		{"cvt.f32.f16", ptx.B16, ptx.F32, []uint64{0x0001}, f(0x1p-24)},
		{"cvt.rn.bf16.f32", ptx.F32, ptx.B16, []uint64{f(1 + 0x1p-8)}, 0x3F80},
		{"cvt.rn.f16x2.f32", ptx.F32, ptx.B32, []uint64{f(1), f(2)}, 0x3C004000},
		{"cvt.rn.relu.f16x2.f32", ptx.F32, ptx.B32, []uint64{f(-1), f(2)}, 0x00004000},
		{"cvt.rna.tf32.f32", ptx.F32, ptx.B32, []uint64{f(1 + 0x1p-11)}, f(1 + 0x1p-10)},
		{"cvt.rn.satfinite.e4m3x2.f32", ptx.F32, ptx.B16, []uint64{f(1000), f(1)}, 0x7E38},
		{"cvt.rn.satfinite.e5m2x2.f32", ptx.F32, ptx.B16, []uint64{f(-1e9), f(1)}, 0xFB3C},
		{"cvt.rn.f16x2.e4m3x2", ptx.B16, ptx.B32, []uint64{0x7E38}, 0x5F003C00},
	} {
		got := apply(t, isa.SM90, c.name, repeat(c.from, len(c.in)), c.to, [][]uint64{c.in})
		require.Equalf(t, c.want, got[0], "%s of %x", c.name, c.in)
	}
}

func TestSpecialFunctions(t *testing.T) {
	for name, f := range map[string]func(float64) float64{
		"rcp.approx.ftz.f32":   func(x float64) float64 { return 1 / x },
		"rsqrt.approx.ftz.f32": func(x float64) float64 { return 1 / math.Sqrt(x) },
		"ex2.approx.ftz.f32":   math.Exp2, "lg2.approx.ftz.f32": math.Log2, "tanh.approx.f32": math.Tanh,
	} {
		for _, x := range []float32{0.3, 1.7, 5, 100.25} {
			got := apply(t, isa.SM80, name, []ptx.Type{ptx.F32}, ptx.F32, [][]uint64{{uint64(math.Float32bits(x))}})
			require.Equal(t, float32(f(float64(x))), math.Float32frombits(uint32(got[0])), name)
		}
	}
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, in, out ptx.Reg) {
		x := loadReg(k, ptx.F32, in, 0)
		k.I("rcp.approx.ftz.f32", x, x)
		storeReg(k, x, out)
	})
	require.True(t, Approximate(m, "one"))
	require.False(t, Approximate(m, "other"))
}
