package nn

import (
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// encoder turns rows into what the network sees. It is fitted on training rows
// only, and what lies outside them is brought to their edge.
type encoder struct {
	// Numeric and Vocabulary are per group and feature, as in the layout.
	Numeric    [][]scaler   `json:"numeric"`
	Vocabulary [][][]string `json:"vocabulary"`
}

// scaler encodes a number as its standard score and where it lies between
// quantiles (the piecewise linear encoding of arXiv 2203.05556).
type scaler struct {
	Log   bool      `json:"log,omitempty"`
	Mean  float64   `json:"mean"`
	Scale float64   `json:"scale"`
	Edges []float64 `json:"edges"`
}

// The entries of a code: is it known, is it missing, its score, then bins.
const (
	codeKnown = iota
	codeMissing
	codeScore
	codeBins
)

// minNames is how many training rows must share a name for it to have its own
// embedding; rarer ones share that of names never seen.
const minNames = 3

// fitEncoder learns scales, quantiles and names from the table.
func fitEncoder(t *dataset.Table, l layout, bins int) (*encoder, error) {
	e := &encoder{}
	for _, g := range l {
		scalers, names := make([]scaler, len(g.Numeric)), make([][]string, len(g.Categories))
		for i, name := range g.Numeric {
			c, err := t.Column(name)
			if err != nil {
				return nil, err
			}
			scalers[i] = fitScaler(c, bins)
		}
		for i, name := range g.Categories {
			c, err := t.Categories(name)
			if err != nil {
				return nil, err
			}
			names[i] = frequent(c.Values)
		}
		e.Numeric, e.Vocabulary = append(e.Numeric, scalers), append(e.Vocabulary, names)
	}
	return e, nil
}

func fitScaler(c *dataset.Column, bins int) scaler {
	s := scaler{Log: c.Scale == dataset.Log, Scale: 1}
	values := make([]float64, 0, len(c.Values))
	for _, v := range c.Values {
		if v = s.axis(v); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return s
	}
	slices.Sort(values)
	for _, v := range values {
		s.Mean += v / float64(len(values))
	}
	variance := 0.0
	for _, v := range values {
		variance += (v - s.Mean) * (v - s.Mean) / float64(len(values))
	}
	if variance > 0 {
		s.Scale = math.Sqrt(variance)
	}
	for i := range bins + 1 {
		edge := values[i*(len(values)-1)/bins]
		if n := len(s.Edges); n == 0 || edge > s.Edges[n-1] {
			s.Edges = append(s.Edges, edge)
		}
	}
	return s
}

// axis returns the value on the axis it is compared on, NaN if it has none.
func (s scaler) axis(v float64) float64 {
	if s.Log {
		v = math.Log(v)
	}
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// code writes the value's code.
func (s scaler) code(out []float64, v float64) {
	v = s.axis(v)
	if math.IsNaN(v) || len(s.Edges) == 0 {
		out[codeMissing] = 1
		return
	}
	v = min(max(v, s.Edges[0]), s.Edges[len(s.Edges)-1])
	out[codeKnown] = 1
	out[codeScore] = (v - s.Mean) / s.Scale
	for i := 1; i < len(s.Edges); i++ {
		width := s.Edges[i] - s.Edges[i-1]
		out[codeBins+i-1] = min(max((v-s.Edges[i-1])/width, 0), 1)
	}
}

// frequent lists the names in enough rows, sorted.
func frequent(values []string) []string {
	count := map[string]int{}
	for _, v := range values {
		count[v]++
	}
	names := []string{}
	for name, n := range count {
		if n >= minNames && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// encoded are rows as the network sees them.
type encoded struct {
	rows   int
	groups []encodedGroup
}

// encodedGroup holds per row the codes of all numbers, and per row and category
// the row of the group's embedding table.
type encodedGroup struct {
	codes []float64
	names []int
}

// encode encodes all rows; columns that the table lacks are missing.
func (e *encoder) encode(t *dataset.Table, l layout, bins int) *encoded {
	out := &encoded{rows: t.Rows}
	for g := range l {
		out.groups = append(out.groups, encodedGroup{
			codes: e.encodeNumbers(t, l[g].Numeric, e.Numeric[g], codeBins+bins),
			names: e.encodeNames(t, l[g].Categories, e.Vocabulary[g]),
		})
	}
	return out
}

func (e *encoder) encodeNumbers(t *dataset.Table, features []string, scalers []scaler, width int) []float64 {
	codes := make([]float64, t.Rows*len(features)*width)
	for j, name := range features {
		column, err := t.Column(name)
		for i := range t.Rows {
			v := math.NaN()
			if err == nil {
				v = column.Values[i]
			}
			at := (i*len(features) + j) * width
			scalers[j].code(codes[at:at+width], v)
		}
	}
	return codes
}

// encodeNames returns rows of the embedding table, in which each category has
// one row for names never seen and then one for each of its vocabulary.
func (e *encoder) encodeNames(t *dataset.Table, features []string, vocabulary [][]string) []int {
	names := make([]int, t.Rows*len(features))
	first := 0
	for j, feature := range features {
		category, err := t.Categories(feature)
		for i := range t.Rows {
			names[i*len(features)+j] = first
			if err != nil {
				continue
			}
			if k, ok := slices.BinarySearch(vocabulary[j], category.Values[i]); ok {
				names[i*len(features)+j] = first + 1 + k
			}
		}
		first += 1 + len(vocabulary[j])
	}
	return names
}

// pick copies the rows with these indexes.
func (e *encoded) pick(rows []int) *encoded {
	out := &encoded{rows: len(rows), groups: make([]encodedGroup, len(e.groups))}
	for g, from := range e.groups {
		out.groups[g] = encodedGroup{gather(from.codes, rows, e.rows), gather(from.names, rows, e.rows)}
	}
	return out
}

func gather[T any](from []T, rows []int, of int) []T {
	width := len(from) / of
	out := make([]T, 0, len(rows)*width)
	for _, r := range rows {
		out = append(out, from[r*width:(r+1)*width]...)
	}
	return out
}
