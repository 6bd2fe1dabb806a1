package conformance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/micro/suite"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/recorded"
)

// mostStale is the share of recorded points whose kernels may have changed
// before the recording has to be made again.
const mostStale = 0.1

// TestReplay runs every recording through the runner, the emulator and the
// analysis, and compares the rows with those of the day of the recording.
func TestReplay(t *testing.T) {
	names := recorded.Names()
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			was, err := recorded.Open(name)
			require.NoError(t, err)
			now := replay(t, name, was)
			stale := now.Recording.Stale
			t.Logf("%d of %d recorded points are stale: their kernels changed since", stale, len(was.Raw))
			assert.LessOrEqual(t, float64(stale), mostStale*float64(len(was.Raw)), "record again on the GPU")
			if stale == 0 {
				assertSameRows(t, was.Rows, now.Rows)
				assert.Equal(t, was.Grids, now.Grids)
				assert.Equal(t, was.Series, now.Series)
			}
		})
	}
}

func replay(t *testing.T, name string, was *results.Document) *results.Document {
	dev, err := backend.NewReplay(name, was)
	require.NoError(t, err)
	now, err := run.Run(context.Background(), dev, suite.All(), run.Options{
		Seed: was.Seed, Expected: backend.Expected, Approximate: backend.Approximate,
	})
	require.NoError(t, err)
	require.NotNil(t, now.Recording)
	return now
}

func assertSameRows(t *testing.T, was, now []results.Row) {
	assert.Equal(t, len(was), len(now), "number of rows")
	by := map[string]results.Row{}
	for _, r := range now {
		by[r.ID()] = r
	}
	for _, w := range was {
		n, ok := by[w.ID()]
		if !assert.True(t, ok, "%s is gone", w.ID()) {
			continue
		}
		n.Published, w.Published = nil, nil // the table of published figures grows by itself
		assert.Equal(t, w, n, w.ID())
	}
}
