package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

const (
	// longTable is the most rows that are printed of a benchmark unless all are asked for.
	longTable = 40
	// condensedTable is how many rows are printed of a longer one.
	condensedTable = 24
)

// benchmark prints the table of one benchmark.
func (p *printer) benchmark(name string, rows []results.Row, banner string) {
	if banner != "" {
		p.line("%s", banner)
	}
	same := commonPoint(rows)
	p.line("%s", strings.Join(nonempty(name, commonMetric(rows), same.Key(), cell.CountLine(rows)), "  "))
	shown := rows
	if !p.options.All && len(rows) > longTable {
		shown = condense(rows, condensedTable)
	}
	p.table(rowColumns(shown, same))
	if len(shown) < len(rows) {
		p.line("%d of %d rows, evenly chosen, flagged and failed ones first; --all shows every row", len(shown), len(rows))
	}
	p.print("\n")
}

func nonempty(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// rowColumns makes the columns of rows; the coordinates in same stand above.
func rowColumns(rows []results.Row, same results.Point) []column {
	each := func(f func(results.Row) string) []string {
		out := make([]string, len(rows))
		for i, r := range rows {
			out[i] = f(r)
		}
		return out
	}
	metric := column{header: "metric"}
	if commonMetric(rows) == "" {
		metric.cells = each(func(r results.Row) string { return r.Metric })
	}
	return []column{
		{header: "point", cells: each(func(r results.Row) string { return without(r.Point, same).Key() }), least: 16},
		metric,
		{header: "value", cells: each(cell.Value), right: true},
		{header: "interval", cells: each(cell.Interval), drop: 6},
		{header: "unit", cells: each(cell.Unit)},
		{header: "of peak", cells: each(cell.Percent), right: true, drop: 5},
		{header: "MHz", cells: each(cell.Clock), right: true, drop: 2},
		{header: "proof", cells: each(cell.Proof), short: each(cell.ProofKind), drop: 4},
		{header: "check", cells: each(cell.Check), drop: 1},
		{header: "published", cells: each(cell.Published), least: 14, drop: 3},
		{header: "status", cells: each(cell.Status), least: 14},
	}
}

// commonMetric is the metric of all rows, empty where they differ.
func commonMetric(rows []results.Row) string {
	for _, r := range rows {
		if r.Metric != rows[0].Metric {
			return ""
		}
	}
	return rows[0].Metric
}

// commonPoint holds the coordinates that all rows share, where there are at
// least two rows and they differ in something.
func commonPoint(rows []results.Row) results.Point {
	if len(rows) < 2 {
		return nil
	}
	same := slices.Clone(rows[0].Point)
	for _, r := range rows[1:] {
		same = slices.DeleteFunc(same, func(kv results.Param) bool { return !slices.Contains(r.Point, kv) })
	}
	return same
}

func without(p, same results.Point) results.Point {
	return slices.DeleteFunc(slices.Clone(p), func(kv results.Param) bool { return slices.Contains(same, kv) })
}

// condense chooses n rows: up to half of them rows that need attention, the
// rest evenly from all, first and last among them.
func condense(rows []results.Row, n int) []results.Row {
	var odd, other []int
	for i, r := range rows {
		switch r.Status {
		case results.Failed, results.Implausible, results.Flagged, results.Throttled:
			odd = append(odd, i)
		default:
			other = append(other, i)
		}
	}
	room := min(len(odd), max(n/2, n-len(other)))
	chosen := append(evenly(odd, room), evenly(other, n-room)...)
	slices.Sort(chosen)
	out := make([]results.Row, len(chosen))
	for i, at := range chosen {
		out[i] = rows[at]
	}
	return out
}

// evenly chooses n of the list, first and last among them.
func evenly(list []int, n int) []int {
	if n >= len(list) {
		return slices.Clone(list)
	}
	out := make([]int, n)
	for i := range out {
		at := 0
		if n > 1 {
			at = i * (len(list) - 1) / (n - 1)
		}
		out[i] = list[at]
	}
	return out
}

func seconds(s float64) string { return fmt.Sprintf("%.2f s", s) }
