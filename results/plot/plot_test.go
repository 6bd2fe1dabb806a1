package plot

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot/plottest"
)

var (
	update = flag.Bool("update", false, "write the golden pictures anew")
	dump   = flag.String("dump", "", "folder for the pictures in full size, to look at")
)

// goldenDPI makes golden pictures small: 450 pixels wide.
const goldenDPI = 48

func TestDump(t *testing.T) {
	if *dump == "" {
		t.Skip("no -dump folder given")
	}
	require.NoError(t, os.MkdirAll(*dump, 0o777))
	for i, doc := range []*results.Document{plottest.Document(7), awkward()} {
		pictures, err := All(doc)
		require.NoError(t, err)
		for _, p := range pictures {
			name := p.Name
			if i > 0 {
				name = "awkward-" + name
			}
			t.Logf("%s (%d KiB)\n  %s\n  %s", name, len(p.PNG)/1024, p.Title, p.Caption)
			require.NoError(t, os.WriteFile(filepath.Join(*dump, name+".png"), p.PNG, 0o666))
		}
	}
}

func decode(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	require.NoError(t, err)
	return img
}

// TestGolden compares with tolerance: letters may be placed a fraction of a pixel
// apart on another processor.
func TestGolden(t *testing.T) {
	pictures, err := render(plottest.Document(7), goldenDPI)
	require.NoError(t, err)
	folder := filepath.Join("testdata", "golden")
	if *update {
		require.NoError(t, os.RemoveAll(folder))
		require.NoError(t, os.MkdirAll(folder, 0o777))
	}
	var names []string
	for _, p := range pictures {
		path := filepath.Join(folder, p.Name+".png")
		names = append(names, path)
		if *update {
			require.NoError(t, os.WriteFile(path, p.PNG, 0o666))
			continue
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "run with -update to make it")
		d := difference(decode(t, want), decode(t, p.PNG))
		assert.Less(t, d, 0.01, "%s differs from its golden picture in a share of %.4f of its pixels", p.Name, d)
	}
	kept, err := filepath.Glob(filepath.Join(folder, "*.png"))
	require.NoError(t, err)
	assert.ElementsMatch(t, names, kept, "pictures and golden files")
}

// difference is the share of pixels that differ visibly; 1 for another size.
func difference(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	n := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := color.RGBAModel.Convert(a.At(x, y)).(color.RGBA), color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			far := func(u, v uint8) bool { return max(u, v)-min(u, v) > 48 }
			if far(p.R, q.R) || far(p.G, q.G) || far(p.B, q.B) {
				n++
			}
		}
	}
	return float64(n) / float64(a.Bounds().Dx()*a.Bounds().Dy())
}

func TestDifferenceSeesAMissingCurve(t *testing.T) {
	doc := plottest.Document(7)
	before, err := render(doc, goldenDPI)
	require.NoError(t, err)
	for i := range doc.Series {
		if doc.Series[i].Name == "ld.global.cg" {
			for k := range doc.Series[i].XY {
				doc.Series[i].XY[k].Y *= 1.15
				doc.Series[i].XY[k].Low, doc.Series[i].XY[k].High = 0, 0
			}
		}
	}
	after, err := render(doc, goldenDPI)
	require.NoError(t, err)
	find := func(list []Picture) []byte {
		for _, p := range list {
			if strings.HasPrefix(p.Name, "memory-random") {
				return p.PNG
			}
		}
		return nil
	}
	assert.Greater(t, difference(decode(t, find(before)), decode(t, find(after))), 0.01)
}

func TestSameDocumentSameBytes(t *testing.T) {
	a, err := All(plottest.Document(3))
	require.NoError(t, err)
	b, err := All(plottest.Document(3))
	require.NoError(t, err)
	require.Equal(t, len(a), len(b))
	for i := range a {
		assert.Equal(t, a[i].Name, b[i].Name)
		assert.True(t, bytes.Equal(a[i].PNG, b[i].PNG), a[i].Name)
	}
}

func TestPicturesOfTheDocument(t *testing.T) {
	pictures, err := All(plottest.Document(7))
	require.NoError(t, err)
	want := []string{
		"alu/latency", "dpx/throughput", "memory/random-latency", "tensor/wgmma-throughput", "tensor/wgmma-throughput",
		"tensor/mma-throughput", "tensor/mma-throughput", "tensor/mma-throughput", "tensor/mma-throughput", "cluster/latency", "cluster/latency", "", "",
	}
	var got []string
	names := map[string]bool{}
	for _, p := range pictures {
		got = append(got, p.Benchmark)
		assert.NotEmpty(t, p.Title)
		assert.NotEmpty(t, p.Caption)
		assert.False(t, names[p.Name], "name %s twice", p.Name)
		names[p.Name] = true
		img := decode(t, p.PNG)
		assert.Equal(t, image.Rect(0, 0, 1200, 750), img.Bounds())
		assert.Less(t, len(p.PNG), 150<<10, p.Name)
	}
	assert.Equal(t, want, got)
}

// TestBarsShowWhatCurvesDoNot: rows that make up a curve are left to it, but rows
// that are only equal to one of its points are not hidden by it.
func TestBarsShowWhatCurvesDoNot(t *testing.T) {
	doc := &results.Document{}
	for _, v := range []float64{1, 2, 3, 4, 5} {
		doc.Rows = append(doc.Rows, results.Row{Benchmark: "a/b", Metric: "latency", Unit: "cycles", Value: v, Status: results.OK})
	}
	doc.Series = []results.Series{{Benchmark: "a/b", Name: "c", Y: results.Axis{Unit: "cycles"}}}
	bars := func(points ...float64) string {
		doc.Series[0].XY = nil
		for _, y := range points {
			doc.Series[0].XY = append(doc.Series[0].XY, results.XY{Y: y})
		}
		figures := barFigures(doc, "a/b")
		if len(figures) == 0 {
			return ""
		}
		return figures[0].caption
	}
	assert.Contains(t, bars(), "5 rows")
	assert.Contains(t, bars(1, 2), "5 rows", "two of five are equal by chance")
	assert.Contains(t, bars(1, 2, 3), "2 rows")
	assert.Empty(t, bars(1, 2, 3, 4), "one row is left")
	doc.Series[0].Y.Unit = "ns"
	assert.Contains(t, bars(1, 2, 3), "5 rows", "another unit is another number")
}

func has(img image.Image, c color.Color) bool {
	want := color.RGBAModel.Convert(c)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if color.RGBAModel.Convert(img.At(x, y)) == want {
				return true
			}
		}
	}
	return false
}

func TestEveryPictureOfARecordingSaysSo(t *testing.T) {
	for backend, stamped := range map[string]bool{"replay": true, "emulator": true, "cuda": false} {
		doc := plottest.Document(7)
		doc.Backend = backend
		pictures, err := render(doc, goldenDPI)
		require.NoError(t, err)
		for _, p := range pictures {
			assert.Equal(t, stamped, has(decode(t, p.PNG), stampFill), "%s of backend %s", p.Name, backend)
		}
	}
}

func TestStamp(t *testing.T) {
	doc := &results.Document{Backend: "replay", Device: results.Device{Name: "NVIDIA H200"}}
	assert.Equal(t, "RECORDING of NVIDIA H200", Stamp(doc))
	doc.Recording = &results.Origin{Recorded: time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC), Stale: 1}
	assert.Equal(t, "RECORDING of NVIDIA H200, 2026-03-01, 1 stale point", Stamp(doc))
	doc.Backend = "cuda"
	assert.Empty(t, Stamp(doc))
	doc.Backend = "emulator"
	assert.Equal(t, "EMULATOR: no GPU was measured", Stamp(doc))
}

func TestNothingToDraw(t *testing.T) {
	_, err := All(nil)
	require.Error(t, err)
	pictures, err := All(&results.Document{})
	require.NoError(t, err)
	assert.Empty(t, pictures)
}

func TestADefectivePictureDoesNotTakeTheOthers(t *testing.T) {
	broken := figure{name: "broken", draw: func(*sheet) error { panic("no place for this value") }}
	_, err := broken.picture(facts{}, goldenDPI)
	assert.ErrorContains(t, err, "no place for this value")
	pictures, err := keepDrawn([]figure{{name: "a"}, {name: "b"}}, []Picture{{Name: "a"}, {}}, []error{nil, err})
	assert.ErrorContains(t, err, "b: ")
	assert.Equal(t, []Picture{{Name: "a"}}, pictures)
}

// awkward is a document of everything that is hard to draw.
func awkward() *results.Document {
	long := strings.Repeat("a very long name with <markup> & „quotes“ ", 6)
	doc := &results.Document{Backend: "replay", Device: results.Device{Name: strings.Repeat("NVIDIA H200 NVL ", 9)}, Recording: &results.Origin{Stale: 1234}}
	ax := func(label, unit string, log bool) results.Axis {
		return results.Axis{Label: label, Unit: unit, Log: log}
	}
	nan, huge := math.NaN(), 1e300
	doc.Series = []results.Series{
		{Benchmark: "x/one", Name: "one point", Group: "g", X: ax("x", "B", true), Y: ax("y", "cycles", true), XY: []results.XY{{X: 1024, Y: 7}}, Marks: []results.Mark{{X: 0, Label: "nowhere"}, {X: 2048, Label: "M"}}},
		{Benchmark: "x/zero", Name: "all zero", X: ax("x", "", false), Y: ax("y", "", false), XY: []results.XY{{X: 0, Y: 0}, {X: 0, Y: 0}}},
		{Benchmark: "x/logs", Name: "partly below zero", X: ax("x", "W", true), Y: ax("y", "", true), XY: []results.XY{{X: -1, Y: 3}, {X: 0, Y: 1}, {X: 3, Y: 0}, {X: 5, Y: 5}, {X: 4e6, Y: 9e9}}},
		{Benchmark: "x/logs", Name: "no point left", X: ax("x", "W", true), Y: ax("y", "", true), XY: []results.XY{{X: -1, Y: 3}}},
		{Benchmark: "x/nan", Name: "not finite", X: ax("x", "", false), Y: ax("y", "", false), XY: []results.XY{{X: nan, Y: 1}, {X: 1, Y: nan}, {X: 2, Y: math.Inf(1)}, {X: 3, Y: 4, Low: nan}}},
		{Benchmark: "x/huge", Name: long, Group: long, X: ax(long, long, false), Y: ax(long, long, false), XY: []results.XY{{X: -huge, Y: -huge}, {X: huge, Y: huge, Low: -huge, High: huge}}},
	}
	for i := range 30 {
		s := results.Series{Benchmark: "x/many", Name: fmt.Sprintf("curve %d of many with a longer name", i), Group: "g", X: ax("warps", "", true), Y: ax("rate", "op", false)}
		for k := range 7 {
			s.XY = append(s.XY, results.XY{X: math.Ldexp(1, k), Y: float64(i + k*k)})
		}
		s.Marks = []results.Mark{{X: 1.5 + float64(i)/4, Label: "mark " + strconv.Itoa(i)}}
		doc.Series = append(doc.Series, s)
	}
	v, w := 3.0, -2e9
	names := make([]string, 30)
	cells := make([]*float64, 30)
	for i := range names {
		names[i] = fmt.Sprintf("m64n%dk16.f16.f32", 8*i)
		x := float64(i)
		cells[i] = &x
	}
	doc.Grids = []results.Grid{
		{Benchmark: "h/one", Name: "one cell", XLabels: []string{"a"}, YLabels: []string{"b"}, Cells: [][]*float64{{&v}}},
		{Benchmark: "h/none", Name: "no cell measured", XLabels: []string{"a"}, YLabels: []string{"b"}, Cells: [][]*float64{{nil}}},
		{Benchmark: "h/ragged", Name: long, X: ax(long, "", false), Y: ax(long, "", false), Z: ax(long, long, false), XLabels: []string{"a", "b", long}, YLabels: []string{"c", long}, Cells: [][]*float64{{&v, &w}}},
		{Benchmark: "h/wide", Name: "long names", X: ax("shape", "", false), Y: ax("warps", "", false), Z: ax("rate", "op/cycle", false), XLabels: names, YLabels: []string{"1", "2"}, Cells: [][]*float64{cells, cells}},
	}
	for i := range 63 {
		r := results.Row{Benchmark: "b/many", Metric: "rate", Unit: "op", Status: results.Statuses()[i%7], Value: float64(i*i) - 10, Point: results.P("op", "operation number "+strconv.Itoa(i), "same", "yes")}
		if i%9 == 0 {
			r.Interval = &[2]float64{r.Value * 0.8, r.Value * 1.1}
		}
		doc.Rows = append(doc.Rows, r)
	}
	for i := range 3 {
		doc.Rows = append(doc.Rows, results.Row{Benchmark: "b/zero", Metric: long, Unit: long, Status: results.OK, Point: results.P(long, long+strconv.Itoa(i))})
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	doc.Telemetry = []results.Sensors{{When: now}, {When: now, PowerW: &v}, {When: now, PowerW: &w, Throttle: []string{"hw slowdown"}}}
	doc.Canary = []results.Canary{{When: now, Name: "zero", Value: 0}, {When: now, Name: "c", Value: 5}, {When: now, Name: "c", Value: 50}}
	return doc
}

func TestAwkwardDocuments(t *testing.T) {
	pictures, err := render(results.Finite(awkward()), goldenDPI)
	require.NoError(t, err)
	count := map[string]int{}
	for _, p := range pictures {
		count[p.Benchmark]++
		assert.LessOrEqual(t, len(p.Name), maxStem+8, p.Name)
	}
	assert.Equal(t, map[string]int{"x/one": 1, "x/zero": 1, "x/logs": 1, "x/nan": 1, "x/huge": 1, "x/many": 3,
		"h/one": 1, "h/ragged": 1, "h/wide": 1, "b/many": 1, "b/zero": 1, "": 2}, count)
}

// TestRandomDocuments draws documents whose numbers are anything.
func TestRandomDocuments(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	number := func() float64 {
		switch rng.IntN(8) {
		case 0:
			return 0
		case 1:
			return -rng.Float64() * math.Pow(10, float64(rng.IntN(20)-10))
		case 2:
			return math.Inf(rng.IntN(2))
		}
		return rng.Float64() * math.Pow(10, float64(rng.IntN(40)-20))
	}
	for range 40 {
		doc := &results.Document{Rows: make([]results.Row, rng.IntN(5))}
		for i := range doc.Rows {
			doc.Rows[i] = results.Row{Benchmark: "r", Metric: "m", Value: number(), Status: results.OK, Interval: &[2]float64{number(), number()}, Peak: &results.Peak{Value: number()}}
		}
		s := results.Series{Benchmark: "s", X: results.Axis{Label: "x", Log: rng.IntN(2) == 0, Unit: []string{"", "B"}[rng.IntN(2)]}, Y: results.Axis{Label: "y", Log: rng.IntN(2) == 0}}
		for range rng.IntN(60) {
			s.XY = append(s.XY, results.XY{X: number(), Y: number(), Low: number(), High: number()})
			s.Marks = append(s.Marks[:min(len(s.Marks), 3)], results.Mark{X: number(), Low: number(), High: number()})
		}
		doc.Series = []results.Series{s}
		a, b := number(), number()
		doc.Grids = []results.Grid{{Benchmark: "g", XLabels: []string{"", "1"}, YLabels: []string{"x"}, Cells: [][]*float64{{&a, &b}}}}
		_, err := render(results.Finite(doc), 24)
		require.NoError(t, err, "%+v", doc)
	}
}

func BenchmarkAll(b *testing.B) {
	doc := plottest.Large(7, 1500)
	n := 0
	for b.Loop() {
		pictures, err := All(doc)
		if err != nil {
			b.Fatal(err)
		}
		n = len(pictures)
	}
	b.ReportMetric(float64(n), "pictures")
}

// A replay was not there when the readings were taken: its own times say nothing.
func TestDriftOfAReplayCountsReadings(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	doc := &results.Document{Started: start, Canary: []results.Canary{
		{When: start.Add(10 * time.Second), Name: "c", Value: 2},
		{When: start.Add(30 * time.Second), Name: "c", Value: 1},
	}}
	d := newDrift(doc)
	assert.Equal(t, []results.XY{{X: 10, Y: 0}, {X: 30, Y: -50}}, d.series[0].XY)
	assert.Equal(t, "s", d.axis.Unit)
	doc.Backend = "replay"
	d = newDrift(doc)
	assert.Equal(t, []results.XY{{X: 1, Y: 0}, {X: 2, Y: -50}}, d.series[0].XY)
	assert.Equal(t, 2.0, d.end)
	assert.Equal(t, "reading of the recorded run", d.axis.Label)
}
