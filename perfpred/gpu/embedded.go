package gpu

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/gpubench/gpubench/results/recorded"
)

//go:embed model.json
var embedded string

// Default is the model that the program carries, made from its own recordings,
// the published figures and, as coefficients only, MLPerf's results.
func Default() (*Model, error) { return Read(strings.NewReader(embedded)) }

// Build makes a model from the program's own recordings, the published figures and
// MLPerf's results, in the columns that MLPerf says. Without MLPerf (nil) the
// model predicts benchmarks but no models.
func Build(mlperf io.Reader) (*Model, error) {
	rows, origin, err := Sources(mlperf)
	if err != nil {
		return nil, err
	}
	m, err := Fit(rows)
	if err != nil {
		return nil, err
	}
	m.Origin = origin
	return m, nil
}

// Sources are the rows that Build learns from, and where they are from.
func Sources(mlperf io.Reader) ([]Row, Origin, error) {
	var o Origin
	var rows []Row
	for _, name := range recorded.Names() {
		doc, err := recorded.Open(name)
		if err != nil {
			return nil, o, err
		}
		list, err := FromDocument(doc, "recorded run "+name)
		if err != nil {
			return nil, o, fmt.Errorf("recording %s: %w", name, err)
		}
		rows = append(rows, list...)
		o.Recorded = append(o.Recorded, name)
	}
	list, err := Published()
	if err != nil {
		return nil, o, err
	}
	rows = append(rows, list...)
	o.Published = len(list)
	if mlperf != nil {
		list, _, err := MLPerf(mlperf)
		if err != nil {
			return nil, o, err
		}
		rows = append(rows, list...)
		o.MLPerf = len(list)
	}
	o.Rows = len(rows)
	return rows, o, nil
}
