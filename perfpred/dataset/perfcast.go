package dataset

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// perfcastTimes are the columns that should hold points in time.
func perfcastTimes() []string { return []string{"RESULT.@timestamp", "META.@timestamp"} }

// perfcastNeeded are the columns without which a file is not PerfCastDB's.
func perfcastNeeded() []string {
	return []string{"pod", "RESULT.WorkloadName", "IterationID", "RESULT.TestName", "RESULT.Value", "SVR.CPU.CPU Model"}
}

// perfcastNumbers are PerfCastDB's numeric columns and the features they become.
func perfcastNumbers() []struct{ column, name, unit string } {
	return []struct{ column, name, unit string }{
		{"SVR.CPU.Base Frequency", "nominal_mhz", "MHz"},
		{"SVR.CPU.Maximum Frequency", "max_mhz", "MHz"},
		{"SVR.CPU.All-core Maximum Frequency", "all_core_mhz", "MHz"},
		{"SVR.Power.TDP", "tdp_w", "W"},
		{"SVR.CPU.CPU(s)", "threads", "1"},
		{"SVR.CPU.Thread(s) per Core", "threads_per_core", "1"},
		{"SVR.CPU.Core(s) per Socket", "cores_per_socket", "1"},
		{"SVR.CPU.Socket(s)", "sockets", "1"},
		{"SVR.CPU.NUMA Node(s)", "numas", "1"},
		{"SVR.CPU.L1d Cache", "l1d_kb", "KB"},
		{"SVR.CPU.L1i Cache", "l1i_kb", "KB"},
		{"SVR.CPU.L2 Cache", "l2_kb", "KB"},
		{"SVR.CPU.L3 Cache", "l3_kb", "KB"},
		{"SVR.Memory.MemTotal", "mem_kb", "KB"},
		{"Measure.DIMM.Num", "dimms", "1"},
		{"Measure.DIMM.Total", "dimm_total_gb", "GB"},
		{"Measure.DIMM.Freq", "mem_rate", "MT/s"},
	}
}

// PerfCastDB reads a file in the schema of the PerfCastDB sample (one line per
// test of an iteration of a workload on a pod) and returns one table per
// workload, in alphabetical order: a row is an iteration, a target a test.
// Groups are cpu, family, vendor and "pod".
//
// Its known defects are found and reported in every table: columns that are
// constant in the whole file, caches in KB per core beside caches in MB per
// machine (repaired), pods that are copies of another (left out), points in
// time that have lost their date. See Shift for what the split hides.
func PerfCastDB(path string) ([]*Table, error) {
	s, err := openSheet(path, perfcastNeeded()...)
	if err != nil {
		return nil, fmt.Errorf("PerfCastDB: %w", err)
	}
	return perfcast(s)
}

func perfcast(s *sheet) ([]*Table, error) {
	found := append(constantColumns(s), lostDates(s)...)
	lines := perfcastLines(s)
	lines, copied := withoutCopies(lines)
	found = append(found, copied...)
	byWorkload := map[string][]perfcastLine{}
	for _, l := range lines {
		byWorkload[l.workload] = append(byWorkload[l.workload], l)
	}
	var out []*Table
	for _, workload := range slices.Sorted(maps.Keys(byWorkload)) {
		t, err := perfcastTable(workload, s, byWorkload[workload])
		if err != nil {
			return nil, fmt.Errorf("PerfCastDB: %w", err)
		}
		t.report(found...)
		out = append(out, t)
	}
	return out, nil
}

// perfcastLine is one line of the file: row is its index in the sheet.
type perfcastLine struct {
	row                            int
	pod, workload, iteration, test string
	value                          float64
}

func perfcastLines(s *sheet) []perfcastLine {
	pods, workloads, iterations := s.text("pod"), s.text("RESULT.WorkloadName"), s.text("IterationID")
	tests := s.text("RESULT.TestName")
	values, _ := s.numbers("RESULT.Value")
	lines := make([]perfcastLine, len(s.rows))
	for i := range lines {
		lines[i] = perfcastLine{i, pods[i], workloads[i], iterations[i], tests[i], values[i]}
	}
	return lines
}

// constantColumns reports what the file's lines all share.
func constantColumns(s *sheet) []Finding {
	var names []string
	for _, h := range s.header {
		text := s.text(h)
		if !slices.ContainsFunc(text, func(v string) bool { return v != text[0] }) {
			names = append(names, h)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []Finding{{Note, "constant", "", len(s.rows), fmt.Sprintf("%d of %d columns are the same in all %d lines: %s", len(names), len(s.header), len(s.rows), strings.Join(names, ", "))}}
}

var clockOnly = regexp.MustCompile(`^\d{1,2}:\d{2}\.\d+$`)

// lostDates reports points in time that are only minutes and seconds.
func lostDates(s *sheet) []Finding {
	var out []Finding
	for _, c := range perfcastTimes() {
		text := s.text(c)
		bad := slices.DeleteFunc(slices.Clone(text), func(v string) bool { return !clockOnly.MatchString(v) })
		if len(bad) > 0 {
			out = append(out, Finding{Suspect, "time", c, len(bad), fmt.Sprintf("%q is minutes and seconds without hour and date; not used", bad[0])})
		}
	}
	return out
}

// withoutCopies leaves out pods whose iterations and values are another's.
func withoutCopies(lines []perfcastLine) ([]perfcastLine, []Finding) {
	var order []string
	content := map[string]string{}
	for _, l := range lines {
		if _, ok := content[l.pod]; !ok {
			order = append(order, l.pod)
		}
		content[l.pod] += fmt.Sprintf("%s|%s|%s|%v\n", l.workload, l.iteration, l.test, l.value)
	}
	first, copies := map[string]string{}, map[string]bool{}
	var found []Finding
	for _, pod := range order {
		of, ok := first[content[pod]]
		if !ok {
			first[content[pod]] = pod
			continue
		}
		copies[pod] = true
		n := strings.Count(content[pod], "\n")
		found = append(found, Finding{Refused, "copy", "pod", n, fmt.Sprintf("%s is a copy of %s: the same iterations with the same values; left out", pod, of)})
	}
	return slices.DeleteFunc(lines, func(l perfcastLine) bool { return copies[l.pod] }), found
}

// perfcastTable pivots a workload's lines: a row per pod and iteration.
func perfcastTable(workload string, s *sheet, lines []perfcastLine) (*Table, error) {
	t := &Table{Name: workload, Groups: map[string][]string{}}
	rowOf, targetOf := map[string]int{}, map[string]int{}
	var first []int
	for _, l := range lines {
		key := l.pod + "/" + l.iteration
		if _, ok := rowOf[key]; !ok {
			rowOf[key] = len(first)
			first = append(first, l.row)
			t.Origin = append(t.Origin, Provenance{File: filepath.Base(s.name), Line: l.row + 2, ID: key})
		}
		if _, ok := targetOf[l.test]; !ok {
			targetOf[l.test] = len(t.Targets)
			t.Targets = append(t.Targets, Target{Name: l.test, Unit: perfcastUnit(l.test), HigherIsBetter: !strings.Contains(l.test, "latency")})
		}
	}
	t.Rows = len(first)
	for k := range t.Targets {
		t.Targets[k].Values = slices.Repeat([]float64{math.NaN()}, t.Rows)
	}
	for _, l := range lines {
		t.Targets[targetOf[l.test]].Values[rowOf[l.pod+"/"+l.iteration]] = l.value
	}
	perfcastFeatures(t, s, first)
	return t, t.Valid()
}

var inBrackets = regexp.MustCompile(`\(([^()]*)\)$`)

// perfcastUnit reads a test's unit from its name: "LLC Bandwidth (MB/s)".
func perfcastUnit(test string) string {
	if m := inBrackets.FindStringSubmatch(test); m != nil {
		return m[1]
	}
	return "ratio"
}

func perfcastFeatures(t *Table, s *sheet, rows []int) {
	for _, n := range perfcastNumbers() {
		values, _ := s.numbers(n.column)
		c := Column{Name: n.name, Unit: n.unit, Scale: Log, Values: pick(values, rows)}
		toUnit(t, &c)
		t.Numeric = append(t.Numeric, c)
	}
	repairCaches(t)
	for _, c := range []struct{ column, name string }{{"RESULT.WorkloadPreset", "preset"}, {"SVR.System.OS", "os"}, {"SVR.Memory.Automatic NUMA Balancing", "numa_balancing"}, {"BIOS.SNC", "snc"}} {
		t.Category = append(t.Category, Category{Name: c.name, Values: pick(s.text(c.column), rows)})
	}
	t.Groups["pod"] = pick(s.text("pod"), rows)
	for _, raw := range pick(s.text("SVR.CPU.CPU Model"), rows) {
		cpu := ParseCPU(raw)
		t.Groups[GroupCPU] = append(t.Groups[GroupCPU], CPUName(raw))
		t.Groups[GroupFamily] = append(t.Groups[GroupFamily], cpu.Family)
		t.Groups[GroupVendor] = append(t.Groups[GroupVendor], cpu.Vendor)
	}
}

// toUnit turns GHz into MHz and takes out what is not positive.
func toUnit(t *Table, c *Column) {
	ghz, bad := 0, 0
	for i, v := range c.Values {
		switch {
		case c.Unit == "MHz" && v > 0 && v < 10:
			c.Values[i] = v * 1000
			ghz++
		case v <= 0:
			c.Values[i] = math.NaN()
			bad++
		}
	}
	if ghz > 0 {
		t.report(Finding{Repaired, "units", c.Name, ghz, "GHz turned into MHz"})
	}
	if bad > 0 {
		t.report(Finding{Refused, "range", c.Name, bad, "not positive; taken as unknown"})
	}
}

// repairCaches brings caches to KB per core (L1, L2) and per socket (L3). Some
// lines hold the whole machine's sum in MB, which is far too small for KB.
func repairCaches(t *Table) {
	value := func(name string, i int) float64 {
		c, err := t.Column(name)
		if err != nil {
			return math.NaN()
		}
		return c.Values[i]
	}
	for _, cache := range []struct {
		name     string
		least    float64 // KB
		perCores bool
	}{{"l1d_kb", 16, true}, {"l1i_kb", 16, true}, {"l2_kb", 200, true}, {"l3_kb", 2048, false}} {
		c, err := t.Column(cache.name)
		if err != nil {
			continue
		}
		n, example := 0, 0.0
		for i, v := range c.Values {
			if !(v < cache.least) {
				continue
			}
			parts := value("sockets", i)
			if cache.perCores {
				parts *= value("cores_per_socket", i)
			}
			n, example = n+1, v
			c.Values[i] = v * 1024 / parts
		}
		if n > 0 {
			t.report(Finding{Repaired, "units", cache.name, n, fmt.Sprintf("%g is MB of the whole machine, not KB; divided", example)})
		}
	}
}

// Shift reports configurations that a test table holds and the training table
// does not: CPU models, and numeric columns and categories with values outside
// what training saw. With a shift the error says more about the split than
// about the model.
func Shift(train, test *Table) []Finding {
	var out []Finding
	known := distinct(train.Groups[GroupCPU])
	unseen := slices.DeleteFunc(distinct(test.Groups[GroupCPU]), func(n string) bool { return slices.Contains(known, n) })
	if len(unseen) > 0 {
		out = append(out, Finding{Note, "shift", GroupCPU, test.Rows, fmt.Sprintf("not in training: %s; training has %s", strings.Join(unseen, ", "), strings.Join(known, ", "))})
	}
	for _, c := range test.Numeric {
		from, err := train.Column(c.Name)
		if err != nil {
			continue
		}
		low, high := extent(from.Values)
		n := 0
		for _, v := range c.Values {
			if v < low || v > high {
				n++
			}
		}
		if n > 0 {
			out = append(out, Finding{Note, "shift", c.Name, n, fmt.Sprintf("outside the %g to %g %s of training", low, high, c.Unit)})
		}
	}
	for _, c := range test.Category {
		from, err := train.Categories(c.Name)
		if err != nil {
			continue
		}
		n := 0
		for _, v := range c.Values {
			if !slices.Contains(from.Values, v) {
				n++
			}
		}
		if n > 0 {
			out = append(out, Finding{Note, "shift", c.Name, n, fmt.Sprintf("%q is not in training", c.Values[0])})
		}
	}
	return out
}

// extent returns the least and greatest known value, NaN without any.
func extent(values []float64) (low, high float64) {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(known) == 0 {
		return math.NaN(), math.NaN()
	}
	return slices.Min(known), slices.Max(known)
}
