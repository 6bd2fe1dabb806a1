package plot

import (
	"image/color"
	"math"
	"strings"

	xfont "golang.org/x/image/font"
	gplot "gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gpubench/gpubench/internal/drawing"
)

// The house style: what a picture's look depends on is in this file, and what it
// shares with other pictures in package drawing.

// A picture is 1200 x 750 pixels at 96 dots an inch: 900 x 562.5 points.
const (
	fullDPI = drawing.DPI
	width   = 900 * vg.Length(1)
	height  = 562.5 * vg.Length(1)
	margin  = 20 * vg.Length(1)
	gap     = 8 * vg.Length(1)
)

// Sizes of letters, in points.
const (
	titleSize = 16
	noteSize  = 10.5
	axisSize  = 10.5
	tickSize  = 9.5
	smallSize = 8.5
)

// Colours. Lines use Okabe and Ito's palette without its yellow, which is too
// pale on white; its colours stay apart for all common kinds of colour blindness.
var (
	ink       = drawing.Ink.NRGBA()
	inkLight  = rgb(0x5b6673)
	ruleLight = rgb(0xe8ecf0)
	paper     = rgb(0xffffff)
	missing   = rgb(0xe4e4e4)
	stampFill = rgb(0xffe8b0)
	stampInk  = rgb(0x7a3e00)
	warning   = drawing.Red.NRGBA()
	native    = drawing.Blue.NRGBA()
	emulated  = rgb(0xe69f00)
	pale      = drawing.Pale.NRGBA()
)

// lineColors is a fresh copy, so that nobody can change the style.
func lineColors() []color.NRGBA {
	return []color.NRGBA{rgb(0x0072b2), rgb(0xd55e00), rgb(0x009e73), rgb(0xb04f8a), rgb(0x3fa4dd), rgb(0xc98500), rgb(0x3a3f46)}
}

func rgb(v uint32) color.NRGBA { return drawing.Color(v).NRGBA() }

// faint is the colour with a share of its opacity.
func faint(c color.NRGBA, alpha float64) color.NRGBA {
	c.A = uint8(255*alpha + 0.5)
	return c
}

// letters is a style of text.
func letters(size vg.Length, c color.Color) text.Style { return drawing.Letters(size, c) }

func bold(s text.Style) text.Style {
	s.Font.Weight = xfont.WeightBold
	return s
}

func aligned(s text.Style, x draw.XAlignment, y draw.YAlignment) text.Style {
	s.XAlign, s.YAlign = x, y
	return s
}

// line is a style of stroke.
func line(c color.Color, points vg.Length, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: points, Dashes: dashes}
}

// lineStyle tells the i-th curve from the others: by colour, by dashes (so that
// curves that coincide are both seen) and by mark.
func lineStyle(i int) (draw.LineStyle, draw.GlyphStyle) {
	colors := lineColors()
	c := colors[i%len(colors)]
	dashes := [][]vg.Length{nil, {7, 3}, nil, {3, 2}, {9, 3, 2, 3}}
	glyphs := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}}
	d := (i + i/len(colors)) % len(dashes)
	return line(c, 1.8, dashes[d]...), draw.GlyphStyle{Color: c, Radius: 3, Shape: glyphs[i%len(glyphs)]}
}

// peakLine is the style of theoretical peaks.
func peakLine() draw.LineStyle { return line(ink, 1.2, 6, 4) }

// publishedStyle draws other people's figures lighter than ours.
func publishedStyle(i int) (draw.LineStyle, draw.GlyphStyle) {
	muted := []color.NRGBA{rgb(0x6b7683), rgb(0xb0713a), rgb(0x7a4fa3)}
	dashes := [][]vg.Length{{2, 2}, {6, 2}, {8, 2, 2, 2}}
	glyphs := []draw.GlyphDrawer{draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}}
	c := muted[i%len(muted)]
	return line(c, 1.2, dashes[i%len(dashes)]...), draw.GlyphStyle{Color: c, Radius: 2.6, Shape: glyphs[i%len(glyphs)]}
}

// newPlot is a plot without title and legend in the house style.
func newPlot() *gplot.Plot {
	p := gplot.New()
	p.BackgroundColor = nil
	for _, a := range []*gplot.Axis{&p.X, &p.Y} {
		a.LineStyle = line(inkLight, 0.8)
		a.Tick.LineStyle = line(inkLight, 0.8)
		a.Tick.Length = 4
		a.Padding = 0
		a.Label.Padding = 5
	}
	p.X.Label.TextStyle = aligned(letters(axisSize, ink), draw.XCenter, draw.YBottom)
	p.Y.Label.TextStyle = aligned(letters(axisSize, ink), draw.XCenter, draw.YBottom)
	p.X.Tick.Label = aligned(letters(tickSize, ink), draw.XCenter, draw.YTop)
	p.Y.Tick.Label = aligned(letters(tickSize, ink), draw.XRight, draw.YCenter)
	return p
}

// fit shortens a text to a width; what is cut shows as an ellipsis.
func fit(s text.Style, txt string, w vg.Length) string {
	if s.Width(txt) <= w {
		return txt
	}
	runes := []rune(txt)
	lo, hi := 0, len(runes)
	for lo < hi { // the longest beginning that fits
		mid := (lo + hi + 1) / 2
		if s.Width(string(runes[:mid])+"…") <= w {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return strings.TrimRight(string(runes[:lo]), " ,;") + "…"
}

// wrap breaks a text into lines of a width; a word that is longer is shortened.
func wrap(s text.Style, txt string, w vg.Length, most int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Fields(txt) {
		longer := strings.TrimSpace(current + " " + word)
		if current == "" || s.Width(longer) <= w {
			current = longer
			continue
		}
		lines = append(lines, current)
		current = word
	}
	lines = append(lines, current)
	if len(lines) > most {
		lines[most-1] = strings.Join(lines[most-1:], " ")
		lines = lines[:most]
	}
	for i := range lines {
		lines[i] = fit(s, lines[i], w)
	}
	return lines
}

// ramp is the colour of a share between 0 and 1 on the scale of heat maps: dark
// blue to pale yellow, its lightness rising evenly, so that it also reads in grey.
// It has a fixed number of shades, so that a picture's palette can hold them all.
func ramp(t float64) color.NRGBA { return shade(int(math.Round(min(max(t, 0), 1) * (shades - 1)))) }

// shades is how many colours the scale has.
const shades = 128

func shade(i int) color.NRGBA {
	anchors := []color.NRGBA{rgb(0x15244f), rgb(0x27497f), rgb(0x2f7291), rgb(0x3f9a8f), rgb(0x79bd7c), rgb(0xbfd96f), rgb(0xf8ec9a)}
	t := float64(i) / (shades - 1) * float64(len(anchors)-1)
	k := min(int(t), len(anchors)-2)
	f := t - float64(k)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + f*(float64(b)-float64(a)))) }
	a, b := anchors[k], anchors[k+1]
	return color.NRGBA{R: mix(a.R, b.R), G: mix(a.G, b.G), B: mix(a.B, b.B), A: 0xff}
}

// luminance is the relative lightness of a colour as the eye sees it, 0 to 1.
func luminance(c color.NRGBA) float64 {
	linear := func(v uint8) float64 { return math.Pow(float64(v)/255, 2.2) }
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// on is the colour of letters on a background.
func on(background color.NRGBA) color.NRGBA {
	if luminance(background) > 0.3 {
		return ink
	}
	return paper
}
