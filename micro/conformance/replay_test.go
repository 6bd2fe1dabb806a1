package conformance

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
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
			current := sameKernels(was, now)
			t.Logf("%d of %d benchmarks have all kernels of the recording", len(current), len(was.Benchmarks))
			of := func(benchmark string) bool { return current[benchmark] }
			assertSameRows(t, only(was.Rows, func(r results.Row) bool { return of(r.Benchmark) }),
				only(now.Rows, func(r results.Row) bool { return of(r.Benchmark) }))
			// Not assert.Equal, which would print thousands of lines.
			grids := func(d *results.Document) []results.Grid {
				return only(d.Grids, func(g results.Grid) bool { return of(g.Benchmark) })
			}
			assert.True(t, assert.ObjectsAreEqual(grids(was), grids(now)), "grids differ from the recorded ones")
			series := func(d *results.Document) []results.Series {
				return only(d.Series, func(s results.Series) bool { return of(s.Benchmark) })
			}
			assert.True(t, assert.ObjectsAreEqual(series(was), series(now)), "curves differ from the recorded ones")
		})
	}
}

// sameKernels are the benchmarks that have the same jobs now as in the recording:
// their rows must be the same too.
func sameKernels(was, now *results.Document) map[string]bool {
	jobs := func(d *results.Document) map[string][]string {
		list := map[string][]string{}
		for _, raw := range d.Raw {
			list[raw.Benchmark] = append(list[raw.Benchmark], raw.Job)
		}
		return list
	}
	same, recorded := map[string]bool{}, jobs(was)
	for name, list := range jobs(now) {
		if name != micro.CanaryName && slices.Equal(list, recorded[name]) {
			same[name] = true
		}
	}
	return same
}

func only[T any](list []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !keep(v) })
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
