package dataset

import (
	"fmt"
	"math"
	"slices"
)

// EncoderOptions say how a table becomes numbers.
type EncoderOptions struct {
	// Scale subtracts the training rows' mean and divides by their standard
	// deviation, puts the mean where a value is missing, and clips values to
	// the training range widened by Clip times the range on either side (0: not
	// clipped at all). Without Scale missing values stay NaN.
	Scale bool
	Clip  float64
	// MinCount is the number of training rows that a category's name must have
	// to get a column of its own (1 if less is given).
	MinCount int
}

// Encoder turns tables into rows of numbers. Everything in it was learnt from
// the training rows alone: which columns vary, their means, deviations and
// ranges, which names categories have. It is plain data, for model files.
type Encoder struct {
	Numeric  []EncodedColumn   `json:"numeric"`
	Category []EncodedCategory `json:"category,omitempty"`
	Scale    bool              `json:"scale,omitempty"`
	Clip     float64           `json:"clip,omitempty"`
}

// EncodedColumn is a numeric column; mean, deviation and range are of the
// training rows, on the column's scale. Main is that of the column.
type EncodedColumn struct {
	Name      string  `json:"name"`
	Log       bool    `json:"log,omitempty"`
	Main      bool    `json:"main,omitempty"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
}

// EncodedCategory is a category with the names that have columns.
type EncodedCategory struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// FitEncoder learns from the training rows. Columns that are constant there
// are left out: nothing can be learnt from them. It returns ErrShape without
// rows.
func FitEncoder(train *Table, o EncoderOptions) (*Encoder, error) {
	if train.Rows == 0 {
		return nil, fmt.Errorf("fit an encoder to %s: no rows: %w", train.Name, ErrShape)
	}
	e := &Encoder{Scale: o.Scale, Clip: o.Clip}
	for i := range train.Numeric {
		if c, ok := fitColumn(&train.Numeric[i]); ok {
			e.Numeric = append(e.Numeric, c)
		}
	}
	for i := range train.Category {
		if c, ok := fitCategory(&train.Category[i], max(1, o.MinCount)); ok {
			e.Category = append(e.Category, c)
		}
	}
	return e, nil
}

func fitColumn(c *Column) (EncodedColumn, bool) {
	out := EncodedColumn{Name: c.Name, Log: c.Scale == Log, Main: c.Main, Low: math.Inf(1), High: math.Inf(-1)}
	n, sum := 0.0, 0.0
	for _, v := range c.Values {
		if v = out.scaled(v); !math.IsNaN(v) {
			n++
			sum += v
			out.Low, out.High = min(out.Low, v), max(out.High, v)
		}
	}
	if n == 0 || out.Low == out.High {
		return out, false
	}
	out.Mean = sum / n
	squares := 0.0
	for _, v := range c.Values {
		if v = out.scaled(v); !math.IsNaN(v) {
			squares += (v - out.Mean) * (v - out.Mean)
		}
	}
	out.Deviation = math.Sqrt(squares / n)
	return out, out.Deviation > 0
}

// scaled puts a value on the column's scale; what has no logarithm is NaN.
func (c *EncodedColumn) scaled(v float64) float64 {
	if !c.Log {
		return v
	}
	if v <= 0 {
		return math.NaN()
	}
	return math.Log(v)
}

func fitCategory(c *Category, minCount int) (EncodedCategory, bool) {
	counts := map[string]int{}
	for _, v := range c.Values {
		counts[v]++
	}
	out := EncodedCategory{Name: c.Name}
	for v, n := range counts {
		if v != "" && n >= minCount && n < len(c.Values) {
			out.Values = append(out.Values, v)
		}
	}
	slices.Sort(out.Values)
	return out, len(out.Values) > 0
}

// Names returns the encoded columns' names; a category's are "name=value".
func (e *Encoder) Names() []string {
	var out []string
	for _, c := range e.Numeric {
		out = append(out, c.Name)
	}
	for _, c := range e.Category {
		for _, v := range c.Values {
			out = append(out, c.Name+"="+v)
		}
	}
	return out
}

// Encode returns the table as [row][column], columns as in Names. A column that
// the table lacks counts as missing, a name that training did not have is none
// of the names.
func (e *Encoder) Encode(t *Table) [][]float64 {
	width := len(e.Names())
	flat := make([]float64, t.Rows*width)
	out := make([][]float64, t.Rows)
	for i := range out {
		out[i] = flat[i*width : (i+1)*width : (i+1)*width]
	}
	for j := range e.Numeric {
		e.encodeColumn(t, out, j)
	}
	at := len(e.Numeric)
	for _, c := range e.Category {
		e.encodeCategory(t, out, at, c)
		at += len(c.Values)
	}
	return out
}

func (e *Encoder) encodeColumn(t *Table, out [][]float64, j int) {
	c := &e.Numeric[j]
	from, err := t.Column(c.Name)
	for i := range out {
		v := math.NaN()
		if err == nil {
			v = c.scaled(from.Values[i])
		}
		out[i][j] = e.value(c, v)
	}
}

// value clips and scales if the encoder does.
func (e *Encoder) value(c *EncodedColumn, v float64) float64 {
	if !e.Scale {
		return v
	}
	if math.IsNaN(v) {
		return 0
	}
	if room := e.Clip * (c.High - c.Low); room > 0 {
		v = min(max(v, c.Low-room), c.High+room)
	}
	return (v - c.Mean) / c.Deviation
}

func (e *Encoder) encodeCategory(t *Table, out [][]float64, at int, c EncodedCategory) {
	from, err := t.Categories(c.Name)
	if err != nil {
		return
	}
	for i := range out {
		if k, ok := slices.BinarySearch(c.Values, from.Values[i]); ok {
			out[i][at+k] = 1
		}
	}
}
