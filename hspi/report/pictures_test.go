package report_test

import (
	"bytes"
	"fmt"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/report"
)

// told is predictions of n classes, mostly right, and of some platforms that are
// no class.
func told(n int) []report.Prediction {
	random := rand.New(rand.NewPCG(3, 4))
	var all []report.Prediction
	for s := range 6 {
		for truth := range n + 2 {
			p := report.Prediction{Session: fmt.Sprint(truth, s), Truth: fmt.Sprintf("gpu-class-%d", truth), Probabilities: map[string]float64{}}
			sum := 0.0
			for class := range n {
				v := random.ExpFloat64()
				if class == truth {
					v += 6
				}
				p.Probabilities[fmt.Sprintf("gpu-class-%d", class)] = v
				sum += v
			}
			for class := range p.Probabilities {
				p.Probabilities[class] /= sum
			}
			if p.Novelty = random.NormFloat64(); truth >= n {
				p.Novelty += 3
			}
			all = append(all, p)
		}
	}
	return all
}

func TestPictures(t *testing.T) {
	for _, n := range []int{2, 12} {
		pictures, err := report.Pictures("platforms", told(n))
		require.NoError(t, err)
		require.Len(t, pictures, 3)
		again, err := report.Pictures("platforms", told(n))
		require.NoError(t, err)
		for i, p := range pictures {
			assert.Equal(t, p.PNG, again[i].PNG, "the same data, the same bytes")
			img, err := png.Decode(bytes.NewReader(p.PNG))
			require.NoError(t, err, p.Name)
			colors := map[any]bool{}
			for x := range img.Bounds().Dx() {
				for y := range img.Bounds().Dy() {
					colors[img.At(x, y)] = true
				}
			}
			assert.Greater(t, len(colors), 10, "%s is not empty", p.Name)
			if dir := os.Getenv("PICTURES"); dir != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.png", p.Name, n)), p.PNG, 0o600))
			}
		}
	}
}

func TestNoData(t *testing.T) {
	pictures, err := report.Pictures("nothing", nil)
	require.NoError(t, err)
	assert.Empty(t, pictures)
}
