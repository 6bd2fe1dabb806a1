package backend

import (
	"context"
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// resumed is a device that answers from an earlier, interrupted run what that
// run measured, and measures the rest.
type resumed struct {
	micro.Device
	before *Replay
	// served counts the earlier readings that were given out, by benchmark and
	// point, so that a session that is opened again goes on where it was.
	served map[string]int
}

// Resume makes a device that goes on with an interrupted run of the same GPU. A
// replay measures nothing and so has nothing to go on with: it stays as it is.
func Resume(dev micro.Device, name string, before *results.Document) (micro.Device, error) {
	if dev.Backend() != before.Backend {
		return nil, fmt.Errorf("cannot resume %s: it was run with --backend %s, and this is %s", name, before.Backend, dev.Backend())
	}
	now, then := dev.Describe(), before.Device
	if now.Name != then.Name || now.UUID != then.UUID || now.Driver != then.Driver {
		return nil, fmt.Errorf("cannot resume %s: it was measured on %s %s (driver %s), and this is %s %s (driver %s)",
			name, then.Name, then.UUID, then.Driver, now.Name, now.UUID, now.Driver)
	}
	if dev.Backend() == KindReplay {
		return dev, nil
	}
	return &resumed{Device: dev, before: index(name, before), served: map[string]int{}}, nil
}

// Carry adds to a resumed run's document the samples of the earlier one that it
// did not come to, so that a second interruption loses nothing.
func Carry(doc, before *results.Document) {
	have := map[string]bool{}
	for _, raw := range doc.Raw {
		if len(raw.Rounds) > 0 {
			have[rawKey(raw.Benchmark, raw.Point.Key())] = true
		}
	}
	doc.Raw = dropReplaced(doc.Raw, have, before.Raw)
	for _, raw := range before.Raw {
		if len(raw.Rounds) > 0 && !have[rawKey(raw.Benchmark, raw.Point.Key())] {
			doc.Raw = append(doc.Raw, raw)
		}
	}
}

// dropReplaced leaves out the entries without samples that the earlier run has samples for.
func dropReplaced(list []results.Raw, have map[string]bool, before []results.Raw) []results.Raw {
	replaced := map[string]bool{}
	for _, raw := range before {
		key := rawKey(raw.Benchmark, raw.Point.Key())
		replaced[key] = len(raw.Rounds) > 0 && !have[key]
	}
	var kept []results.Raw
	for _, raw := range list {
		if !replaced[rawKey(raw.Benchmark, raw.Point.Key())] {
			kept = append(kept, raw)
		}
	}
	return kept
}

// Open prefers the earlier samples where the job is still the same. The canary,
// which is no point, sings anew: it tells of this run's clock.
func (r *resumed) Open(ctx context.Context, id micro.JobID, job *micro.Job, code micro.Code) (micro.Session, error) {
	key := rawKey(id.Benchmark, id.Point)
	raw := r.before.raw[key]
	if raw != nil && raw.Job == id.Job && raw.Fault {
		return nil, fmt.Errorf("%s; %w", strings.TrimSuffix(raw.Error, "; "+micro.ErrFaulted.Error()), micro.ErrFaulted)
	}
	if raw == nil || raw.Job != id.Job || raw.Error != "" || len(raw.Rounds) == 0 || id.Point == "" && id.Benchmark == micro.CanaryName {
		return r.Device.Open(ctx, id, job, code)
	}
	return &resumedSession{
		device: r, key: key, rounds: raw.Rounds, before: &replaySession{rounds: raw.Rounds},
		open: func(ctx context.Context) (micro.Session, error) { return r.Device.Open(ctx, id, job, code) },
	}, nil
}

// Telemetry is that of both runs, where the device keeps any.
func (r *resumed) Telemetry() []results.Sensors {
	all := r.before.Telemetry()
	if t, ok := r.Device.(interface{ Telemetry() []results.Sensors }); ok {
		all = append(all[:len(all):len(all)], t.Telemetry()...)
	}
	return all
}

// resumedSession gives the earlier readings first, and opens the job on the
// device only when there are no more.
type resumedSession struct {
	device *resumed
	key    string
	rounds []results.Reading
	before *replaySession
	open   func(context.Context) (micro.Session, error)
	live   micro.Session
}

func (s *resumedSession) Verify(ctx context.Context) ([]byte, error) {
	if result, err := s.before.Verify(ctx); err == nil {
		return result, nil
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s.live.Verify(ctx)
}

func (s *resumedSession) Run(ctx context.Context) (results.Reading, error) {
	if n := s.device.served[s.key]; n < len(s.rounds) {
		s.device.served[s.key]++
		return s.rounds[n], nil
	}
	if err := s.start(ctx); err != nil {
		return results.Reading{}, err
	}
	return s.live.Run(ctx)
}

// start opens the job on the device, once.
func (s *resumedSession) start(ctx context.Context) (err error) {
	if s.live == nil {
		s.live, err = s.open(ctx)
	}
	return err
}

func (s *resumedSession) Close() error {
	if s.live == nil {
		return nil
	}
	return s.live.Close()
}
