package document

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
	"github.com/gpubench/gpubench/stream"
)

// Classic prints STREAM's own table: one for each type, way to store and size
// of the arrays, with the best rate first. Rates are decimal GB/s.
func Classic(w io.Writer, doc *results.Document) error {
	var b strings.Builder
	if banner := cell.Banner(doc); banner != "" {
		fmt.Fprintln(&b, banner)
	}
	last := ""
	var notes []string
	for _, r := range doc.Rows {
		if r.Metric != stream.MetricBest || !strings.HasPrefix(r.Benchmark, "stream/") {
			continue
		}
		if title := heading(doc, r); title != last {
			last = title
			head := fmt.Sprintf("%-15s %15s %12s %12s %12s %12s", "Function", "Best Rate GB/s", "Median", "Min time", "Median time", "Max time")
			if r.Peak != nil {
				head += "   of peak"
			}
			fmt.Fprintf(&b, "\n%s\n%s\n", title, head)
		}
		b.WriteString(classicLine(r))
		notes = append(notes, footnotes(r)...)
	}
	if last != "" {
		fmt.Fprintf(&b, "\nThese are results %s.\n", stream.Variant)
	}
	for _, n := range compact(notes) {
		fmt.Fprintf(&b, "* %s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// footnotes say what a reader must know of a line; the row has the whole of it.
func footnotes(r results.Row) []string {
	name := r.Point.Get("kernel") + " " + r.Point.Get("type")
	if stores := r.Point.Get("stores"); stores != "" {
		name += " " + stores
	}
	var notes []string
	for _, n := range r.Annotations {
		if bound, proof, found := strings.Cut(n, ": in the same run"); found && proof != "" {
			notes = append(notes, fmt.Sprintf("%s: %s; the rows' notes say how that is known", name, bound))
		}
	}
	if r.Reason != "" && r.Status.HasNumber() {
		notes = append(notes, fmt.Sprintf("%s: %s: %s", name, r.Status, r.Reason))
	}
	return notes
}

// heading says what a table is of.
func heading(doc *results.Document, r results.Row) string {
	p := r.Point
	bytes, _ := strconv.ParseFloat(p.Get("bytes"), 64) // 0 in a row without a size
	size := fmt.Sprintf("arrays of %.4g MiB, %s", bytes/(1<<20), p.Get("type"))
	if p.Get("threads") == "" {
		return fmt.Sprintf("%s, %s", doc.Device.Name, size)
	}
	model := doc.Device.Name
	if doc.Host.CPU != nil {
		model = doc.Host.CPU.Model
	}
	return fmt.Sprintf("%s, %s, %s threads, %s stores", model, size, p.Get("threads"), p.Get("stores"))
}

// classicLine is one line: rates in GB/s, times in seconds.
func classicLine(r results.Row) string {
	name := r.Point.Get("kernel") + ":"
	if !r.Status.HasNumber() || r.Stats == nil {
		return fmt.Sprintf("%-15s %s: %s\n", name, r.Status, r.Reason)
	}
	bytes := trialBytes(r)
	seconds := func(rate float64) string { return fmt.Sprintf("%12.6f", bytes/rate/1e9) }
	peak := ""
	if r.Peak != nil {
		peak = fmt.Sprintf("%7.1f %%", r.Peak.Percent)
	}
	line := fmt.Sprintf("%-15s %15.1f %12.1f %s %s %s %9s", name, r.Value, r.Stats.Median,
		seconds(r.Stats.Max), seconds(r.Stats.Median), seconds(r.Stats.Min), peak)
	return strings.TrimRight(line, " ") + "\n"
}

// trialBytes is what a trial of a row counts.
func trialBytes(r results.Row) float64 {
	k, err := stream.Find(r.Point.Get("kernel"))
	bytes, err2 := strconv.ParseFloat(r.Point.Get("bytes"), 64)
	if err != nil || err2 != nil {
		return 0
	}
	return bytes * float64(k.Reads+k.Writes)
}

// compact brings notes that differ in the kernel alone together.
func compact(notes []string) []string {
	var order []string
	who := map[string][]string{}
	for _, n := range notes {
		name, text, _ := strings.Cut(n, ": ")
		if _, known := who[text]; !known {
			order = append(order, text)
		}
		who[text] = append(who[text], name)
	}
	lines := make([]string, len(order))
	for i, text := range order {
		lines[i] = strings.Join(who[text], ", ") + ": " + text
	}
	return lines
}
