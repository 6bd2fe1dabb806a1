package tensor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// curves collects throughput by N, one curve for each source of A, fill and
// sparsity; the curves of one pair of types share a picture.
type curves struct {
	benchmark string
	list      []results.Series
}

func newCurves(benchmark string) *curves { return &curves{benchmark: benchmark} }

func (c *curves) add(r wgmmaRun, row micro.Row) {
	if r.groups > 1 {
		return
	}
	name := strings.ToUpper(r.source()) + " " + r.fill + " " + r.in.name
	if r.sparse {
		name += " sparse"
	}
	group := fmt.Sprintf("wgmma by N, %s into %s", r.in.name, r.acc.name)
	if r.in.name == "f16" && r.acc.name == "f32" {
		group = "wgmma by N"
	}
	if r.ctas > 1 {
		group += ", all SMs"
	}
	at := results.XY{X: float64(r.n), Y: row.Value}
	if row.Interval != nil {
		at.Low, at.High = row.Interval[0], row.Interval[1]
	}
	i := slices.IndexFunc(c.list, func(s results.Series) bool { return s.Name == name && s.Group == group })
	if i < 0 {
		i = len(c.list)
		c.list = append(c.list, results.Series{
			Benchmark: c.benchmark, Name: name, Group: group, X: results.Axis{Label: "N"}, Y: results.Axis{Label: "throughput", Unit: row.Unit},
		})
	}
	c.list[i].XY = append(c.list[i].XY, at)
}
