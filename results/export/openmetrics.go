package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/results"
)

// OpenMetrics writes the rows in the OpenMetrics text format, version 1.0. Each
// unit is a family of its own, gpubench_result_<unit>, with the benchmark, the
// metric and the coordinates of the point as labels; times, rates per second
// and clocks are in base units. The ends of the intervals, the shares of the
// peak, clock, power and temperature are families beside it; gpubench_row_info
// has a sample for every row, also those without a number, with status and proof.
func OpenMetrics(w io.Writer, d *results.Document) error {
	d = results.Finite(d)
	m := &metrics{families: map[string]*family{}}
	m.run(d)
	seen := map[string]int{}
	for _, r := range d.Rows {
		labels := rowLabels(r)
		key := labels.String()
		if seen[key]++; seen[key] > 1 { // two samples may not have the same labels
			labels = append(labels, label{"repeat", fmt.Sprint(seen[key])})
		}
		m.row(r, labels)
	}
	_, err := io.WriteString(w, m.text())
	return err
}

// family is all samples of one metric.
type family struct {
	name, kind, unit, help string
	samples                strings.Builder
}

// metrics collects samples by family: those of one may not be scattered.
type metrics struct {
	order    []string
	families map[string]*family
}

// add puts a sample into the family, which the first one makes.
func (m *metrics) add(f *family, labels labels, value float64) {
	if f.unit != "" {
		f.name += "_" + f.unit
	}
	if have := m.families[f.name]; have != nil {
		f = have
	} else {
		m.families[f.name] = f
		m.order = append(m.order, f.name)
	}
	name := f.name
	if f.kind == "info" {
		name += "_info"
	}
	f.samples.WriteString(name + labels.String() + " " + number(value) + "\n")
}

func (m *metrics) text() string {
	var b strings.Builder
	for _, name := range m.order {
		f := m.families[name]
		fmt.Fprintf(&b, "# TYPE %s %s\n", f.name, f.kind)
		if f.unit != "" {
			fmt.Fprintf(&b, "# UNIT %s %s\n", f.name, f.unit)
		}
		fmt.Fprintf(&b, "# HELP %s %s\n%s", f.name, escape(f.help), f.samples.String())
	}
	return b.String() + "# EOF\n"
}

// run adds what is said once.
func (m *metrics) run(d *results.Document) {
	m.add(&family{name: "gpubench_run", kind: "info", help: "The run and the device that it measured."}, labels{
		{"device", d.Device.Name}, {"target", d.Device.Target}, {"driver", d.Device.Driver}, {"suite", d.Suite},
		{"backend", d.Backend}, {"recording", recording(d)}, {"state", string(d.State)}, {"version", d.Tool.Version},
	}, 1)
	if !d.Started.IsZero() {
		m.add(&family{name: "gpubench_run_start_time", kind: "gauge", unit: "seconds", help: "When the run began, in seconds since 1970."},
			nil, float64(d.Started.UnixMilli())/1000)
	}
	for _, s := range results.Statuses() {
		n := 0
		for _, r := range d.Rows {
			if r.Status == s {
				n++
			}
		}
		m.add(&family{name: "gpubench_rows", kind: "gauge", help: "Rows of the run by status."}, labels{{"status", string(s)}}, float64(n))
	}
	for _, p := range d.Phases {
		m.add(&family{name: "gpubench_phase_duration", kind: "gauge", unit: "seconds", help: "Wall time of each phase of the run."},
			labels{{"phase", p.Name}}, p.Seconds)
	}
}

// row adds all samples of one row.
func (m *metrics) row(r results.Row, l labels) {
	m.add(&family{name: "gpubench_row", kind: "info", help: "Status and proof of each row."}, append(slices.Clone(l),
		label{"status", string(r.Status)}, label{"reason", r.Reason}, label{"proof", string(r.Proof.Kind)},
		label{"instruction", r.Proof.Instruction}, label{"kernel", r.KernelHash}), 1)
	if r.Status.HasNumber() {
		m.value(r, l)
	}
	gauge := func(name, unit, help string, v float64) {
		m.add(&family{name: name, kind: "gauge", unit: unit, help: help}, l, v)
	}
	if r.Peak != nil && r.Status.HasNumber() {
		gauge("gpubench_peak", "ratio", "Share of the theoretical peak at the measured clock.", r.Peak.Percent/100)
	}
	if r.ClockMHz != 0 {
		gauge("gpubench_sm_clock", "hertz", "SM clock during the samples of the row.", r.ClockMHz*1e6)
	}
	if r.PowerW != nil {
		gauge("gpubench_power", "watts", "Power during the samples of the row.", *r.PowerW)
	}
	if r.TemperatureC != nil {
		gauge("gpubench_temperature", "celsius", "Temperature during the samples of the row.", *r.TemperatureC)
	}
}

func (m *metrics) value(r results.Row, l labels) {
	unit, scale := metricUnit(r.Unit)
	m.add(&family{name: "gpubench_result", kind: "gauge", unit: unit, help: "Measured value in " + unit + "."}, l, r.Value*scale)
	if r.Interval != nil {
		m.add(&family{name: "gpubench_result_low", kind: "gauge", unit: unit, help: "Lower end of the interval of the value."}, l, r.Interval[0]*scale)
		m.add(&family{name: "gpubench_result_high", kind: "gauge", unit: unit, help: "Upper end of the interval of the value."}, l, r.Interval[1]*scale)
	}
}

// metricUnit spells a unit as part of a metric's name: base units in words.
// scale converts a value to it.
func metricUnit(unit string) (name string, scale float64) {
	known := map[string]struct {
		name  string
		scale float64
	}{
		"":   {"number", 1},
		"ns": {"seconds", 1e-9}, "us": {"seconds", 1e-6}, "µs": {"seconds", 1e-6}, "ms": {"seconds", 1e-3}, "s": {"seconds", 1},
		"B": {"bytes", 1}, "B/s": {"bytes_per_second", 1}, "GB/s": {"bytes_per_second", 1e9}, "TB/s": {"bytes_per_second", 1e12},
		"Gop/s": {"operations_per_second", 1e9}, "Top/s": {"operations_per_second", 1e12},
		"GFLOP/s": {"flops_per_second", 1e9}, "TFLOP/s": {"flops_per_second", 1e12},
		"op/cycle/SM": {"operations_per_cycle_per_sm", 1}, "FLOP/cycle/SM": {"flops_per_cycle_per_sm", 1}, "B/cycle/SM": {"bytes_per_cycle_per_sm", 1},
		"B/cycle": {"bytes_per_cycle", 1}, "%": {"ratio", 0.01}, "x": {"ratio", 1}, "W": {"watts", 1}, "J": {"joules", 1},
		"MHz": {"hertz", 1e6}, "pJ/op": {"joules_per_operation", 1e-12}, "J/op": {"joules_per_operation", 1},
	}
	if k, ok := known[unit]; ok {
		return k.name, k.scale
	}
	name = strings.ToLower(strings.ReplaceAll(unit, "/", " per "))
	name = strings.Join(strings.FieldsFunc(name, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }), "_")
	if name == "" {
		return "number", 1
	}
	return name, 1
}

// label is a name and a value; labels is a set in a fixed order.
type (
	label  struct{ name, value string }
	labels []label
)

// String is the set as it stands behind a metric's name; empty values say
// nothing and are left out.
func (l labels) String() string {
	var parts []string
	for _, one := range l {
		if one.value != "" {
			parts = append(parts, one.name+`="`+escape(one.value)+`"`)
		}
	}
	if parts == nil {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "?"))
}

// rowLabels names a row.
func rowLabels(r results.Row) labels {
	l := labels{{"benchmark", r.Benchmark}, {"metric", r.Metric}}
	for _, kv := range r.Point {
		l = append(l, label{labelName(kv.Key, l), kv.Value})
	}
	return l
}

// labelName makes a coordinate's name a label's: letters, digits and
// underscores, with a prefix where it means something else already.
func labelName(key string, taken labels) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, key)
	reserved := []string{"benchmark", "metric", "status", "reason", "proof", "instruction", "kernel", "repeat", "le", "quantile", ""}
	if slices.Contains(reserved, name) || strings.HasPrefix(name, "__") || name[0] >= '0' && name[0] <= '9' {
		name = "point_" + name
	}
	for slices.ContainsFunc(taken, func(t label) bool { return t.name == name }) {
		name += "_"
	}
	return name
}
