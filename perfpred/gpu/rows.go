package gpu

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
)

// Row is one value known of one GPU, to learn from or to compare with.
type Row struct {
	// GPU is the name of its data sheet.
	GPU    string
	Query  Query
	Value  float64 // in the unit of the prediction
	Source string
}

// FromDocument turns a results document into rows. Rows of benchmarks that are
// not predicted, emulated instructions and rows without a trusted value are left
// out. It fails where no data sheet is known for the device.
func FromDocument(doc *results.Document, source string) ([]Row, error) {
	s, err := sheet.Lookup(doc.Device.Name)
	if err != nil {
		return nil, fmt.Errorf("rows of a document: %w", err)
	}
	var rows []Row
	for _, r := range doc.Rows {
		if !trusted(r) {
			continue
		}
		q := Query{Benchmark: r.Benchmark, Point: r.Point, Metric: r.Metric}
		if predictable(s, q) {
			rows = append(rows, Row{GPU: s.Name, Query: q, Value: r.Value, Source: source})
		}
	}
	return rows, nil
}

// trusted rows hold a measured value of the instruction that they are named after.
func trusted(r results.Row) bool {
	return (r.Status == results.OK || r.Status == results.Flagged) && !r.Proof.Emulated && r.Value > 0 && !math.IsInf(r.Value, 0)
}

// predictable reports whether a document's row is one that the predictor speaks of.
func predictable(s sheet.Sheet, q Query) bool {
	e, rest, err := find(q.Benchmark)
	if err != nil || rest != "" {
		return false
	}
	for _, p := range q.Point {
		if !e.allows(p.Key) {
			return false
		}
	}
	if !slices.Contains(e.metrics, q.Metric) {
		return false
	}
	_, err = formulate(s, q)
	return err == nil
}

// known keeps the rows that can be formulated and drops those that cannot be: a
// published figure of a type that the data sheet does not list, say.
func known(rows []Row) ([]Row, error) {
	var kept []Row
	for _, r := range rows {
		s, err := sheet.Lookup(r.GPU)
		if err != nil {
			return nil, err
		}
		if _, err := formulate(s, r.Query); err != nil {
			if unsupported := (*ErrUnsupported)(nil); errors.As(err, &unsupported) || errors.Is(err, ErrNoCeiling) {
				continue
			}
			return nil, err
		}
		kept = append(kept, r)
	}
	return kept, nil
}
