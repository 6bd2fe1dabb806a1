package table

import (
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// column is one column of a table before it is laid out.
type column struct {
	header string
	cells  []string
	right  bool
	// least is the width down to which cells may be wrapped; 0 means never.
	least int
	// short holds cells to take where there is no room for the others.
	short []string
	// drop is the column's place in the order in which columns are left out
	// where there is no room; 0 means never.
	drop int
}

func (c column) natural() int {
	n := width(c.header)
	for _, s := range c.cells {
		n = max(n, width(s))
	}
	return n
}

func (c column) empty() bool {
	return !slices.ContainsFunc(c.cells, func(s string) bool { return s != "" })
}

// columnFrame is what a column takes beside its text: two spaces and a line.
const columnFrame = 3

// fit gives each column a width so that a line has at most limit characters. It
// wraps first, then takes short cells, then leaves columns out, and says which.
// Where all that is not enough, lines are longer than the limit.
func fit(columns []column, limit int) (kept []column, widths []int, left []string) {
	columns = slices.DeleteFunc(slices.Clone(columns), column.empty)
	for {
		widths, ok := shrink(columns, limit)
		if ok {
			return columns, widths, left
		}
		if i := slices.IndexFunc(columns, func(c column) bool { return c.short != nil }); i >= 0 {
			columns[i].cells, columns[i].short = columns[i].short, nil
			continue
		}
		i := firstToDrop(columns)
		if i < 0 {
			return columns, widths, left
		}
		left = append(left, columns[i].header)
		columns = slices.Delete(columns, i, i+1)
	}
}

func firstToDrop(columns []column) int {
	first := -1
	for i, c := range columns {
		if c.drop > 0 && (first < 0 || c.drop < columns[first].drop) {
			first = i
		}
	}
	return first
}

// shrink makes the widest of the columns that may wrap narrower until the line fits.
func shrink(columns []column, limit int) (widths []int, ok bool) {
	total := -1
	for _, c := range columns {
		widths = append(widths, c.natural())
		total += widths[len(widths)-1] + columnFrame
	}
	for limit > 0 && total > limit {
		widest := -1
		for i, c := range columns {
			if c.least > 0 && widths[i] > max(c.least, width(c.header)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return widths, false
		}
		widths[widest]--
		total--
	}
	return widths, true
}

// table prints columns and says what was left out.
func (p *printer) table(columns []column) {
	for i := range columns {
		columns[i] = p.spell(columns[i])
	}
	kept, widths, left := fit(columns, p.options.Width)
	if len(kept) == 0 || p.err != nil {
		return
	}
	p.render(kept, widths)
	if len(left) > 0 {
		p.line("no room for %s: a wider terminal shows more", strings.Join(left, ", "))
	}
}

// spell copies a column with the characters that may be printed.
func (p *printer) spell(c column) column {
	c.header = p.text(c.header)
	for _, list := range []*[]string{&c.cells, &c.short} {
		*list = slices.Clone(*list)
		for i, s := range *list {
			(*list)[i] = p.text(s)
		}
	}
	return c
}

func (p *printer) render(columns []column, widths []int) {
	var b strings.Builder
	style := tw.StyleLight
	if p.options.ASCII {
		style = tw.StyleASCII
	}
	header := make([]string, len(columns))
	align := make(tw.Alignment, len(columns))
	for i, c := range columns {
		header[i], align[i] = c.header, tw.AlignLeft
		if c.right {
			align[i] = tw.AlignRight
		}
	}
	t := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.Border{Left: tw.Off, Right: tw.Off, Top: tw.Off, Bottom: tw.Off},
			Symbols: tw.NewSymbols(style),
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone), tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithEastAsian(tw.Off),
	)
	t.Header(header)
	for row := range columns[0].cells {
		line := make([]string, len(columns))
		for i, c := range columns {
			line[i] = strings.Join(wrap(c.cells[row], widths[i]), "\n")
		}
		if err := t.Append(line); err != nil {
			p.fail(err)
			return
		}
	}
	if err := t.Render(); err != nil {
		p.fail(err)
		return
	}
	for _, l := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		p.print(strings.TrimRight(l, " ") + "\n")
	}
}

func (p *printer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}
