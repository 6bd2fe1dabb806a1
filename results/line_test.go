package results

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFitLineExact(t *testing.T) {
	x := []float64{16, 32, 48, 64}
	y := []float64{94, 158, 222, 286} // 30 + 4x
	for name, l := range map[string]Line{"least squares": FitLine(x, y), "Theil-Sen": TheilSen(x, y)} {
		assert.InDelta(t, 4, l.Slope, 1e-12, name)
		assert.InDelta(t, 30, l.Intercept, 1e-10, name)
		assert.InDelta(t, 1, l.R2, 1e-12, name)
		assert.InDelta(t, 0, l.MaxResidual, 1e-10, name)
	}
}

// TestFitLineAnscombe uses the first set of Anscombe's quartet (1973).
func TestFitLineAnscombe(t *testing.T) {
	x := []float64{10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5}
	y := []float64{8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68}
	l := FitLine(x, y)
	assert.InDelta(t, 0.50009, l.Slope, 1e-5)
	assert.InDelta(t, 3.00009, l.Intercept, 1e-5)
	assert.InDelta(t, 0.66654, l.R2, 1e-5)
	assert.InDelta(t, 1.92127, l.MaxResidual, 1e-4)
}

func TestLineUndefined(t *testing.T) {
	for name, xy := range map[string][2][]float64{
		"none": {nil, nil}, "one": {{1}, {1}}, "lengths": {{1, 2}, {1}}, "same x": {{2, 2}, {1, 5}},
		"NaN": {{1, 2}, {1, math.NaN()}}, "Inf": {{1, 2}, {1, math.Inf(1)}}, "overflow": {{1, 2}, {-1e300, 1e300}},
	} {
		for _, l := range []Line{FitLine(xy[0], xy[1]), TheilSen(xy[0], xy[1])} {
			assert.True(t, math.IsNaN(l.Slope) && math.IsNaN(l.Intercept) && math.IsNaN(l.MaxResidual), name)
			assert.Zero(t, l.R2, name)
		}
	}
}

func TestFlatLineFailsTheGate(t *testing.T) {
	x, y := []float64{1, 2, 3}, []float64{5, 5, 5}
	assert.Equal(t, Line{Slope: 0, Intercept: 5}, FitLine(x, y), "work that took no time has R2 0")
	assert.Equal(t, Line{Slope: 0, Intercept: 5}, TheilSen(x, y))
}

// TestTheilSenIgnoresWildPoints has 4 wild points of 16, below the 29 % that it withstands.
func TestTheilSenIgnoresWildPoints(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	for range 50 {
		var x, y []float64
		for i := range 16 {
			x, y = append(x, float64(i)), append(y, 7+3*float64(i))
		}
		for _, i := range random.Perm(16)[:4] {
			y[i] += 1000 * (1 + random.Float64())
		}
		robust := TheilSen(x, y)
		assert.InDelta(t, 3, robust.Slope, 1e-9)
		assert.InDelta(t, 7, robust.Intercept, 1e-9)
		assert.Greater(t, robust.MaxResidual, 999.0, "the residual shows that they are there")
		assert.Less(t, robust.R2, 0.5)
		assert.Greater(t, math.Abs(FitLine(x, y).Intercept-7), 10.0, "least squares is moved")
	}
}

func TestLineMovesWithItsPoints(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	for range 100 {
		var x, y, moved []float64
		for range 8 {
			x, y = append(x, random.Float64()*100), append(y, random.NormFloat64())
			moved = append(moved, 2*y[len(y)-1]+10)
		}
		for _, fit := range []func(x, y []float64) Line{FitLine, TheilSen} {
			a, b := fit(x, y), fit(x, moved)
			assert.InDelta(t, 2*a.Slope, b.Slope, 1e-9)
			assert.InDelta(t, 2*a.Intercept+10, b.Intercept, 1e-7)
			assert.InDelta(t, a.R2, b.R2, 1e-9)
			assert.InDelta(t, 2*a.MaxResidual, b.MaxResidual, 1e-7)
		}
	}
}
