package export

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gpubench/gpubench/results"
)

// field is one column of the CSV.
type field struct {
	name  string
	value func(d *results.Document, r results.Row) string
}

// fields lists the columns. Columns are added at the end and never renamed or
// moved, so that a reader by place or by name keeps working.
func fields() []field {
	row := func(name string, f func(r results.Row) string) field {
		return field{name, func(_ *results.Document, r results.Row) string { return f(r) }}
	}
	doc := func(name string, f func(d *results.Document) string) field {
		return field{name, func(d *results.Document, _ results.Row) string { return f(d) }}
	}
	list := []field{
		row("benchmark", func(r results.Row) string { return r.Benchmark }),
		row("point", func(r results.Row) string { return r.Point.Key() }),
		row("metric", func(r results.Row) string { return r.Metric }),
		row("value", value),
		row("unit", func(r results.Row) string { return r.Unit }),
		row("interval_low", func(r results.Row) string { return end(r.Interval, 0) }),
		row("interval_high", func(r results.Row) string { return end(r.Interval, 1) }),
		row("confidence", func(r results.Row) string { return known(r.Confidence) }),
		row("samples", func(r results.Row) string { return samples(r) }),
	}
	for _, s := range []struct {
		name string
		of   func(s *results.Stats) float64
	}{
		{"min", func(s *results.Stats) float64 { return s.Min }}, {"q1", func(s *results.Stats) float64 { return s.Q1 }},
		{"median", func(s *results.Stats) float64 { return s.Median }}, {"q3", func(s *results.Stats) float64 { return s.Q3 }},
		{"max", func(s *results.Stats) float64 { return s.Max }}, {"mad", func(s *results.Stats) float64 { return s.MAD }},
		{"outliers", func(s *results.Stats) float64 { return float64(s.Outliers) }},
	} {
		list = append(list, row(s.name, func(r results.Row) string {
			if r.Stats == nil {
				return ""
			}
			return number(s.of(r.Stats))
		}))
	}
	return append(list,
		row("higher_is_better", func(r results.Row) string { return strconv.FormatBool(r.HigherIsBetter) }),
		row("status", func(r results.Row) string { return string(r.Status) }),
		row("reason", func(r results.Row) string { return r.Reason }),
		row("clock_mhz", func(r results.Row) string { return known(r.ClockMHz) }),
		row("clock_from", func(r results.Row) string { return r.ClockFrom }),
		row("power_w", func(r results.Row) string { return pointed(r.PowerW) }),
		row("temperature_c", func(r results.Row) string { return pointed(r.TemperatureC) }),
		row("throttle", func(r results.Row) string { return strings.Join(r.Throttle, "; ") }),
		row("proof", func(r results.Row) string { return string(r.Proof.Kind) }),
		row("instruction", func(r results.Row) string { return r.Proof.Instruction }),
		row("instruction_count", func(r results.Row) string { return known(float64(r.Proof.Count)) }),
		row("proof_detail", func(r results.Row) string { return r.Proof.Detail }),
		row("emulated", func(r results.Row) string { return strconv.FormatBool(r.Proof.Emulated) }),
		row("checked_by", func(r results.Row) string { return r.Correct.By }),
		row("correct", correct),
		row("check_detail", func(r results.Row) string { return r.Correct.Detail }),
		row("peak", peak(func(p *results.Peak) string { return number(p.Value) })),
		row("peak_percent", peak(func(p *results.Peak) string { return number(p.Percent) })),
		row("peak_from", peak(func(p *results.Peak) string { return p.From })),
		row("band_low", func(r results.Row) string { return end(r.Band, 0) }),
		row("band_high", func(r results.Row) string { return end(r.Band, 1) }),
		row("kernel", func(r results.Row) string { return r.KernelHash }),
		row("published", published),
		row("annotations", func(r results.Row) string { return strings.Join(r.Annotations, "; ") }),
		doc("device", func(d *results.Document) string { return d.Device.Name }),
		doc("target", func(d *results.Document) string { return d.Device.Target }),
		doc("driver", func(d *results.Document) string { return d.Device.Driver }),
		doc("tool", func(d *results.Document) string { return d.Tool.Version }),
		doc("suite", func(d *results.Document) string { return d.Suite }),
		doc("backend", func(d *results.Document) string { return d.Backend }),
		doc("recording", recording),
		doc("started", func(d *results.Document) string { return d.Started.UTC().Format(time.RFC3339Nano) }),
	)
}

// CSV writes every row with all that belongs to it and the device it was
// measured on. Numbers that are not known are empty.
func CSV(w io.Writer, d *results.Document) error {
	d = results.Finite(d)
	out := csv.NewWriter(w)
	columns := fields()
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for _, r := range d.Rows {
		for i, c := range columns {
			line[i] = c.value(d, r)
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func value(r results.Row) string {
	if !hasValue(r) {
		return ""
	}
	return number(r.Value)
}

func end(pair *[2]float64, i int) string {
	if pair == nil {
		return ""
	}
	return number(pair[i])
}

// known is a number whose 0 means not known.
func known(v float64) string {
	if v == 0 {
		return ""
	}
	return number(v)
}

func pointed(p *float64) string {
	if p == nil {
		return ""
	}
	return number(*p)
}

func samples(r results.Row) string {
	if r.Stats == nil {
		return ""
	}
	return strconv.Itoa(r.Stats.N)
}

func correct(r results.Row) string {
	if r.Correct.By == "" || r.Correct.By == "none" {
		return ""
	}
	return strconv.FormatBool(r.Correct.OK)
}

func peak(f func(*results.Peak) string) func(results.Row) string {
	return func(r results.Row) string {
		if r.Peak == nil {
			return ""
		}
		return f(r.Peak)
	}
}

// published lists other people's figures with their sources.
func published(r results.Row) string {
	var parts []string
	for _, p := range r.Published {
		s := p.GPU + ": " + number(p.Value) + " " + p.Unit + " (" + p.Source
		if p.Secondary {
			s += ", secondary"
		}
		if p.Note != "" {
			s += "; " + p.Note
		}
		parts = append(parts, s+")")
	}
	return strings.Join(parts, " | ")
}

func recording(d *results.Document) string {
	switch {
	case d.Recording != nil:
		return d.Recording.Name
	case d.Backend == "replay":
		return "unnamed"
	}
	return ""
}
