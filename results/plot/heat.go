package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	gplot "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// maxNumbers is the most columns and rows of a heat map whose cells show their number.
const maxNumbers = 12

// robustCells is from how many cells on the colours span the bulk of the values
// where single ones lie far out.
const robustCells = 500

// heatFigures makes a picture of each grid of a benchmark.
func heatFigures(doc *results.Document, benchmark string) []figure {
	var figures []figure
	for _, g := range doc.Grids {
		if g.Benchmark != benchmark || len(g.XLabels) == 0 || len(g.YLabels) == 0 {
			continue
		}
		h := newHeat(g)
		if h.measured == 0 {
			continue
		}
		figures = append(figures, figure{
			name:    stem(benchmark, g.Name),
			title:   join(": ", benchmark, g.Name),
			note:    sentence(g.Z.Label) + " by " + g.Y.Label + " and " + g.X.Label,
			caption: h.caption(),
			draw:    h.draw,
		})
	}
	return figures
}

// heat is a heat map.
type heat struct {
	results.Grid
	all      span // of all values
	colors   span // of the colours
	measured int
}

func newHeat(g results.Grid) *heat {
	h := &heat{Grid: g}
	var values []float64
	for y := range g.YLabels {
		for x := range g.XLabels {
			if v := h.at(x, y); v != nil {
				values = append(values, *v)
				h.all.add(*v)
			}
		}
	}
	h.measured = len(values)
	h.colors = h.all
	if h.measured < robustCells {
		return h
	}
	slices.Sort(values)
	cut := h.measured / 100
	lo, hi := values[cut], values[h.measured-1-cut]
	if hi > lo && hi-lo < 0.6*(h.all.hi-h.all.lo) {
		h.colors.lo, h.colors.hi = lo, hi
	}
	return h
}

// at is a cell, nil where it is missing or the grid is ragged.
func (h *heat) at(x, y int) *float64 {
	if y >= len(h.Cells) || x >= len(h.Cells[y]) {
		return nil
	}
	return h.Cells[y][x]
}

func (h *heat) caption() string {
	cells := len(h.XLabels) * len(h.YLabels)
	s := fmt.Sprintf("%s by %s (up) and %s (right); %s to %s %s.", axisText(h.Z), h.Y.Label, h.X.Label,
		cell.Number(h.all.lo), cell.Number(h.all.hi), h.Z.Unit)
	if h.measured < cells {
		s += fmt.Sprintf(" %d of %d cells were not measured (grey).", cells-h.measured, cells)
	}
	if h.colors != h.all {
		s += " The colours span the middle 98 % of the cells."
	}
	return s
}

// share is where a value lies on the colour scale.
func (h *heat) share(v float64) float64 {
	if h.colors.hi == h.colors.lo {
		return 0.5
	}
	return min(max((v-h.colors.lo)/(h.colors.hi-h.colors.lo), 0), 1)
}

// maxName is the most room that the name of a row or column gets.
const maxName = 130 * vg.Length(1)

// barRoom is what the colour bar takes on the right.
const barRoom = 104 * vg.Length(1)

func (h *heat) draw(s *sheet) error {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = axisText(h.X), axisText(h.Y)
	s.fitLabels(p)
	p.X.Min, p.X.Max = -0.5, float64(len(h.XLabels))-0.5
	p.Y.Min, p.Y.Max = -0.5, float64(len(h.YLabels))-0.5
	bar := s.body
	area := s.body
	area.Max.X -= barRoom
	p.Y.Tick.Marker = labelTicks(h.YLabels, int(area.Size().Y/(tickSize+3)), isIndex(h.YLabels))
	h.columnTicks(p, area)
	area = h.shape(p, area)
	p.X.Label.Text = fit(p.X.Label.TextStyle, p.X.Label.Text, area.Size().X*0.8)
	h.columnTicks(p, area)
	p.Add(heatCells{h, s})
	p.Draw(area)
	data := p.DataCanvas(area)
	bar.Min = vg.Point{X: data.Max.X + 2*gap, Y: data.Min.Y}
	bar.Max.Y = data.Max.Y
	h.colorBar(s, bar)
	return nil
}

// shape narrows the area where cells would be far wider than high, and centres it.
func (h *heat) shape(p *gplot.Plot, area draw.Canvas) draw.Canvas {
	data := p.DataCanvas(area)
	widest := vg.Length(2.4)
	if len(h.XLabels) > maxNumbers && len(h.YLabels) > maxNumbers {
		widest = 1
	}
	nx, ny := vg.Length(len(h.XLabels)), vg.Length(len(h.YLabels))
	spare := data.Size().X - nx*widest*data.Size().Y/ny
	spare = min(spare, data.Size().X*0.6)
	if spare > 0 {
		area.Min.X += spare / 2
		area.Max.X -= spare / 2
	}
	return area
}

// columnTicks labels the columns: upright where that fits, turned where every
// column needs its name, thinned where names are numbers.
func (h *heat) columnTicks(p *gplot.Plot, area draw.Canvas) {
	style := aligned(letters(tickSize, ink), draw.XCenter, draw.YTop)
	widest := vg.Length(0)
	for _, l := range h.XLabels {
		widest = max(widest, min(style.Width(l), maxName))
	}
	p.X.Tick.Label = style
	p.X.Tick.Marker = labelTicks(h.XLabels, len(h.XLabels), false)
	room := p.DataCanvas(area).Size().X
	switch {
	case isIndex(h.XLabels):
		p.X.Tick.Marker = labelTicks(h.XLabels, int(room/(widest+gap)), true)
	case (widest+4)*vg.Length(len(h.XLabels)) > room:
		p.X.Tick.Label.Rotation = math.Pi / 2
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
		p.X.Tick.Marker = labelTicks(h.XLabels, int(room/(tickSize+3)), false)
	}
}

// isIndex reports whether labels are 0, 1, 2, ... or another even count, so that
// those left out are understood.
func isIndex(labels []string) bool {
	for i, l := range labels {
		if l != fmt.Sprint(i) {
			return false
		}
	}
	return len(labels) > maxNumbers
}

// labelTicks puts labels at 0, 1, 2, ..., at most n of them; round asks for
// round numbers among them.
func labelTicks(labels []string, n int, round bool) gplot.ConstantTicks {
	every := max(1, (len(labels)+n-1)/max(n, 1))
	if round && every > 1 {
		for _, r := range []int{2, 4, 8, 16, 32, 64} {
			if r >= every {
				every = r
				break
			}
		}
	}
	var ticks gplot.ConstantTicks
	for i, l := range labels {
		if i%every == 0 {
			ticks = append(ticks, gplot.Tick{Value: float64(i), Label: fit(letters(tickSize, ink), l, maxName)})
		}
	}
	return ticks
}

// heatCells draws the cells.
type heatCells struct {
	*heat
	sheet *sheet
}

// Plot implements gonum's plot.Plotter.
func (h heatCells) Plot(c draw.Canvas, p *gplot.Plot) {
	numbers := len(h.XLabels) <= maxNumbers && len(h.YLabels) <= maxNumbers
	x, y := p.Transforms(&c)
	style := aligned(letters(tickSize, ink), draw.XCenter, draw.YCenter)
	texts, size := h.texts(x(1) - x(0))
	style.Font.Size = size
	for j := range h.YLabels {
		for i := range h.XLabels {
			color := missing
			if v := h.at(i, j); v != nil {
				color = ramp(h.share(*v))
			}
			box := vg.Rectangle{
				Min: vg.Point{X: x(float64(i) - 0.5), Y: y(float64(j) - 0.5)},
				Max: vg.Point{X: x(float64(i) + 0.5), Y: y(float64(j) + 0.5)},
			}
			h.sheet.fill(box, color)
			if numbers && texts[j][i] != "" {
				style.Color = on(color)
				h.sheet.put(style, vg.Point{X: x(float64(i)), Y: y(float64(j))}, texts[j][i])
			}
		}
	}
}

// texts are the numbers of the cells, all with the same decimals, and the size of
// letters with which the longest fits into a cell.
func (h heatCells) texts(room vg.Length) ([][]string, vg.Length) {
	decimals := decimalsOf(h.all.lo, h.all.hi)
	style := letters(tickSize, ink)
	longest := vg.Length(0)
	texts := make([][]string, len(h.YLabels))
	for y := range texts {
		texts[y] = make([]string, len(h.XLabels))
		for x := range texts[y] {
			if v := h.at(x, y); v != nil {
				texts[y][x] = fmt.Sprintf("%.*f", decimals, *v)
				longest = max(longest, style.Width(texts[y][x]))
			}
		}
	}
	if longest == 0 {
		return texts, tickSize
	}
	return texts, max(min(tickSize*(room-4)/longest, tickSize), 5)
}

// decimalsOf is how many decimals show values up to these with about four digits.
func decimalsOf(lo, hi float64) int {
	biggest := max(math.Abs(lo), math.Abs(hi))
	switch {
	case biggest == 0 || lo == math.Trunc(lo) && hi == math.Trunc(hi) && biggest >= 1000:
		return 0
	case biggest >= 1000:
		return 0
	}
	return min(max(3-int(math.Floor(math.Log10(biggest)))-1, 0)+1, 5)
}

// colorBar draws the scale of colours with its unit.
func (h *heat) colorBar(s *sheet, area draw.Canvas) {
	const thick = 14 * vg.Length(1)
	style := aligned(letters(tickSize, ink), draw.XLeft, draw.YCenter)
	unit := aligned(bold(letters(tickSize, ink)), draw.XLeft, draw.YTop)
	for _, l := range wrap(unit, join(", ", h.Z.Label, h.Z.Unit), area.Size().X, 3) {
		s.all.FillText(unit, vg.Point{X: area.Min.X, Y: area.Max.Y}, l)
		area.Max.Y -= tickSize + 4
	}
	area.Max.Y -= gap
	if h.measured < len(h.XLabels)*len(h.YLabels) {
		entry{box: missing}.draw(&s.all, area.Min.X-6, area.Min.Y+6)
		s.put(style, vg.Point{X: area.Min.X + thick + 6, Y: area.Min.Y + 6}, "not measured")
		area.Min.Y += 3 * gap
	}
	if h.colors.hi == h.colors.lo {
		s.fill(vg.Rectangle{Min: area.Min, Max: vg.Point{X: area.Min.X + thick, Y: area.Min.Y + thick}}, ramp(0.5))
		s.put(style, vg.Point{X: area.Min.X + thick + 6, Y: area.Min.Y + thick/2}, cell.Number(h.colors.lo))
		return
	}
	span := area.Max.Y - area.Min.Y
	slices := int(span.Dots(s.dpi))
	for i := range slices {
		y := area.Min.Y + span*vg.Length(i)/vg.Length(slices)
		s.fill(vg.Rectangle{Min: vg.Point{X: area.Min.X, Y: y}, Max: vg.Point{X: area.Min.X + thick, Y: y + span/vg.Length(slices)}}, ramp((float64(i)+0.5)/float64(slices)))
	}
	h.barTicks(s, area, area.Min.X+thick)
}

// barTicks labels the colour bar; its ends say so where values lie beyond them.
func (h *heat) barTicks(s *sheet, area draw.Canvas, x vg.Length) {
	style := aligned(letters(tickSize, ink), draw.XLeft, draw.YCenter)
	label := func(v float64, txt string) {
		y := area.Min.Y + area.Size().Y*vg.Length(h.share(v))
		s.all.StrokeLine2(line(inkLight, 0.8), x, y, x+4, y)
		s.put(style, vg.Point{X: x + 6, Y: y}, txt)
	}
	for _, v := range steps(h.colors.lo, h.colors.hi, 6) {
		if t := h.share(v); h.colors == h.all || t > 0.05 && t < 0.95 {
			label(v, tickLabel(v))
		}
	}
	if h.colors == h.all {
		return
	}
	label(h.colors.lo, strings.TrimSpace("≤ "+cell.Number(h.colors.lo)))
	label(h.colors.hi, strings.TrimSpace("≥ "+cell.Number(h.colors.hi)))
}
