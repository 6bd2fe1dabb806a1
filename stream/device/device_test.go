package device

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// small is a GPU of two SMs, so that the emulator has little to do.
func small(t *testing.T) micro.GPU {
	gpu, err := micro.Nominal(isa.SM90)
	require.NoError(t, err)
	gpu.SMs = 2
	return gpu
}

// tiny arrays have several tiles of every shape.
var tiny = Options{Bytes: 3 * granule, Force: true}

// result runs a job's Setup and Verify on the emulator, with the judge's limit of steps lifted.
func result(t *testing.T, job *micro.Job) []byte {
	require.NoError(t, job.Valid())
	session, err := backend.NewEmulator(results.Device{}).Open(context.Background(), micro.JobID{}, job, micro.Code{})
	require.NoError(t, err)
	out, err := session.Verify(context.Background())
	require.NoError(t, err)
	return out
}

// TestEveryShapeIsRight walks arrays of several tiles on the emulator in the
// first, the widest and the walking shapes of every kernel and type.
func TestEveryShapeIsRight(t *testing.T) {
	gpu := small(t)
	for _, b := range Benchmarks(tiny) {
		if b.Name != bandwidthName {
			continue
		}
		for i, p := range b.Plan(gpu) {
			if testing.Short() && i%5 > 0 {
				continue
			}
			t.Run(p.Key(), func(t *testing.T) {
				job, err := b.Job(gpu, p)
				require.NoError(t, err)
				assert.NoError(t, job.Check(result(t, job)))
			})
		}
	}
}
