package gpu

import (
	"errors"
	"fmt"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
)

// Probe is what quick measurements say about the ceilings of one card: measured
// over predicted, 0 for not measured.
type Probe struct {
	Tensor float64 `json:"tensor,omitempty"`
	DRAM   float64 `json:"dram,omitempty"`
}

// Bounds of a factor that a probe may have; a clock can lie above the vendor's.
const (
	probeLeast, probeMost = 0.1, 1.5
)

// ErrProbe means that a document holds no row that ceilings can be taken from, or
// one that no card gives.
var ErrProbe = errors.New("no probe")

// Probe takes the ceilings of the matrix units and of the memory from a document's
// chip-wide rows of wgmma or mma with zeros and of the memory bandwidth, as the
// median of measured over predicted. One of the two is enough.
func (m *Model) Probe(doc *results.Document) (*Probe, error) {
	rows, err := FromDocument(doc, "probe")
	if err != nil {
		return nil, err
	}
	return m.probe(rows)
}

func (m *Model) probe(rows []Row) (*Probe, error) {
	ratios := map[Bound][]float64{}
	for _, r := range rows {
		b, ok := probes(r.Query)
		if !ok {
			continue
		}
		s, err := sheet.Lookup(r.GPU)
		if err != nil {
			return nil, err
		}
		p, err := m.predict(s, r.Query, nil)
		if err != nil {
			continue // the model does not know that point
		}
		f := r.Value / p.Value
		if f < probeLeast || f > probeMost {
			return nil, fmt.Errorf("%w: %s is %.3g %s on %s, %.2f of what is predicted", ErrProbe, r.Query, r.Value, p.Unit, s.Name, f)
		}
		ratios[b] = append(ratios[b], f)
	}
	if len(ratios) == 0 {
		return nil, fmt.Errorf("%w: neither a chip-wide rate of the matrix units nor a memory bandwidth is among the rows", ErrProbe)
	}
	var p Probe
	if r := ratios[BoundTensor]; len(r) > 0 {
		p.Tensor = median(r)
	}
	if r := ratios[BoundDRAM]; len(r) > 0 {
		p.DRAM = median(r)
	}
	return &p, nil
}

// probes says which ceiling a row measures.
func probes(q Query) (Bound, bool) {
	switch q.Benchmark {
	case "tensor/wgmma-throughput", "tensor/mma-throughput":
		return BoundTensor, q.Metric == chipThroughput && q.Point.Get("fill") == "zeros" && q.Point.Get("sparse") == "no"
	case "memory/dram-bandwidth":
		return BoundDRAM, q.Point.Get("width") == "16" && (q.Point.Get("op") == "read" || q.Point.Get("op") == "mix")
	}
	return "", false
}

// scale puts measured ceilings in place of the data sheet's. Rates of one SM in
// cycles do not depend on the clock and stay.
func (p *Probe) scale(to *problem) {
	if p == nil || to.work > 0 || to.unit == "FLOP/cycle/SM" || to.unit == "op/cycle/SM" {
		return
	}
	for i := range to.ceilings {
		c := &to.ceilings[i]
		factor := 0.0
		switch c.Bound {
		case BoundTensor:
			factor = p.Tensor
		case BoundDRAM:
			factor = p.DRAM
		}
		if factor > 0 {
			c.Value *= factor
			c.Measured = true
		}
	}
}
