package plot

import (
	"math"
	"strconv"
	"strings"

	gplot "gonum.org/v1/plot"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// axisText is the label of an axis with its unit.
func axisText(a results.Axis) string {
	switch {
	case a.Label == "":
		return a.Unit
	case isBytes(a.Unit):
		return sentence(a.Label) + " (bytes)"
	case a.Unit == "":
		return sentence(a.Label)
	}
	return sentence(a.Label) + " (" + a.Unit + ")"
}

func isBytes(unit string) bool { return unit == "B" || unit == "byte" || unit == "bytes" }

// steps lists round numbers in a range, about n of them.
func steps(lo, hi float64, n int) []float64 {
	if !(hi > lo) || n < 1 {
		return []float64{lo}
	}
	raw := (hi - lo) / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*unit >= raw*(1-1e-9) {
			step = m * unit
			break
		}
	}
	var list []float64
	first := math.Ceil(lo/step - 1e-9)
	for i := range 4 * n {
		v := (first + float64(i)) * step
		if v > hi+step*1e-9 {
			break
		}
		list = append(list, v)
	}
	return list
}

// tickLabel writes a tick: large numbers with a suffix, all others without noise
// from binary fractions.
func tickLabel(v float64) string {
	a := math.Abs(v)
	suffix := ""
	switch {
	case a >= 1e13:
		return strings.Replace(strconv.FormatFloat(v, 'g', 3, 64), "-", "−", 1)
	case a >= 1e9:
		v, suffix = v/1e9, " G"
	case a >= 1e6:
		v, suffix = v/1e6, " M"
	}
	return strings.Replace(strconv.FormatFloat(round(v), 'f', -1, 64), "-", "−", 1) + suffix
}

// round drops all but ten significant digits.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 10, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// evenTicks are for a linear axis.
func evenTicks(lo, hi float64, n int) gplot.ConstantTicks {
	var ticks gplot.ConstantTicks
	for _, v := range steps(lo, hi, n) {
		ticks = append(ticks, gplot.Tick{Value: v, Label: tickLabel(v)})
	}
	return ticks
}

// byteTicks are powers of two with binary prefixes: all as small ticks, those
// with a label at most n.
func byteTicks(lo, hi float64, n int) gplot.ConstantTicks {
	return powerTicks(lo, hi, n, cell.Bytes)
}

// powerTicks are powers of two.
func powerTicks(lo, hi float64, n int, label func(float64) string) gplot.ConstantTicks {
	first, last := int(math.Ceil(math.Log2(lo)-1e-9)), int(math.Floor(math.Log2(hi)+1e-9))
	every := max(1, int(math.Ceil(float64(last-first+1)/float64(n))))
	var ticks gplot.ConstantTicks
	for e := first; e <= last; e++ {
		v := math.Ldexp(1, e)
		t := gplot.Tick{Value: v}
		if (e-first)%every == 0 {
			t.Label = label(v)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// decadeTicks are for a logarithmic axis in decades: 1, 2, 5 where there is room.
func decadeTicks(lo, hi float64) gplot.ConstantTicks {
	decades := math.Log10(hi / lo)
	var ticks gplot.ConstantTicks
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		for m := 1; m < 10; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := gplot.Tick{Value: v}
			if m == 1 || decades < 3.2 && (m == 2 || m == 5) {
				t.Label = tickLabel(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// setAxis gives an axis range, scale and ticks; about n ticks get a label. On a
// logarithmic axis powers asks for ticks at powers of two.
func setAxis(a *gplot.Axis, what results.Axis, lo, hi float64, n int, powers bool) {
	a.Min, a.Max = lo, hi
	a.Label.Text = axisText(what)
	switch {
	case what.Log && isBytes(what.Unit):
		a.Scale, a.Tick.Marker = gplot.LogScale{}, byteTicks(lo, hi, n)
	case what.Log && powers:
		a.Scale, a.Tick.Marker = gplot.LogScale{}, powerTicks(lo, hi, n, tickLabel)
	case what.Log:
		a.Scale, a.Tick.Marker = gplot.LogScale{}, decadeTicks(lo, hi)
	case isBytes(what.Unit):
		a.Tick.Marker = evenByteTicks(lo, hi, n)
	default:
		a.Tick.Marker = evenTicks(lo, hi, n)
	}
}

// evenByteTicks are round multiples of a binary unit.
func evenByteTicks(lo, hi float64, n int) gplot.ConstantTicks {
	unit := 1.0
	for hi/unit >= 2048 {
		unit *= 1024
	}
	var ticks gplot.ConstantTicks
	for _, v := range steps(lo/unit, hi/unit, n) {
		ticks = append(ticks, gplot.Tick{Value: v * unit, Label: cell.Bytes(v * unit)})
	}
	return ticks
}
