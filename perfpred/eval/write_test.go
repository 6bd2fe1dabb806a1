package eval

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/drawing"
	"github.com/gpubench/gpubench/perfpred/model"
)

// report is one of two models, of which the second has intervals.
func report() *Report {
	series := Series{Model: "stack", Target: "score", Unit: "ratio"}
	for i := range 40 {
		v := math.Pow(10, float64(i)/20)
		series.Row, series.Measured, series.Predicted = append(series.Row, i), append(series.Measured, v), append(series.Predicted, v*1.05)
		series.Low, series.High = append(series.Low, v*(0.9+0.005*float64(i))), append(series.High, v*1.2)
	}
	plain := series
	plain.Model, plain.Low, plain.High = "constant", nil, nil
	return &Report{Table: "fp_rate", Rows: 40, Group: "cpu", Groups: 10, Folds: 5, Points: []Series{plain, series},
		Scores:      []Score{{Model: "constant", Target: "score", MAPE: 5}, {Model: "stack", Target: "score", MAPE: 5, Coverage: 52.5, Width: 20}},
		Importances: []Importances{{Model: "stack", Target: "score", Shares: []model.Importance{{Feature: "cores", Share: 0.75}, {Feature: "l3_kb", Share: 0.25}}}},
	}
}

// has counts the picture's pixels of a colour between x shares from and to.
func has(p image.Image, c color.NRGBA, from, to float64) int {
	n, b := 0, p.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := int(from * float64(b.Dx())); x < int(to*float64(b.Dx())); x++ {
			if color.NRGBAModel.Convert(p.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

func TestPicture(t *testing.T) {
	data, err := Picture(report())
	require.NoError(t, err)
	p, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	assert.Greater(t, p.Bounds().Dx(), 3*p.Bounds().Dy()/2, "two panels side by side")
	assert.Positive(t, has(p, drawing.Blue.NRGBA(), 0, 0.5))
	assert.Zero(t, has(p, drawing.Red.NRGBA(), 0, 0.5), "without intervals nothing is outside")
	assert.Positive(t, has(p, drawing.Blue.NRGBA(), 0.5, 1))
	assert.Positive(t, has(p, drawing.Red.NRGBA(), 0.5, 1), "half of it is outside")

	_, err = Picture(&Report{Table: "none"})
	assert.ErrorIs(t, err, ErrNothing)
	unscored := report()
	unscored.Scores = nil
	_, err = Picture(unscored)
	assert.ErrorIs(t, err, ErrNothing)
}

func TestTicks(t *testing.T) {
	for name, c := range map[string]struct {
		low, high float64
		want      []float64
	}{
		"narrow": {3.5, 12, []float64{4, 5, 7, 10}},
		"decade": {9, 110, []float64{10, 20, 30, 40, 50, 70, 100}},
		"wide":   {0.5, 6000, []float64{1, 3, 10, 30, 100, 300, 1000, 3000}},
	} {
		var got []float64
		for _, tick := range ticks(c.low, c.high) {
			got = append(got, math.Round(tick.Value*1e6)/1e6)
		}
		assert.Equal(t, c.want, got, name)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "evaluation")
	require.NoError(t, Write(dir, report()))
	for _, name := range []string{"evaluation.json", "evaluation.txt", "fp_rate.png"} {
		assert.FileExists(t, filepath.Join(dir, name))
	}
	text, err := os.ReadFile(filepath.Join(dir, "evaluation.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "what stack goes by")
	assert.Regexp(t, `cores +75.0 %`, string(text))
	data, err := os.ReadFile(filepath.Join(dir, "evaluation.json"))
	require.NoError(t, err)
	var back []*Report
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, []*Report{report()}, back)

	file := filepath.Join(t.TempDir(), "alone.json")
	require.NoError(t, Write(file, report()))
	alone, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, data, alone)
	assert.Error(t, Write(filepath.Join(file, "below"), report()), "a file is no folder")
}

func TestFileName(t *testing.T) {
	assert.Equal(t, "Memory-Latency-Checker-a-b", fileName("Memory Latency Checker a/b"))
}
