package eval

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gpubench/gpubench/internal/drawing"
)

const (
	panelSide  = 290 * vg.Length(1)
	panelGap   = 14 * vg.Length(1)
	headHeight = 58 * vg.Length(1)
	// acrossMost is the number of panels side by side.
	acrossMost = 3
)

// Picture draws the report's first target, predicted against measured, as a
// PNG: a panel per model on logarithmic axes with the line of equality, each
// machine's interval as a bar and in red what lies outside of it. It returns
// ErrNothing for a report without points.
func Picture(r *Report) ([]byte, error) {
	var panels []*plot.Plot
	low, high := r.extent()
	for _, s := range r.Points {
		if s.Target != r.Points[0].Target {
			continue
		}
		p, err := r.panel(s, low, high)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", r.Table, err)
		}
		panels = append(panels, p)
	}
	if len(panels) == 0 {
		return nil, fmt.Errorf("draw %s: %w", r.Table, ErrNothing)
	}
	across := min(len(panels), acrossMost)
	down := (len(panels) + across - 1) / across
	width := vg.Length(across)*(panelSide+panelGap) + panelGap
	height := vg.Length(down)*(panelSide+panelGap) + headHeight
	data, err := drawing.PNG(width, height, func(c draw.Canvas) {
		r.head(c, across)
		for i, p := range panels {
			x := panelGap + vg.Length(i%across)*(panelSide+panelGap)
			y := height - headHeight - vg.Length(i/across)*(panelSide+panelGap) - panelSide
			p.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + panelSide, Y: y + panelSide}}})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", r.Table, err)
	}
	return data, nil
}

// head writes the title and what the marks mean, shorter above a single panel.
func (r *Report) head(c draw.Canvas, across int) {
	title := drawing.Letters(14, drawing.Ink)
	title.Font.Weight = xfont.WeightBold
	note := drawing.Letters(9.5, drawing.Ink)
	top := c.Max.Y - panelGap
	c.FillText(title, vg.Point{X: panelGap, Y: top - 12}, fmt.Sprintf("%s, %s", r.Table, r.Points[0].Target))
	how := fmt.Sprintf("%s unseen, %s. ", r.Group, r.how())
	if across == 1 {
		how = ""
	}
	c.FillText(note, vg.Point{X: panelGap, Y: top - 28}, how+"Bars: 90 % intervals; red: measured outside.")
}

// extent is the range of all values of the first target, a little widened.
func (r *Report) extent() (low, high float64) {
	low, high = math.Inf(1), 0
	for _, s := range r.Points {
		if s.Target == r.Points[0].Target {
			low = min(low, slices.Min(s.Measured), slices.Min(s.Predicted))
			high = max(high, slices.Max(s.Measured), slices.Max(s.Predicted))
		}
	}
	return low / 1.1, high * 1.1
}

// panel is a model's.
func (r *Report) panel(s Series, low, high float64) (*plot.Plot, error) {
	i := slices.IndexFunc(r.Scores, func(score Score) bool { return score.Model == s.Model && score.Target == s.Target })
	if i < 0 {
		return nil, fmt.Errorf("%s of %s has no score: %w", s.Target, s.Model, ErrNothing)
	}
	if !(low > 0) || math.IsInf(high, 0) {
		return nil, errors.New("values without a logarithm")
	}
	score := r.Scores[i]
	p := newPanel()
	p.Title.Text = fmt.Sprintf("%s: MAPE %.2f %%", s.Model, score.MAPE)
	if score.Width > 0 {
		p.Title.Text += fmt.Sprintf(", %.1f %% covered", score.Coverage)
	}
	p.X.Label.Text, p.Y.Label.Text = "measured, "+s.Unit, "predicted, "+s.Unit
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, low, high
	p.Add(marks{s})
	return p, nil
}

// marks draws a series' points with their intervals.
type marks struct{ Series }

// Plot implements plot.Plotter.
func (m marks) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for i, v := range m.Measured {
		x := tx(v)
		fill := color.Color(drawing.Blue)
		if m.Low != nil {
			bar := color.Color(drawing.Pale)
			if v < m.Low[i] || v > m.High[i] {
				faint := drawing.Red.NRGBA()
				faint.A = 0x70
				fill, bar = drawing.Red, faint
			}
			c.StrokeLine2(draw.LineStyle{Color: bar, Width: 0.6}, x, ty(clamp(m.Low[i], p)), x, ty(clamp(m.High[i], p)))
		}
		c.DrawGlyph(draw.GlyphStyle{Color: fill, Radius: 1.1, Shape: draw.CircleGlyph{}}, vg.Point{X: x, Y: ty(m.Predicted[i])})
	}
	c.StrokeLine2(draw.LineStyle{Color: drawing.Ink, Width: 0.7}, c.Min.X, c.Min.Y, c.Max.X, c.Max.Y)
}

// clamp keeps a bar inside the panel.
func clamp(v float64, p *plot.Plot) float64 { return min(max(v, p.Y.Min), p.Y.Max) }

// newPanel is an empty plot with logarithmic axes.
func newPanel() *plot.Plot {
	p := plot.New()
	p.Title.TextStyle = drawing.Letters(10.5, drawing.Ink)
	p.Title.TextStyle.Font.Weight = xfont.WeightBold
	p.Title.TextStyle.XAlign, p.Title.TextStyle.YAlign = draw.XCenter, draw.YTop
	p.Title.Padding = 5
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Scale, a.Tick.Marker = plot.LogScale{}, plot.TickerFunc(ticks)
		a.Label.TextStyle = drawing.Letters(9.5, drawing.Ink)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		a.LineStyle.Color, a.Tick.LineStyle.Color = drawing.Pale, drawing.Pale
		a.Padding = 0
	}
	p.X.Tick.Label, p.Y.Tick.Label = drawing.Letters(9, drawing.Ink), drawing.Letters(9, drawing.Ink)
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	return p
}

// ticks are 1, 2 and 5 in every decade, or 1 and 3 or only 1 if that is too many.
func ticks(low, high float64) []plot.Tick {
	const most = 9
	var out []plot.Tick
	for _, steps := range [][]float64{{1, 2, 3, 4, 5, 7}, {1, 2, 5}, {1, 3}, {1}} {
		out = nil
		for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
			for _, step := range steps {
				if v := step * math.Pow(10, e); v >= low && v <= high {
					out = append(out, plot.Tick{Value: v, Label: fmt.Sprintf("%.4g", v)})
				}
			}
		}
		if len(out) <= most {
			return out
		}
	}
	return out
}
