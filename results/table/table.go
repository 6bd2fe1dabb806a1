// Package table prints documents and comparisons as tables for a terminal.
package table

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// Options steers the tables; the zero value is for output that is no terminal.
type Options struct {
	// Width is how many columns a line may have; 0 means any number.
	Width int
	// All prints every row of long benchmarks.
	All bool
	// ASCII prints no character outside ASCII.
	ASCII bool
}

// Write prints one table for each benchmark of the document, with the banner of
// a recording above each, and then a summary of the run.
func Write(w io.Writer, d *results.Document, o Options) error {
	buffered := bufio.NewWriter(w)
	p := &printer{w: buffered, options: o}
	names, by := cell.Groups(d.Rows)
	for _, name := range names {
		p.benchmark(name, by[name], cell.Banner(d))
	}
	p.summary(d)
	if p.err != nil {
		return p.err
	}
	return buffered.Flush()
}

// printer writes until the first error.
type printer struct {
	w       io.Writer
	options Options
	err     error
}

// line prints one line of text, wrapped to the width.
func (p *printer) line(format string, args ...any) {
	for _, l := range wrap(strings.TrimSpace(p.text(fmt.Sprintf(format, args...))), p.options.Width) {
		p.print(l + "\n")
	}
}

// labelled prints a text beside its label, and its further lines below the first.
func (p *printer) labelled(label, format string, args ...any) {
	const indent = 10
	for i, l := range wrap(p.text(fmt.Sprintf(format, args...)), max(p.options.Width-indent, min(p.options.Width, 1))) {
		if i > 0 {
			label = ""
		}
		p.print(fmt.Sprintf("%-*s%s\n", indent, label, l))
	}
}

func (p *printer) print(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// text spells a text with the characters that may be printed.
func (p *printer) text(s string) string {
	if p.options.ASCII {
		return ascii(s)
	}
	return s
}
