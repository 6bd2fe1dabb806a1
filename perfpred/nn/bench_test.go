package nn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/nn/tape"
)

// numbers is a table of rows x 40 features in five groups of eight.
func numbers(rows int) *dataset.Table {
	rng := rand.New(rand.NewPCG(1, 2))
	t := &dataset.Table{Name: "numbers", Rows: rows}
	y := make([]float64, rows)
	for j := range 40 {
		c := dataset.Column{Name: fmt.Sprintf("%s_%d", []string{"cache", "os", "mem", "core", "box"}[j/8], j), Scale: dataset.Linear}
		for i := range rows {
			c.Values = append(c.Values, rng.NormFloat64())
			y[i] += c.Values[i] * float64(j%7) / 20
		}
		t.Numeric = append(t.Numeric, c)
	}
	for i := range y {
		y[i] = math.Exp(y[i])
	}
	t.Targets = []dataset.Target{{Name: "y", Values: y}}
	return t
}

// BenchmarkEpoch is one pass over 2,000 rows x 40 features with the default
// widths.
func BenchmarkEpoch(b *testing.B) {
	c := Default()
	s, err := newSample(numbers(2000), []string{"y"}, c.SplitBy)
	if err != nil {
		b.Fatal(err)
	}
	m := &Model{layout: newLayout(s.table, c.Groups), sizes: c.sizes(1)}
	all := dataset.Fold{Train: rand.Perm(2000)}
	l, err := c.newLearner(m, s, all, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(l.net.params.Len()), "weights")
	for b.Loop() {
		if err := l.epoch(context.Background(), tape.Cosine{Peak: 1e-3, Steps: math.MaxInt}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPredict is one machine's prediction by the default ensemble.
func BenchmarkPredict(b *testing.B) {
	c := Default()
	c.Epochs = 1
	table := numbers(500)
	m, err := c.Fit(context.Background(), table, []string{"y"}, 1)
	if err != nil {
		b.Fatal(err)
	}
	one := table.Select([]int{3})
	for b.Loop() {
		if _, err := m.Predict(one); err != nil {
			b.Fatal(err)
		}
	}
}
