package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gpubench/gpubench/internal/drawing"
)

// Picture is a drawn picture.
type Picture struct {
	Name    string // stem of a file name
	Title   string // also drawn
	Caption string
	PNG     []byte
}

const margin = 14 * vg.Length(1)

func letters(size vg.Length) text.Style { return drawing.Letters(size, drawing.Ink) }

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle = letters(14)
	p.Title.TextStyle.Font.Weight = xfont.WeightBold
	p.Title.TextStyle.XAlign, p.Title.TextStyle.YAlign = draw.XCenter, draw.YTop
	p.Title.Padding = 8
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle = letters(10.5)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		a.Label.Padding = 5
		a.LineStyle.Color, a.Tick.LineStyle.Color = drawing.Pale, drawing.Pale
	}
	p.X.Tick.Label, p.Y.Tick.Label = letters(9.5), letters(9.5)
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.Legend.TextStyle = letters(9.5)
	p.Legend.Padding = 3
	return p
}

// share makes both axes run from 0 to 1.
func share(p *plot.Plot) {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
}

func png(p *plot.Plot, width, height vg.Length) ([]byte, error) {
	data, err := drawing.PNG(width, height, func(c draw.Canvas) { p.Draw(draw.Crop(c, margin, -margin, margin, -margin)) })
	if err != nil {
		return nil, fmt.Errorf("draw %q: %w", p.Title.Text, err)
	}
	return data, nil
}

// Pictures draws an evaluation: the confusion matrix, the reliability curve and
// the ROC curves. One that has no data is left out.
func Pictures(name string, predictions []Prediction) ([]Picture, error) {
	var all []Picture
	for _, make := range []func(string, []Prediction) (*Picture, error){confusionPicture, reliabilityPicture, rocPicture} {
		pic, err := make(name, predictions)
		if err != nil {
			return all, err
		}
		if pic != nil {
			all = append(all, *pic)
		}
	}
	return all, nil
}

func confusionPicture(name string, predictions []Prediction) (*Picture, error) {
	c := Confuse(predictions)
	n := len(c.Classes)
	if n == 0 {
		return nil, nil
	}
	p := newPlot(name+": said and true", "said", "true")
	p.Add(matrix{c})
	var x, y []plot.Tick
	for i, class := range c.Classes {
		x = append(x, plot.Tick{Value: float64(i), Label: class})
		y = append(y, plot.Tick{Value: float64(n - 1 - i), Label: class})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(x), plot.ConstantTicks(y)
	const short = 4 // letters that fit below a cell
	if slices.ContainsFunc(c.Classes, func(class string) bool { return len(class) > short }) {
		p.X.Tick.Label.Rotation = math.Pi / 3
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(n)-0.5, -0.5, float64(n)-0.5
	side := vg.Length(max(300, 200+24*n))
	data, err := png(p, side*1.25, side)
	caption := fmt.Sprintf("Rows are what was true, columns what was said, of sessions that were not trained on: balanced accuracy %.3f, macro F1 %.3f.",
		c.BalancedAccuracy(), c.MacroF1())
	return &Picture{"confusion", p.Title.Text, caption, data}, err
}

// matrix draws a confusion matrix: shades are shares of the row.
type matrix struct{ Confusion }

// Plot implements plot.Plotter.
func (m matrix) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	n := len(m.Classes)
	style := letters(vg.Length(min(10, max(6, 160/n))))
	style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
	for i, row := range m.Counts {
		all := max(total(row), 1)
		for j, count := range row {
			x, y := float64(j), float64(n-1-i)
			part := float64(count) / float64(all)
			c.FillPolygon(shade(part, i == j), []vg.Point{{X: tx(x - 0.48), Y: ty(y - 0.48)}, {X: tx(x + 0.48), Y: ty(y - 0.48)},
				{X: tx(x + 0.48), Y: ty(y + 0.48)}, {X: tx(x - 0.48), Y: ty(y + 0.48)}})
			if count == 0 {
				continue
			}
			style.Color = drawing.Ink
			if part > 0.6 {
				style.Color = color.White
			}
			c.FillText(style, vg.Point{X: tx(x), Y: ty(y)}, fmt.Sprint(count))
		}
	}
}

// shade goes from a pale grey to blue where right and red where wrong.
func shade(part float64, right bool) color.Color {
	to := drawing.Red.NRGBA()
	if right {
		to = drawing.Blue.NRGBA()
	}
	mix := func(to uint8) uint8 { return uint8(244 + part*(float64(to)-244)) }
	return color.NRGBA{mix(to.R), mix(to.G), mix(to.B), 0xff}
}

func reliabilityPicture(name string, predictions []Prediction) (*Picture, error) {
	bins := Reliability(predictions)
	if len(bins) == 0 {
		return nil, nil
	}
	p := newPlot(name+": how far to trust a probability", "probability that was said", "share that was right")
	points := make(plotter.XYs, len(bins))
	for i, b := range bins {
		points[i] = plotter.XY{X: b.Said, Y: b.Right}
	}
	if err := add(p, []series{{points, drawing.Blue, "measured", true}, {diagonal(), drawing.Pale, "perfect", false}}); err != nil {
		return nil, err
	}
	labels := plotter.XYLabels{XYs: points}
	for _, b := range bins {
		labels.Labels = append(labels.Labels, fmt.Sprintf(" %d", b.Count))
	}
	counts, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, fmt.Errorf("draw %q: %w", p.Title.Text, err)
	}
	for i := range counts.TextStyle {
		counts.TextStyle[i] = letters(8.5)
		counts.TextStyle[i].YAlign = draw.YTop
	}
	p.Add(counts)
	p.Legend.XOffs, p.Legend.YOffs = -8, 12
	share(p)
	data, err := png(p, 460, 400)
	caption := fmt.Sprintf("Predictions by the probability of the best class; numbers count them. Expected calibration error %.3f.", CalibrationError(bins))
	return &Picture{"reliability", p.Title.Text, caption, data}, err
}

func rocPicture(name string, predictions []Prediction) (*Picture, error) {
	p := newPlot(name+": ROC", "false positives", "true positives")
	lines := []series{{diagonal(), drawing.Pale, "chance", false}}
	caption := ""
	for i, c := range []Curve{Classes(predictions), Unknown(predictions)} {
		if len(c.Points) == 0 {
			continue
		}
		points := make(plotter.XYs, len(c.Points))
		for k, at := range c.Points {
			points[k] = plotter.XY{X: at.False, Y: at.True}
		}
		lines = append(lines, series{points, []drawing.Color{drawing.Blue, drawing.Red}[i], fmt.Sprintf("%s, area %.3f", c.Name, c.Area), false})
		caption += fmt.Sprintf("%s: area %.3f, %d positives, %d negatives. ", c.Name, c.Area, c.Positives, c.Negatives)
	}
	if len(lines) == 1 {
		return nil, nil
	}
	if err := add(p, lines); err != nil {
		return nil, err
	}
	p.Legend.XOffs, p.Legend.YOffs = -8, 12
	share(p)
	data, err := png(p, 460, 400)
	return &Picture{"roc", p.Title.Text, caption, data}, err
}

// series is a curve with its legend; marks show its points.
type series struct {
	points plotter.XYs
	color  color.Color
	name   string
	marks  bool
}

func diagonal() plotter.XYs { return plotter.XYs{{}, {X: 1, Y: 1}} }

func add(p *plot.Plot, all []series) error {
	for _, s := range all {
		l, marks, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return fmt.Errorf("draw %q: %w", p.Title.Text, err)
		}
		l.Color, l.Width = s.color, 1.8
		p.Add(l)
		p.Legend.Add(s.name, l)
		if s.marks {
			marks.Color, marks.Shape, marks.Radius = s.color, draw.CircleGlyph{}, 3
			p.Add(marks)
		}
	}
	return nil
}
