package fp

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exact rounds a big.Float into a format by another road: big.Float's own
// rounding at the precision that the value's exponent leaves.
func exact(f Format, x *big.Float, mode big.RoundingMode) uint64 {
	var sign uint64
	if x.Signbit() {
		sign = f.SignBit()
	}
	if x.Sign() == 0 {
		return sign
	}
	exp := x.MantExp(nil) - 1
	prec := f.ManBits + 1 - max(0, f.MinExp()-exp)
	least := new(big.Float).SetMantExp(big.NewFloat(1), f.MinExp()-f.ManBits)
	if prec <= 0 { // below the least subnormal: compare with half of it
		half := new(big.Float).SetMantExp(big.NewFloat(1), f.MinExp()-f.ManBits-1)
		if mode == big.ToNearestEven && new(big.Float).Abs(x).Cmp(half) > 0 {
			return sign | 1
		}
		return sign
	}
	y := new(big.Float).SetMode(mode).SetPrec(uint(prec)).Set(x)
	units, _ := new(big.Float).Quo(new(big.Float).Abs(y), least).Int(nil) // in least subnormals
	// Position among the format's numbers: shift out to normal form.
	n := units.BitLen()
	if n <= f.ManBits {
		return sign | units.Uint64()
	}
	drop := n - 1 - f.ManBits
	kept := new(big.Int).Rsh(units, uint(drop)).Uint64()
	magnitude := uint64(drop)<<f.ManBits + kept
	if magnitude > f.Max() {
		if mode == big.ToZero {
			return sign | f.Max()
		}
		if f.Finite {
			return sign | f.NaN()
		}
		return sign | f.Inf()
	}
	return sign | magnitude
}

func TestEveryNarrowValueRoundTrips(t *testing.T) {
	for _, f := range []Format{F16, BF16, E5M2, E4M3, TF32} {
		for b := uint64(0); b < 1<<f.Width(); b++ {
			got := f.Round(f.Float(b), RN)
			want := b
			if f.IsNaN(b) {
				want = f.NaN()
			}
			if got != want {
				t.Fatalf("%+v: %#x came back as %#x", f, b, got)
			}
		}
	}
}

func TestRoundAgainstBigFloat(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	modes := map[Mode]big.RoundingMode{RN: big.ToNearestEven, RZ: big.ToZero}
	for _, f := range []Format{F32, F16, BF16, E5M2, E4M3, TF32} {
		for range 20000 {
			x := math.Ldexp(r.Float64()*2-1, r.IntN(2*f.Bias()+40)-f.Bias()-f.ManBits-10)
			if r.IntN(4) == 0 { // a tie, or next to one
				g := Format{ExpBits: f.ExpBits, ManBits: f.ManBits + 1, Finite: f.Finite}
				x = g.Float(r.Uint64() & (1<<g.Width() - 1))
				if math.IsNaN(x) || math.IsInf(x, 0) {
					continue
				}
			}
			for mode, bigMode := range modes {
				if f.Finite && mode == RZ {
					continue
				}
				if got, want := f.Round(x, mode), exact(f, big.NewFloat(x), bigMode); got != want {
					t.Fatalf("%+v mode %d: %g -> %#x, want %#x", f, mode, x, got, want)
				}
			}
		}
	}
}

func TestRoundF32AgreesWithGo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200000 {
		x := math.Float64frombits(r.Uint64()&^(0x7FF<<52) | uint64(1023-160+r.IntN(300))<<52)
		if got, want := F32.Round(x, RN), uint64(math.Float32bits(float32(x))); got != want {
			t.Fatalf("%g -> %#x, want %#x", x, got, want)
		}
	}
}

func TestDirectedModesBracket(t *testing.T) {
	for _, x := range []float64{1 + 1e-9, -1 - 1e-9, 1e-50, -1e-50, 1e300, -1e300, 65519.999} {
		for _, f := range []Format{F32, F16, BF16} {
			down, up := f.Float(f.Round(x, RM)), f.Float(f.Round(x, RP))
			if !(down <= x && x <= up) || down == up {
				t.Errorf("%+v: %g is not within [%g, %g]", f, x, down, up)
			}
			zero := f.Float(f.Round(x, RZ))
			if math.Abs(zero) > math.Abs(x) {
				t.Errorf("%+v: RZ of %g is %g", f, x, zero)
			}
		}
	}
}

// TestFMA32 compares with big.Float on values whose sum is hard to round:
// exponents near each other, ties, and subnormal results.
func TestFMA32(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300000 {
		a, b, c := hard(r), hard(r), hard(r)
		got := FMA32(a, b, c)
		p := new(big.Float).SetPrec(1000).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
		p.Add(p, big.NewFloat(float64(c)))
		want := exact(F32, p, big.ToNearestEven)
		if p.Sign() == 0 {
			if got != 0 {
				t.Fatalf("fma(%g, %g, %g) = %g, want 0", a, b, c, got)
			}
			continue
		}
		if uint64(math.Float32bits(got)) != want {
			t.Fatalf("fma(%g, %g, %g) = %#x, want %#x", a, b, c, math.Float32bits(got), want)
		}
	}
}

func hard(r *rand.Rand) float32 {
	exp := 127 + r.IntN(30) - 15
	if r.IntN(3) == 0 {
		exp = 127 - 63 + r.IntN(8)*20 - 70
	}
	man := r.Uint32() & (1<<23 - 1)
	if r.IntN(2) == 0 {
		man &= 1<<(r.IntN(23)) - 1
	}
	return math.Float32frombits(uint32(r.IntN(2))<<31 | uint32(max(exp, 0))<<23 | man)
}

// TestFMA32DoubleRounding is a case that rounding through float64 gets wrong:
// the sum lies a hair above a tie of float32.
func TestFMA32DoubleRounding(t *testing.T) {
	a, b := float32(1+0x1p-12), float32(1+0x1p-12) // product 1 + 2^-11 + 2^-24: a tie
	c := float32(0x1p-80)
	if got, want := FMA32(a, b, c), float32(1+0x1p-11+0x1p-23); got != want {
		t.Errorf("got %g, want %g", got, want)
	}
	naive := float32(float64(a)*float64(b) + float64(c))
	if naive == FMA32(a, b, c) {
		t.Error("the case does not tell correct from double rounding")
	}
}

func TestSatFinite(t *testing.T) {
	for _, c := range []struct {
		f    Format
		x    float64
		want uint64
	}{
		{E4M3, 1e9, 0x7E}, {E4M3, -1e9, 0xFE}, {E4M3, math.Inf(1), 0x7E}, {E4M3, math.NaN(), 0x7F},
		{E4M3, 448, 0x7E}, {E4M3, 464, 0x7E}, {E4M3, 465, 0x7E}, {E5M2, 1e9, 0x7B}, {E5M2, math.Inf(-1), 0xFB},
	} {
		if got := c.f.RoundSat(c.x, RN); got != c.want {
			t.Errorf("%+v: %g -> %#x, want %#x", c.f, c.x, got, c.want)
		}
	}
}
