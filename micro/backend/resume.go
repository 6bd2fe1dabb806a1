package backend

import (
	"context"
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// resumed is a device that answers from an earlier, interrupted run what that
// run measured, and measures the rest.
type resumed struct {
	micro.Device
	before *Replay
}

// Resume makes a device that goes on with an interrupted run of the same GPU.
func Resume(dev micro.Device, name string, before *results.Document) (micro.Device, error) {
	now, then := dev.Describe(), before.Device
	if now.Name != then.Name || now.UUID != then.UUID || now.Driver != then.Driver {
		return nil, fmt.Errorf("cannot resume %s: it was measured on %s %s (driver %s), and this is %s %s (driver %s)",
			name, then.Name, then.UUID, then.Driver, now.Name, now.UUID, now.Driver)
	}
	replay, err := NewReplay(name, before)
	if err != nil {
		return nil, err
	}
	return &resumed{Device: dev, before: replay}, nil
}

// Open prefers the earlier samples where the job is still the same and was
// measured to its end.
func (r *resumed) Open(ctx context.Context, id micro.JobID, job *micro.Job, code micro.Code) (micro.Session, error) {
	if raw := r.before.raw[rawKey(id.Benchmark, id.Point)]; raw != nil && raw.Error == "" {
		if s, err := r.before.Open(ctx, id, job, code); err == nil {
			return s, nil
		}
	}
	return r.Device.Open(ctx, id, job, code)
}

// Telemetry is that of both runs, where the device keeps any.
func (r *resumed) Telemetry() []results.Sensors {
	all := r.before.Telemetry()
	if t, ok := r.Device.(interface{ Telemetry() []results.Sensors }); ok {
		all = append(all[:len(all):len(all)], t.Telemetry()...)
	}
	return all
}
