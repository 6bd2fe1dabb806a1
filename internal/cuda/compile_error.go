package cuda

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// CompileError is PTX that the driver did not take. %v prints one line, %+v the whole log
// with the PTX lines that it speaks of.
type CompileError struct {
	Name   string // the module, as given to Compile
	Target string // the PTX target, such as "sm_90a"
	PTX    string // the text that was compiled
	Log    string // the whole log of the driver's compiler; may be empty
	Err    error  // the driver call that failed, an *Error
}

// Error returns one line: the first complaint of the log.
func (e *CompileError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "compile %s for %s: ", e.Name, e.Target)
	first, more := firstComplaint(parseLog(e.Log))
	switch {
	case first.Text == "":
		fmt.Fprintf(&b, "%v", e.Err)
	case first.Line > 0:
		fmt.Fprintf(&b, "line %d: %s", first.Line, first.Text)
	default:
		b.WriteString(first.Text)
	}
	if more > 0 {
		fmt.Fprintf(&b, " (and %d more)", more)
	}
	return b.String()
}

// Unwrap returns the driver call's error.
func (e *CompileError) Unwrap() error { return e.Err }

// Format gives %+v the whole log.
func (e *CompileError) Format(s fmt.State, verb rune) {
	switch {
	case verb == 'v' && s.Flag('+'):
		_, _ = io.WriteString(s, e.detail())
	case verb == 'q':
		_, _ = io.WriteString(s, strconv.Quote(e.Error()))
	default:
		_, _ = io.WriteString(s, e.Error())
	}
}

// detail is the short form, then the log, each line followed by the PTX that it names.
func (e *CompileError) detail() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.Err != nil {
		fmt.Fprintf(&b, "\n  %v", e.Err)
	}
	ptx := strings.Split(e.PTX, "\n")
	for _, l := range parseLog(e.Log) {
		fmt.Fprintf(&b, "\n  %s", l.Raw)
		if l.Line > 0 && l.Line <= len(ptx) {
			fmt.Fprintf(&b, "\n  %6d | %s", l.Line, strings.TrimRight(ptx[l.Line-1], "\r"))
		}
	}
	return b.String()
}

// logLine is one line of the compiler's log.
type logLine struct {
	Raw      string
	Line     int    // PTX line from 1; 0 when none is named
	Severity string // "error", "fatal", "warning", "info"; "" when none is named
	Text     string // the complaint itself
}

// "ptxas application ptx input, line 12; error   : Unknown modifier '.foo'" and
// "ptxas fatal   : Ptx assembly aborted due to errors".
var logPattern = regexp.MustCompile(`^ptxas\b.*?(?:, line (\d+); )?\b(error|fatal|warning|info)\s*: (.*)$`)

func parseLog(log string) []logLine {
	var lines []logLine
	for _, raw := range strings.Split(log, "\n") {
		raw = strings.TrimRight(raw, " \t\r\x00")
		if raw == "" {
			continue
		}
		l := logLine{Raw: raw, Text: raw}
		if m := logPattern.FindStringSubmatch(raw); m != nil {
			l.Line, _ = strconv.Atoi(m[1]) // "" when no line is named: 0
			l.Severity, l.Text = m[2], strings.TrimSpace(m[3])
		}
		lines = append(lines, l)
	}
	return lines
}

// firstComplaint is the first error, else the first fatal line, else the first line that is
// no mere warning or note; more counts the other errors.
func firstComplaint(lines []logLine) (first logLine, more int) {
	for _, severity := range []string{"error", "fatal", ""} {
		found := 0
		for _, l := range lines {
			if l.Severity != severity {
				continue
			}
			if found == 0 {
				first = l
			}
			found++
		}
		if found > 0 {
			if severity == "error" {
				more = found - 1
			}
			return first, more
		}
	}
	return logLine{}, 0
}
