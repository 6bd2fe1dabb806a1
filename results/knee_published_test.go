package results_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

const mib = 1 << 20

// TestKneesOfPublishedCurves finds the caches of real GPUs in the curves of the
// Hopper paper's authors. The L1 is what the driver left of L1 and shared
// memory together (192 KiB, 128 KiB, 256 KiB); the L2 has two halves on A100
// (40 MiB) and H800 (50 MiB), and is one on the RTX 4090 (72 MiB).
func TestKneesOfPublishedCurves(t *testing.T) {
	want := map[string][][2]float64{ // brackets must lie in these ranges, in MiB
		"A100 PCIe, published":                        {{0.12, 0.19}, {18.5, 21}, {37, 41}},
		"RTX 4090, published":                         {{0.075, 0.125}, {68, 74}},
		"H800 PCIe, published":                        {{0.19, 0.25}, {23, 26}, {49, 53}},
		"H800 PCIe, TMA cp.async.bulk 16B, published": {{23, 26}, {49, 53}}, // past the L1
	}
	curves := published.RandomLatency()
	require.Len(t, curves, len(want))
	for _, s := range curves {
		t.Run(s.Name, func(t *testing.T) {
			var x, y []float64
			for _, p := range s.XY {
				x, y = append(x, p.X), append(y, p.Y)
			}
			marks := results.Knees(x, y, results.KneeOptions{})
			require.Len(t, marks, len(want[s.Name]), "%+v", marks)
			for i, m := range marks {
				assert.GreaterOrEqual(t, m.Low, want[s.Name][i][0]*mib)
				assert.LessOrEqual(t, m.High, want[s.Name][i][1]*mib)
				t.Logf("%.4g to %.4g MiB: %s", m.Low/mib, m.High/mib, m.Label)
			}
		})
	}
}
