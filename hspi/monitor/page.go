package monitor

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gpubench/gpubench/hspi/report"
)

// Status is where the course stands, in a line.
func (c *Course) Status() string {
	switch {
	case c.Changed:
		return fmt.Sprintf("changed: e-value %.3g reached %.3g; the last rounds differ from %s on", c.E, 1/c.Options.Alpha, c.from())
	case c.Ready:
		return fmt.Sprintf("no change so far: e-value %.3g, an alarm needs %.3g", c.E, 1/c.Options.Alpha)
	}
	if c.Missing == 0 {
		return "one more round until changes can be told"
	}
	return fmt.Sprintf("%d more rounds until changes can be told", c.Missing+1)
}

func (c *Course) from() string {
	if c.Since == nil {
		return "no round"
	}
	return c.Since.Format(time.RFC3339)
}

// rows are the rounds as text.
func (c *Course) rows() [][]string {
	var rows [][]string
	for i, r := range c.Rounds {
		row := []string{fmt.Sprint(i + 1), r.Time.Format(time.RFC3339), string(r.Phase), "", "", "", r.Why}
		if r.Phase == Calibration || r.Phase == Watch {
			row[3] = fmt.Sprintf("%.3g", math.Pow(10, r.Score))
		}
		if r.Phase == Watch {
			row[4], row[5] = "no", fmt.Sprintf("%.3g", r.E)
			if r.Exceeds {
				row[4] = "yes"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func header() []string {
	return []string{"round", "time", "for", "differs, nats", "more than calibration", "e-value", ""}
}

// Text writes the course for a terminal: the last rounds, and where it stands.
func (c *Course) Text(w io.Writer) error {
	const most = 20
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, strings.ToUpper(strings.TrimRight(strings.Join(header(), "\t"), "\t"))) // a Builder never fails
	rows := c.rows()
	for _, row := range rows[max(len(rows)-most, 0):] {
		_, _ = fmt.Fprintln(table, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = table.Flush() // likewise
	fmt.Fprintf(&out, "\nstatus    %s\n", c.Status())
	_, err := io.WriteString(w, out.String())
	return err
}

// Page is the course as a report.
func (c *Course) Page(title string) *report.Page {
	p := &report.Page{Title: title, Verdict: c.Status(), Tone: "open", Intro: []string{fmt.Sprintf(
		"The first %d rounds are what others are compared with, the next %d show how much rounds differ where nothing changes. From then on the e-value grows while "+
			"rounds differ more than that; under \"nothing has changed\" the chance that it ever reaches %.3g is %g at most.",
		c.Options.Reference, c.Options.Calibration, 1/c.Options.Alpha, c.Options.Alpha)},
		Sections: []report.Section{{Title: "Rounds", Tables: []report.Table{{Header: header(), Rows: c.rows()}}}}}
	switch {
	case c.Changed:
		p.Tone = "bad"
	case c.Ready:
		p.Tone = "good"
	}
	return p
}
