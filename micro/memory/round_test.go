package memory

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
)

// TestRoundsRunAndAnalyse runs a whole round of some points of every benchmark
// on the emulator, sweeps and resets included, and analyses what came back. The
// emulator's clock counts operations, so only the shape of the rows is checked.
func TestRoundsRunAndAnalyse(t *testing.T) {
	gpu := small(t)
	points := map[string][]results.Point{
		"memory/stride-latency": {
			results.P("space", "shared", "address", "pointer", "stride", "4"), results.P("space", "dram", "address", "pointer", "stride", "128"),
			results.P("space", "l1", "address", "index", "stride", "128"), results.P("space", "l2", "address", "pointer", "stride", "128"),
		},
		"memory/random-latency":   {results.P("footprint", "2048"), results.P("footprint", "1048576")},
		"memory/shared-bandwidth": {onChipPoint(opCopy, 16, 32, 1)},
		"memory/l1-bandwidth":     {onChipPoint(opRead, 4, 32, 1)},
		"memory/l2-bandwidth":     {results.P("op", opWrite, "width", "16", "share", "1/2")},
		"memory/dram-bandwidth": {
			results.P("op", opTriad, "width", "16", "ctas", ctaPerTile, "policy", streaming, "unroll", "8"),
			results.P("op", opCopy, "width", "16", "ctas", "2", "policy", ordinary, "unroll", "2"),
		},
	}
	for _, b := range Benchmarks() {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			var measured []*micro.Measured
			for _, p := range points[b.Name] {
				job, err := b.Job(gpu, p)
				require.NoError(t, err)
				if b.Name == "memory/l2-bandwidth" { // shorter: it moves 1.5 GB
					s, err := l2Point(gpu, p)
					require.NoError(t, err)
					s.iterations = 2
					job, err = s.job(gpu)
					require.NoError(t, err)
				}
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
				assert.NotEmpty(t, row.Metric)
				assert.NotEmpty(t, row.From, row.ID())
			}
		})
	}
}
