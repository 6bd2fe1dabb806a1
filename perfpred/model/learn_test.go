package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// The law of the invented machines is a line in logarithms: ridge finds its
// exponents.
func TestRidgeFindsTheLaw(t *testing.T) {
	train := invent(200, 1)
	m, err := Ridge{}.Fit(t.Context(), train, []string{"score"}, 0)
	require.NoError(t, err)
	line := m.(*linear)
	exponent := map[string]float64{}
	for j, name := range line.Encoder.Names() {
		exponent[name] = line.Fits[0].Weights[j]
		if j < len(line.Encoder.Numeric) {
			exponent[name] /= line.Encoder.Numeric[j].Deviation
		}
	}
	assert.InDelta(t, 0, exponent["cores"], 0.01, "the base has it already")
	assert.InDelta(t, 0.7, exponent["ghz"], 0.02)
	assert.InDelta(t, 0, exponent["memory"], 0.01)
	assert.InDelta(t, math.Log(0.8), exponent["maker=slow"]-exponent["maker=quick"], 0.01)
}

// Each model must be better than the plainer one where the law needs it.
func TestModelsRankAsTheyShould(t *testing.T) {
	train, test := invent(80, 1), invent(40, 2)
	errs := map[string]float64{}
	for name, tr := range trainers() {
		m, err := tr.Fit(t.Context(), train, []string{"moved"}, 0)
		require.NoError(t, err)
		p, err := m.Predict(test)
		require.NoError(t, err)
		errs[name] = meanError(p[0], test.Targets[1].Values)
	}
	assert.Less(t, errs["nearest"], errs["constant"])
	assert.Less(t, errs["ridge"], errs["constant"])
	assert.Less(t, errs["ridge2"], errs["ridge"], "the lesser of two is no line")
	assert.Less(t, errs["trees"], errs["constant"]/2)
	assert.Less(t, errs["residual"], errs["ridge"])
	assert.Less(t, errs["stack"], 1.1*min(errs["ridge2"], errs["trees"]))
}

// Far from all that it knows, a line with products neither follows a product
// beyond the known ones nor leaves the range of the training values.
func TestRidgeEndsNearTheKnown(t *testing.T) {
	train := invent(40, 1)
	cores, ghz, memory := train.Numeric[0].Values, train.Numeric[1].Values, train.Numeric[2].Values
	rng := rand.New(rand.NewPCG(5, 1))
	for i := range train.Rows { // much of one goes with little of the other
		memory[i] = 1000 / cores[i] * math.Exp(0.3*rng.NormFloat64())
		train.Targets[1].Values[i] = cores[i] * memory[i]
	}
	m, err := Ridge{Pairs: true}.Fit(t.Context(), train, []string{"moved"}, 0)
	require.NoError(t, err)
	line := m.(*linear)
	y, err := train.LogRatio("moved")
	require.NoError(t, err)
	low, high := widened(y, ridgeReach)
	far := train.Select([]int{0, 1, 2})
	far.Numeric[0].Values = []float64{slices.Max(cores), slices.Min(cores), 1e6}
	far.Numeric[1].Values = []float64{ghz[0], ghz[0], 1e-3}
	far.Numeric[2].Values = []float64{slices.Max(memory), slices.Min(memory), 1e6}
	logs := line.logs(far)[0]
	assert.Equal(t, []float64{high, low, high}, logs)
	product := slices.Index(line.Pairs, [2]int{2, 0})
	scaled := line.Encoder.Encode(far)[0]
	require.Greater(t, scaled[0]*scaled[2], line.Limits[product][1], "the test goes far enough")
	assert.Equal(t, line.Limits[product][1], line.design(far)[0][len(line.Encoder.Names())+product])
}

func TestRidgeWithoutPenaltyIsLeastSquares(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, rows := make([][]float64, 50), make([]float64, 50), make([]int, 50)
	for i := range x {
		rows[i] = i
		x[i] = []float64{rng.NormFloat64(), rng.NormFloat64()}
		y[i] = 3 + 2*x[i][0] - x[i][1]
	}
	var d decomposition
	require.NoError(t, d.of(x, rows))
	fit := d.solve(y, 0)
	assert.InDelta(t, 2, fit.Weights[0], 1e-9)
	assert.InDelta(t, -1, fit.Weights[1], 1e-9)
	assert.InDelta(t, 3+2*5-7, fit.at([]float64{5, 7}), 1e-9)
	shrunk := d.solve(y, 50)
	assert.Less(t, math.Abs(shrunk.Weights[0]), 1.9, "the penalty draws weights to 0")
}

// bruteCut is the least squared error of any split, by trying all.
func bruteCut(x [][]float64, y []float64, least int) float64 {
	best := math.Inf(1)
	for j := range x[0] {
		for _, c := range x {
			for _, missingLeft := range []bool{false, true} {
				var left, right []float64
				for i := range x {
					if v := x[i][j]; v <= c[j] || math.IsNaN(v) && missingLeft {
						left = append(left, y[i])
					} else {
						right = append(right, y[i])
					}
				}
				if len(left) >= least && len(right) >= least {
					best = min(best, squares(left)+squares(right))
				}
			}
		}
	}
	return best
}

func squares(v []float64) float64 {
	m, sum := 0.0, 0.0
	for _, x := range v {
		m += x / float64(len(v))
	}
	for _, x := range v {
		sum += (x - m) * (x - m)
	}
	return sum
}

// A tree of two leaves is the best of all splits, missing values included.
func TestTreeFindsTheBestSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for range 50 {
		n := 10 + rng.IntN(30)
		x, y, rows := make([][]float64, n), make([]float64, n), make([]int, n)
		for i := range x {
			rows[i] = i
			x[i] = []float64{float64(rng.IntN(6)), rng.NormFloat64()}
			if rng.IntN(4) == 0 {
				x[i][rng.IntN(2)] = math.NaN()
			}
			y[i] = rng.NormFloat64() + x0(x[i][0])
		}
		b := binRows(binEdges(x), x)
		g := &grower{b: b, leaves: 2, least: 3, rate: 1}
		tree := g.grow(slices.Clone(y), rows, []int{0, 1}, make([]float64, 2))
		got := 0.0
		for i := range x {
			off := y[i] - tree.at(b.rows[i])
			got += off * off
		}
		assert.InDelta(t, bruteCut(x, y, 3), got, 1e-3, "up to the rounding of leaves")
	}
}

func x0(v float64) float64 {
	if math.IsNaN(v) {
		return 2
	}
	return v / 3
}

func TestTreeKeepsItsLimits(t *testing.T) {
	train := invent(40, 5)
	b := Boost{Trees: 20, Rate: 0.1, Leaves: 5, Least: 17, Rows: 1, Features: 1}
	m, err := b.Fit(t.Context(), train, []string{"moved"}, 0)
	require.NoError(t, err)
	boosted := m.(*boosted)
	x := binRows(boosted.Edges, boosted.Encoder.Encode(train)).rows
	for _, tree := range boosted.Fits[0].Trees {
		rows := map[float64]int{}
		for i := range x {
			rows[tree.at(x[i])]++
		}
		assert.LessOrEqual(t, len(rows), 5)
		for _, n := range rows {
			assert.GreaterOrEqual(t, n, 17)
		}
	}
}

func TestTreesRefuseTooManyFeatures(t *testing.T) {
	train := invent(1, 1)
	for i := range maxFeatures {
		train.Numeric = append(train.Numeric, dataset.Column{Name: "c" + strconv.Itoa(i), Values: []float64{1, 2, 3, 4, 5}})
	}
	_, err := quickTrees().Fit(t.Context(), train, []string{"score"}, 0)
	assert.ErrorIs(t, err, dataset.ErrShape)
}

func TestBins(t *testing.T) {
	many := make([][]float64, 1000)
	for i := range many {
		many[i] = []float64{float64(i * i), float64(i % 3), 7}
	}
	edges := binEdges(many)
	assert.LessOrEqual(t, len(edges[0]), maxBins-2)
	assert.Greater(t, len(edges[0]), maxBins/2)
	assert.Equal(t, []float64{0.5, 1.5}, edges[1])
	assert.Empty(t, edges[2])
	b := binRows(edges, many)
	for i := 1; i < len(many); i++ {
		assert.GreaterOrEqual(t, b.columns[0][i], b.columns[0][i-1], "bins keep the order")
		assert.NotEqual(t, uint8(missing), b.columns[0][i])
	}
	assert.Equal(t, uint8(missing), binOf(edges[0], math.NaN()))
}

func TestSample(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	counts := make([]int, 10)
	for range 1000 {
		got := sample(rng, 10, 0.3)
		require.Len(t, got, 3)
		require.True(t, got[0] < got[1] && got[1] < got[2], "rising, so each once")
		for _, i := range got {
			counts[i]++
		}
	}
	for _, n := range counts {
		assert.InDelta(t, 300, n, 80)
	}
}

// The weights are at the least error on the simplex: no move between two
// members helps.
func TestStackWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		n := 2 + rng.IntN(4)
		y, x := make([]float64, 200), make([][]float64, n)
		for j := range x {
			x[j] = make([]float64, len(y))
			for i := range y {
				x[j][i] = y[i] + rng.NormFloat64()*(0.5+float64(j)) + 0.3
			}
		}
		w := stackWeights(x, y)
		sum := 0.0
		for _, v := range w {
			assert.GreaterOrEqual(t, v, 0.0)
			sum += v
		}
		assert.InDelta(t, 1, sum, 1e-9)
		best := squaredError(mix(x, w), y)
		for a := range n {
			for b := range n {
				moved := slices.Clone(w)
				step := min(0.01, moved[b])
				moved[a] += step
				moved[b] -= step
				assert.GreaterOrEqual(t, squaredError(mix(x, moved), y), best-1e-9)
			}
		}
	}
}

func squaredError(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return sum
}

func TestSmallTrainingTables(t *testing.T) {
	two := invent(2, 1)
	_, err := Conformal{Trainer: Ridge{}}.Fit(t.Context(), two.Select([]int{0, 5}), []string{"score"}, 0)
	assert.ErrorIs(t, err, ErrTooFew)
	_, err = Conformal{Trainer: Ridge{}}.Fit(t.Context(), two.Select([]int{0, 1, 5, 6}), []string{"score"}, 0)
	assert.ErrorIs(t, err, ErrTooFew, "four rows cannot hold 90 %%")
	m, err := Ridge{}.Fit(t.Context(), two, []string{"score"}, 0)
	require.NoError(t, err)
	p, err := m.Predict(two)
	require.NoError(t, err)
	assert.False(t, math.IsNaN(p[0][0].Value))
}

func TestInnerFoldsFallBackToRows(t *testing.T) {
	table := &dataset.Table{Rows: 4}
	assert.Len(t, innerFolds(table, dataset.GroupCPU, 5, 0), 4)
	assert.Nil(t, innerFolds(&dataset.Table{Rows: 1}, dataset.GroupCPU, 5, 0))
}
