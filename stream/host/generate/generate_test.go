package main

import (
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFilesAreCurrent makes the kernels again and wants the committed ones.
func TestFilesAreCurrent(t *testing.T) {
	files, err := generate("../block.go")
	require.NoError(t, err)
	for name, text := range files {
		committed, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		assert.True(t, string(committed) == string(text), "%s is not what the generator writes: run go generate", name)
	}
}

// TestExpCoefficients looks at the polynomial over its whole range: its error is
// below a tenth of the last place of the type.
func TestExpCoefficients(t *testing.T) {
	for degree, limit := range map[int]float64{11: 0x1p-52 / 10, 6: 0x1p-23 / 10} {
		c := expCoefficients(degree)
		worst := 0.0
		for i := -1000; i <= 1000; i++ {
			r := float64(i) / 1000 * math.Ln2 / 2
			worst = max(worst, math.Abs(distance(c, r, degree)))
		}
		assert.Less(t, worst, limit, "degree %d", degree)
	}
}

// distance is how far the polynomial, its coefficients rounded to float64 but its
// arithmetic exact, is from the series of e^r, relative to it.
func distance(c []float64, r float64, degree int) float64 {
	x := number(r)
	sum, power := number(0), number(1)
	for i := range degree + 1 {
		sum.Add(sum, new(big.Float).Mul(number(c[i]), power))
		power.Mul(power, x)
	}
	exact, term := number(1), number(1)
	for k := 1; k < 40; k++ {
		term.Mul(term, x)
		term.Quo(term, number(float64(k)))
		exact.Add(exact, term)
	}
	sum.Sub(sum, exact)
	d, _ := sum.Quo(sum, exact).Float64()
	return d
}

func TestSplit(t *testing.T) {
	for _, size := range []int{4, 8} {
		high, low := split(size)
		assert.InDelta(t, math.Ln2, high, 1e-7)
		assert.InDelta(t, math.Ln2, high+low, 1e-16)
		assert.NotZero(t, low)
	}
}
