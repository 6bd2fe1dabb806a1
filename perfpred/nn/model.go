package nn

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
	"github.com/gpubench/gpubench/perfpred/nn/tape"
)

const kind = "ncpp"

// Model is a trained network, or several whose logarithms are averaged. It is
// a model.Model and a model.Importancer.
type Model struct {
	targets []output
	layout  layout
	sizes   sizes
	members []member
	maps    Attention
}

type output struct {
	Name string `json:"name"`
	Base string `json:"base,omitempty"`
}

// Attention is who attends to whom, averaged over rows, heads and members.
// Each row of weights sums to 1.
type Attention struct {
	// Groups hold one map a group: Weights[i][j] is how much feature i
	// attends to feature j.
	Groups []GroupAttention `json:"groups"`
	// Between is the map of the groups, in that order.
	Between [][]float64 `json:"between"`
}

// GroupAttention is the map within one group.
type GroupAttention struct {
	Group    string      `json:"group"`
	Features []string    `json:"features"`
	Weights  [][]float64 `json:"weights"`
}

// Kind implements model.Model.
func (*Model) Kind() string { return kind }

// Targets implements model.Model.
func (m *Model) Targets() []string {
	names := make([]string, len(m.targets))
	for i, t := range m.targets {
		names[i] = t.Name
	}
	return names
}

// Predict implements model.Model. It gives no intervals.
func (m *Model) Predict(rows *dataset.Table) ([][]model.Estimate, error) {
	out := make([][]model.Estimate, len(m.targets))
	if rows.Rows == 0 {
		return out, nil
	}
	logs := make([]float64, rows.Rows*len(m.targets))
	for i := range m.members {
		one, err := m.members[i].predict(m.members[i].encoder.encode(rows, m.layout, m.sizes.Bins))
		if err != nil {
			return nil, fmt.Errorf("predict with %s: %w", kind, err)
		}
		for j, v := range one {
			logs[j] += v / float64(len(m.members))
		}
	}
	for k, target := range m.targets {
		base, err := rows.Baseline(target.Base)
		if err != nil {
			return nil, fmt.Errorf("predict %s with %s: %w", target.Name, kind, err)
		}
		out[k] = make([]model.Estimate, rows.Rows)
		for i := range out[k] {
			value := base[i] * math.Exp(logs[i*len(m.targets)+k])
			out[k][i] = model.Estimate{Value: value, Low: math.NaN(), High: math.NaN()}
		}
	}
	return out, nil
}

// Attention returns the maps over the rows that the model was trained on.
func (m *Model) Attention() Attention { return m.maps }

// Attend returns the maps over other rows.
func (m *Model) Attend(rows *dataset.Table) (Attention, error) {
	if rows.Rows == 0 {
		return Attention{}, fmt.Errorf("attention of %s: no rows: %w", rows.Name, dataset.ErrShape)
	}
	return m.attend(rows)
}

// Importances implements model.Importancer: the attention that a feature gets
// within its group times that which its group gets. All targets share it.
func (m *Model) Importances(int) []model.Importance {
	between := received(m.maps.Between)
	var out []model.Importance
	for g, group := range m.maps.Groups {
		for i, share := range received(group.Weights) {
			out = append(out, model.Importance{Feature: group.Features[i], Share: share * between[g]})
		}
	}
	slices.SortStableFunc(out, func(a, b model.Importance) int { return cmp.Compare(b.Share, a.Share) })
	return out
}

// received is the mean of each column.
func received(weights [][]float64) []float64 {
	out := make([]float64, len(weights))
	for _, row := range weights {
		for j, w := range row {
			out[j] += w / float64(len(weights))
		}
	}
	return out
}

func (m *Model) attend(rows *dataset.Table) (Attention, error) {
	sums := make([][]float64, len(m.layout)+1) // the last is that between groups
	for i := range m.members {
		if err := m.members[i].addMaps(sums, m.members[i].encoder.encode(rows, m.layout, m.sizes.Bins)); err != nil {
			return Attention{}, fmt.Errorf("attention of %s: %w", rows.Name, err)
		}
	}
	count := float64(rows.Rows * m.sizes.Heads * len(m.members))
	var out Attention
	for g, l := range m.layout {
		out.Groups = append(out.Groups, GroupAttention{l.Name, l.features(), square(sums[g], l.tokens(), count)})
	}
	out.Between = square(sums[len(m.layout)], len(m.layout), count)
	return out, nil
}

// addMaps adds up the member's maps over rows and heads.
func (m *member) addMaps(sums [][]float64, x *encoded) error {
	// Shards come in any order: their sums are added in the order of rows.
	var lock sync.Mutex
	shards := make([][][]float64, (x.rows+shardRows-1)/shardRows)
	err := m.each(x, func(first int, _ *tape.Value, p *pass) {
		var maps [][]float64
		for _, v := range append(slices.Clone(p.intra), p.inter) {
			maps = append(maps, sumMaps(v))
		}
		lock.Lock()
		defer lock.Unlock()
		shards[first/shardRows] = maps
	})
	for _, maps := range shards {
		for g, values := range maps {
			if sums[g] == nil {
				sums[g] = make([]float64, len(values))
			}
			for i, v := range values {
				sums[g][i] += v
			}
		}
	}
	return err
}

// sumMaps adds up a value's maps of tokens x tokens.
func sumMaps(v *tape.Value) []float64 {
	sum := make([]float64, v.Cols*v.Cols)
	for i, w := range v.Data {
		sum[i%len(sum)] += w
	}
	return sum
}

func square(sum []float64, n int, count float64) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n)
		for j := range rows[i] {
			rows[i][j] = sum[i*n+j] / count
		}
	}
	return rows
}
