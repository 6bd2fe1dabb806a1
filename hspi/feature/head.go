package feature

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Grid is what the grid of the logits tells of the head. Logits leave the head in
// the model's type, which has 8 (bfloat16) or 11 (float16) significant bits, and
// are widened afterwards: differences of logprobs at one position then are
// differences of such numbers.
type Grid struct {
	Head Head `json:"head"`
	// Bits is log2 of the odds against the next best head. They include how usual
	// the Level is that each head would need: where values span few steps, both
	// types have numbers for them, at logits that differ by a factor of 8. Logits of 64
	// and more count as all but impossible.
	Bits float64 `json:"bits"`
	// Fitting of Lists positions are on the grid of Head; for NoGrid of either type.
	Fitting int `json:"fitting"`
	Lists   int `json:"lists"`
	// Level is where the greatest logits are, in absolute terms: [Level, 4·Level);
	// negative where they are negative. The grid's step tells it.
	Level float64 `json:"level"`
	// Transform is what was inverted to find the grid, such as "soft cap 30".
	Transform string `json:"transform,omitempty"`
	// Tolerance is how far values may be off, in nats; wider than the decimals leave
	// open where noise was added to them.
	Tolerance float64 `json:"tolerance"`
}

// FirmBits is from how many bits on a head is named: one error in a thousand.
const FirmBits = 10

// Firm reports whether the evidence is strong enough for a verdict.
func (g Grid) Firm() bool { return g.Lists > 0 && g.Bits >= FirmBits }

// gridLists is how many positions are looked at: the widest of them.
const gridLists = 24

// enough is how many differences a position must have to tell of a grid.
const enough = 4

// FindGrid looks for the grid in answers; one is enough. With ok false, why tells
// what is lacking.
func FindGrid(answers []*evidence.Response) (g Grid, why string, ok bool) {
	return Read(answers).Grid()
}

func findGrid(all []*list) (Grid, string, bool) {
	cases := make([]gridCase, len(all))
	parallel(len(all), func(i int) { cases[i] = newGridCase(all[i]) })
	cases = slices.DeleteFunc(cases, func(c gridCase) bool { return len(c.gaps) < enough })
	if len(cases) == 0 {
		return Grid{}, fmt.Sprintf("no position has logprobs of more than %d tokens that differ", enough), false
	}
	slices.SortStableFunc(cases, func(a, b gridCase) int { return cmp.Compare(b.span, a.span) })
	cases = spreadOut(cases, gridLists)
	return bestGrid(cases)
}

// gridCase is a list as the search for a grid sees it.
type gridCase struct {
	gaps      []float64 // distinct, not 0
	tolerance float64
	span      float64
}

// leastTolerance covers what float32 arithmetic leaves of a log-softmax.
const leastTolerance = 4e-6

func newGridCase(l *list) gridCase {
	gaps, tolerance := l.gaps()
	c := gridCase{tolerance: max(tolerance, leastTolerance)}
	slices.Sort(gaps)
	last := 0.0
	for _, g := range slices.Backward(gaps) { // ties tell no more than one of them
		if last-g > c.tolerance {
			c.gaps, last = append(c.gaps, g), g
		}
	}
	c.span = -last
	return c
}

// spreadOut takes n of the cases, the first half of them the first ones.
func spreadOut(cases []gridCase, n int) []gridCase {
	if len(cases) <= n {
		return cases
	}
	taken, rest := cases[:n/2:n/2], cases[n/2:]
	for i := range n - n/2 {
		taken = append(taken, rest[i*len(rest)/(n-n/2)])
	}
	return taken
}

// looser are the factors by which the tolerance grows while no grid is found:
// somebody may have added noise.
var looser = []float64{1, 16, 256}

// bestGrid tries the plain logits, then soft caps and scales, then more tolerance.
func bestGrid(cases []gridCase) (Grid, string, bool) {
	var first Grid
	finest := slices.MinFunc(cases, func(a, b gridCase) int { return cmp.Compare(a.tolerance, b.tolerance) }).tolerance
	if finest > hopelesslyCoarse {
		return Grid{}, coarseWords(finest), false
	}
	for i, factor := range looser {
		if i > 0 && finest*factor > coarsest {
			break // wider than any grid that could be told then
		}
		loose := slices.Clone(cases)
		for j := range loose {
			loose[j].tolerance *= factor
		}
		ways := []transform{identity()}
		if i == 0 {
			ways = append(ways, softCap(30), softCap(50))
			if s, ok := commonStep(loose); ok {
				ways = append(ways, scaled(s))
			}
		}
		for j, way := range ways {
			g := judge(loose, way)
			if i == 0 && j == 0 {
				first = g
			}
			if g.Head != NoGrid {
				return g, "", true
			}
		}
	}
	if widest := slices.MaxFunc(cases, func(a, b gridCase) int { return cmp.Compare(a.tolerance, b.tolerance) }); widest.tolerance > coarsest {
		return Grid{}, coarseWords(widest.tolerance), false
	}
	return first, "", true
}

// coarsest is a tolerance at which float16's grid cannot be told from none, and
// hopelesslyCoarse one at which bfloat16's cannot either.
const (
	coarsest         = 2e-3
	hopelesslyCoarse = 0.04
)

func coarseWords(tolerance float64) string {
	return fmt.Sprintf("the decimals leave ±%.2g nats open, as much as steps of float16", tolerance)
}

// miss is the least that a list tells for a type, in bits: nothing is impossible
// for a single answer.
const miss = -16

// hopeless is after how many lists without a fit no others are looked at.
const hopeless = 8

// judge weighs the types against each other and against none.
func judge(cases []gridCase, way transform) Grid {
	best, other := weigh(cases, BFloat16, way), weigh(cases, Float16, way)
	if other.Bits > best.Bits {
		best, other = other, best
	}
	if best.Bits < FirmBits || 10*best.Fitting < 8*len(cases) {
		return Grid{Head: NoGrid, Lists: len(cases), Fitting: max(best.Fitting, other.Fitting), Tolerance: cases[0].tolerance, Bits: -best.Bits}
	}
	best.Bits -= max(other.Bits, 0) // 0: no grid at all
	best.Transform = way.name
	return best
}

// weigh sums what the lists tell for a type, at the level of logits that fits all
// of them best.
func weigh(cases []gridCase, h Head, way transform) Grid {
	g := Grid{Head: h, Lists: len(cases), Tolerance: cases[0].tolerance, Bits: math.Inf(-1)}
	var fits []fit
	for i, c := range cases {
		f := fitGrid(c.gaps, c.tolerance, digits[h], way)
		fits = append(fits, f)
		if f.any > 1 {
			g.Fitting++
		}
		if g.Fitting == 0 && i+1 == hopeless {
			g.Bits, g.Level = float64(miss*len(cases)), 0
			return g
		}
	}
	for sign := range 2 {
		for b := range binades - 1 {
			level := math.Ldexp(float64(2*sign-1), lowestBinade+b)
			bits := usual(level)
			for _, f := range fits {
				bits += math.Log2((f.odds[sign][b]+f.odds[sign][b+1])*gridNats/2/math.Ldexp(3, lowestBinade+b) + math.Exp2(miss))
			}
			if bits > g.Bits {
				g.Bits, g.Level = bits, level
			}
		}
	}
	return g
}

// usual is how usual it is, in bits, that the greatest logits of a trained model
// are in [level, 4·level).
func usual(level float64) float64 {
	bits := 0.0
	if level < 0 {
		bits = -4
	}
	switch a := math.Abs(level); {
	case a >= 32: // most of it is 64 and more, of which no model in use is known
		bits -= 24
	case a >= 4:
	case a >= 2:
		bits -= 2
	case a >= 1:
		bits -= 8
	default:
		bits -= 12
	}
	return bits
}
