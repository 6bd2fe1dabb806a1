package dataset

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SPECScore is the target that SPEC calls the base metric: the geometric mean
// of a suite's benchmarks.
const SPECScore = "score"

// SPECSuites are the four suites of SPEC CPU2017 as the files are named.
func SPECSuites() []string { return []string{"fp_rate", "int_rate", "fp_speed", "int_speed"} }

// specRow is one published result, its numbers in the units of the field names.
type specRow struct {
	cpu                                      CPU
	model, box, os, compiler, fs             string
	nominalMHz, maxMHz                       float64
	threads, smt, perSocket, sockets, numas  float64
	l1dKB, l1iKB, l2KB, l3KB                 float64
	memKB, dimms, dimmKB, memRate, storageGB float64
	osVersion, compilerVersion, copies       float64
	parallel, published                      float64
}

// specNumbers are the numeric columns of the schema with the values that can be
// true of a server of 2017 to 2025, and where they go.
var specNumbers = []struct {
	column   string
	low, top float64
	field    func(*specRow) *float64
}{
	{"nominal_mhz", 400, 6000, func(r *specRow) *float64 { return &r.nominalMHz }},
	{"max_mhz", 400, 7000, func(r *specRow) *float64 { return &r.maxMHz }},
	{"cpus", 1, 16384, func(r *specRow) *float64 { return &r.threads }},
	{"threads_per_core", 1, 8, func(r *specRow) *float64 { return &r.smt }},
	{"cores_per_socket", 1, 512, func(r *specRow) *float64 { return &r.perSocket }},
	{"sockets", 1, 64, func(r *specRow) *float64 { return &r.sockets }},
	{"numas", 1, 256, func(r *specRow) *float64 { return &r.numas }},
	{"l1d_cache_kb", 8, 256, func(r *specRow) *float64 { return &r.l1dKB }},
	{"l1i_cache_kb", 8, 256, func(r *specRow) *float64 { return &r.l1iKB }},
	{"l2_cache_kb", 128, 16384, func(r *specRow) *float64 { return &r.l2KB }},
	{"l3_cache_kb", 1024, 2 << 20, func(r *specRow) *float64 { return &r.l3KB }},
	{"mem_kb", 1 << 20, 1 << 37, func(r *specRow) *float64 { return &r.memKB }},
	{"mem_channels", 1, 1024, func(r *specRow) *float64 { return &r.dimms }},
	{"channel_kb", 1 << 19, 1 << 30, func(r *specRow) *float64 { return &r.dimmKB }},
	{"mem_data_rate", 800, 12800, func(r *specRow) *float64 { return &r.memRate }},
	{"storage_gb", 1, 10 << 20, func(r *specRow) *float64 { return &r.storageGB }},
	{"os_vid", 1, 100, func(r *specRow) *float64 { return &r.osVersion }},
	{"threads_or_copies", 1, 16384, func(r *specRow) *float64 { return &r.copies }},
}

// SPEC2017 reads published results of one SPEC CPU2017 suite (base metrics), in
// the schema of the spec17-ml data set: one row a result, hardware features,
// for each benchmark its ratio and, as t_NAME, its run time in seconds. Despite
// their names mem_channels counts DIMMs and channel_kb is the size of one.
//
// Targets are SPECScore and each benchmark. Groups are cpu, family, vendor and
// system. Findings tell what was repaired, doubted or taken out.
func SPEC2017(path string) (*Table, error) {
	need := []string{"model_name", "hardware_vendor", "os_name", "compiler", "parallel", "file_system", "file"}
	for _, n := range specNumbers {
		need = append(need, n.column)
	}
	s, err := openSheet(path, need...)
	if err != nil {
		return nil, fmt.Errorf("SPEC CPU2017 results: %w", err)
	}
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return specTable(name, s)
}

// SPECMachine makes a table of one row to predict from the schema's columns by
// name; those not given are unknown. Values that cannot be read or cannot be
// true give ErrValue, unknown columns ErrNoColumn.
func SPECMachine(suite string, values map[string]string) (*Table, error) {
	known := []string{"model_name", "hardware_vendor", "os_name", "compiler", "parallel", "file_system", "file"}
	for _, n := range specNumbers {
		known = append(known, n.column)
	}
	s := &sheet{name: "machine", index: map[string]int{}, rows: [][]string{nil}}
	for column, v := range values {
		if !slices.Contains(known, column) {
			return nil, fmt.Errorf("describe a machine: %q: %w; known are %s", column, ErrNoColumn, strings.Join(known, ", "))
		}
		s.index[column] = len(s.header)
		s.header = append(s.header, column)
		s.rows[0] = append(s.rows[0], v)
	}
	t, err := specTable(suite, s)
	if err != nil {
		return nil, err
	}
	for _, f := range t.Findings {
		if f.Severity == Refused {
			return nil, fmt.Errorf("describe a machine: %s: %s: %w", f.Column, f.Text, ErrValue)
		}
	}
	return t, nil
}

func specTable(name string, s *sheet) (*Table, error) {
	t := &Table{Name: name, Rows: len(s.rows), Groups: map[string][]string{}}
	rows := specRows(t, s)
	repairSPEC(t, rows)
	specFeatures(t, rows)
	specTargets(t, s)
	t.Origin = make([]Provenance, t.Rows)
	for i, id := range s.text("file") {
		t.Origin[i] = Provenance{File: s.name, Line: i + 2, ID: strings.TrimSuffix(id, ".csv")}
	}
	t.report(Duplicates(t)...)
	if err := t.Valid(); err != nil {
		return nil, err
	}
	return t, nil
}

// specRows reads the columns; numbers that cannot be true become NaN.
func specRows(t *Table, s *sheet) []specRow {
	rows := make([]specRow, t.Rows)
	for _, n := range specNumbers {
		values, bad := s.numbers(n.column)
		if len(bad) > 0 {
			t.report(Finding{Refused, "number", n.column, len(bad), fmt.Sprintf("not a number: %q; taken as unknown", s.rows[bad[0]][s.index[n.column]])})
		}
		t.report(refuseOutside(n.column, values, n.low, n.top)...)
		for i := range rows {
			*n.field(&rows[i]) = values[i]
		}
	}
	models, boxes, os, compilers := s.text("model_name"), s.text("hardware_vendor"), s.text("os_name"), s.text("compiler")
	parallel, fs, files := s.text("parallel"), s.text("file_system"), s.text("file")
	for i := range rows {
		r := &rows[i]
		r.model, r.box, r.os, r.fs = CPUName(models[i]), boxName(boxes[i]), os[i], fs[i]
		r.cpu = ParseCPU(r.model)
		r.compiler, r.compilerVersion = compilerOf(compilers[i])
		r.parallel = yesNo(parallel[i])
		r.published = publicationYear(files[i])
	}
	return rows
}

// refuseOutside takes out values outside [low, top].
func refuseOutside(column string, values []float64, low, top float64) []Finding {
	n, example := 0, 0.0
	for i, v := range values {
		if v < low || v > top {
			values[i], example = math.NaN(), v
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []Finding{{Refused, "range", column, n, fmt.Sprintf("%g is outside %g to %g; taken as unknown", example, low, top)}}
}

// boxName shortens a maker's name to its first word: the rest of it varies.
func boxName(s string) string {
	first, _, _ := strings.Cut(s, " ")
	switch first = strings.ToLower(first); first {
	case "hewlett":
		return "hpe"
	case "new":
		return "h3c"
	}
	return first
}

var compilerNumber = regexp.MustCompile(`Version (\d+)\.(\d+)\.(\d+)`)

// compilerOf returns a compiler's maker and its version as one number:
// 19.0.4 is 19.04.
func compilerOf(text string) (maker string, version float64) {
	version = math.NaN()
	if m := compilerNumber.FindStringSubmatch(text); m != nil {
		version = number(m[1]) + number(m[2])/10 + number(m[3])/100
	}
	switch {
	case strings.Contains(text, "AOCC"):
		return "aocc", version
	case strings.Contains(text, "Intel"):
		return "intel", version
	case strings.Contains(text, "gcc"), strings.Contains(text, "GNU"), strings.Contains(text, "GCC"):
		return "gcc", version
	}
	return "", version
}

func yesNo(s string) float64 {
	switch strings.ToLower(s) {
	case "yes":
		return 1
	case "no":
		return 0
	}
	return math.NaN()
}

// publicationYear reads the date in SPEC's result identifiers,
// "cpu2017-20190902-17567", as a year with a fraction.
func publicationYear(id string) float64 {
	parts := strings.Split(id, "-")
	if len(parts) < 2 {
		return math.NaN()
	}
	day, err := time.Parse("20060102", parts[1])
	if err != nil {
		return math.NaN()
	}
	return float64(day.Year()) + float64(day.YearDay()-1)/365.25
}

// specTargets adds the score and the benchmarks. A ratio is SPEC's reference
// time over the run time (times copies in the rate suites), so that ratio and
// time check each other.
func specTargets(t *Table, s *sheet) {
	base := specBase(t.Name)
	score := Target{Name: SPECScore, Unit: "ratio", HigherIsBetter: true, Base: base, Values: make([]float64, t.Rows)}
	count := 0.0
	var singles []Target
	for _, h := range s.header {
		if !s.has("t_" + h) {
			continue
		}
		values, bad := s.numbers(h)
		if len(bad) > 0 {
			t.report(Finding{Refused, "number", h, len(bad), "not a number; taken as not measured"})
		}
		times, _ := s.numbers("t_" + h)
		t.report(refuseContradictions(t, h, values, times)...)
		for i, v := range values {
			score.Values[i] += math.Log(v)
		}
		count++
		singles = append(singles, Target{Name: h, Unit: "ratio", HigherIsBetter: true, Base: base, Values: values})
	}
	if count == 0 {
		return
	}
	for i, sum := range score.Values {
		score.Values[i] = math.Exp(sum / count)
	}
	t.Targets = append([]Target{score}, singles...)
}

// refuseContradictions takes out ratios that are not positive or that differ by
// more than 1 % from the reference time (the median of ratio times time per
// copy) over the run time.
func refuseContradictions(t *Table, name string, ratios, times []float64) []Finding {
	copies := make([]float64, t.Rows)
	for i := range copies {
		copies[i] = 1
	}
	if strings.HasSuffix(t.Name, "_rate") {
		if c, err := t.Column("copies"); err == nil {
			copies = c.Values
		}
	}
	reference := make([]float64, t.Rows)
	for i := range reference {
		reference[i] = ratios[i] * times[i] / copies[i]
	}
	middle := median(reference)
	n := 0
	for i, r := range reference {
		if ratios[i] <= 0 || times[i] <= 0 || math.Abs(r/middle-1) > 0.01 {
			ratios[i] = math.NaN()
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []Finding{{Refused, "ratio", name, n, "ratio and run time contradict each other; taken as not measured"}}
}

// specBase names the column that a suite's scores are compared with.
func specBase(suite string) string {
	if strings.HasSuffix(suite, "_rate") {
		return "core_ghz"
	}
	return "max_mhz"
}

// median of the finite values, NaN if there are none.
func median(values []float64) float64 {
	v := slices.DeleteFunc(slices.Clone(values), func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
