package results

import (
	"fmt"
	"slices"
)

// Finite returns a document whose every number is finite, because JSON has no
// NaN or Inf. It is the document itself where that is so already; otherwise a
// copy in which nothing false takes the place of what was not a number:
//
//   - a row whose value is not finite gets the value 0 and, where its status
//     promised a number, the status error with the reason;
//   - an interval, statistics, peak, band or sensor reading that is not finite
//     is left out, and the row's annotations say so;
//   - points of a curve that are not finite are left out, ends of their
//     intervals too, and cells of a grid become null;
//   - other numbers become 0, which all of them document as not known.
func Finite(d *Document) *Document {
	c := *d
	changed := false
	c.Rows = mend(d.Rows, finiteRow, &changed)
	c.Series = mend(d.Series, finiteSeries, &changed)
	c.Grids = mend(d.Grids, finiteGrid, &changed)
	c.Raw = mend(d.Raw, finiteRaw, &changed)
	c.Telemetry = mend(d.Telemetry, finiteSensors, &changed)
	c.Phases = mend(d.Phases, finitePhase, &changed)
	c.Kernels = mend(d.Kernels, finiteKernel, &changed)
	c.Canary = slices.DeleteFunc(slices.Clone(d.Canary), func(x Canary) bool { return !finite(x.Value) })
	changed = changed || len(c.Canary) != len(d.Canary)
	dev, comp := &c.Device, &c.Compile
	if zero(&dev.MaxClockMHz, &dev.MemClockMHz, &dev.PowerLimitW, &comp.WallSeconds, &comp.CPUSeconds, &comp.SlowestSecs) {
		changed = true
	}
	if p := d.Host.CPU; p != nil && !finite(p.Quota) {
		own := *p
		own.Quota = 0
		c.Host.CPU, changed = &own, true
	}
	if !changed {
		return d
	}
	return &c
}

// mend applies fix to each element; the list is copied only where one changes.
func mend[T any](list []T, fix func(T) (T, bool), changed *bool) []T {
	out, own := list, false
	for i, v := range list {
		fixed, did := fix(v)
		if !did {
			continue
		}
		if !own {
			out, own = slices.Clone(list), true
		}
		out[i] = fixed
		*changed = true
	}
	return out
}

// zero replaces what is not finite and reports whether anything was.
func zero(numbers ...*float64) bool {
	did := false
	for _, p := range numbers {
		if !finite(*p) {
			*p, did = 0, true
		}
	}
	return did
}

// drop forgets a pointed-to number that is not finite.
func drop(p **float64) bool {
	if *p == nil || finite(**p) {
		return false
	}
	*p = nil
	return true
}

func finiteRow(r Row) (Row, bool) {
	var lost []string
	if !finite(r.Value) {
		reason := fmt.Sprintf("the value came out as %v", r.Value)
		if r.Status.HasNumber() {
			if r.Reason != "" {
				reason += "; " + r.Reason
			}
			r.Status, r.Reason = Failed, reason
		} else {
			lost = append(lost, reason)
		}
		r.Value = 0
	} else if !r.broken() {
		return r, false
	}
	lost = append(lost, r.dropBroken()...)
	if len(lost) > 0 {
		r.Annotations = append(slices.Clone(r.Annotations), lost...)
	}
	r.Published = slices.DeleteFunc(slices.Clone(r.Published), func(p Published) bool { return !finite(p.Value) })
	return r, true
}

// broken reports whether anything beside the value is not finite.
func (r *Row) broken() bool {
	c := *r
	c.Published = slices.DeleteFunc(slices.Clone(r.Published), func(p Published) bool { return !finite(p.Value) })
	return len(c.dropBroken()) > 0 || len(c.Published) != len(r.Published)
}

// dropBroken leaves out what is not finite beside the value and lists it.
func (r *Row) dropBroken() []string {
	var lost []string
	note := func(bad bool, what string) bool {
		if bad {
			lost = append(lost, what+" held no finite number and was left out")
		}
		return bad
	}
	if note(brokenPair(r.Interval), "the interval") {
		r.Interval, r.Confidence = nil, 0
	}
	note(zero(&r.Confidence), "the confidence")
	if s := r.Stats; note(s != nil && !finite(s.Min, s.Q1, s.Median, s.Q3, s.Max, s.MAD), "the statistics") {
		r.Stats = nil
	}
	if p := r.Peak; note(p != nil && !finite(p.Value, p.Percent), "the peak") {
		r.Peak = nil
	}
	if note(brokenPair(r.Band), "the band") {
		r.Band = nil
	}
	note(zero(&r.ClockMHz), "the clock")
	note(drop(&r.PowerW), "the power")
	note(drop(&r.TemperatureC), "the temperature")
	return lost
}

func brokenPair(p *[2]float64) bool { return p != nil && !finite(p[0], p[1]) }

func finiteSeries(s Series) (Series, bool) {
	did := false
	s.XY = mend(s.XY, func(p XY) (XY, bool) {
		if finite(p.Low, p.High) {
			return p, false
		}
		p.Low, p.High = 0, 0
		return p, true
	}, &did)
	if slices.ContainsFunc(s.XY, XY.broken) {
		s.XY, did = slices.DeleteFunc(slices.Clone(s.XY), XY.broken), true
	}
	broken := func(m Mark) bool { return !finite(m.X, m.Low, m.High) }
	if slices.ContainsFunc(s.Marks, broken) {
		s.Marks, did = slices.DeleteFunc(slices.Clone(s.Marks), broken), true
	}
	return s, did
}

func (p XY) broken() bool { return !finite(p.X, p.Y) }

func finiteGrid(g Grid) (Grid, bool) {
	did := false
	g.Cells = mend(g.Cells, func(line []*float64) ([]*float64, bool) {
		changed := false
		line = mend(line, func(p *float64) (*float64, bool) {
			lost := drop(&p)
			return p, lost
		}, &changed)
		return line, changed
	}, &did)
	return g, did
}

func finitePhase(p Phase) (Phase, bool) {
	did := zero(&p.Seconds)
	return p, did
}

func finiteKernel(k Kernel) (Kernel, bool) {
	did := zero(&k.Seconds)
	return k, did
}

func finiteRaw(r Raw) (Raw, bool) {
	did := false
	r.Rounds = mend(r.Rounds, func(x Reading) (Reading, bool) {
		changed := zero(&x.ElapsedNS)
		sensors, lost := finiteSensors(x.Sensors)
		x.Sensors = sensors
		return x, changed || lost
	}, &did)
	return r, did
}

func finiteSensors(s Sensors) (Sensors, bool) {
	did := false
	for _, p := range []**float64{&s.SMClockMHz, &s.MemClockMHz, &s.PowerW, &s.TemperatureC, &s.EnergyJ} {
		did = drop(p) || did
	}
	return s, did
}
