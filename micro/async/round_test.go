package async

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// TestRoundsRunAndAnalyse runs a whole round of some points on the emulator and
// analyses what came back. Its clock counts operations, so only the shape of the
// rows is checked.
func TestRoundsRunAndAnalyse(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	gpu.L2Bytes = 1 << 20
	points := map[string][]results.Point{
		"async/bulk-latency": {
			results.P("method", "empty"), results.P("method", "bulk", "memory", "dram", "bytes", "256"), results.P("method", "sync", "memory", "l2", "bytes", "16384"),
		},
	}
	for _, b := range Benchmarks() {
		t.Run(b.Name, func(t *testing.T) {
			var measured []*micro.Measured
			for _, p := range points[b.Name] {
				job, err := b.Job(gpu, p)
				require.NoError(t, err)
				session, err := backend.NewEmulator(gpu.Device).Open(t.Context(), micro.JobID{}, job, micro.Code{})
				require.NoError(t, err)
				r, err := session.Run(t.Context())
				require.NoError(t, err, p.Key())
				require.NoError(t, session.Close())
				measured = append(measured, &micro.Measured{Point: p, Job: job, Readings: []results.Reading{r}})
			}
			require.NotEmpty(t, measured)
			a, err := b.Analyse(gpu, measured)
			require.NoError(t, err)
			assert.NotEmpty(t, a.Rows)
			for _, row := range a.Rows {
				assert.Greater(t, row.Value, 0.0, row.ID())
				assert.NotEmpty(t, row.From, row.ID())
			}
		})
	}
}
