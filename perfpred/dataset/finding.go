package dataset

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says what a finding means for the table.
type Severity int

// The severities, worst first.
const (
	// Refused: the value or row was taken out.
	Refused Severity = iota
	// Suspect: kept, but it may be wrong.
	Suspect
	// Repaired: normalised, and the finding says how.
	Repaired
	// Note: true of the data and worth knowing.
	Note
)

// String returns the severity in one word.
func (s Severity) String() string {
	switch s {
	case Refused:
		return "refused"
	case Suspect:
		return "suspect"
	case Repaired:
		return "repaired"
	default:
		return "note"
	}
}

// Finding is one thing that a check found in a table.
type Finding struct {
	Severity Severity
	// Check is the check's short name: "constant", "units", "duplicate".
	Check string
	// Column is the column it is about, if it is about one.
	Column string
	// Rows is the number of rows concerned, 0 if it is about none in particular.
	Rows int
	// Text says what was found and, for Repaired and Refused, what was done.
	Text string
}

// String returns the finding as one line.
func (f Finding) String() string {
	where := ""
	if f.Column != "" {
		where = " " + f.Column
	}
	return fmt.Sprintf("%s: %s%s: %s", f.Severity, f.Check, where, f.Text)
}

// report adds findings to the table and keeps them sorted, worst first.
func (t *Table) report(found ...Finding) {
	t.Findings = append(t.Findings, found...)
	slices.SortStableFunc(t.Findings, func(a, b Finding) int { return cmp.Compare(a.Severity, b.Severity) })
}
