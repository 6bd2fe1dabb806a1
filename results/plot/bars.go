package plot

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	gplot "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// maxBars is the most bars of a picture; more rows are split evenly.
const maxBars = 45

// barFigures makes pictures of a benchmark's rows: one for each quantity and unit.
// Where most rows of a quantity are points of a curve, or of a grid and many, they
// are shown there.
func barFigures(doc *results.Document, benchmark string) []figure {
	var quantities [][]results.Row
	index := map[string]int{}
	shown := shownElsewhere(doc, benchmark)
	for _, r := range doc.Rows {
		// Rows without a number have no unit that could be relied on.
		if r.Benchmark != benchmark || !r.Status.HasNumber() && r.Status != results.Implausible {
			continue
		}
		quantity := r.Metric + "\x00" + r.Unit
		if _, seen := index[quantity]; !seen {
			index[quantity] = len(quantities)
			quantities = append(quantities, nil)
		}
		quantities[index[quantity]] = append(quantities[index[quantity]], r)
	}
	var figures []figure
	for _, rows := range quantities {
		if most(rows, shown.onCurve) {
			rows = slices.DeleteFunc(rows, func(r results.Row) bool { return shown.onCurve[key(r)] })
		}
		if len(rows) < 2 || len(rows) > maxBars && most(rows, shown.inGrid) {
			continue // one number needs no picture
		}
		parts := split(rows, maxBars)
		for i, part := range parts {
			figures = append(figures, barFigure(benchmark, part, i, len(parts)))
		}
	}
	return figures
}

// number is a value with its unit: rows, curves and grids come from the same
// analysis, so those of the same measurement are equal.
type number struct {
	value float64
	unit  string
}

func key(r results.Row) number { return number{r.Value, r.Unit} }

// elsewhere is the numbers that other pictures of a benchmark show.
type elsewhere struct{ onCurve, inGrid map[number]bool }

func shownElsewhere(doc *results.Document, benchmark string) elsewhere {
	e := elsewhere{map[number]bool{}, map[number]bool{}}
	for _, s := range doc.Series {
		if s.Benchmark != benchmark {
			continue
		}
		for _, p := range s.XY {
			e.onCurve[number{p.Y, s.Y.Unit}] = true
		}
	}
	for _, g := range doc.Grids {
		if g.Benchmark != benchmark {
			continue
		}
		for _, line := range g.Cells {
			for _, v := range line {
				if v != nil {
					e.inGrid[number{*v, g.Z.Unit}] = true
				}
			}
		}
	}
	return e
}

// most tells whether more than half of the rows are among the numbers; single
// rows may be equal to one by chance.
func most(rows []results.Row, numbers map[number]bool) bool {
	n := 0
	for _, r := range rows {
		if numbers[key(r)] {
			n++
		}
	}
	return 2*n > len(rows)
}

func barFigure(benchmark string, rows []results.Row, part, parts int) figure {
	b := newBars(rows)
	title := benchmark
	if !strings.HasSuffix(benchmark, rows[0].Metric) {
		title += ": " + rows[0].Metric
	}
	if parts > 1 {
		title += fmt.Sprintf(" (%d of %d)", part+1, parts)
	}
	return figure{
		name:    stem(benchmark, rows[0].Metric, rows[0].Unit),
		title:   title,
		note:    b.common,
		caption: b.caption(),
		draw:    b.draw,
	}
}

// bars is a picture of horizontal bars, one for each row, in their order.
type bars struct {
	rows   []results.Row
	labels []string
	common string
	top    float64 // the greatest value that is drawn
}

func newBars(rows []results.Row) *bars {
	b := &bars{rows: rows}
	b.common, b.labels = distinguish(rows)
	for _, r := range rows {
		b.top = max(b.top, r.Value)
		if r.Interval != nil && r.Interval[1] < 2*r.Value {
			b.top = max(b.top, r.Interval[1])
		}
	}
	for _, r := range rows {
		if r.Peak != nil && r.Peak.Value < 2*b.top {
			b.top = max(b.top, r.Peak.Value)
		}
		for _, p := range b.published(r) {
			b.top = max(b.top, p.Value)
		}
	}
	return b
}

// distinguish splits the coordinates of points into those that all rows share
// and, for each row, those that tell it from the others.
func distinguish(rows []results.Row) (common string, labels []string) {
	shared := map[string]bool{}
	var same []string
	if len(rows) > 1 {
		for _, kv := range rows[0].Point {
			differs := func(r results.Row) bool { return r.Point.Get(kv.Key) != kv.Value }
			if !slices.ContainsFunc(rows, differs) {
				shared[kv.Key] = true
				same = append(same, kv.Key+" = "+kv.Value)
			}
		}
	}
	for _, r := range rows {
		var own []string
		for _, kv := range r.Point {
			if !shared[kv.Key] {
				own = append(own, coordinate(kv))
			}
		}
		labels = append(labels, strings.Join(own, " · "))
	}
	return strings.Join(same, ", "), labels
}

// coordinate is a value that can be understood alone: bare numbers get their name.
func coordinate(kv results.Param) string {
	v, err := strconv.ParseFloat(kv.Value, 64)
	switch {
	case err != nil:
		return kv.Value
	case kv.Key == "footprint":
		return cell.Bytes(v)
	}
	return kv.Key + " " + kv.Value
}

// published is other people's figures that can stand on the same axis.
func (b *bars) published(r results.Row) []results.Published {
	return slices.DeleteFunc(slices.Clone(r.Published), func(p results.Published) bool {
		return p.Unit != "" && p.Unit != r.Unit || p.Value <= 0 || p.Value > 3*b.rowsTop()
	})
}

func (b *bars) rowsTop() float64 {
	top := 0.0
	for _, r := range b.rows {
		top = max(top, r.Value)
	}
	return top
}

func (b *bars) isEmulated() bool {
	return slices.ContainsFunc(b.rows, func(r results.Row) bool { return r.Proof.Emulated })
}

func (b *bars) caption() string {
	first := b.rows[0]
	s := fmt.Sprintf("%s (%s) of %s.", sentence(first.Metric), first.Unit, plural(len(b.rows), "row"))
	if b.isEmulated() {
		s += " Orange: the machine has no instruction for the whole work and runs several."
	}
	if slices.ContainsFunc(b.rows, func(r results.Row) bool { return r.Peak != nil }) {
		s += " Short upright lines: the theoretical peak at the measured clock."
	}
	if len(b.gpus()) > 0 {
		s += " Marks: figures published for other GPUs; their sources stand below the table."
	}
	return s
}

// gpus lists the GPUs of the published figures.
func (b *bars) gpus() []string {
	var list []string
	for _, r := range b.rows {
		for _, p := range b.published(r) {
			if name := cell.ShortGPU(p.GPU); !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

func (b *bars) draw(s *sheet) error {
	s.legend(b.legend())
	n := len(b.rows)
	slot := (s.body.Size().Y - 40) / vg.Length(n)
	p := newPlot()
	p.Y.Tick.Label.Font.Size = min(tickSize, max(slot-1.5, 6))
	p.Y.Tick.Length = 0
	p.Y.LineStyle.Width = 0
	p.Y.Min, p.Y.Max = -0.6, float64(n)-0.4
	var ticks gplot.ConstantTicks
	for i, l := range b.labels {
		ticks = append(ticks, gplot.Tick{Value: float64(n - 1 - i), Label: fit(p.Y.Tick.Label, l, s.body.Size().X*0.36)})
	}
	p.Y.Tick.Marker = ticks
	p.X.Min = 0
	p.X.Max = b.top * 1.02
	p.X.Label.Text = axisText(results.Axis{Label: b.rows[0].Metric, Unit: b.rows[0].Unit})
	s.fitLabels(p)
	if p.X.Max <= 0 {
		p.X.Max = 1
	}
	p.X.Tick.Marker = evenTicks(0, p.X.Max, 8)
	// The numbers stand in a column right of the plot, where nothing runs into them.
	numbers := letters(p.Y.Tick.Label.Font.Size, ink)
	widest := vg.Length(0)
	for _, r := range b.rows {
		widest = max(widest, numbers.Width(valueText(r)))
	}
	area := s.body
	area.Max.X -= widest + gap
	p.Add(gridLines{onlyX: true}, barPlotter{b, numbers, s})
	p.Draw(area)
	return nil
}

// valueText stands beside a bar.
func valueText(r results.Row) string {
	s := cell.Value(r)
	if r.Unit == "" || isBytes(r.Unit) {
		s = cell.ValueUnit(r)
	}
	if r.Status != results.OK {
		s += " " + string(r.Status)
	}
	return s
}

func (b *bars) legend() []entry {
	var entries []entry
	if b.isEmulated() || strings.HasPrefix(b.rows[0].Benchmark, "dpx/") {
		entries = append(entries, entry{label: "one native instruction", box: native})
	}
	if b.isEmulated() {
		entries = append(entries, entry{label: "emulated by several instructions", box: emulated})
	}
	if slices.ContainsFunc(b.rows, func(r results.Row) bool { return r.Status != results.OK }) {
		entries = append(entries, entry{label: "not ok: read its reason", box: pale})
	}
	if slices.ContainsFunc(b.rows, func(r results.Row) bool { return r.Peak != nil }) {
		g := draw.GlyphStyle{Color: ink, Radius: 5, Shape: upright{}}
		entries = append(entries, entry{label: "theoretical peak", glyph: &g})
	}
	for i, name := range b.gpus() {
		_, g := publishedStyle(i)
		g.Radius, g.Shape = 3.4, onBar(g)
		entries = append(entries, entry{label: name + ", published", glyph: &g})
	}
	return entries
}

// upright is a short upright line.
type upright struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (upright) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.StrokeLine2(line(s.Color, 1.4), at.X, at.Y-s.Radius, at.X, at.Y+s.Radius)
}

// onBar gives a mark a white ground, so that it is seen on bars of any colour.
func onBar(g draw.GlyphStyle) draw.GlyphDrawer { return grounded{g.Shape} }

// grounded draws an outline on a white ground of its shape.
type grounded struct{ outline draw.GlyphDrawer }

// DrawGlyph implements draw.GlyphDrawer.
func (o grounded) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	var ground draw.GlyphDrawer = draw.CircleGlyph{}
	switch o.outline.(type) {
	case draw.SquareGlyph:
		ground = draw.BoxGlyph{}
	case draw.TriangleGlyph:
		ground = draw.PyramidGlyph{}
	}
	c.SetColor(paper)
	ground.DrawGlyph(c, draw.GlyphStyle{Color: paper, Radius: s.Radius + 1, Shape: ground}, at)
	c.SetColor(ink)
	o.outline.DrawGlyph(c, draw.GlyphStyle{Color: ink, Radius: s.Radius, Shape: o.outline}, at)
}

// barPlotter draws the bars.
type barPlotter struct {
	*bars
	numbers draw.TextStyle
	sheet   *sheet
}

// Plot implements gonum's plot.Plotter.
func (b barPlotter) Plot(c draw.Canvas, p *gplot.Plot) {
	x, y := p.Transforms(&c)
	half := min((y(1)-y(0))*0.38, 9)
	zero := x(0)
	gpus := b.gpus()
	for i, r := range b.rows {
		at := y(float64(len(b.rows) - 1 - i))
		end := x(min(max(r.Value, 0), p.X.Max))
		b.sheet.fill(vg.Rectangle{Min: vg.Point{X: zero, Y: at - half}, Max: vg.Point{X: end, Y: at + half}}, b.color(r))
		b.interval(c, x, r, at, half)
		if r.Peak != nil && r.Peak.Value > 0 && r.Peak.Value <= p.X.Max {
			upright{}.DrawGlyph(&c, draw.GlyphStyle{Color: ink, Radius: half + 1}, vg.Point{X: x(r.Peak.Value), Y: at})
		}
		for _, f := range b.published(r) {
			_, g := publishedStyle(slices.Index(gpus, cell.ShortGPU(f.GPU)))
			g.Radius = min(3.4, half*0.7)
			onBar(g).DrawGlyph(&c, g, vg.Point{X: x(f.Value), Y: at})
		}
		style := aligned(b.numbers, draw.XLeft, draw.YCenter)
		if r.Status != results.OK {
			style.Color = warning
		}
		b.sheet.put(style, vg.Point{X: c.Max.X + gap, Y: at}, valueText(r))
	}
	c.StrokeLine2(line(inkLight, 1), zero, c.Min.Y, zero, c.Max.Y)
}

func (b *bars) color(r results.Row) color.NRGBA {
	switch {
	case r.Status != results.OK:
		return pale
	case r.Proof.Emulated:
		return emulated
	}
	return native
}

// interval draws the interval of a row where it is wide enough to be seen.
func (b *bars) interval(c draw.Canvas, x func(float64) vg.Length, r results.Row, at, half vg.Length) {
	if r.Interval == nil {
		return
	}
	lo, hi := x(max(r.Interval[0], 0)), x(min(r.Interval[1], b.top))
	if hi-lo < 1.5 || math.IsNaN(float64(hi-lo)) {
		return
	}
	style := line(ink, 1)
	c.StrokeLine2(style, lo, at, hi, at)
	for _, e := range []vg.Length{lo, hi} {
		c.StrokeLine2(style, e, at-half/2, e, at+half/2)
	}
}
