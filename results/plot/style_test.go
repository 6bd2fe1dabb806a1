package plot

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot/plottest"
)

func TestTicks(t *testing.T) {
	labels := func(list []string, add string) []string {
		if add == "" {
			return list
		}
		return append(list, add)
	}
	for _, tt := range []struct {
		name string
		axis results.Axis
		lo   float64
		hi   float64
		want []string
	}{
		{"even", results.Axis{}, 0, 4300, []string{"0", "1000", "2000", "3000", "4000"}},
		{"even, fractions", results.Axis{}, -0.3, 0.3, []string{"−0.3", "−0.2", "−0.1", "0", "0.1", "0.2", "0.3"}},
		{"large", results.Axis{}, 0, 9e6, []string{"0", "2 M", "4 M", "6 M", "8 M"}},
		{"bytes, octaves", results.Axis{Unit: "B", Log: true}, 512 << 10, 8 << 20, []string{"512 KiB", "1 MiB", "2 MiB", "4 MiB", "8 MiB"}},
		{"bytes, even", results.Axis{Unit: "B"}, 0, 4096, []string{"0 B", "1 KiB", "2 KiB", "3 KiB", "4 KiB"}},
		{"decades", results.Axis{Log: true}, 1, 100, []string{"1", "2", "5", "10", "20", "50", "100"}},
		{"many decades", results.Axis{Log: true}, 1, 1e5, []string{"1", "10", "100", "1000", "10000", "100000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlot()
			setAxis(&p.X, tt.axis, tt.lo, tt.hi, 6, false)
			var got []string
			for _, k := range p.X.Tick.Marker.Ticks(tt.lo, tt.hi) {
				got = labels(got, k.Label)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestThinnedTicksPreferRoundNumbers(t *testing.T) {
	var values []float64
	x := span{}
	for n := 8.0; n <= 256; n += 8 {
		values = append(values, n)
		x.add(n)
	}
	var got []float64
	for _, k := range thinned(values, x, 24) {
		if k.Label != "" {
			got = append(got, k.Value)
		}
	}
	assert.Len(t, got, 16)
	for _, v := range got {
		assert.Zero(t, math.Mod(v, 16))
	}
}

func TestAxisText(t *testing.T) {
	assert.Equal(t, "Latency (cycles)", axisText(results.Axis{Label: "latency", Unit: "cycles"}))
	assert.Equal(t, "Footprint (bytes)", axisText(results.Axis{Label: "footprint", Unit: "B"}))
	assert.Equal(t, "N", axisText(results.Axis{Label: "N"}))
	assert.Equal(t, "ns", axisText(results.Axis{Unit: "ns"}))
}

func TestFitAndWrap(t *testing.T) {
	s := letters(10, ink)
	assert.Equal(t, "short", fit(s, "short", 100))
	cut := fit(s, "a text that is much too long for its place", 60)
	assert.LessOrEqual(t, s.Width(cut), s.Width("a text that is…")+1)
	assert.Contains(t, cut, "…")
	assert.NotEmpty(t, fit(s, "abc", 0))
	lines := wrap(s, "one two three four five six seven eight nine ten", 60, 2)
	assert.Len(t, lines, 2)
	assert.Contains(t, lines[1], "…")
}

func TestStem(t *testing.T) {
	assert.Equal(t, "tensor-wgmma-2-4-sparse", stem("tensor/wgmma", "2:4 sparse"))
	assert.Equal(t, "picture", stem("…/..", ""))
	assert.LessOrEqual(t, len(stem(string(make([]byte, 500)), "x")), maxStem)
	figures := []figure{{name: "a"}, {name: "a"}, {name: "a-2"}, {name: "a"}}
	unique(figures)
	assert.Equal(t, []string{"a", "a-2", "a-2-2", "a-3"}, []string{figures[0].name, figures[1].name, figures[2].name, figures[3].name})
}

func TestSplitIsEven(t *testing.T) {
	parts := split(make([]int, 100), 45)
	assert.Equal(t, []int{33, 33, 34}, []int{len(parts[0]), len(parts[1]), len(parts[2])})
	assert.Len(t, split(make([]int, 45), 45), 1)
}

func TestDistinguish(t *testing.T) {
	rows := []results.Row{{Point: results.P("op", "add", "type", "f32", "warps", "1")}, {Point: results.P("op", "mul", "type", "f32", "warps", "1")}}
	common, labels := distinguish(rows)
	assert.Equal(t, "type = f32, warps = 1", common)
	assert.Equal(t, []string{"add", "mul"}, labels)
	rows[0].Point, rows[1].Point = results.P("warps", "4", "footprint", "4096"), results.P("warps", "8", "footprint", "8192")
	_, labels = distinguish(rows)
	assert.Equal(t, []string{"warps 4 · 4 KiB", "warps 8 · 8 KiB"}, labels)
}

func TestRampRisesEvenly(t *testing.T) {
	last := -1.0
	for i := range 257 {
		l := luminance(ramp(float64(i) / 256))
		assert.Greater(t, l, last-1e-9, "at %d", i)
		last = l
	}
	assert.Greater(t, last-luminance(ramp(0)), 0.7)
}

func TestNumbersAreReadableOnEveryColor(t *testing.T) {
	for i := range 101 {
		back := ramp(float64(i) / 100)
		a, b := luminance(back), luminance(on(back))
		contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05)
		assert.Greater(t, contrast, 3.0, "at %d %%", i)
	}
}

// TestLineColorsStayApart simulates red and green blindness by projecting onto
// the colours that such eyes tell apart: lightness, and blue against yellow.
func TestLineColorsStayApart(t *testing.T) {
	seen := func(c color.NRGBA) [2]float64 {
		r, g, b := float64(c.R), float64(c.G), float64(c.B)
		return [2]float64{100 * math.Cbrt(luminance(c)), (b - (r+g)/2) / 255 * 60}
	}
	colors := lineColors()
	for i, a := range colors {
		for j, b := range colors[:i] {
			x, y := seen(a), seen(b)
			assert.Greater(t, math.Hypot(x[0]-y[0], x[1]-y[1]), 5.0, "colours %d and %d", i, j)
		}
	}
}

func TestCompactKeepsFrequentColors(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		c := color.RGBA{R: 200, G: 10, B: 10, A: 255}
		if i%4 == 0 {
			c = color.RGBA{R: uint8(i / 16), G: uint8(i * 7), B: uint8(i * 13), A: 255}
		}
		img.SetRGBA(i%64, i/64, c)
	}
	small, ok := compact(img).(*image.Paletted)
	assert.True(t, ok)
	assert.Len(t, small.Palette, maxPalette)
	assert.Equal(t, color.RGBA{R: 200, G: 10, B: 10, A: 255}, small.At(1, 0))
}

func TestCompactKeepsTheScaleOfHeatMaps(t *testing.T) {
	pictures, err := render(plottest.Document(7), fullDPI)
	require.NoError(t, err)
	for _, p := range pictures {
		if !strings.HasPrefix(p.Name, "cluster-latency-sm-pairs") {
			continue
		}
		img := decode(t, p.PNG)
		for i := range shades {
			assert.True(t, has(img, shade(i)), "shade %d of %s", i, p.Name)
		}
		return
	}
	t.Fatal("no heat map of SM pairs")
}

func TestIdleIsNoThrottling(t *testing.T) {
	assert.Equal(t, []string{"sw power cap"}, holds([]string{"gpu idle", "sw power cap"}))
}
