package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// Replay answers jobs from the raw samples of a recorded run. A job whose kernel,
// data or launches changed since is stale and gets no samples.
type Replay struct {
	doc  *results.Document
	name string
	raw  map[string]*results.Raw    // by benchmark and point
	code map[string]*results.Kernel // by kernel hash
}

// ErrNoSamples marks a document that holds rows but nothing to replay.
var ErrNoSamples = errors.New("holds no raw samples to replay")

// NewReplay makes a device of a recorded document; name is how it is called in reports.
func NewReplay(name string, doc *results.Document) (*Replay, error) {
	if len(doc.Raw) == 0 {
		return nil, fmt.Errorf("recording %s %w: give a document that 'gpubench run' wrote", name, ErrNoSamples)
	}
	return index(name, doc), nil
}

// index finds samples by point and code by kernel.
func index(name string, doc *results.Document) *Replay {
	r := &Replay{doc: doc, name: name, raw: map[string]*results.Raw{}, code: map[string]*results.Kernel{}}
	for i := range doc.Raw {
		raw := &doc.Raw[i]
		r.raw[rawKey(raw.Benchmark, raw.Point.Key())] = raw
	}
	for i := range doc.Kernels {
		r.code[doc.Kernels[i].Hash] = &doc.Kernels[i]
	}
	return r
}

func rawKey(benchmark, point string) string { return benchmark + "\x00" + point }

// Describe is the recorded device.
func (r *Replay) Describe() results.Device { return r.doc.Device }

// Backend is "replay".
func (r *Replay) Backend() string { return "replay" }

// Origin tells what is replayed.
func (r *Replay) Origin() results.Origin {
	return results.Origin{Name: r.name, Recorded: r.doc.Started, Tool: r.doc.Tool}
}

// Telemetry is the recorded one.
func (r *Replay) Telemetry() []results.Sensors { return r.doc.Telemetry }

// Compile gives what was recorded of the machine code.
func (r *Replay) Compile(_ context.Context, _, text string) (micro.Code, error) {
	if k := r.code[micro.HashText(text)]; k != nil {
		return micro.Code{Recorded: k.Code, Warnings: k.Warnings}, nil
	}
	return micro.Code{}, nil
}

// Open finds the job's samples.
func (r *Replay) Open(_ context.Context, id micro.JobID, _ *micro.Job, _ micro.Code) (micro.Session, error) {
	raw := r.raw[rawKey(id.Benchmark, id.Point)]
	switch {
	case raw == nil:
		return nil, micro.ErrNotRecorded
	case raw.Job != id.Job:
		return nil, micro.ErrStale
	case raw.Error != "" && len(raw.Rounds) == 0:
		return nil, errors.New(raw.Error)
	}
	return &replaySession{rounds: raw.Rounds}, nil
}

// Reset does nothing: a recording does not fault.
func (r *Replay) Reset() error { return nil }

// Sensors knows nothing: each reading carries its own.
func (r *Replay) Sensors() results.Sensors { return results.Sensors{} }

// Close does nothing.
func (r *Replay) Close() error { return nil }

type replaySession struct {
	rounds []results.Reading
	next   int
}

// Recorded is the number of rounds that were recorded.
func (s *replaySession) Recorded() int { return len(s.rounds) }

func (s *replaySession) Verify(context.Context) ([]byte, error) {
	i := slices.IndexFunc(s.rounds, func(r results.Reading) bool { return len(r.Result) > 0 })
	if i < 0 {
		return nil, micro.ErrNotRecorded
	}
	return s.rounds[i].Result, nil
}

func (s *replaySession) Run(context.Context) (results.Reading, error) {
	if len(s.rounds) == 0 {
		return results.Reading{}, micro.ErrNotRecorded
	}
	reading := s.rounds[s.next%len(s.rounds)]
	s.next++
	return reading, nil
}

func (s *replaySession) Close() error { return nil }
