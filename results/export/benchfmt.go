package export

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/gpubench/gpubench/results"
)

// Benchfmt writes the rows in the Go benchmark format, which benchstat and the
// packages of golang.org/x/perf read: configuration lines, a line that says
// which way each unit is better, and one line a row,
//
//	BenchmarkTensorMmaLatency/shape=m16n8k16/metric=latency 5 33.0625 cycles
//
// The count is the number of samples. Rows without a number are comments, so
// that the file says what is missing, and rows that are flagged or throttled
// have a comment above.
func Benchfmt(w io.Writer, d *results.Document) error {
	d = results.Finite(d)
	var b strings.Builder
	for _, kv := range [][2]string{
		{"device", d.Device.Name}, {"target", d.Device.Target}, {"driver", d.Device.Driver},
		{"backend", d.Backend}, {"recording", recording(d)},
	} {
		if v := oneLine(kv[1]); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", kv[0], v)
		}
	}
	writeUnits(&b, d.Rows)
	for _, r := range d.Rows {
		if r.Status != results.OK {
			fmt.Fprintf(&b, "# %s %s: %s\n", r.Status, oneLine(r.ID()), oneLine(r.Reason))
		}
		if r.Status.HasNumber() {
			fmt.Fprintf(&b, "%s %s %s %s\n", benchName(r), iterations(r), number(r.Value), benchUnit(r.Unit))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeUnits says which way each unit is better, where all its rows agree.
func writeUnits(b *strings.Builder, rows []results.Row) {
	var order []string
	higher, lower := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		u := benchUnit(r.Unit)
		if !r.Status.HasNumber() {
			continue
		}
		if !higher[u] && !lower[u] {
			order = append(order, u)
		}
		higher[u] = higher[u] || r.HigherIsBetter
		lower[u] = lower[u] || !r.HigherIsBetter
	}
	for _, u := range order {
		switch {
		case higher[u] && lower[u]:
		case higher[u]:
			fmt.Fprintf(b, "Unit %s better=higher\n", u)
		default:
			fmt.Fprintf(b, "Unit %s better=lower\n", u)
		}
	}
}

// benchName is the row's name: the benchmark in one word, then its coordinates.
func benchName(r results.Row) string {
	var b strings.Builder
	b.WriteString("Benchmark")
	for _, word := range strings.FieldsFunc(r.Benchmark, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		runes := []rune(word)
		b.WriteString(string(unicode.ToUpper(runes[0])) + string(runes[1:]))
	}
	for _, kv := range r.Point {
		b.WriteString("/" + namePart(kv.Key) + "=" + namePart(kv.Value))
	}
	b.WriteString("/metric=" + namePart(r.Metric))
	return procsLike.ReplaceAllString(b.String(), "_$1")
}

// procsLike is the end of a name that readers would take for GOMAXPROCS.
var procsLike = regexp.MustCompile(`-([0-9]+)$`)

// namePart replaces what would end a name or a coordinate in it.
func namePart(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c) || !unicode.IsPrint(c):
			return '_'
		case c == '/':
			return '|'
		}
		return c
	}, s)
}

// benchUnit is the unit without spaces; a row without one counts.
func benchUnit(unit string) string {
	if unit = strings.Join(strings.Fields(unit), "-"); unit == "" {
		return "count"
	}
	return unit
}

func iterations(r results.Row) string {
	if r.Stats == nil || r.Stats.N < 1 {
		return "1"
	}
	return strconv.Itoa(r.Stats.N)
}
