package cluster

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
	gpu.SMs = 8
	points := map[string][]results.Point{
		"cluster/latency": {results.P("cluster", "2", "address", "generic"), results.P("cluster", "4", "address", "window")},
		"cluster/throughput": {
			results.P("op", "read", "pattern", "ring", "cluster", "2", "threads", "128", "chains", "2", "clusters", "1"),
			results.P("op", "write", "pattern", "pair", "cluster", "4", "threads", "1024", "chains", "4", "clusters", "2"),
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
