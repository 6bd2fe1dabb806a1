package results

import (
	"fmt"
	"slices"
)

// Statuses lists every status of a row.
func Statuses() []Status {
	return []Status{OK, Flagged, Throttled, Unsupported, Skipped, Implausible, Failed}
}

// HasNumber reports whether a row of this status holds a measured number that
// may be read: ok, flagged and throttled rows do.
func (s Status) HasNumber() bool { return s == OK || s == Flagged || s == Throttled }

// check finds what is valid JSON of the right types and still no document.
func (d *Document) check() error {
	if d.State != Complete && d.State != Interrupted {
		return corruptField("state", fmt.Sprintf("%q is neither complete nor interrupted", d.State))
	}
	for i, r := range d.Rows {
		at := fmt.Sprintf("rows[%d]", i)
		switch {
		case r.Benchmark == "":
			return corruptField(at+".benchmark", "it is empty")
		case r.Metric == "":
			return corruptField(at+".metric", "it is empty")
		case !slices.Contains(Statuses(), r.Status):
			return corruptField(at+".status", fmt.Sprintf("%q is no status", r.Status))
		}
	}
	for i, g := range d.Grids {
		if len(g.Cells) != len(g.YLabels) {
			return corruptField(fmt.Sprintf("grids[%d].cells", i), "its size differs from the labels")
		}
		for y, cells := range g.Cells {
			if len(cells) != len(g.XLabels) {
				return corruptField(fmt.Sprintf("grids[%d].cells[%d]", i, y), "its size differs from the labels")
			}
		}
	}
	return nil
}

func corruptField(field, what string) error {
	return &CorruptError{Offset: -1, What: "field " + field + ": " + what}
}
