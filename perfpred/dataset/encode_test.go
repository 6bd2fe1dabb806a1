package dataset

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func random(rows int, seed uint64) *Table {
	rng := rand.New(rand.NewPCG(seed, 9))
	t := &Table{Name: "random", Rows: rows, Numeric: []Column{{Name: "a", Scale: Log}, {Name: "b"}}, Category: []Category{{Name: "c"}}}
	for range rows {
		t.Numeric[0].Values = append(t.Numeric[0].Values, math.Exp(rng.NormFloat64()))
		t.Numeric[1].Values = append(t.Numeric[1].Values, 5+3*rng.NormFloat64())
		t.Category[0].Values = append(t.Category[0].Values, []string{"x", "y", "z"}[rng.IntN(3)])
	}
	return t
}

// Whatever the rows to predict hold, the encoder and what it makes of the
// training rows stay the same.
func TestScalersSeeTrainingRowsOnly(t *testing.T) {
	all := random(60, 1)
	train := make([]int, 40)
	for i := range train {
		train[i] = i
	}
	before, err := FitEncoder(all.Select(train), EncoderOptions{Scale: true})
	require.NoError(t, err)
	want := before.Encode(all.Select(train))
	for i := 40; i < 60; i++ {
		all.Numeric[0].Values[i] *= 1e6
		all.Numeric[1].Values[i] = -1e9
		all.Category[0].Values[i] = "never seen"
	}
	after, err := FitEncoder(all.Select(train), EncoderOptions{Scale: true})
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.Equal(t, want, after.Encode(all)[:40], "rows do not depend on each other")
}

func TestEncoderScales(t *testing.T) {
	table := random(500, 2)
	e, err := FitEncoder(table, EncoderOptions{Scale: true})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c=x", "c=y", "c=z"}, e.Names())
	x := e.Encode(table)
	for j := range 2 {
		sum, squares := 0.0, 0.0
		for i := range x {
			sum += x[i][j]
			squares += x[i][j] * x[i][j]
		}
		assert.InDelta(t, 0, sum/500, 1e-9)
		assert.InDelta(t, 1, squares/500, 1e-9)
	}
	for i := range x {
		assert.Equal(t, 1.0, x[i][2]+x[i][3]+x[i][4], "one name each")
	}
}

func TestEncoderMeetsTheUnknown(t *testing.T) {
	table := random(50, 3)
	table.Numeric = append(table.Numeric, Column{Name: "same", Values: make([]float64, 50)})
	table.Category = append(table.Category, Category{Name: "one", Values: make([]string, 50)})
	e, err := FitEncoder(table, EncoderOptions{Scale: true, Clip: 0.5})
	require.NoError(t, err)
	assert.NotContains(t, e.Names(), "same", "a constant column says nothing")

	strange := &Table{Rows: 2, Numeric: []Column{{Name: "b", Values: []float64{1e12, math.NaN()}}}, Category: []Category{{Name: "c", Values: []string{"q", ""}}}}
	x := e.Encode(strange)
	assert.Equal(t, []float64{0, 0, 0, 0, 0}, x[1], "missing is the mean")
	top := e.Numeric[1].High + 0.5*(e.Numeric[1].High-e.Numeric[1].Low)
	assert.InDelta(t, (top-e.Numeric[1].Mean)/e.Numeric[1].Deviation, x[0][1], 1e-9, "clipped")

	raw, err := FitEncoder(table, EncoderOptions{})
	require.NoError(t, err)
	assert.True(t, math.IsNaN(raw.Encode(strange)[1][1]), "without scaling missing stays missing")

	_, err = FitEncoder(&Table{}, EncoderOptions{})
	assert.ErrorIs(t, err, ErrShape)
}

func TestEncoderMinCount(t *testing.T) {
	table := &Table{Rows: 5, Category: []Category{{Name: "c", Values: []string{"x", "x", "x", "y", "z"}}}}
	e, err := FitEncoder(table, EncoderOptions{MinCount: 2})
	require.NoError(t, err)
	assert.Equal(t, []string{"c=x"}, e.Names())
}
