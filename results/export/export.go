// Package export writes documents in the formats of other tools: CSV for
// spreadsheets, the Go benchmark format for benchstat, OpenMetrics for Prometheus.
package export

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/results"
)

// Formats lists the formats that Write knows.
func Formats() []string { return []string{"csv", "benchfmt", "openmetrics"} }

// FormatError names a format that is not known.
type FormatError struct{ Format string }

func (e *FormatError) Error() string {
	return fmt.Sprintf("format %q is not known; there are %s", e.Format, strings.Join(Formats(), ", "))
}

// Write writes the document in the format of that name, or gives a *FormatError.
func Write(w io.Writer, format string, d *results.Document) error {
	write := map[string]func(io.Writer, *results.Document) error{"csv": CSV, "benchfmt": Benchfmt, "openmetrics": OpenMetrics}[format]
	if write == nil {
		return &FormatError{format}
	}
	buffered := bufio.NewWriter(w)
	if err := write(buffered, d); err != nil {
		return fmt.Errorf("export as %s: %w", format, err)
	}
	return buffered.Flush()
}

// hasValue reports whether a row's value was measured: also that of an
// implausible row, which its status marks, and never the 0 of a row without one.
func hasValue(r results.Row) bool {
	return r.Status.HasNumber() || r.Status == results.Implausible
}

// number writes a number with as many digits as it takes to read it back.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// oneLine replaces line breaks, which no format but CSV can hold.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
