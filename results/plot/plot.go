// Package plot draws the pictures of a results document. It looks at nothing
// but the document: the same document gives the same bytes.
package plot

import (
	"bytes"
	"fmt"
	"image/png"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/results"
)

// Picture is a drawn picture.
type Picture struct {
	// Name is the stem of a file name; it is unique within a document.
	Name string
	// Title is also drawn in the picture.
	Title string
	// Caption says in a sentence or two what is seen.
	Caption string
	// Benchmark is the one that is shown; empty for pictures of the whole run.
	Benchmark string
	PNG       []byte
}

// All draws every picture of a document, in the order of its benchmarks; those
// of the whole run (clock and power, canary) come last. Where some cannot be
// drawn the others are returned all the same, with an error that names them.
func All(doc *results.Document) ([]Picture, error) {
	if doc == nil {
		return nil, fmt.Errorf("draw pictures: no document")
	}
	return render(results.Finite(doc), fullDPI)
}

// figure is a picture to be drawn.
type figure struct {
	name, title, note, caption, benchmark string
	// draw fills the body of the sheet.
	draw func(*sheet) error
}

// render draws all figures of a document with a resolution.
func render(doc *results.Document, dpi int) ([]Picture, error) {
	figures := plan(doc)
	pictures, failures := make([]Picture, len(figures)), make([]error, len(figures))
	facts := factsOf(doc)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range figures {
		g.Go(func() error {
			pictures[i], failures[i] = f.picture(facts, dpi)
			return nil
		})
	}
	_ = g.Wait() // the failures are kept by figure, so that their order is fixed
	return keepDrawn(figures, pictures, failures)
}

func keepDrawn(figures []figure, pictures []Picture, failures []error) ([]Picture, error) {
	var drawn []Picture
	var failed []string
	for i, err := range failures {
		if err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", figures[i].name, err))
			continue
		}
		drawn = append(drawn, pictures[i])
	}
	if len(failed) > 0 {
		return drawn, fmt.Errorf("draw pictures: %s", strings.Join(failed, "; "))
	}
	return drawn, nil
}

// picture draws one figure. The drawing library panics on values that it cannot
// place; one such picture must not take the others with it.
func (f figure) picture(facts facts, dpi int) (p Picture, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	s := newSheet(dpi)
	s.header(f.title, f.note, facts.stamp)
	s.footer(f.benchmark, facts.footer)
	if err := f.draw(s); err != nil {
		return Picture{}, err
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&b, compact(s.image)); err != nil {
		return Picture{}, fmt.Errorf("encode: %w", err)
	}
	return Picture{Name: f.name, Title: f.title, Caption: f.caption, Benchmark: f.benchmark, PNG: b.Bytes()}, nil
}

// plan lists what there is to draw.
func plan(doc *results.Document) []figure {
	var figures []figure
	for _, name := range benchmarks(doc) {
		own := barFigures(doc, name)
		own = append(own, curveFigures(doc, name)...)
		own = append(own, heatFigures(doc, name)...)
		question := questionOf(doc, name)
		for i := range own {
			own[i].benchmark = name
			if question != "" {
				own[i].note = join(" · ", question, own[i].note)
			}
		}
		figures = append(figures, own...)
	}
	figures = append(figures, telemetryFigures(doc)...)
	figures = append(figures, canaryFigures(doc)...)
	unique(figures)
	return figures
}

// benchmarks lists names in the order of rows, then of curves, then of grids.
func benchmarks(doc *results.Document) []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, r := range doc.Rows {
		add(r.Benchmark)
	}
	for _, s := range doc.Series {
		add(s.Benchmark)
	}
	for _, g := range doc.Grids {
		add(g.Benchmark)
	}
	return names
}

func questionOf(doc *results.Document, name string) string {
	for _, b := range doc.Benchmarks {
		if b.Name == name {
			return b.Question
		}
	}
	return ""
}

// unique gives figures of the same name a number.
func unique(figures []figure) {
	taken := map[string]bool{}
	for i := range figures {
		stem := figures[i].name
		for n := 2; taken[figures[i].name]; n++ {
			figures[i].name = fmt.Sprintf("%s-%d", stem, n)
		}
		taken[figures[i].name] = true
	}
}

// maxStem keeps file names within what every file system takes.
const maxStem = 96

// stem makes a file name of lower-case letters, digits and hyphens.
func stem(parts ...string) string {
	var b strings.Builder
	hyphen := false
	for _, r := range strings.ToLower(strings.Join(parts, "-")) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if hyphen && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			hyphen = false
		} else {
			hyphen = true
		}
		if b.Len() >= maxStem {
			break
		}
	}
	if b.Len() == 0 {
		return "picture"
	}
	return b.String()
}

// join joins what is not empty.
func join(separator string, parts ...string) string {
	var full []string
	for _, p := range parts {
		if p != "" {
			full = append(full, p)
		}
	}
	return strings.Join(full, separator)
}

// sentence begins with a capital letter.
func sentence(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// plural is "1 curve", "3 curves".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
