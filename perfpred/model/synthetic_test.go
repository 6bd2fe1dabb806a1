package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// invent makes a table of machines with a law that is known: score is
// 5 cores ghz^0.7, a step of 20 % by maker, noise of 1 % (5 % with hard), and a
// second target that is bounded by the memory. Five rows share a CPU.
func invent(cpus int, seed uint64) *dataset.Table {
	rng := rand.New(rand.NewPCG(seed, 4))
	n := cpus * 5
	column := func(name string, scale dataset.Scale, main bool) dataset.Column {
		return dataset.Column{Name: name, Unit: "1", Scale: scale, Main: main, Values: make([]float64, n)}
	}
	cores, ghz, memory, hard := column("cores", dataset.Log, true), column("ghz", dataset.Log, true), column("memory", dataset.Log, true), column("hard", dataset.Linear, false)
	maker := dataset.Category{Name: "maker", Values: make([]string, n)}
	score := dataset.Target{Name: "score", Unit: "ratio", HigherIsBetter: true, Base: "cores", Values: make([]float64, n)}
	moved := dataset.Target{Name: "moved", Unit: "GB/s", HigherIsBetter: true, Values: make([]float64, n)}
	names := make([]string, n)
	for c := range cpus {
		coreCount, clock := float64(2+rng.IntN(60)), 1+3*rng.Float64()
		for i := c * 5; i < c*5+5; i++ {
			names[i] = fmt.Sprintf("cpu %d", c)
			cores.Values[i], ghz.Values[i], memory.Values[i] = coreCount, clock, 20+200*rng.Float64()
			hard.Values[i] = float64(rng.IntN(2))
			maker.Values[i] = []string{"quick", "slow"}[rng.IntN(2)]
			y := 5 * coreCount * math.Pow(clock, 0.7)
			if maker.Values[i] == "slow" {
				y *= 0.8
			}
			noise := 0.01 + 0.04*hard.Values[i]
			score.Values[i] = y * math.Exp(noise*rng.NormFloat64())
			moved.Values[i] = min(memory.Values[i], 3*coreCount*clock) * math.Exp(0.01*rng.NormFloat64())
		}
	}
	return &dataset.Table{
		Name: "invented", Rows: n, Numeric: []dataset.Column{cores, ghz, memory, hard}, Category: []dataset.Category{maker},
		Targets: []dataset.Target{score, moved}, Groups: map[string][]string{dataset.GroupCPU: names},
	}
}

// meanError is the mean absolute error in logarithms.
func meanError(p []Estimate, y []float64) float64 {
	sum := 0.0
	for i := range p {
		sum += math.Abs(math.Log(p[i].Value / y[i]))
	}
	return sum / float64(len(p))
}

// quickTrees are enough for tests.
func quickTrees() Boost {
	b := DefaultBoost()
	b.Trees, b.Rate = 150, 0.1
	return b
}

// trainers are all of the package's, quick ones.
func trainers() map[string]Trainer {
	lines := Ridge{Pairs: true}
	stack := Stack{Label: "stack", Members: []Trainer{lines, Residual{lines, quickTrees()}, quickTrees()}, Folds: 3}
	return map[string]Trainer{
		"constant":  Constant{},
		"nearest":   Neighbour{K: 2},
		"ridge":     Ridge{},
		"ridge2":    lines,
		"trees":     quickTrees(),
		"residual":  Residual{Ridge{}, quickTrees()},
		"stack":     stack,
		"conformal": Conformal{Trainer: stack, Folds: 3},
		"guarded":   Guard{Trainer: Conformal{Trainer: Ridge{}, Constant: true}},
	}
}
