package plot

import (
	"fmt"
	"image"
	"image/color"
	stddraw "image/draw"

	gplot "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// facts are what every picture of a document says.
type facts struct {
	stamp, footer string
}

func factsOf(doc *results.Document) facts {
	// A long name must not push the date out of the stamp, or the version out of the footer.
	device := fit(letters(smallSize+1, ink), doc.Device.Name, width/5)
	footer := device
	if doc.Device.SMs > 0 {
		footer += fmt.Sprintf(" (%d SMs)", doc.Device.SMs)
	}
	driver, run, state, version := "", "", "", ""
	if doc.Device.Driver != "" {
		driver = "driver " + doc.Device.Driver
	}
	if !doc.Started.IsZero() {
		run = "run of " + doc.Started.UTC().Format("2006-01-02")
	}
	if doc.State == results.Interrupted {
		state = "interrupted"
	}
	if doc.Tool.Version != "" {
		version = "gpubench " + doc.Tool.Version
	}
	return facts{stamp: stamp(doc, device), footer: join(" · ", footer, driver, run, state, version)}
}

// Stamp is the short form of the banner of a document, as pictures carry it; it
// is empty for one that was measured.
func Stamp(doc *results.Document) string { return stamp(doc, doc.Device.Name) }

// stamp writes the device's name as given.
func stamp(doc *results.Document, device string) string {
	if cell.Banner(doc) == "" {
		return ""
	}
	if doc.Backend != "replay" {
		return "EMULATOR: no GPU was measured"
	}
	if device == "" {
		device = "an unnamed GPU"
	}
	s := "RECORDING of " + device
	if o := doc.Recording; o != nil {
		if !o.Recorded.IsZero() {
			s += ", " + o.Recorded.UTC().Format("2006-01-02")
		}
		if o.Stale > 0 {
			s += ", " + plural(o.Stale, "stale point")
		}
	}
	return s
}

// sheet is a blank picture: the whole canvas, and the body that is left for the figure.
type sheet struct {
	body  draw.Canvas
	all   draw.Canvas
	image *image.RGBA
	dpi   float64
}

func newSheet(dpi int) *sheet {
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	all := draw.New(c)
	s := &sheet{all: all, body: draw.Crop(all, margin, -margin, margin, -margin), dpi: float64(dpi)}
	s.image, _ = c.Image().(*image.RGBA)
	return s
}

// header writes title, note and stamp, and takes their room from the body.
func (s *sheet) header(title, note, stamp string) {
	top, left, room := s.body.Max.Y, s.body.Min.X, s.body.Size().X
	if stamp != "" {
		room -= s.stamp(stamp) + 2*gap
	}
	style := aligned(bold(letters(titleSize, ink)), draw.XLeft, draw.YTop)
	s.all.FillText(style, vg.Point{X: left, Y: top}, fit(style, title, room))
	s.body.Max.Y -= titleSize + 8
	if note != "" {
		style = aligned(letters(noteSize, inkLight), draw.XLeft, draw.YTop)
		s.all.FillText(style, vg.Point{X: left, Y: s.body.Max.Y}, fit(style, note, s.body.Size().X))
		s.body.Max.Y -= noteSize + 4
	}
	s.body.Max.Y -= gap + 2
}

// put writes a text; unlike FillText it centres what has YCenter on the height of
// its lower-case letters and not on its whole box, which looks too low.
func (s *sheet) put(style draw.TextStyle, at vg.Point, txt string) {
	if style.YAlign == draw.YCenter {
		at.Y += style.Font.Size * 0.13
	}
	s.all.FillText(style, at, txt)
}

// stamp draws the label of a recording into the upper right corner and returns its width.
func (s *sheet) stamp(txt string) vg.Length {
	style := aligned(bold(letters(smallSize+1, stampInk)), draw.XCenter, draw.YCenter)
	txt = fit(style, txt, width/2)
	w, h := style.Width(txt)+14, vg.Length(20)
	box := vg.Rectangle{Min: vg.Point{X: s.body.Max.X - w, Y: s.body.Max.Y - h + 2}, Max: vg.Point{X: s.body.Max.X, Y: s.body.Max.Y + 2}}
	s.all.SetColor(stampFill)
	s.all.Fill(box.Path())
	s.all.SetLineStyle(line(stampInk, 1))
	s.all.Stroke(box.Path())
	s.put(style, vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y + box.Max.Y) / 2}, txt)
	return w
}

// footer writes what was measured on what, and takes its room from the body.
func (s *sheet) footer(benchmark, facts string) {
	y := margin - 6
	s.all.StrokeLine2(line(ruleLight, 0.8), s.body.Min.X, y+smallSize+4, s.body.Max.X, y+smallSize+4)
	right := aligned(letters(smallSize, inkLight), draw.XRight, draw.YBottom)
	facts = fit(right, facts, s.body.Size().X*0.75)
	s.all.FillText(right, vg.Point{X: s.body.Max.X, Y: y}, facts)
	left := letters(smallSize, inkLight)
	s.all.FillText(left, vg.Point{X: s.body.Min.X, Y: y}, fit(left, benchmark, s.body.Size().X-right.Width(facts)-gap))
	s.body.Min.Y += smallSize + gap
}

// fitLabels shortens the labels of axes to the body.
func (s *sheet) fitLabels(p *gplot.Plot) {
	p.X.Label.Text = fit(p.X.Label.TextStyle, p.X.Label.Text, s.body.Size().X*0.9)
	p.Y.Label.Text = fit(p.Y.Label.TextStyle, p.Y.Label.Text, s.body.Size().Y*0.9)
}

// pixel converts a position of the canvas to one of the image.
func (s *sheet) pixel(x, y vg.Length) (int, int) {
	return int(x.Dots(s.dpi) + 0.5), int(height.Dots(s.dpi) - y.Dots(s.dpi) + 0.5)
}

// fill paints a rectangle with edges on whole pixels, so that neighbours leave no seam.
func (s *sheet) fill(r vg.Rectangle, c color.Color) {
	x0, y1 := s.pixel(r.Min.X, r.Min.Y)
	x1, y0 := s.pixel(r.Max.X, r.Max.Y)
	stddraw.Draw(s.image, image.Rect(x0, y0, x1, y1), image.NewUniform(c), image.Point{}, stddraw.Over)
}

// entry is a line of a legend.
type entry struct {
	label string
	line  *draw.LineStyle
	glyph *draw.GlyphStyle
	box   color.Color
}

// Sizes of a legend.
const (
	swatch     = 24 * vg.Length(1)
	legendMax  = 150 * vg.Length(1)
	legendLine = 13 * vg.Length(1)
)

// legend draws entries right of the body and takes their room from it.
func (s *sheet) legend(entries []entry) {
	if len(entries) == 0 {
		return
	}
	style := aligned(letters(tickSize, ink), draw.XLeft, draw.YCenter)
	lines := make([][]string, len(entries))
	widest := vg.Length(0)
	for i, e := range entries {
		lines[i] = wrap(style, e.label, legendMax, 3)
		for _, l := range lines[i] {
			widest = max(widest, style.Width(l))
		}
	}
	s.body.Max.X -= widest + swatch + 3*gap
	x, y := s.body.Max.X+2*gap, s.body.Max.Y-legendLine
	for i, e := range entries {
		e.draw(&s.all, x, y)
		for _, l := range lines[i] {
			s.put(style, vg.Point{X: x + swatch + gap, Y: y}, l)
			y -= legendLine
		}
		y -= 4
	}
}

func (e entry) draw(c *draw.Canvas, x, y vg.Length) {
	if e.box != nil {
		c.SetColor(e.box)
		c.Fill(vg.Rectangle{Min: vg.Point{X: x + 6, Y: y - 5}, Max: vg.Point{X: x + swatch - 4, Y: y + 5}}.Path())
	}
	if e.line != nil {
		c.StrokeLine2(*e.line, x, y, x+swatch, y)
	}
	if e.glyph != nil {
		c.DrawGlyphNoClip(*e.glyph, vg.Point{X: x + swatch/2, Y: y})
	}
}
