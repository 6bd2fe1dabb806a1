package nn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// machines is a table of made-up machines: a roofline of compute and memory
// with a factor of the compiler, which no linear model of logarithms holds.
func machines(rows int, seed uint64) *dataset.Table {
	rng := rand.New(rand.NewPCG(seed, 99))
	t := &dataset.Table{Name: "machines", Rows: rows, Groups: map[string][]string{}}
	columns := map[string][]float64{}
	names := []string{"cores", "mhz", "l3_kb", "bandwidth", "storage_gb"}
	var compilers, cpus []string
	var score, second []float64
	factor := map[string]float64{"gcc": 1, "aocc": 1.3, "intel": 1.5}
	for i := range rows {
		cpu := i / 4 // four rows a CPU
		parts := rand.New(rand.NewPCG(seed, uint64(cpu)))
		v := map[string]float64{
			"cores": math.Exp2(parts.Float64() * 6), "mhz": 1500 + 2500*parts.Float64(), "l3_kb": 4096 * math.Exp2(parts.Float64()*5),
			"bandwidth": 20 * math.Exp2(rng.Float64()*4), "storage_gb": 100 + 900*rng.Float64(),
		}
		for _, n := range names {
			columns[n] = append(columns[n], v[n])
		}
		compiler := []string{"gcc", "aocc", "intel"}[rng.IntN(3)]
		compute := v["cores"] * v["mhz"] / 1000 * factor[compiler]
		memory := v["bandwidth"] * (1 + v["l3_kb"]/65536)
		compilers, cpus = append(compilers, compiler), append(cpus, fmt.Sprint("cpu ", cpu))
		score = append(score, min(compute, memory))
		second = append(second, memory)
	}
	for _, n := range names {
		t.Numeric = append(t.Numeric, dataset.Column{Name: n, Unit: "1", Scale: dataset.Log, Values: columns[n]})
	}
	t.Category = []dataset.Category{{Name: "compiler", Values: compilers}}
	t.Groups[dataset.GroupCPU] = cpus
	t.Targets = []dataset.Target{{Name: "score", Unit: "1", Base: "cores", Values: score}, {Name: "memory", Unit: "1", Values: second}}
	return t
}

// small is a network that learns machines within a second.
func small() NCPP {
	c := Default()
	c.Bins = 6
	c.Epochs, c.Patience, c.Members, c.Blank = 40, 20, 1, 0
	return c
}

func fit(t *testing.T, c NCPP, table *dataset.Table, targets ...string) *Model {
	t.Helper()
	m, err := c.Fit(context.Background(), table, targets, 7)
	require.NoError(t, err)
	return m.(*Model)
}

func predict(t *testing.T, m model.Model, table *dataset.Table) [][]model.Estimate {
	t.Helper()
	out, err := m.Predict(table)
	require.NoError(t, err)
	return out
}

func mape(t *testing.T, predicted []model.Estimate, table *dataset.Table, target string) float64 {
	t.Helper()
	y, err := table.Target(target)
	require.NoError(t, err)
	sum := 0.0
	for i, v := range y.Values {
		sum += math.Abs(predicted[i].Value/v-1) / float64(len(y.Values))
	}
	return 100 * sum
}

// ridgeMAPE is what a linear model of logarithms with one column a compiler
// makes of the same rows.
func ridgeMAPE(t *testing.T, train, test *dataset.Table, target string) float64 {
	t.Helper()
	x := func(table *dataset.Table) *mat.Dense {
		out := mat.NewDense(table.Rows, 9, nil)
		for i := range table.Rows {
			for j, c := range table.Numeric {
				out.Set(i, j, math.Log(c.Values[i]))
			}
			out.Set(i, 5+map[string]int{"gcc": 0, "aocc": 1, "intel": 2}[table.Category[0].Values[i]], 1)
			out.Set(i, 8, 1e-3) // keeps the last column from being a copy of none
		}
		return out
	}
	logs, err := train.LogRatio(target)
	require.NoError(t, err)
	var square, right mat.Dense
	a := x(train)
	square.Mul(a.T(), a)
	for j := range 9 {
		square.Set(j, j, square.At(j, j)+1e-3)
	}
	right.Mul(a.T(), mat.NewDense(len(logs), 1, logs))
	var w, y mat.Dense
	require.NoError(t, w.Solve(&square, &right))
	y.Mul(x(test), &w)
	info, err := test.Target(target)
	require.NoError(t, err)
	base, err := test.Baseline(info.Base)
	require.NoError(t, err)
	estimates := make([]model.Estimate, test.Rows)
	for i := range estimates {
		estimates[i].Value = base[i] * math.Exp(y.At(i, 0))
	}
	return mape(t, estimates, test, target)
}

func TestLearnsMoreThanRidge(t *testing.T) {
	train, test := machines(600, 1), machines(200, 2)
	m := fit(t, small(), train, "score", "memory")
	predicted := predict(t, m, test)
	for k, target := range m.Targets() {
		ours, ridge := mape(t, predicted[k], test, target), ridgeMAPE(t, train, test, target)
		t.Logf("%s: MAPE %.2f %%, ridge %.2f %%", target, ours, ridge)
		assert.Less(t, ours, 0.5*ridge, target)
	}
}
