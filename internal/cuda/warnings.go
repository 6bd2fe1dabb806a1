package cuda

import (
	"regexp"
	"slices"
	"strings"
)

// doubtful is what the compiler says, mostly as "info", when the machine code is not what the
// PTX asks for: its numbered notes, wgmma made serial, a fence put in, registers spilled.
var doubtful = regexp.MustCompile(`\(C\d{4,5}\)|Potential Performance Loss|\bserialized\b|\bis injected\b|\b[1-9]\d* bytes spill (stores|loads)`)

// Warnings are the lines of the log that cast doubt on a measurement of this code.
func (c Cubin) Warnings() []string {
	var out []string
	for _, l := range parseLog(c.InfoLog) {
		if (l.Severity == "warning" || doubtful.MatchString(l.Raw)) && !slices.Contains(out, strings.TrimSpace(l.Text)) {
			out = append(out, strings.TrimSpace(l.Text))
		}
	}
	return out
}
