package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// memoryShare is the part of the device's free memory that open sessions may take together.
const memoryShare = 0.6

// maxOpen bounds the sessions that are open at once.
const maxOpen = 512

// retries is how many more rounds a throttled point gets.
const retries = 2

// measure runs the rounds of all benchmarks, with the canary before, between and after.
func (r *runner) measure(ctx context.Context) {
	for _, p := range r.plans {
		for _, m := range p.points {
			if m.Err == nil {
				r.done.Total += m.rounds
			}
		}
	}
	c := r.newCanary(ctx)
	c.sing(ctx)
	for i, p := range r.plans {
		if i == len(r.plans)/2 && i > 0 {
			c.sing(ctx)
		}
		start := time.Now()
		for _, chunk := range r.chunks(p.points) {
			r.measureChunk(ctx, p, chunk)
			if r.lost != nil {
				return // nothing more can be asked of the device, the canary included
			}
		}
		r.doc.Phases = append(r.doc.Phases, results.Phase{Name: "measure " + p.Name, Seconds: time.Since(start).Seconds()})
	}
	c.sing(ctx)
	c.close()
	r.tell("")
}

// chunks splits points so that each chunk's buffers fit the device together;
// configurations of a chunk are interleaved.
func (r *runner) chunks(points []*point) [][]*point {
	budget := uint64(memoryShare * float64(r.doc.Device.FreeBytes))
	var list [][]*point
	var chunk []*point
	var used uint64
	for _, m := range points {
		if m.Err != nil {
			continue
		}
		n := m.Job.Footprint()
		if len(chunk) > 0 && (used+n > budget || len(chunk) == maxOpen) {
			list, chunk, used = append(list, chunk), nil, 0
		}
		chunk, used = append(chunk, m), used+n
	}
	if len(chunk) > 0 {
		list = append(list, chunk)
	}
	return list
}

// measureChunk opens, verifies and measures points together, in random order a round.
func (r *runner) measureChunk(ctx context.Context, p *plan, points []*point) {
	defer r.closeAll(points)
	for _, m := range points {
		r.tell(p.Name)
		if !r.guard(ctx, p, m, points, func() error { return r.prepare(ctx, p, m) }) {
			return
		}
	}
	for again := true; again; {
		again = false
		for _, i := range r.rng.Perm(len(points)) {
			m := points[i]
			if m.Err != nil || m.rounds == 0 {
				continue
			}
			if !r.guard(ctx, p, m, points, func() error { return r.round(ctx, m) }) {
				return
			}
			again = again || m.Err == nil && m.rounds > 0
			if m.Err == nil {
				r.done.Done++
			}
			r.tell(p.Name)
		}
	}
}

// prepare opens a point's session and verifies it.
func (r *runner) prepare(ctx context.Context, p *plan, m *point) error {
	if m.Err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*r.opts.Timeout)
	defer cancel()
	id := micro.JobID{Benchmark: p.Name, Point: m.Point.Key(), Job: m.hash}
	session, err := r.dev.Open(ctx, id, m.Job, m.code)
	if errors.Is(err, micro.ErrStale) || errors.Is(err, micro.ErrNotRecorded) || errors.Is(err, micro.ErrFaulted) {
		return err // it says all
	}
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	m.session = session
	if s, ok := session.(interface{ Recorded() int }); ok && len(m.Readings) == 0 {
		r.done.Total += s.Recorded() - m.rounds
		m.rounds = s.Recorded()
	}
	return r.verify(ctx, m)
}

// round runs one round of a point.
func (r *runner) round(ctx context.Context, m *point) error {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	reading, err := m.session.Run(ctx)
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	if len(m.Readings) == 0 {
		reading.Result = m.result
	}
	m.Readings = append(m.Readings, reading)
	m.rounds--
	_, replayed := m.session.(interface{ Recorded() int })
	if m.rounds == 0 && !replayed && m.retries > 0 && throttledReadings(m.Readings) == len(m.Readings) {
		m.retries--
		m.rounds++
		r.done.Total++
	}
	return nil
}

// guard runs work for a point and deals with its failure: the point keeps the
// error, and after a fault the device is reset and the other sessions are opened
// again. It returns false when the run is over.
func (r *runner) guard(ctx context.Context, p *plan, m *point, all []*point, work func() error) bool {
	if ctx.Err() != nil {
		return false
	}
	err := work()
	if err == nil {
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	m.Err = err
	r.done.Total -= m.rounds // they will not come
	if errors.Is(err, micro.ErrStale) {
		r.stale++
	}
	m.fault = errors.Is(err, micro.ErrFaulted)
	if m.fault || !errors.Is(err, micro.ErrFault) && !errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	m.fault = true
	return r.revive(ctx, p, all)
}

// revive resets the device after a fault and reopens the chunk's healthy points.
func (r *runner) revive(ctx context.Context, p *plan, points []*point) bool {
	if r.lost = r.dev.Reset(); r.lost != nil {
		return false
	}
	for _, m := range points {
		if m.session == nil {
			continue
		}
		m.session = nil
		if m.Err != nil {
			continue
		}
		if err := r.prepare(ctx, p, m); err != nil {
			m.Err = err
		}
	}
	return true
}

// closeAll closes the sessions of points, except on a lost device, where there
// is nothing left to close.
func (r *runner) closeAll(points []*point) {
	for _, m := range points {
		if m.session != nil && r.lost == nil {
			_ = m.session.Close() // what was measured stands whatever happens to the session
			m.session = nil
		}
	}
}

func throttledReadings(readings []results.Reading) int {
	n := 0
	for _, x := range readings {
		if len(x.Sensors.Throttle) > 0 {
			n++
		}
	}
	return n
}
