package cell

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/results"
)

// cycleDecimals is the precision of cycle counts: fixed latencies are judged to 0.05.
const cycleDecimals = 2

// HasNumber reports whether the row carries a number to print.
func HasNumber(r results.Row) bool {
	switch r.Status {
	case results.OK, results.Flagged, results.Throttled, results.Implausible:
		return true
	}
	return r.Value != 0
}

// Value is the number of a row, with no more digits than its interval supports.
func Value(r results.Row) string {
	if !HasNumber(r) {
		return "–"
	}
	if s, ok := bytes(r); ok {
		return s
	}
	d, known := rowDecimals(r)
	if !known || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return Number(r.Value)
	}
	return fixed(r.Value, d)
}

// Unit is the unit beside Value.
func Unit(r results.Row) string {
	if !HasNumber(r) {
		return ""
	}
	if _, ok := bytes(r); ok {
		return ""
	}
	return r.Unit
}

// ValueUnit is the number with its unit.
func ValueUnit(r results.Row) string {
	return strings.TrimSpace(Value(r) + " " + Unit(r))
}

// rowDecimals is the precision of a row's number; false where nothing limits it.
func rowDecimals(r results.Row) (int, bool) {
	half := halfWidth(r)
	cycles := isCycles(r.Unit)
	switch {
	case half > 0 && cycles:
		return min(decimals(half), cycleDecimals), true
	case half > 0:
		// Below a millionth of the value an interval says "exact" and digits are noise.
		return min(decimals(half), max(decimalsFor(math.Abs(r.Value), 7), 2)), true
	case cycles:
		return cycleDecimals, true
	}
	return 0, false
}

// isCycles reports whether a unit counts clock cycles and nothing else.
func isCycles(unit string) bool {
	return unit == "cycles" || unit == "cycle" || unit == "clk"
}

// halfWidth is half of the interval, or zero.
func halfWidth(r results.Row) float64 {
	if r.Interval == nil {
		return 0
	}
	return math.Abs(r.Interval[1]-r.Interval[0]) / 2
}

// Interval is the interval as a ± where it is even, as two arms where it is
// not, and as its two ends where it does not hold the value.
func Interval(r results.Row) string {
	if r.Interval == nil || !HasNumber(r) {
		return ""
	}
	lo, hi := r.Interval[0], r.Interval[1]
	below, above := r.Value-lo, hi-r.Value
	show := arm(r)
	switch {
	case below < 0 || above < 0:
		return "[" + ends(r, lo) + ", " + ends(r, hi) + "]"
	case lo == hi:
		return "±0"
	case max(below, above) > 1.5*min(below, above) && show(below) != show(above):
		return "+" + show(above) + " −" + show(below)
	}
	return "±" + show((below+above)/2)
}

// ends writes an end of an interval with the row's precision.
func ends(r results.Row, v float64) string {
	if byteUnit(r.Unit) {
		return Bytes(v)
	}
	d, _ := rowDecimals(r)
	return fixed(v, d)
}

// arm writes one arm of an interval; one that is too short for the precision
// of the number is shown as smaller than its last digit, not as zero.
func arm(r results.Row) func(float64) string {
	if byteUnit(r.Unit) {
		return Bytes
	}
	d, _ := rowDecimals(r)
	return func(v float64) string {
		if v > 0 && v < math.Pow10(-d)/2 {
			return "<" + fixed(math.Pow10(-d), d)
		}
		return fixed(v, d)
	}
}

// byteUnit reports whether values are sizes in bytes.
func byteUnit(unit string) bool {
	return unit == "B" || unit == "bytes" || unit == "byte"
}

// bytes is the value of a row that measures a size.
func bytes(r results.Row) (string, bool) {
	if !byteUnit(r.Unit) {
		return "", false
	}
	return Bytes(r.Value), true
}

// Bytes writes a size with binary prefixes, "192 KiB".
func Bytes(v float64) string {
	names := [...]string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(names)-1 {
		v /= 1024
		i++
	}
	if v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64) + " " + names[i]
	}
	return fixed(v, max(decimalsFor(math.Abs(v), 4), 1)) + " " + names[i]
}

// Percent is the part of the theoretical peak. A value that is not 100 never reads as 100.
func Percent(r results.Row) string {
	if r.Peak == nil || !HasNumber(r) {
		return ""
	}
	return percent(r.Peak.Percent)
}

func percent(p float64) string {
	for d := 1; d <= 3; d++ {
		s := strconv.FormatFloat(p, 'f', d, 64)
		if p == 100 || strings.TrimRight(strings.TrimRight(s, "0"), ".") != "100" {
			return s + " %"
		}
	}
	if p < 100 {
		return "<100 %"
	}
	return ">100 %"
}

// Clock is the SM clock during the samples.
func Clock(r results.Row) string {
	if r.ClockMHz == 0 {
		return ""
	}
	s := strconv.FormatFloat(r.ClockMHz, 'f', 0, 64)
	if r.ClockFrom == "nvml" {
		return s + "*"
	}
	return s
}

// Power is the power during the samples.
func Power(r results.Row) string {
	if r.PowerW == nil {
		return ""
	}
	return strconv.FormatFloat(*r.PowerW, 'f', 0, 64)
}

// Proof says how it was shown that the instruction ran: kind, number of
// target instructions between the clock reads, and the instruction.
func Proof(r results.Row) string {
	s := ProofKind(r)
	if r.Proof.Instruction == "" {
		return s
	}
	s += " " + r.Proof.Instruction
	if r.Proof.Count > 1 {
		s += "×" + strconv.Itoa(r.Proof.Count)
	}
	return s
}

// ProofKind is the short form of Proof.
func ProofKind(r results.Row) string {
	s := ""
	switch r.Proof.Kind {
	case results.ProofSASS:
		s = "sass ✓"
	case results.ProofScaling:
		s = "scaling"
	case results.ProofNone:
		s = "none"
	default:
		s = string(r.Proof.Kind)
	}
	if r.Proof.Emulated {
		s = strings.TrimSpace(s + " emulated")
	}
	return s
}

// Check says how the kernel's output was checked and what came of it.
func Check(r results.Row) string {
	switch {
	case r.Correct.By == "" || r.Correct.By == "none":
		return ""
	case r.Correct.OK:
		return r.Correct.By + " ✓"
	}
	return r.Correct.By + " ✗"
}

// Status is the status with its reason.
func Status(r results.Row) string {
	if r.Reason == "" {
		return string(r.Status)
	}
	return string(r.Status) + ": " + r.Reason
}

// Published lists other people's figures: "H800 32, A100 33.1†"; † marks a
// figure read in somebody's transcription, ‡ one with a note, such as a known
// error. A unit is shown where it differs.
func Published(r results.Row) string {
	parts := make([]string, 0, len(r.Published))
	for _, p := range r.Published {
		s := ShortGPU(p.GPU) + " " + Number(p.Value)
		if p.Unit != r.Unit && p.Unit != "" {
			s += " " + p.Unit
		}
		if p.Secondary {
			s += "†"
		}
		if p.Note != "" {
			s += "‡"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

// ShortGPU is the name of a GPU without vendor and form factor.
func ShortGPU(name string) string {
	for _, cut := range []string{"NVIDIA ", "GeForce ", "RTX "} {
		name = strings.TrimPrefix(name, cut)
	}
	for _, cut := range []string{" PCIe", " SXM5", " SXM4", " SXM", "-PCIE", "-SXM"} {
		name, _, _ = strings.Cut(name, cut)
	}
	return name
}

// Banner says in plain words that the numbers were not measured here and now;
// empty for a document that was measured.
func Banner(doc *results.Document) string {
	switch doc.Backend {
	case "replay":
		s := "RECORDING: these numbers were not measured on this machine. They are replayed from a recorded run of " + device(doc)
		if o := doc.Recording; o != nil {
			s += recorded(o)
		}
		return s + "."
	case "emulator":
		return "EMULATOR: these numbers were computed on the CPU. No GPU was measured."
	}
	return ""
}

func recorded(o *results.Origin) string {
	s := ""
	if !o.Recorded.IsZero() {
		s += " on " + o.Recorded.UTC().Format("2006-01-02")
	}
	if o.Name != "" {
		s += fmt.Sprintf(" (%q)", o.Name)
	}
	switch {
	case o.Stale == 1:
		s += "; 1 point is stale: its kernel changed since"
	case o.Stale > 1:
		s += fmt.Sprintf("; %d points are stale: their kernels changed since", o.Stale)
	}
	return s
}

func device(doc *results.Document) string {
	if doc.Device.Name == "" {
		return "an unnamed GPU"
	}
	return doc.Device.Name
}

// Count is the number of rows with a status.
type Count struct {
	Status results.Status
	Rows   int
}

// Counts counts rows by status, in a fixed order, statuses without rows left out.
func Counts(rows []results.Row) []Count {
	n := map[results.Status]int{}
	for _, r := range rows {
		n[r.Status]++
	}
	var counts []Count
	known := []results.Status{results.OK, results.Flagged, results.Throttled, results.Implausible,
		results.Failed, results.Unsupported, results.Skipped}
	for _, s := range known {
		if n[s] > 0 {
			counts = append(counts, Count{s, n[s]})
			delete(n, s)
		}
	}
	other := 0
	for _, c := range n {
		other += c
	}
	if other > 0 {
		counts = append(counts, Count{"unknown", other})
	}
	return counts
}

// CountLine is "2951 ok, 12 flagged, 37 unsupported".
func CountLine(rows []results.Row) string {
	counts := Counts(rows)
	parts := make([]string, len(counts))
	for i, c := range counts {
		parts[i] = fmt.Sprintf("%d %s", c.Rows, c.Status)
	}
	return strings.Join(parts, ", ")
}

// Groups splits rows by benchmark, in the order in which benchmarks appear.
func Groups(rows []results.Row) (names []string, by map[string][]results.Row) {
	by = map[string][]results.Row{}
	for _, r := range rows {
		if _, seen := by[r.Benchmark]; !seen {
			names = append(names, r.Benchmark)
		}
		by[r.Benchmark] = append(by[r.Benchmark], r)
	}
	return names, by
}
