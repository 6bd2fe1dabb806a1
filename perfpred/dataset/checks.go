package dataset

import (
	"fmt"
	"math"
	"strings"
)

// Duplicates reports rows that equal an earlier row in every feature and every
// target: a result entered twice.
func Duplicates(t *Table) []Finding {
	first := map[string]int{}
	n, example := 0, ""
	for i := range t.Rows {
		key := rowKey(t, i)
		if j, ok := first[key]; ok {
			if n == 0 {
				example = fmt.Sprintf("rows %d and %d", j, i)
			}
			n++
			continue
		}
		first[key] = i
	}
	if n == 0 {
		return nil
	}
	return []Finding{{Suspect, "duplicate", "", n, "equal to an earlier row in all features and targets: " + example}}
}

func rowKey(t *Table, row int) string {
	var b strings.Builder
	for _, c := range t.Numeric {
		fmt.Fprintf(&b, "%x,", math.Float64bits(c.Values[row]))
	}
	for _, c := range t.Category {
		b.WriteString(c.Values[row] + ",")
	}
	for _, c := range t.Targets {
		fmt.Fprintf(&b, "%x,", math.Float64bits(c.Values[row]))
	}
	return b.String()
}
