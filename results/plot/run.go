package plot

import (
	"fmt"
	"image/color"
	"slices"
	"strings"
	"time"

	gplot "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// telemetryFigures makes the picture of clock and power over the run.
func telemetryFigures(doc *results.Document) []figure {
	t := newTelemetry(doc)
	if len(t.clock) == 0 && len(t.power) == 0 {
		return nil
	}
	return []figure{{
		name: "run-clock-and-power", title: "Clock and power over the run",
		note: "As the card's own sensors say", caption: t.caption(), draw: t.draw,
	}}
}

// telemetry is the sensors' readings in seconds since the start of the run.
type telemetry struct {
	clock, power []stretch
	throttled    []spell
	clockLimit   float64
	powerLimit   float64
	end          float64
}

// stretch is a run of readings without a gap.
type stretch []results.XY

// spell is a time in which the card held its clock back.
type spell struct {
	from, to float64
	reasons  []string
}

func newTelemetry(doc *results.Document) *telemetry {
	t := &telemetry{clockLimit: doc.Device.MaxClockMHz, powerLimit: doc.Device.PowerLimitW}
	readings := slices.Clone(doc.Telemetry)
	slices.SortStableFunc(readings, func(a, b results.Sensors) int { return a.When.Compare(b.When) })
	if len(readings) < 2 {
		return t
	}
	start := startOf(doc, readings[0].When)
	seconds := func(i int) float64 { return readings[i].When.Sub(start).Seconds() }
	clockGap, powerGap := true, true
	for i, r := range readings {
		clockGap = extend(&t.clock, seconds(i), r.SMClockMHz, clockGap)
		powerGap = extend(&t.power, seconds(i), r.PowerW, powerGap)
		if why := holds(r.Throttle); len(why) > 0 && i+1 < len(readings) {
			t.throttled = append(t.throttled, spell{seconds(i), seconds(i + 1), why})
		}
	}
	t.end = seconds(len(readings) - 1)
	return t
}

// startOf is the start of the run, or the first reading where that came before.
func startOf(doc *results.Document, first time.Time) time.Time {
	if doc.Started.IsZero() || first.Before(doc.Started) {
		return first
	}
	return doc.Started
}

// extend adds a reading to the last stretch; it reports whether there was none to add.
func extend(list *[]stretch, x float64, y *float64, afterGap bool) bool {
	if y == nil {
		return true
	}
	if afterGap {
		*list = append(*list, nil)
	}
	last := &(*list)[len(*list)-1]
	*last = append(*last, results.XY{X: x, Y: *y})
	return false
}

// holds drops what is no throttling: a card that idles clocks down by itself.
func holds(reasons []string) []string {
	return slices.DeleteFunc(slices.Clone(reasons), func(s string) bool { return strings.Contains(strings.ToLower(s), "idle") })
}

func (t *telemetry) caption() string {
	s := fmt.Sprintf("SM clock and power over %s.", seconds(t.end))
	total := 0.0
	var why []string
	for _, x := range t.throttled {
		total += x.to - x.from
		for _, r := range x.reasons {
			if !slices.Contains(why, r) {
				why = append(why, r)
			}
		}
	}
	if total > 0 {
		return s + fmt.Sprintf(" Shaded: throttled for %s (%s).", seconds(total), strings.Join(why, ", "))
	}
	return s + " No throttling was reported."
}

func seconds(v float64) string {
	return cell.Number(round(float64(int(v*10+0.5))/10)) + " s"
}

func (t *telemetry) draw(s *sheet) error {
	s.legend(t.legend())
	clock := t.panel(t.clock, "SM clock (MHz)", t.clockLimit, lineColors()[0])
	power := t.panel(t.power, "Power (W)", t.powerLimit, lineColors()[1])
	power.X.Label.Text = "Time since the start of the run (s)"
	tiles := draw.Tiles{Rows: 2, Cols: 1, PadY: 2 * gap}
	panels := [][]*gplot.Plot{{clock}, {power}}
	canvases := gplot.Align(panels, tiles, s.body)
	for i := range panels {
		panels[i][0].Draw(canvases[i][0])
	}
	return nil
}

// panel is one quantity over time.
func (t *telemetry) panel(list []stretch, label string, limit float64, c color.NRGBA) *gplot.Plot {
	p := newPlot()
	y := span{}
	for _, s := range list {
		for _, q := range s {
			y.add(q.Y)
		}
	}
	if limit > 0 && limit < 2*y.hi {
		y.add(limit)
	}
	setAxis(&p.X, results.Axis{}, 0, max(t.end, 1), 12, false)
	setAxis(&p.Y, results.Axis{Label: label}, 0, max(y.hi*1.08, 1), 5, false)
	p.Add(gridLines{}, spells(t.throttled))
	if limit > 0 && limit <= p.Y.Max {
		p.Add(level{limit, peakLine()})
	}
	for _, s := range list {
		p.Add(curve{points: s, line: line(c, 1.5)})
	}
	return p
}

func (t *telemetry) legend() []entry {
	colors := lineColors()
	clock, power, limit := line(colors[0], 1.5), line(colors[1], 1.5), peakLine()
	var entries []entry
	if len(t.clock) > 0 {
		entries = append(entries, entry{label: "SM clock", line: &clock})
	}
	if len(t.power) > 0 {
		entries = append(entries, entry{label: "power", line: &power})
	}
	if t.clockLimit > 0 || t.powerLimit > 0 {
		entries = append(entries, entry{label: "greatest clock, power limit", line: &limit})
	}
	if len(t.throttled) > 0 {
		entries = append(entries, entry{label: "throttled", box: faint(warning, 0.25)})
	}
	return entries
}

// spells draws times of throttling as bands.
type spells []spell

// Plot implements gonum's plot.Plotter.
func (list spells) Plot(c draw.Canvas, p *gplot.Plot) {
	x, _ := p.Transforms(&c)
	c.SetColor(faint(warning, 0.25))
	for i := 0; i < len(list); i++ {
		from, to := list[i].from, list[i].to
		for i+1 < len(list) && list[i+1].from <= to { // neighbours make one band without seams
			i++
			to = list[i].to
		}
		// A band is at least a point wide: a short spell must be seen as well.
		lo, hi := x(from), max(x(to), x(from)+1)
		c.Fill(vg.Rectangle{Min: vg.Point{X: lo, Y: c.Min.Y}, Max: vg.Point{X: hi, Y: c.Max.Y}}.Path())
	}
}

// canaryFigures makes the picture of the reference configuration's drift.
func canaryFigures(doc *results.Document) []figure {
	d := newDrift(doc)
	if len(d.series) == 0 {
		return nil
	}
	return []figure{{
		name: "run-canary-drift", title: "Drift of the canary over the run",
		note:    "The same configuration measured again and again, as a change from its first reading",
		caption: d.caption(), draw: d.draw,
	}}
}

// drift is the canaries' change in percent over time. A replay does not know when
// its readings were taken: there they are counted.
type drift struct {
	axis   results.Axis
	series []results.Series
	first  []results.Canary
	worst  float64
	end    float64
}

// calm is the drift in percent that two readings of a quiet card may have.
const calm = 0.5

func newDrift(doc *results.Document) *drift {
	d := &drift{axis: results.Axis{Label: "time since the start of the run", Unit: "s"}}
	if doc.Backend == "replay" {
		d.axis = results.Axis{Label: "reading of the recorded run"}
	}
	index := map[string]int{}
	readings := slices.Clone(doc.Canary)
	slices.SortStableFunc(readings, func(a, b results.Canary) int { return a.When.Compare(b.When) })
	for _, r := range readings {
		i, seen := index[r.Name]
		if !seen {
			if r.Value == 0 {
				continue // a change from nothing has no percentage
			}
			i = len(d.series)
			index[r.Name] = i
			d.series = append(d.series, results.Series{Name: r.Name})
			d.first = append(d.first, r)
		}
		change := 100 * (r.Value/d.first[i].Value - 1)
		at := r.When.Sub(startOf(doc, readings[0].When)).Seconds()
		if doc.Backend == "replay" {
			at = float64(len(d.series[i].XY) + 1)
		}
		d.series[i].XY = append(d.series[i].XY, results.XY{X: at, Y: change})
		d.end = max(d.end, at)
		if change < 0 && -change > max(d.worst, -d.worst) || change > 0 && change > max(d.worst, -d.worst) {
			d.worst = change
		}
	}
	return d
}

func (d *drift) caption() string {
	return fmt.Sprintf("Greatest change from the first reading: %+.3f %%. The band is ±%g %%.", d.worst, calm)
}

func (d *drift) draw(s *sheet) error {
	var entries []entry
	p := newPlot()
	y := span{}
	y.add(-calm)
	y.add(calm)
	for _, c := range d.series {
		for _, q := range c.XY {
			y.add(q.Y)
		}
	}
	lo, hi := y.padded(false, 0.25)
	setAxis(&p.X, d.axis, 0, max(d.end*1.02, 1), 12, false)
	setAxis(&p.Y, results.Axis{Label: "change from the first reading", Unit: "%"}, lo, hi, 8, false)
	p.Add(calmBand{}, gridLines{}, level{0, line(inkLight, 1)})
	for i, c := range d.series {
		l, g := lineStyle(i)
		p.Add(curve{points: c.XY, line: l, glyph: g})
		first := d.first[i]
		entries = append(entries, entry{label: fmt.Sprintf("%s, at first %s %s", c.Name, cell.Number(first.Value), first.Unit), line: &l, glyph: &g})
	}
	entries = append(entries, entry{label: fmt.Sprintf("±%g %%", calm), box: faint(lineColors()[2], 0.12)})
	s.legend(entries)
	p.Draw(s.body)
	return nil
}

// calmBand shades the drift that is no cause for concern.
type calmBand struct{}

// Plot implements gonum's plot.Plotter.
func (calmBand) Plot(c draw.Canvas, p *gplot.Plot) {
	_, y := p.Transforms(&c)
	c.SetColor(faint(lineColors()[2], 0.12))
	c.Fill(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y(-calm)}, Max: vg.Point{X: c.Max.X, Y: y(calm)}}.Path())
}
