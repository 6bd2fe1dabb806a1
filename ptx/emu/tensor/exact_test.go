package tensor

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/isa"
)

// slow is the published algorithm word for word, in rational numbers.
type slow struct {
	block, fraction, floor int
	cut                    bool
	d                      fp.Format
}

// number is a finite value with the exponent of its fields.
type number struct {
	value *big.Rat
	exp   int
}

func split(f fp.Format, bits uint64) number {
	p := f.Split(bits)
	v := new(big.Rat).SetFloat64(f.Float(bits))
	return number{v, p.Exp}
}

func power(e int) *big.Rat { return new(big.Rat).SetFloat64(math.Ldexp(1, e)) }

// truncate cuts to a multiple of unit toward zero.
func truncate(v, unit *big.Rat) *big.Rat {
	q := new(big.Rat).Quo(v, unit)
	n := new(big.Int).Quo(q.Num(), q.Denom()) // Quo truncates
	return new(big.Rat).Mul(new(big.Rat).SetInt(n), unit)
}

func (s slow) dot(fa, fb, fc fp.Format, a, b []uint64, c uint64) uint64 {
	for lo := 0; lo < len(a); lo += s.block {
		if fc.Split(c).Class == fp.Infinite { // of the block before: the operands are finite
			return c
		}
		var terms []number
		for k := lo; k < min(lo+s.block, len(a)); k++ {
			x, y := split(fa, a[k]), split(fb, b[k])
			terms = append(terms, number{new(big.Rat).Mul(x.value, y.value), x.exp + y.exp})
		}
		terms = append(terms, split(fc, c))
		top := math.MinInt
		for _, t := range terms {
			e := t.exp
			if t.value.Sign() == 0 {
				e = s.floor
			}
			top = max(top, e)
		}
		sum := new(big.Rat)
		for _, t := range terms {
			sum.Add(sum, truncate(t.value, power(top-s.fraction)))
		}
		c, fc = s.round(sum), s.d
	}
	return c
}

func (s slow) round(sum *big.Rat) uint64 {
	if sum.Sign() == 0 {
		return 0
	}
	f, exact := sum.Float64()
	if !exact {
		panic("the sum does not fit float64")
	}
	if s.d == fp.F16 {
		return fp.F16.Round(f, fp.RN)
	}
	man := 23
	if s.cut {
		man = 13
	}
	_, e := math.Frexp(f)
	unit := max(e-1, -126) - man
	v := float32(math.Trunc(math.Ldexp(f, -unit)) * math.Ldexp(1, unit))
	bits := uint64(math.Float32bits(v))
	if math.Signbit(f) {
		bits |= 1 << 31
	}
	return bits
}

// draw makes a finite operand: near one, of any size, subnormal, or zero.
func draw(r *rand.Rand, f fp.Format, wide bool) uint64 {
	for {
		man, sign := r.Uint64()&(1<<f.ManBits-1), uint64(r.IntN(2))*f.SignBit()
		exp := f.Bias() - 4 + r.IntN(8)
		switch r.IntN(8) {
		case 0:
			exp = 0
		case 1:
			man, exp = 0, 0
		case 2, 3:
			if wide {
				exp = r.IntN(2*f.Bias() + 1)
			}
		}
		bits := sign | uint64(min(exp, 2*f.Bias()))<<f.ManBits | man
		if f.Split(bits).Class == fp.Finite {
			return bits
		}
	}
}

// TestAgainstRationals compares every unit and type with the slow algorithm, by
// the parameters as the design document lists them.
func TestAgainstRationals(t *testing.T) {
	type entry struct {
		target isa.Target
		unit   Unit
		in, d  string
		depth  int
		slow   slow
	}
	var list []entry
	add := func(target isa.Target, unit Unit, in, d string, depth, block, fraction, floor int, cut bool) {
		f, _ := formatOf(d)
		list = append(list, entry{target, unit, in, d, depth, slow{block, fraction, floor, cut, f}})
	}
	add(isa.SM70, Warp, "f16", "f32", 4, 4, 23, -131, false)
	add(isa.SM70, Warp, "f16", "f16", 4, 4, 23, -20, false)
	add(isa.SM75, Warp, "f16", "f32", 8, 8, 24, -132, false)
	for _, target := range []isa.Target{isa.SM80, isa.SM86, isa.SM89} {
		add(target, Warp, "f16", "f32", 16, 8, 24, -132, false)
		add(target, Warp, "f16", "f16", 16, 8, 24, -21, false)
		add(target, Warp, "bf16", "f32", 16, 8, 24, -132, false)
		add(target, Warp, "tf32", "f32", 8, 4, 24, -132, false)
	}
	for _, in := range []string{"e4m3", "e5m2"} {
		add(isa.SM89, Warp, in, "f32", 32, 16, 13, -132, true)
		add(isa.SM89, Warp, in, "f16", 32, 16, 13, -21, false)
		add(isa.SM90a, Warpgroup, in, "f32", 32, 32, 13, -133, true)
		add(isa.SM90a, Warpgroup, in, "f16", 32, 32, 13, -133, false)
	}
	for unit, floor := range map[Unit]int{Warp: -22, Warpgroup: -133} {
		add(isa.SM90a, unit, "f16", "f32", 16, 16, 25, -133, false)
		add(isa.SM90a, unit, "bf16", "f32", 16, 16, 25, -133, false)
		add(isa.SM90a, unit, "tf32", "f32", 8, 8, 25, -133, false)
		add(isa.SM90a, unit, "f16", "f16", 16, 16, 25, floor, false)
	}
	for _, e := range list {
		t.Run(fmt.Sprintf("%s unit %d %s %s", e.target, e.unit, e.in, e.d), func(t *testing.T) {
			m, err := For(e.target, e.unit, e.d, e.in, e.in, e.d)
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(11, uint64(e.depth)))
			a, b := NewVector(e.depth), NewVector(e.depth)
			for i := range 400 {
				x, y := make([]uint64, e.depth), make([]uint64, e.depth)
				a.Reset()
				b.Reset()
				for k := range x {
					x[k], y[k] = draw(r, m.A, i%2 == 1), draw(r, m.B, i%2 == 1)
					m.SetA(a, k, x[k])
					m.SetB(b, k, y[k])
				}
				c := draw(r, m.C, i%2 == 1)
				want, got := e.slow.dot(m.A, m.B, m.C, x, y, c), m.Dot(a, b, c)
				if want&(m.D.SignBit()-1) == 0 {
					want, got = 0, got&(m.D.SignBit()-1) // the sign of a zero has its own test
				}
				require.Equalf(t, want, got, "a %x b %x c %x", x, y, c)
			}
		})
	}
}

// TestHopperHalves: mma.sync with 8-bit floats on sm_90 is two f16 products by k
// mod 4 and an addition.
func TestHopperHalves(t *testing.T) {
	for _, depth := range []int{16, 32} {
		for _, d := range []string{"f32", "f16"} {
			m, err := For(isa.SM90, Warp, d, "e4m3", "e5m2", d)
			require.NoError(t, err)
			f, _ := formatOf(d)
			floor := map[string]int{"f32": -133, "f16": -22}[d]
			s := slow{16, 25, floor, false, f}
			r := rand.New(rand.NewPCG(12, 12))
			a, b := NewVector(depth), NewVector(depth)
			for range 500 {
				var x, y [2][]uint64
				a.Reset()
				b.Reset()
				for k := range depth {
					p, q := draw(r, fp.E4M3, false), draw(r, fp.E5M2, false)
					m.SetA(a, k, p)
					m.SetB(b, k, q)
					half := k / 2 % 2
					x[half] = append(x[half], fp.F16.Round(fp.E4M3.Float(p), fp.RN))
					y[half] = append(y[half], fp.F16.Round(fp.E5M2.Float(q), fp.RN))
				}
				c := draw(r, f, false)
				sum := s.dot(fp.F16, fp.F16, f, x[0], y[0], 0)
				sum = s.dot(fp.F16, fp.F16, f, x[1], y[1], sum)
				want := f.Round(fp.AddOdd(f.Float(sum), f.Float(c)), fp.RN)
				require.Equal(t, want, m.Dot(a, b, c))
			}
		}
	}
}
