package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

func newSection(doc *results.Document, name string, pictures []picture, stamp string) section {
	s := section{Name: name, ID: anchor(name), Pictures: pictures, Stamp: stamp}
	for _, b := range doc.Benchmarks {
		if b.Name == name {
			s.BenchmarkInfo = b
		}
	}
	var rows []results.Row
	for _, r := range doc.Rows {
		if r.Benchmark == name {
			rows = append(rows, r)
		}
	}
	s.Counts = cell.CountLine(rows)
	t := newTabler(s.ID, rows)
	s.Columns = t.columns()
	for i, r := range rows {
		s.Rows = append(s.Rows, t.line(i, r))
	}
	s.Common, s.Notes = t.common(), t.notes
	return s
}

// tabler lays out the rows of one benchmark.
type tabler struct {
	id     string
	rows   []results.Row
	shared []results.Param // coordinates that all rows have alike
	keys   []string        // coordinates that tell rows apart
	metric bool            // rows differ in their metric
	shown  map[string]bool // optional columns that hold anything
	others bool            // figures of GPUs without a column
	notes  []note
	index  map[string]mark
}

// gpus are those that get a column for their published figures.
func gpus() []string { return []string{"A100", "RTX 4090", "H800"} }

// column of a published figure: the GPU, or empty for one without its own.
func gpuOf(p results.Published) string {
	short := cell.ShortGPU(p.GPU)
	for _, g := range gpus() {
		if short == cell.ShortGPU(g) {
			return g
		}
	}
	return ""
}

func newTabler(id string, rows []results.Row) *tabler {
	t := &tabler{id: id, rows: rows, shown: map[string]bool{}, index: map[string]mark{}}
	values := map[string]map[string]int{}
	for _, r := range rows {
		for _, kv := range r.Point {
			if values[kv.Key] == nil {
				values[kv.Key] = map[string]int{}
				t.keys = append(t.keys, kv.Key)
			}
			values[kv.Key][kv.Value]++
		}
		t.metric = t.metric || r.Metric != rows[0].Metric
		t.note(r)
	}
	t.keys = slices.DeleteFunc(t.keys, func(k string) bool {
		alike := len(rows) > 1 && len(values[k]) == 1 && values[k][rows[0].Point.Get(k)] == len(rows)
		if alike {
			t.shared = append(t.shared, results.Param{Key: k, Value: rows[0].Point.Get(k)})
		}
		return alike
	})
	return t
}

// note remembers which optional columns a row needs.
func (t *tabler) note(r results.Row) {
	for name, holds := range map[string]bool{
		"interval": cell.Interval(r) != "", "peak": cell.Percent(r) != "", "clock": cell.Clock(r) != "",
		"power": cell.Power(r) != "", "check": cell.Check(r) != "",
	} {
		t.shown[name] = t.shown[name] || holds
	}
	for _, p := range r.Published {
		g := gpuOf(p)
		t.shown["published "+g] = true
		t.others = t.others || g == ""
	}
}

// common says what all rows share: coordinates, metric and confidence.
func (t *tabler) common() string {
	var parts []string
	if len(t.rows) > 0 && !t.metric {
		parts = append(parts, t.rows[0].Metric)
	}
	for _, kv := range t.shared {
		parts = append(parts, kv.Key+" = "+kv.Value)
	}
	lo, hi := 0.0, 0.0
	for _, r := range t.rows {
		if r.Interval == nil || r.Confidence == 0 {
			continue
		}
		if lo == 0 {
			lo, hi = r.Confidence, r.Confidence
		}
		lo, hi = min(lo, r.Confidence), max(hi, r.Confidence)
	}
	switch {
	case lo == 0:
	case hi-lo < 0.0005:
		parts = append(parts, fmt.Sprintf("intervals at %s %%", percent(lo)))
	default:
		parts = append(parts, fmt.Sprintf("intervals at %s to %s %%", percent(lo), percent(hi)))
	}
	return strings.Join(parts, ", ")
}

func percent(v float64) string {
	return strconv.FormatFloat(float64(int(v*1000+0.5))/10, 'f', -1, 64)
}

func (t *tabler) columns() []column {
	var c []column
	add := func(head string, number, wanted bool) {
		if wanted {
			c = append(c, column{head, number})
		}
	}
	for _, k := range t.keys {
		add(k, k == "footprint", true)
	}
	add("metric", false, t.metric)
	add("value", true, true)
	add("±", false, t.shown["interval"])
	add("unit", false, true)
	add("% of peak", true, t.shown["peak"])
	add("clock", true, t.shown["clock"])
	add("power", true, t.shown["power"])
	add("proof", false, true)
	add("check", false, t.shown["check"])
	for _, g := range gpus() {
		add(g, true, t.shown["published "+g])
	}
	add("other GPUs", false, t.others)
	add("status", false, true)
	return c
}

func (t *tabler) line(i int, r results.Row) line {
	l := line{ID: fmt.Sprintf("%s-r%d", t.id, i+1), Status: r.Status}
	add := func(f field, wanted bool) {
		if wanted {
			l.Cells = append(l.Cells, f)
		}
	}
	for _, k := range t.keys {
		add(coordinate(k, r.Point.Get(k)), true)
	}
	add(field{Text: r.Metric}, t.metric)
	value := field{Text: cell.Value(r), Number: true, Hint: hint(r)}
	if cell.HasNumber(r) {
		value.Sort = number(r.Value)
	}
	add(value, true)
	add(field{Text: cell.Interval(r)}, t.shown["interval"])
	add(field{Text: cell.Unit(r)}, true)
	add(t.peak(r), t.shown["peak"])
	add(field{Text: cell.Clock(r), Sort: positive(r.ClockMHz), Number: true}, t.shown["clock"])
	add(field{Text: cell.Power(r), Sort: cell.Power(r), Number: true}, t.shown["power"])
	add(field{Text: cell.Proof(r), Hint: r.Proof.Detail}, true)
	add(field{Text: cell.Check(r), Hint: r.Correct.Detail}, t.shown["check"])
	for _, g := range gpus() {
		add(t.published(r, g), t.shown["published "+g])
	}
	add(t.published(r, ""), t.others)
	add(field{Text: cell.Status(r)}, true)
	return l
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func positive(v float64) string {
	if v <= 0 {
		return ""
	}
	return number(v)
}

// coordinate is a cell of a point's value; sizes are easier to read with a prefix.
func coordinate(key, value string) field {
	if key == "footprint" {
		if v, err := strconv.ParseUint(value, 10, 63); err == nil {
			return field{Text: cell.Bytes(float64(v)), Sort: value, Number: true}
		}
	}
	return field{Text: value}
}

// hint is what else is known about a number.
func hint(r results.Row) string {
	var parts []string
	if s := r.Stats; s != nil {
		parts = append(parts, fmt.Sprintf("n %d, min %s, quartiles %s and %s, max %s, MAD %s", s.N,
			cell.Number(s.Min), cell.Number(s.Q1), cell.Number(s.Q3), cell.Number(s.Max), cell.Number(s.MAD)))
		if s.Outliers > 0 {
			parts = append(parts, fmt.Sprintf("%d outliers kept", s.Outliers))
		}
	}
	if r.Band != nil {
		parts = append(parts, fmt.Sprintf("plausible from %s to %s", cell.Number(r.Band[0]), cell.Number(r.Band[1])))
	}
	parts = append(parts, r.Annotations...)
	if r.TemperatureC != nil {
		parts = append(parts, cell.Number(*r.TemperatureC)+" °C")
	}
	if r.KernelHash != "" {
		parts = append(parts, "kernel "+r.KernelHash)
	}
	return strings.Join(parts, "; ")
}

// measuredClock is the part of a peak's derivation that differs from row to row.
var measuredClock = regexp.MustCompile(`at [0-9.]+ MHz`)

// peak is the share of the theoretical peak, with a note on what that is.
func (t *tabler) peak(r results.Row) field {
	f := field{Text: cell.Percent(r), Number: true}
	if f.Text == "" {
		return f
	}
	f.Sort = number(r.Peak.Percent)
	f.Text += " of " + cell.Number(r.Peak.Value)
	if r.Peak.From != "" {
		from := measuredClock.ReplaceAllString(r.Peak.From, "at the measured clock")
		f.Notes = []mark{t.footnote("Peak: " + from)}
	}
	return f
}

// published is the figures for one GPU, or those of GPUs without a column.
func (t *tabler) published(r results.Row, gpu string) field {
	f := field{Number: gpu != ""}
	var texts []string
	for _, p := range r.Published {
		if gpuOf(p) != gpu {
			continue
		}
		s := cell.Number(p.Value)
		if p.Unit != "" && p.Unit != r.Unit {
			s += " " + p.Unit
		}
		if p.Secondary {
			s += "†"
		}
		if gpu == "" {
			s = cell.ShortGPU(p.GPU) + " " + s
		}
		texts = append(texts, s)
		f.Sort = cmp.Or(f.Sort, number(p.Value))
		if m := t.footnote(sourceOf(p)); !slices.Contains(f.Notes, m) {
			f.Notes = append(f.Notes, m)
		}
	}
	f.Text = strings.Join(texts, ", ")
	return f
}

// sourceOf is the text of a published figure's footnote.
func sourceOf(p results.Published) string {
	s := "Published: " + cmp.Or(p.Source, "source not recorded")
	if p.Secondary {
		s += " (†: read in somebody's transcription)"
	}
	if p.Note != "" {
		s += ". " + p.Note
	}
	return s
}

// footnote gives the same text the same number.
func (t *tabler) footnote(text string) mark {
	m, known := t.index[text]
	if !known {
		n := len(t.notes) + 1
		m = mark{Label: strconv.Itoa(n), ID: fmt.Sprintf("%s-n%d", t.id, n)}
		t.index[text] = m
		t.notes = append(t.notes, note{Label: m.Label, ID: m.ID, Text: text})
	}
	return m
}
