package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results"
)

// faulty is a device that one point kills for good, as a GPU's process is after
// an illegal address.
type faulty struct {
	*counted
	point string
	dead  bool
}

var errDead = errors.New("an illegal memory access was encountered")

func (f *faulty) Open(ctx context.Context, id micro.JobID, job *micro.Job, code micro.Code) (micro.Session, error) {
	if f.dead {
		return nil, errDead
	}
	session, err := f.counted.Open(ctx, id, job, code)
	if err != nil || id.Point != f.point {
		return session, err
	}
	return &killer{session, f}, nil
}

func (f *faulty) Reset() error { return errDead }

type killer struct {
	micro.Session
	f *faulty
}

func (k *killer) Run(context.Context) (results.Reading, error) {
	k.f.dead = true
	return results.Reading{}, errors.Join(micro.ErrFault, errDead)
}

func TestRunGoesOnInAnotherProcessAfterAFault(t *testing.T) {
	s := newScene(t)
	const point = "fn=__viaddmin_s32"
	emulator := s.world.open
	starts := 0
	s.world.open = func(o backend.Options) (micro.Device, error, error) {
		starts++
		if _, fallback, err := emulator(o); err != nil || fallback != nil {
			return nil, fallback, err
		}
		return &faulty{counted: s.emulator, point: point}, nil, nil
	}
	var again []string
	s.world.restart = func(_ context.Context, args []string) (int, error) {
		again = args
		o := s.gpubench(args...)
		return o.code, nil
	}
	out := s.path("out")
	o := s.must("run", small, "--backend", "emulator", "--seed", "7", "--no-report", "--out", out)
	assert.Contains(t, o.err, "going on in another process")
	assert.Equal(t, 2, starts, "one fault, one more process")
	assert.True(t, slices.Contains(again, "--resume"), again)

	doc := s.read(filepath.Join(out, documentName))
	assert.Equal(t, results.Complete, doc.State)
	failed := 0
	for _, r := range doc.Rows {
		if r.Status == results.Failed {
			failed++
			assert.Equal(t, point, r.Point.Key())
			assert.Contains(t, r.Reason, errDead.Error())
			assert.Contains(t, r.Reason, micro.ErrFaulted.Error())
		}
		assert.NotEqual(t, results.Skipped, r.Status, r.ID())
	}
	assert.Equal(t, 1, failed)
	require.Greater(t, len(doc.Rows), 30)
}

func TestRunThatCannotGoOnKeepsItsDocument(t *testing.T) {
	s := newScene(t)
	emulator := s.world.open
	s.world.open = func(o backend.Options) (micro.Device, error, error) {
		if _, fallback, err := emulator(o); err != nil || fallback != nil {
			return nil, fallback, err
		}
		return &faulty{counted: s.emulator, point: "fn=__viaddmin_s32"}, nil, nil
	}
	s.world.restart = func(context.Context, []string) (int, error) { return 0, errors.New("no such program") }
	o := s.gpubench("run", small, "--backend", "emulator", "--no-report", "--out", s.path("out"))
	assert.Equal(t, exitInterrupted, o.code)
	assert.Contains(t, o.err, "no such program")
	assert.Equal(t, results.Interrupted, s.read(filepath.Join(s.path("out"), documentName)).State)
}
