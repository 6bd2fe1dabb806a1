package table

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// WriteComparison prints the rows that are not the same (with All, every row),
// one table for each benchmark, and then the sums.
func WriteComparison(w io.Writer, c *results.Comparison, o Options) error {
	buffered := bufio.NewWriter(w)
	p := &printer{w: buffered, options: o}
	p.labelled("A", "%s", sideLine(c.A))
	p.labelled("B", "%s", sideLine(c.B))
	for _, n := range c.Notes {
		p.labelled("note", "%s", n)
	}
	p.line("A ratio above 1 says that B is faster; differences up to %.3g %% are the same.", 100*c.Tolerance)
	p.print("\n")
	for _, sum := range c.Benchmarks {
		p.compared(sum, c.Rows)
	}
	p.sums(c)
	if p.err != nil {
		return p.err
	}
	return buffered.Flush()
}

func sideLine(s results.Side) string {
	return strings.Join(nonempty(s.Device, prefixed("driver ", s.Driver), prefixed("gpubench ", s.Tool), prefixed("backend ", s.Backend),
		s.Started.UTC().Format("2006-01-02 15:04:05Z"), fmt.Sprintf("%d rows", s.Rows)), ", ")
}

// compared prints the rows of one benchmark.
func (p *printer) compared(sum results.ComparedSum, rows []results.ComparedRow) {
	var shown []results.ComparedRow
	for _, r := range rows {
		if r.Benchmark == sum.Name && (p.options.All || r.Verdict != results.Same) {
			shown = append(shown, r)
		}
	}
	if len(shown) == 0 {
		return
	}
	more := 0
	if !p.options.All && len(shown) > longTable {
		shown, more = decided(shown, condensedTable), len(shown)-condensedTable
	}
	p.line("%s", sum.Name)
	p.table(comparedColumns(shown))
	if more > 0 {
		p.line("and %d more rows; --all shows every row", more)
	}
	p.print("\n")
}

// decided is the first n rows, those with a verdict before those without.
func decided(rows []results.ComparedRow, n int) []results.ComparedRow {
	var out []results.ComparedRow
	for _, told := range []bool{true, false} {
		for _, r := range rows {
			if (r.Verdict != results.CannotTell) == told && len(out) < n {
				out = append(out, r)
			}
		}
	}
	return out
}

func comparedColumns(rows []results.ComparedRow) []column {
	each := func(f func(results.ComparedRow) string) []string {
		out := make([]string, len(rows))
		for i, r := range rows {
			out[i] = f(r)
		}
		return out
	}
	return []column{
		{header: "point", cells: each(func(r results.ComparedRow) string { return r.Point.Key() }), least: 16},
		{header: "metric", cells: each(func(r results.ComparedRow) string { return r.Metric }), drop: 1},
		{header: "A", cells: each(func(r results.ComparedRow) string { return valueOf(r.A) }), right: true},
		{header: "B", cells: each(func(r results.ComparedRow) string { return valueOf(r.B) }), right: true},
		{header: "unit", cells: each(func(r results.ComparedRow) string { return r.Unit })},
		{header: "ratio", cells: each(func(r results.ComparedRow) string { return ratio(r.Ratio) }), right: true},
		{header: "interval", cells: each(ratioInterval), drop: 2},
		{header: "verdict", cells: each(func(r results.ComparedRow) string { return string(r.Verdict) })},
		{header: "reason", cells: each(func(r results.ComparedRow) string { return r.Reason }), least: 14},
	}
}

func valueOf(v *float64) string {
	if v == nil {
		return "–"
	}
	return cell.Number(*v)
}

func ratio(r float64) string {
	if r == 0 {
		return ""
	}
	return fmt.Sprintf("%.4f", r)
}

func ratioInterval(r results.ComparedRow) string {
	if r.Interval == nil {
		return ""
	}
	return fmt.Sprintf("%.4f to %.4f", r.Interval[0], r.Interval[1])
}

// sums prints the counts by verdict for each benchmark and for all.
func (p *printer) sums(c *results.Comparison) {
	total := c.Total
	total.Name = "together"
	all := append(append([]results.ComparedSum{}, c.Benchmarks...), total)
	columns := []column{{header: "benchmark", least: 16}}
	for _, s := range all {
		columns[0].cells = append(columns[0].cells, s.Name)
	}
	for _, v := range results.Verdicts() {
		one := column{header: string(v), right: true}
		for _, s := range all {
			one.cells = append(one.cells, strconv.Itoa(s.Count(v)))
		}
		columns = append(columns, one)
	}
	mean := column{header: "mean ratio", right: true}
	for _, s := range all {
		mean.cells = append(mean.cells, ratio(s.Ratio))
	}
	p.table(append(columns, mean))
	p.line("mean ratio: geometric, over the %d rows that have one", c.Total.Ratios)
}
