package gpu

import (
	"cmp"
	"fmt"
	"strings"
)

// Markdown writes scores as a table, in per cent.
func Markdown(scores []Score) string {
	var b strings.Builder
	b.WriteString("| class | left out | rows | refused | roofline | one constant | a constant each | model | median | in interval | half-width | probed (without) |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range scores {
		if s.Rows == 0 {
			fmt.Fprintf(&b, "| %s | %s | 0 | %d |%s\n", s.Class, cmp.Or(s.GPU, "**mean**"), s.Refused, strings.Repeat("  |", 8))
			continue
		}
		name, roofline, covered, width, probed := cmp.Or(s.GPU, "**mean**"), percent(s.Roofline), percent(s.Covered), percent(s.Width), ""
		if s.Class == string(classLatency) {
			roofline = "" // a data sheet says nothing of cycles
		}
		if !s.Intervals {
			covered, width = "", ""
		}
		if s.ProbedRows > 0 {
			probed = fmt.Sprintf("%s (%s), %d rows", percent(s.Probed), percent(s.Unprobed), s.ProbedRows)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.Class, name, s.Rows, s.Refused,
			roofline, percent(s.Scaled), percent(s.PerBenchmark), percent(s.Model), percent(s.Median), covered, width, probed)
	}
	return b.String()
}

func percent(v float64) string { return fmt.Sprintf("%.1f", 100*v) }
