package backend

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

func sample(v uint64) results.Reading { return results.Reading{Samples: []uint64{v}} }

// recordedRun is a document of five points: whole, half measured, failed, failed
// after a round, and one without a result.
func recordedRun() *results.Document {
	first := sample(1)
	first.Result = []byte{7}
	raw := func(point, problem string, rounds ...results.Reading) results.Raw {
		return results.Raw{Benchmark: "a/b", Point: results.P("p", point), Job: "job", Kernel: "kernel", Rounds: rounds, Error: problem}
	}
	return &results.Document{
		Schema: 1, State: results.Interrupted, Backend: "emulator", Started: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		Tool: results.Tool{Version: "v1"}, Device: results.Device{Name: "a GPU", UUID: "GPU-1", Driver: "580"},
		Raw: []results.Raw{
			raw("whole", "", first, sample(2), sample(3)),
			raw("half", "", first),
			raw("failed", "out of memory"),
			raw("faulted", "illegal address", first),
			raw("unchecked", "", sample(1)),
			{Benchmark: "canary", Job: "job", Rounds: []results.Reading{sample(5)}},
		},
		Kernels:   []results.Kernel{{Hash: micro.HashText("text"), Code: []results.MachineCode{{Kernel: "k"}}, Warnings: []string{"spills"}}},
		Telemetry: []results.Sensors{{Throttle: []string{"then"}}},
	}
}

func id(point string) micro.JobID {
	return micro.JobID{Benchmark: "a/b", Point: "p=" + point, Job: "job"}
}

func TestReplayAnswersWhatWasRecorded(t *testing.T) {
	doc := recordedRun()
	r, err := NewReplay("mine", doc)
	require.NoError(t, err)
	assert.Equal(t, doc.Device, r.Describe())
	assert.Equal(t, results.Origin{Name: "mine", Recorded: doc.Started, Tool: doc.Tool}, r.Origin())
	assert.Equal(t, doc.Telemetry, r.Telemetry())
	assert.Equal(t, results.Sensors{}, r.Sensors())
	assert.NoError(t, r.Reset())

	code, err := r.Compile(t.Context(), "", "text")
	require.NoError(t, err)
	assert.Equal(t, micro.Code{Recorded: doc.Kernels[0].Code, Warnings: []string{"spills"}}, code)
	code, err = r.Compile(t.Context(), "", "other text")
	require.NoError(t, err)
	assert.Empty(t, code.Recorded)

	s, err := r.Open(t.Context(), id("whole"), nil, code)
	require.NoError(t, err)
	result, err := s.Verify(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []byte{7}, result)
	var got []uint64
	for range 4 {
		x, err := s.Run(t.Context())
		require.NoError(t, err)
		got = append(got, x.Samples[0])
	}
	assert.Equal(t, []uint64{1, 2, 3, 1}, got, "used up, it starts again")
	assert.NoError(t, s.Close())
	assert.NoError(t, r.Close())
}

func TestReplayRefuses(t *testing.T) {
	r, err := NewReplay("mine", recordedRun())
	require.NoError(t, err)
	other := id("whole")
	other.Job = "changed"
	_, err = r.Open(t.Context(), other, nil, micro.Code{})
	assert.ErrorIs(t, err, micro.ErrStale)
	_, err = r.Open(t.Context(), id("none"), nil, micro.Code{})
	assert.ErrorIs(t, err, micro.ErrNotRecorded)
	_, err = r.Open(t.Context(), id("failed"), nil, micro.Code{})
	assert.EqualError(t, err, "out of memory", "the error is replayed too")

	s, err := r.Open(t.Context(), id("unchecked"), nil, micro.Code{})
	require.NoError(t, err)
	_, err = s.Verify(t.Context())
	assert.ErrorIs(t, err, micro.ErrNotRecorded)

	_, err = NewReplay("rows only", &results.Document{})
	assert.ErrorIs(t, err, ErrNoSamples)
	assert.ErrorContains(t, err, "rows only")
}
