package report

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot"
)

// maxNamed is how many rows the list of rows that are not ok names one by one.
const maxNamed = 6

// Markdown writes the report as Markdown; dir is the folder of the pictures' files
// (name and ".png") as seen from the report.
func Markdown(w io.Writer, doc *results.Document, pictures []plot.Picture, dir string) error {
	if doc == nil {
		return fmt.Errorf("write Markdown report: no document")
	}
	m := &markdown{w: bufio.NewWriter(w), dir: dir}
	m.page(newPage(results.Finite(doc), pictures))
	if m.err == nil {
		m.err = m.w.Flush()
	}
	if m.err != nil {
		return fmt.Errorf("write Markdown report: %w", m.err)
	}
	return nil
}

// markdown writes until the first error.
type markdown struct {
	w   *bufio.Writer
	dir string
	err error
}

// line writes a line; arguments are escaped, the format is not.
func (m *markdown) line(format string, args ...any) {
	for i, a := range args {
		switch a.(type) {
		case int, raw:
		default:
			args[i] = escape(fmt.Sprint(a))
		}
	}
	if m.err == nil {
		_, m.err = fmt.Fprintf(m.w, format+"\n", args...)
	}
}

// raw is Markdown already.
type raw string

// escapes is what has a meaning in Markdown or HTML.
var escapes = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "{", "\\{", "}", "\\}", "[", "\\[", "]", "\\]",
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", "\\#", "|", "\\|", "~", "\\~", "!", "\\!", "\r", " ", "\n", " ")

func escape(s string) string { return escapes.Replace(s) }

func (m *markdown) page(p *page) {
	m.line("# %s", p.Title)
	for _, s := range []string{p.Banner, p.State} {
		if s != "" {
			m.line("\n> **%s**", s)
		}
	}
	m.line("\n## Summary\n")
	m.facts(p.Facts, p.Stamp)
	if len(p.Phases) > 0 {
		m.caption(p.Stamp, "Time of each phase")
		m.line("| phase | time |\n| :-- | --: |")
		for _, f := range p.Phases {
			m.line("| %s | %s |", f.Name, f.Value)
		}
	}
	if len(p.Slowest) > 0 {
		m.caption(p.Stamp, "The slowest benchmarks")
		m.line("| benchmark | points | on the device | compiler |\n| :-- | --: | --: | --: |")
		for _, c := range p.Slowest {
			m.line("| %s | %d | %s | %s |", c.Name, c.Points, seconds(c.Device), seconds(c.Compile))
		}
	}
	m.attention(p)
	m.line("\n## How to read a row\n")
	for _, f := range p.Reading {
		m.line("- **%s.** %s", f.Name, f.Value)
	}
	for _, s := range p.Sections {
		m.section(s)
	}
	if len(p.Pictures) > 0 {
		m.line("\n## The run")
		m.pictures(p.Pictures)
	}
	m.line("\n## Raw facts\n")
	m.facts(p.Raw, p.Stamp)
}

func (m *markdown) caption(stamp, text string) {
	if stamp != "" {
		m.line("\n**%s** %s\n", stamp, text)
		return
	}
	m.line("\n%s\n", text)
}

func (m *markdown) facts(list []fact, stamp string) {
	if stamp != "" {
		m.line("**%s**\n", stamp)
	}
	m.line("| | |\n| :-- | :-- |")
	for _, f := range list {
		m.line("| %s | %s |", f.Name, f.Value)
	}
}

func (m *markdown) attention(p *page) {
	m.line("\n## Rows that are not ok\n")
	if len(p.Attention) == 0 {
		m.line("Every row is ok.")
		return
	}
	for _, c := range p.Counts {
		if c.Status != results.OK {
			m.line("- **%s** (%d): %s", c.Status, c.Rows, c.Meaning)
		}
	}
	m.line("")
	for _, a := range p.Attention {
		rows := a.Rows
		more := ""
		if len(rows) > maxNamed {
			more = fmt.Sprintf("; and %d more, in the table", len(rows)-maxNamed)
			rows = rows[:maxNamed]
		}
		m.line("- **%s** %s: %s. Rows: %s%s", a.Status, a.Benchmark, strings.TrimSuffix(a.Reason, "."), strings.Join(rows, "; "), more)
	}
}

func (m *markdown) section(s section) {
	m.line("\n## %s", s.Name)
	if s.Question != "" {
		m.line("\n*%s*", s.Question)
	}
	if s.Method != "" {
		m.line("\n**Method.** %s", s.Method)
	}
	if s.Source != "" {
		source := s.Source
		if s.Experiment != "" {
			source += " (" + s.Experiment + ")"
		}
		m.line("\n**Source.** %s", source)
	}
	m.pictures(s.Pictures)
	if len(s.Rows) == 0 {
		return
	}
	text := s.Name
	if s.Common != "" {
		text += ": " + s.Common
	}
	m.caption(s.Stamp, text+" ("+s.Counts+")")
	var head, bar strings.Builder
	for _, c := range s.Columns {
		head.WriteString("| " + escape(c.Head) + " ")
		if c.Number {
			bar.WriteString("| --: ")
		} else {
			bar.WriteString("| :-- ")
		}
	}
	m.line("%s|\n%s|", raw(head.String()), raw(bar.String()))
	for _, r := range s.Rows {
		m.row(r)
	}
	if len(s.Notes) > 0 {
		m.line("")
		for _, n := range s.Notes {
			m.line("%s %s  ", raw(superscript(n.Label)), n.Text)
		}
	}
}

func (m *markdown) row(r line) {
	var b strings.Builder
	for _, f := range r.Cells {
		b.WriteString("| " + escape(f.Text))
		for i, n := range f.Notes {
			if i > 0 {
				b.WriteString("˒")
			}
			b.WriteString(superscript(n.Label))
		}
		b.WriteString(" ")
	}
	m.line("%s|", raw(b.String()))
}

// superscript writes a number above the line.
func superscript(number string) string {
	high := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return high[r-'0']
		}
		return r
	}, number)
}

func (m *markdown) pictures(list []picture) {
	for _, p := range list {
		m.line("\n![%s](%s)\n\n%s", p.Title, raw(link(m.dir, p.File)), p.Caption)
	}
}

// link is a relative address; a name of ours never holds what would end it.
func link(dir, file string) string {
	u := url.URL{Path: strings.TrimSuffix(dir, "/") + "/" + file}
	s := u.EscapedPath()
	if dir == "" || dir == "." {
		s = (&url.URL{Path: file}).EscapedPath()
	}
	return strings.NewReplacer("(", "%28", ")", "%29").Replace(s)
}
