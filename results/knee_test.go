package results

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stairs is a curve with eight points an octave from 1 to 2^octaves.
func stairs(octaves int, f func(x float64) float64) (x, y []float64) {
	for i := range octaves*8 + 1 {
		v := math.Exp2(float64(i) / 8)
		x, y = append(x, v), append(y, f(v))
	}
	return x, y
}

func step(sizes, levels []float64) func(x float64) float64 {
	return func(x float64) float64 {
		for i, s := range sizes {
			if x <= s {
				return levels[i]
			}
		}
		return levels[len(sizes)]
	}
}

func TestKneesOfStairs(t *testing.T) {
	x, y := stairs(20, step([]float64{256, 65536}, []float64{32, 260, 600}))
	marks := Knees(x, y, KneeOptions{})
	require.Len(t, marks, 2)
	for i, size := range []float64{256, 65536} {
		assert.InEpsilon(t, size, marks[i].Low, 1e-9)
		assert.InEpsilon(t, size*math.Exp2(0.125), marks[i].High, 1e-9)
		assert.InEpsilon(t, size*math.Exp2(0.0625), marks[i].X, 1e-9)
	}
	assert.Equal(t, "32 → 260", marks[0].Label)
	assert.Equal(t, "260 → 600", marks[1].Label)
}

func TestKneesDoNotDependOnOrderScaleOrRepeats(t *testing.T) {
	x, y := stairs(16, step([]float64{256}, []float64{32, 260}))
	want := Knees(x, y, KneeOptions{})
	require.Len(t, want, 1)
	random := rand.New(rand.NewPCG(31, 32))
	for _, i := range random.Perm(len(x)) {
		x, y = append(x, x[i]), append(y, y[i])
	}
	random.Shuffle(len(x), func(i, j int) { x[i], x[j], y[i], y[j] = x[j], x[i], y[j], y[i] })
	x, y = append(x, math.NaN(), -1, 5, 0), append(y, 1, 1, math.Inf(1), 1)
	assert.Equal(t, want, Knees(x, y, KneeOptions{}))
	for i := range x {
		x[i], y[i] = 1024*x[i], y[i]/1.7
	}
	got := Knees(x, y, KneeOptions{})
	require.Len(t, got, 1)
	assert.InEpsilon(t, 1024*want[0].Low, got[0].Low, 1e-9)
	assert.InEpsilon(t, 1024*want[0].High, got[0].High, 1e-9)
}

func TestNoKnees(t *testing.T) {
	for name, f := range map[string]func(x float64) float64{
		"flat":             func(float64) float64 { return 32 },
		"below the step":   step([]float64{256}, []float64{100, 108}),
		"falls":            step([]float64{256}, []float64{100, 50}),
		"bump on the way":  step([]float64{256, 300}, []float64{100, 150, 100}),
		"dip on the way":   step([]float64{256, 300}, []float64{100, 50, 100}),
		"creeps by little": func(x float64) float64 { return 284 + math.Log2(x)/3 },
	} {
		x, y := stairs(16, f)
		assert.Empty(t, Knees(x, y, KneeOptions{}), name)
	}
	assert.Empty(t, Knees(nil, nil, KneeOptions{}))
	assert.Empty(t, Knees([]float64{1, 2}, []float64{1, 2}, KneeOptions{}))
	assert.Empty(t, Knees([]float64{1, 2, 3}, nil, KneeOptions{}))
}

func TestKneeBeforeARamp(t *testing.T) {
	x, y := stairs(16, func(x float64) float64 { // three quarters of an octave on the way up
		return 32 + 228*min(1, max(0, math.Log2(x/256)/0.75))
	})
	marks := Knees(x, y, KneeOptions{})
	require.Len(t, marks, 1)
	assert.InEpsilon(t, 256, marks[0].Low, 1e-9)
	assert.Equal(t, "32 → 260", marks[0].Label)

	x, y = stairs(16, func(x float64) float64 { return 32 * max(1, x/16384) }) // the curve ends on the way up
	marks = Knees(x, y, KneeOptions{})
	require.Len(t, marks, 1)
	assert.InDelta(t, 16384, marks[0].Low, 16384*0.15)
}

func TestKneeOptions(t *testing.T) {
	x, y := stairs(16, step([]float64{256, 512}, []float64{100, 107, 120}))
	assert.Len(t, Knees(x, y, KneeOptions{MinStep: 0.05}), 2)
	assert.Len(t, Knees(x, y, KneeOptions{MinStep: 0.5}), 0)
	marks := Knees(x, y, KneeOptions{MinStep: 0.05, MinSpan: 2}) // the middle plateau is one octave
	require.Len(t, marks, 1)
	assert.InEpsilon(t, 256, marks[0].Low, 1e-9)
}

// TestKneesInNoise: with noise of 3 % the bracket holds the true size nearly
// always, and there is no knee that is not one.
func TestKneesInNoise(t *testing.T) {
	random := rand.New(rand.NewPCG(33, 34))
	exact := 0
	for range 300 {
		x, y := stairs(20, step([]float64{256, 65536}, []float64{32, 260, 600}))
		for i := range y {
			y[i] *= math.Exp(0.03 * random.NormFloat64())
		}
		y[20] *= 1.4 // a wild point
		marks := Knees(x, y, KneeOptions{})
		require.Len(t, marks, 2)
		if math.Abs(marks[0].Low/256-1) < 1e-9 && math.Abs(marks[1].Low/65536-1) < 1e-9 {
			exact++
		}
	}
	assert.Greater(t, exact, 290)
	for range 300 {
		x, y := stairs(20, func(float64) float64 { return 100 * math.Exp(0.05*random.NormFloat64()) })
		assert.Empty(t, Knees(x, y, KneeOptions{}))
	}
}

// TestPartitionIsOptimal compares with every way to cut eight points.
func TestPartitionIsOptimal(t *testing.T) {
	random := rand.New(rand.NewPCG(35, 36))
	total := func(v []float64, cuts []stretch, cost float64) float64 {
		sum := 0.0
		for _, s := range cuts {
			m := mean(v[s.from:s.to])
			for _, a := range v[s.from:s.to] {
				sum += (a - m) * (a - m)
			}
			sum += cost
		}
		return sum
	}
	for range 50 {
		v := make([]float64, 8)
		for i := range v {
			v[i] = float64(random.IntN(4)) + 0.1*random.Float64()
		}
		best := math.Inf(1)
		for mask := range 1 << 7 {
			cuts := []stretch{{0, 1}}
			for i := 1; i < 8; i++ {
				if mask>>(i-1)&1 == 1 {
					cuts = append(cuts, stretch{i, i})
				}
				cuts[len(cuts)-1].to = i + 1
			}
			best = min(best, total(v, cuts, 0.5))
		}
		assert.InDelta(t, best, total(v, partition(v, 0.5), 0.5), 1e-9)
	}
}
