package monitor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func repeat(x bool, n int) []bool { return slices.Repeat([]bool{x}, n) }

func TestWealthBeginsAtOne(t *testing.T) { assert.InDelta(t, 1, wealth(10, nil), 1e-12) }

// TestWealthIsAMartingale: over all sequences of a length, weighted by their exact
// chance under the hypothesis, the mean is 1.
func TestWealthIsAMartingale(t *testing.T) {
	const n, m = 10, 7
	sum, all := 0.0, 0.0
	for bits := range 1 << n {
		seq, k := make([]bool, n), 0
		for i := range seq {
			if seq[i] = bits>>i&1 == 1; seq[i] {
				k++
			}
		}
		p := math.Exp(logShare(1, m, k, n))
		all += p
		sum += p * wealth(m, seq)
	}
	assert.InDelta(t, 1, all, 1e-9)
	assert.InDelta(t, 1, sum, 1e-9)
}

// TestFalseAlarms: scores of any distribution, with ties too, cross 1/alpha no more
// often than alpha, over all looks.
func TestFalseAlarms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"heavy tails": func() float64 { return math.Exp(5 * random.NormFloat64()) },
		"few values":  func() float64 { return float64(random.IntN(3)) },
		"constant":    func() float64 { return 0 },
		"rare":        func() float64 { return math.Floor(random.Float64() + 0.05) },
	} {
		const runs, alpha = 1000, 0.05
		alarms := 0
		for range runs {
			most := math.Inf(-1)
			for range 10 {
				most = math.Max(most, draw())
			}
			var seq []bool
			for range 30 {
				seq = append(seq, draw() > most)
				if wealth(10, seq) >= 1/alpha {
					alarms++
					break
				}
			}
		}
		assert.LessOrEqual(t, float64(alarms)/runs, alpha+3*math.Sqrt(alpha*(1-alpha)/runs), name)
	}
}

// TestPower: what Defaults promises.
func TestPower(t *testing.T) {
	o := Defaults()
	delay := func(quiet int) int {
		seq := repeat(false, quiet)
		for n := 1; ; n++ {
			if seq = append(seq, true); wealth(o.Calibration, seq) >= 1/o.Alpha {
				return n
			}
		}
	}
	assert.Equal(t, 4, delay(0))
	assert.Equal(t, 4, delay(365))
	assert.Less(t, wealth(o.Calibration, repeat(false, 1000)), 1.0)
}
