package gpu

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
)

// Verdict compares a measured card with what its data sheet lets expect.
type Verdict struct {
	GPU string `json:"gpu"`
	// Compared rows have a prediction; the rest of the document has none.
	Compared int `json:"compared"`
	Better   int `json:"better"` // outside the interval, on the good side
	Worse    int `json:"worse"`
	// Normal cards are worse in no more rows than an interval leaves outside.
	Normal bool `json:"normal"`
	// Outside lists the rows outside their interval, the farthest first.
	Outside []Finding `json:"outside,omitempty"`
}

// Finding is a row outside its interval.
type Finding struct {
	Query      string     `json:"query"`
	Measured   float64    `json:"measured"`
	Worse      bool       `json:"worse"`
	Prediction Prediction `json:"prediction"`
	// Off is the distance from the prediction in half-widths of the interval.
	Off float64 `json:"off"`
}

// Check compares the rows of a document with the predictions for its GPU. It
// fails where the GPU has no data sheet.
func (m *Model) Check(doc *results.Document) (Verdict, error) {
	s, err := sheet.Lookup(doc.Device.Name)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{GPU: s.Name}
	for _, r := range doc.Rows {
		q := Query{Benchmark: r.Benchmark, Point: r.Point, Metric: r.Metric}
		if !trusted(r) || !predictable(s, q) {
			continue
		}
		p, err := m.predict(s, q, nil)
		if errors.Is(err, ErrNothingKnown) {
			continue
		}
		if err != nil {
			return v, err
		}
		v.Compared++
		if r.Value >= p.Low && r.Value <= p.High {
			continue
		}
		f := Finding{Query: r.ID(), Measured: r.Value, Prediction: p, Worse: r.Value > p.Value != r.HigherIsBetter}
		f.Off = math.Abs(math.Log(r.Value/p.Value)) / (math.Log(p.High/p.Low) / 2)
		if f.Worse {
			v.Worse++
		} else {
			v.Better++
		}
		v.Outside = append(v.Outside, f)
	}
	slices.SortStableFunc(v.Outside, func(a, b Finding) int { return cmp.Compare(b.Off, a.Off) })
	v.Normal = float64(v.Worse) <= (1-coverage)*float64(v.Compared)
	return v, nil
}
