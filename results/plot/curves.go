package plot

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	gplot "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// maxCurves is how many curves share a picture; a group of more is split.
const maxCurves = 12

// manyPoints is from where on a curve's interval is a band and its points have no marks.
const manyPoints = 40

// curveFigures makes a picture of each group of a benchmark's series.
func curveFigures(doc *results.Document, benchmark string) []figure {
	var groups [][]results.Series
	index := map[string]int{}
	for _, s := range doc.Series {
		if s.Benchmark != benchmark || len(usable(s)) == 0 {
			continue
		}
		// Curves in different units cannot share an axis, whatever their group says.
		key := s.Group + "\x00" + s.X.Unit + "\x00" + s.Y.Unit
		if _, seen := index[key]; !seen {
			index[key] = len(groups)
			groups = append(groups, nil)
		}
		groups[index[key]] = append(groups[index[key]], s)
	}
	var figures []figure
	for _, g := range groups {
		parts := split(g, maxCurves)
		for i, part := range parts {
			figures = append(figures, curveFigure(doc, benchmark, part, i, len(parts)))
		}
	}
	return figures
}

// split cuts a list into parts of nearly equal length, each at most n long.
func split[T any](list []T, n int) [][]T {
	count := (len(list) + n - 1) / n
	parts := make([][]T, 0, count)
	for i := range count {
		parts = append(parts, list[i*len(list)/count:(i+1)*len(list)/count])
	}
	return parts
}

func curveFigure(doc *results.Document, benchmark string, series []results.Series, part, parts int) figure {
	first := series[0]
	title := join(": ", benchmark, first.Group)
	if parts > 1 {
		title += fmt.Sprintf(" (%d of %d)", part+1, parts)
	}
	c := &curves{series: series, peaks: peaksOf(doc, benchmark, series)}
	return figure{
		name:    stem(benchmark, first.Group, first.Y.Unit),
		title:   title,
		note:    against(first),
		caption: c.caption(),
		draw:    c.draw,
	}
}

// against says what the axes are.
func against(s results.Series) string {
	if s.X.Label == "" || s.Y.Label == "" {
		return ""
	}
	return sentence(s.Y.Label) + " against " + s.X.Label
}

// usable is the points that the axes can show.
func usable(s results.Series) []results.XY {
	return slices.DeleteFunc(slices.Clone(s.XY), func(p results.XY) bool {
		return s.X.Log && p.X <= 0 || s.Y.Log && p.Y <= 0
	})
}

// curves is a picture of curves that share their axes.
type curves struct {
	series []results.Series
	peaks  []peak
}

// peak is a theoretical peak of the rows behind the curves.
type peak struct {
	value float64
	from  string
}

// peaksOf finds the peaks of the rows whose values the curves show: rows and
// curves come from the same analysis, so the numbers are equal.
func peaksOf(doc *results.Document, benchmark string, series []results.Series) []peak {
	shown := map[float64]bool{}
	for _, s := range series {
		for _, p := range s.XY {
			shown[p.Y] = true
		}
	}
	var peaks []peak
	for _, r := range doc.Rows {
		if r.Benchmark != benchmark || r.Peak == nil || r.Peak.Value <= 0 || r.Unit != series[0].Y.Unit || !shown[r.Value] {
			continue
		}
		near := func(p peak) bool { return math.Abs(p.value-r.Peak.Value) < 0.02*p.value }
		if !slices.ContainsFunc(peaks, near) {
			peaks = append(peaks, peak{r.Peak.Value, r.Peak.From})
		}
	}
	return peaks
}

func (c *curves) caption() string {
	first := c.series[0]
	s := fmt.Sprintf("%s against %s, %s.", axisText(first.Y), axisText(first.X), plural(len(c.series), "curve"))
	var marks []string
	for _, m := range c.marks() {
		marks = append(marks, m.long)
	}
	if len(marks) > 0 {
		s += " Marked: " + strings.Join(marks, "; ") + "."
	}
	for _, p := range c.peaks {
		s += fmt.Sprintf(" Peak: %s %s (%s).", cell.Number(p.value), first.Y.Unit, p.from)
	}
	if slices.ContainsFunc(c.series, hasInterval) {
		s += " Bands and bars are intervals."
	}
	return s
}

// mark is a position on the x axis with its colour.
type mark struct {
	results.Mark
	color color.NRGBA
	// short labels the picture, long the caption, with the bracket.
	short, long string
}

func newMark(m results.Mark, c color.NRGBA, unit string) mark {
	number := cell.Number
	if isBytes(unit) {
		number = cell.Bytes
	} else if unit != "" {
		number = func(v float64) string { return cell.Number(v) + " " + unit }
	}
	short := join(" at ", m.Label, number(m.X))
	long := short
	if m.High > m.Low {
		long += " [" + number(m.Low) + ", " + number(m.High) + "]"
	}
	return mark{Mark: m, color: c, short: short, long: long}
}

// marks are those of all curves from left to right, each position and label once.
func (c *curves) marks() []mark {
	var list []mark
	for i, s := range c.series {
		style, _ := c.style(i)
		for _, m := range s.Marks {
			same := func(o mark) bool { return o.Label == m.Label && math.Abs(o.X-m.X) <= 0.005*math.Abs(m.X) }
			if s.X.Log && m.X <= 0 || slices.ContainsFunc(list, same) {
				continue
			}
			list = append(list, newMark(m, nrgba(style.Color), s.X.Unit))
		}
	}
	slices.SortStableFunc(list, func(a, b mark) int { return cmp.Compare(a.X, b.X) })
	return list
}

// style of the i-th series: the theoretical peak, somebody else's figures, or ours.
func (c *curves) style(i int) (draw.LineStyle, draw.GlyphStyle) {
	n := 0
	for _, s := range c.series[:i] {
		if isPublished(s) == isPublished(c.series[i]) && !isPeak(s) {
			n++
		}
	}
	var l draw.LineStyle
	var g draw.GlyphStyle
	switch s := c.series[i]; {
	case isPeak(s):
		return peakLine(), draw.GlyphStyle{}
	case isPublished(s):
		l, g = publishedStyle(n)
	default:
		l, g = lineStyle(n)
	}
	if len(c.series[i].XY) > manyPoints {
		g.Shape = nil
	}
	return l, g
}

func nrgba(c color.Color) color.NRGBA {
	if c == nil {
		return ink
	}
	return color.NRGBAModel.Convert(c).(color.NRGBA)
}

func (c *curves) draw(s *sheet) error {
	p := newPlot()
	c.axes(p)
	p.Add(gridLines{})
	entries := c.plotters(p)
	if len(c.series) > 1 || len(entries) > 1 {
		s.legend(entries)
	}
	s.fitLabels(p)
	marks := c.marks()
	flags, rows := placeMarks(p, s.body, marks)
	area := s.body
	area.Max.Y -= vg.Length(rows) * markLine
	p.Draw(area)
	s.drawMarks(p, area, marks, flags)
	return nil
}

// axes sets range and ticks: a linear y axis begins at zero, because a cut one
// makes small differences look large.
func (c *curves) axes(p *gplot.Plot) {
	x, y := span{}, span{}
	powers := true
	for _, s := range c.series {
		for _, q := range usable(s) {
			x.add(q.X)
			y.add(q.Y)
			powers = powers && q.X > 0 && math.Log2(q.X) == math.Trunc(math.Log2(q.X))
			if hasInterval(s) && q.High > 0 {
				y.add(q.High)
			}
		}
		for _, m := range s.Marks {
			if m.X > 0 || !s.X.Log {
				x.add(m.X)
			}
		}
	}
	c.peaks = slices.DeleteFunc(c.peaks, func(p peak) bool { return p.value > 1.6*y.hi })
	for _, p := range c.peaks {
		y.add(p.value)
	}
	first := c.series[0]
	xlo, xhi := x.padded(first.X.Log, 0.02)
	ylo, yhi := y.padded(first.Y.Log, 0.06)
	if !first.Y.Log && y.lo >= 0 {
		ylo = 0
	}
	setAxis(&p.X, first.X, xlo, xhi, 11, powers)
	setAxis(&p.Y, first.Y, ylo, yhi, 7, false)
	if values := c.fewX(); len(values) > 0 && !first.X.Log {
		p.X.Tick.Marker = thinned(values, x, 24)
	}
}

// fewX is the distinct x positions where they are whole and few enough to be the ticks.
func (c *curves) fewX() []float64 {
	if isBytes(c.series[0].X.Unit) {
		return nil
	}
	var values []float64
	for _, s := range c.series {
		for _, q := range s.XY {
			if q.X != math.Trunc(q.X) {
				return nil
			}
			values = append(values, q.X)
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) > 64 {
		return nil
	}
	return values
}

// thinned are ticks at given positions, labelled where labels do not touch and,
// where not all can be, at multiples of a round number.
func thinned(values []float64, x span, room int) gplot.ConstantTicks {
	least := (x.hi - x.lo) / float64(room)
	divisor := 1.0
	for _, d := range []float64{1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128} {
		divisor = d
		if d >= least {
			break
		}
	}
	last, lastRound := math.Inf(-1), math.Inf(-1)
	var ticks gplot.ConstantTicks
	for i, v := range values {
		t := gplot.Tick{Value: v}
		isRound := math.Mod(v, divisor) == 0 && v-lastRound >= least
		next := math.Ceil(v/divisor) * divisor
		if isRound && v-last >= least || i == 0 && next-v >= least || len(values) <= room && v-last >= least {
			t.Label, last = tickLabel(v), v
			if isRound {
				lastRound = v
			}
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// span is the range of the numbers added to it.
type span struct {
	lo, hi float64
	known  bool
}

func (s *span) add(v float64) {
	if !s.known {
		s.lo, s.hi, s.known = v, v, true
	}
	s.lo, s.hi = min(s.lo, v), max(s.hi, v)
}

// padded is the range with a margin, never empty.
func (s span) padded(log bool, share float64) (lo, hi float64) {
	switch {
	case log && s.hi/s.lo < 1.01:
		return s.lo / 2, s.hi * 2
	case log:
		f := math.Pow(s.hi/s.lo, share)
		return s.lo / f, s.hi * f
	case s.hi == s.lo:
		pad := max(math.Abs(s.hi)*0.1, 0.5)
		return s.lo - pad, s.hi + pad
	}
	pad := (s.hi - s.lo) * share
	return s.lo - pad, s.hi + pad
}

// plotters adds what is drawn, in order, and lists the legend.
func (c *curves) plotters(p *gplot.Plot) []entry {
	for _, m := range c.marks() {
		p.Add(markBand{m})
	}
	var entries []entry
	for i, s := range c.series {
		l, g := c.style(i)
		p.Add(curve{points: usable(s), interval: hasInterval(s), line: l, glyph: g})
		e := entry{label: s.Name, line: &l}
		if g.Shape != nil {
			e.glyph = &g
		}
		entries = append(entries, e)
	}
	for _, k := range c.peaks {
		l := peakLine()
		p.Add(level{k.value, l})
		entries = append(entries, entry{label: "peak " + cell.Number(k.value) + " " + c.series[0].Y.Unit, line: &l})
	}
	return entries
}

func isPeak(s results.Series) bool { return strings.HasPrefix(strings.ToLower(s.Name), "peak") }

func isPublished(s results.Series) bool {
	return strings.HasPrefix(strings.ToLower(s.Name), "published")
}

func hasInterval(s results.Series) bool {
	return slices.ContainsFunc(s.XY, func(p results.XY) bool { return p.High > p.Low })
}

// curve draws one series: its interval, its line, its points.
type curve struct {
	points   []results.XY
	interval bool
	line     draw.LineStyle
	glyph    draw.GlyphStyle
}

// Plot implements gonum's plot.Plotter.
func (c curve) Plot(canvas draw.Canvas, p *gplot.Plot) {
	x, y := p.Transforms(&canvas)
	path := make([]vg.Point, len(c.points))
	for i, q := range c.points {
		path[i] = vg.Point{X: x(q.X), Y: y(q.Y)}
	}
	if c.interval && len(c.points) > manyPoints {
		c.band(canvas, x, y, p)
	}
	canvas.StrokeLines(c.line, canvas.ClipLinesXY(path)...)
	if c.interval && len(c.points) <= manyPoints {
		c.bars(canvas, x, y, p)
	}
	for _, at := range path {
		canvas.DrawGlyph(c.glyph, at)
	}
}

// limits is the interval of a point, its value where there is none.
func limits(q results.XY, p *gplot.Plot) (lo, hi float64) {
	lo, hi = q.Low, q.High
	if hi <= lo {
		lo, hi = q.Y, q.Y
	}
	return min(max(lo, p.Y.Min), p.Y.Max), min(max(hi, p.Y.Min), p.Y.Max)
}

func (c curve) band(canvas draw.Canvas, x, y func(float64) vg.Length, p *gplot.Plot) {
	n := len(c.points)
	polygon := make([]vg.Point, 2*n)
	for i, q := range c.points {
		lo, hi := limits(q, p)
		polygon[i] = vg.Point{X: x(q.X), Y: y(lo)}
		polygon[2*n-1-i] = vg.Point{X: x(q.X), Y: y(hi)}
	}
	canvas.FillPolygon(faint(nrgba(c.line.Color), 0.2), canvas.ClipPolygonXY(polygon))
}

func (c curve) bars(canvas draw.Canvas, x, y func(float64) vg.Length, p *gplot.Plot) {
	style := line(c.line.Color, 1)
	for _, q := range c.points {
		lo, hi := limits(q, p)
		if y(hi)-y(lo) < 1 {
			continue // smaller than the line is thick
		}
		canvas.StrokeLine2(style, x(q.X), y(lo), x(q.X), y(hi))
		for _, end := range []float64{lo, hi} {
			canvas.StrokeLine2(style, x(q.X)-3, y(end), x(q.X)+3, y(end))
		}
	}
}

// level draws a horizontal line through the whole picture.
type level struct {
	value float64
	line  draw.LineStyle
}

// Plot implements gonum's plot.Plotter.
func (l level) Plot(c draw.Canvas, p *gplot.Plot) {
	_, y := p.Transforms(&c)
	c.StrokeLine2(l.line, c.Min.X, y(l.value), c.Max.X, y(l.value))
}

// gridLines draws pale lines at labelled ticks.
type gridLines struct{ onlyX, onlyY bool }

// Plot implements gonum's plot.Plotter.
func (g gridLines) Plot(c draw.Canvas, p *gplot.Plot) {
	x, y := p.Transforms(&c)
	style := line(ruleLight, 0.8)
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if at := x(t.Value); !t.IsMinor() && c.ContainsX(at) && !g.onlyY {
			c.StrokeLine2(style, at, c.Min.Y, at, c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if at := y(t.Value); !t.IsMinor() && c.ContainsY(at) && !g.onlyX {
			c.StrokeLine2(style, c.Min.X, at, c.Max.X, at)
		}
	}
}

// markBand draws the bracket of a mark as a band and its position as a line.
type markBand struct{ mark }

// Plot implements gonum's plot.Plotter.
func (m markBand) Plot(c draw.Canvas, p *gplot.Plot) {
	x, _ := p.Transforms(&c)
	if m.High > m.Low && (m.Low > 0 || !isLog(p.X)) {
		lo, hi := max(x(m.Low), c.Min.X), min(x(m.High), c.Max.X)
		if hi > lo {
			c.SetColor(faint(m.color, 0.13))
			c.Fill(vg.Rectangle{Min: vg.Point{X: lo, Y: c.Min.Y}, Max: vg.Point{X: hi, Y: c.Max.Y}}.Path())
		}
	}
	at := x(m.X)
	c.StrokeLine2(line(m.color, 1, 3, 2), at, c.Min.Y, at, c.Max.Y)
}

func isLog(a gplot.Axis) bool {
	_, log := a.Scale.(gplot.LogScale)
	return log
}

// markLine is the height of a line of labels of marks.
const markLine = 14 * vg.Length(1)

func markStyle(c color.Color) draw.TextStyle {
	return aligned(letters(smallSize+0.5, c), draw.XLeft, draw.YCenter)
}

// pennant is where the label of a mark begins, and on which line above the plot.
type pennant struct {
	x   vg.Length
	row int
}

// placeMarks gives each label a line above the plot, like flags on poles: a label
// that would touch an earlier one goes below it, so that no pole crosses a label.
func placeMarks(p *gplot.Plot, body draw.Canvas, marks []mark) (flags []pennant, rows int) {
	data := p.DataCanvas(body)
	x, _ := p.Transforms(&data)
	var ends []vg.Length // of the last label of each line
	for _, m := range marks {
		w := markStyle(ink).Width(m.short) + 8
		f := pennant{x: max(min(x(m.X), body.Max.X-w), body.Min.X)}
		for r, end := range ends {
			if end > f.x {
				f.row = r + 1
			}
		}
		if f.row == len(ends) {
			ends = append(ends, 0)
		}
		ends[f.row] = f.x + w
		flags = append(flags, f)
	}
	return flags, len(ends)
}

// drawMarks draws poles and labels into the lines above the plot.
func (s *sheet) drawMarks(p *gplot.Plot, area draw.Canvas, marks []mark, flags []pennant) {
	data := p.DataCanvas(area)
	x, _ := p.Transforms(&data)
	top := s.body.Max.Y
	for i, m := range marks {
		at := x(m.X)
		s.all.StrokeLine2(line(m.color, 1), at, data.Max.Y, at, top-vg.Length(flags[i].row)*markLine)
	}
	for i, m := range marks {
		style := markStyle(m.color)
		y := top - (vg.Length(flags[i].row)+0.5)*markLine
		at := flags[i].x
		box := vg.Rectangle{Min: vg.Point{X: at + 1, Y: y - markLine/2}, Max: vg.Point{X: at + style.Width(m.short) + 7, Y: y + markLine/2}}
		s.all.SetColor(paper)
		s.all.Fill(box.Path())
		s.put(style, vg.Point{X: at + 4, Y: y}, m.short)
	}
}
