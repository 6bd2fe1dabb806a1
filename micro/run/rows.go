package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

// abovePeak is how far above the theoretical peak, in percent of it, a value may
// lie before it is implausible: the resolution of the clocks and of the fit.
const abovePeak = 100.5

// collapse is the number of points with one reason above which they share a row.
const collapse = 8

// analyse makes rows of every benchmark's measurements and applies the gates.
func (r *runner) analyse(ctx context.Context) {
	r.judge.wait()
	for _, p := range r.plans {
		r.tell(p.Name)
		r.describe(p)
		r.rows(ctx, p)
		for _, m := range p.points {
			r.raw(p, m)
		}
	}
}

// describe keeps the benchmark's texts in the document, so that a report needs no program.
func (r *runner) describe(p *plan) {
	r.doc.Benchmarks = append(r.doc.Benchmarks, results.BenchmarkInfo{
		Name: p.Name, Question: p.Question, Method: p.Method, Source: p.Source, Experiment: p.Experiment, Units: p.Units,
	})
}

func (r *runner) rows(ctx context.Context, p *plan) {
	var measured []*micro.Measured
	var absent []*point
	for _, m := range p.points {
		if m.Err == nil && len(m.Readings) == 0 {
			m.Err = errNotReached
		}
		if m.OK() {
			measured = append(measured, &m.Measured)
		} else {
			absent = append(absent, m)
		}
	}
	if len(measured) > 0 {
		r.measuredRows(p, measured)
	}
	r.absentRows(ctx, p, absent)
}

var errNotReached = errors.New("the run was interrupted before this point")

// measuredRows analyses and gates; an analysis that fails is one row.
func (r *runner) measuredRows(p *plan, measured []*micro.Measured) {
	a, err := p.Analyse(r.gpu, measured)
	if err != nil {
		r.doc.Rows = append(r.doc.Rows, results.Row{Benchmark: p.Name, Metric: "analysis", Status: results.Failed, Reason: err.Error()})
		return
	}
	for _, row := range a.Rows {
		r.doc.Rows = append(r.doc.Rows, r.gate(p, row))
	}
	for _, s := range a.Series {
		s.Benchmark = p.Name
		r.doc.Series = append(r.doc.Series, s)
	}
	for _, g := range a.Grids {
		g.Benchmark = p.Name
		r.doc.Grids = append(r.doc.Grids, g)
	}
}

// gate completes a row from its measurements and decides whether its number may stand.
func (r *runner) gate(p *plan, a micro.Row) results.Row {
	row := a.Row
	row.Benchmark = p.Name
	row.Published = append(row.Published, published.Find(a.Published)...)
	if len(a.From) > 0 {
		r.provenance(p, &row, a.From)
	}
	if row.Status == "" {
		row.Status = results.OK
	}
	for _, check := range []func(*results.Row, []*micro.Measured){r.gateThrottle, gateBand, gateProof, gatePeak, gateCorrect} {
		if row.Status.HasNumber() {
			check(&row, a.From)
		}
	}
	return row
}

// provenance fills in what the row's first measurement knows.
func (r *runner) provenance(p *plan, row *results.Row, from []*micro.Measured) {
	first := from[0]
	if row.KernelHash == "" {
		row.KernelHash, _ = first.Job.KernelHash() // it was built before it was measured
	}
	if row.Proof.Kind == "" {
		row.Proof = first.Proof
	}
	if row.Correct.By == "" {
		row.Correct = worstCheck(from)
	}
	var clock, power, temperature []float64
	for _, m := range from {
		for _, reading := range m.Readings {
			clock = appendKnown(clock, reading.Sensors.SMClockMHz)
			power = appendKnown(power, reading.Sensors.PowerW)
			temperature = appendKnown(temperature, reading.Sensors.TemperatureC)
			for _, reason := range reading.Sensors.Throttle {
				if !slices.Contains(row.Throttle, reason) {
					row.Throttle = append(row.Throttle, reason)
				}
			}
		}
	}
	if row.ClockMHz > 0 && row.ClockFrom == "" {
		row.ClockFrom = "kernel"
	}
	if row.ClockMHz == 0 && len(clock) > 0 {
		row.ClockMHz, row.ClockFrom = results.Summarize(clock).Median, "nvml"
	}
	row.PowerW, row.TemperatureC = medianOf(power), medianOf(temperature)
}

func appendKnown(list []float64, v *float64) []float64 {
	if v == nil {
		return list
	}
	return append(list, *v)
}

func medianOf(list []float64) *float64 {
	if len(list) == 0 {
		return nil
	}
	m := results.Summarize(list).Median
	return &m
}

// worstCheck is the first check that failed, else the first that was not made, else the first.
func worstCheck(from []*micro.Measured) results.Check {
	worst := from[0].Correct
	for _, m := range from {
		switch c := m.Correct; {
		case c.By != "none" && !c.OK:
			return c
		case c.By == "none" && worst.By != "none":
			worst = c
		}
	}
	return worst
}

// flag marks a row that so far is ok.
func flag(row *results.Row, status results.Status, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if row.Reason != "" {
		reason = row.Reason + "; " + reason
	}
	row.Status, row.Reason = status, reason
}

// steady is the share of the highest SM clock from which on a clock counts as not held down.
const steady = 0.99

// gateThrottle flags rows with time in their unit whose clock was held down; rows
// per cycle do not depend on the clock.
func (r *runner) gateThrottle(row *results.Row, from []*micro.Measured) {
	if strings.Contains(row.Unit, "cycle") || row.ClockMHz >= steady*r.doc.Device.MaxClockMHz {
		return
	}
	n, all := 0, 0
	for _, m := range from {
		n, all = n+throttledReadings(m.Readings), all+len(m.Readings)
	}
	if 2*n > all {
		flag(row, results.Throttled, "the card held its clock at %.0f of %.0f MHz (%s) in %d of %d rounds",
			row.ClockMHz, r.doc.Device.MaxClockMHz, strings.Join(row.Throttle, ", "), n, all)
	}
}

func gateBand(row *results.Row, _ []*micro.Measured) {
	if b := row.Band; b != nil && (row.Value < b[0] || row.Value > b[1]) {
		flag(row, results.Flagged, "outside the expected band %g to %g %s", b[0], b[1], row.Unit)
	}
}

func gateProof(row *results.Row, from []*micro.Measured) {
	if row.Proof.Kind != results.ProofNone || len(from) == 0 || from[0].Job.Expect.Instruction == "" {
		return
	}
	if strings.HasPrefix(row.Proof.Detail, missing) {
		flag(row, results.Failed, "%s", row.Proof.Detail)
		return
	}
	flag(row, results.Flagged, "not proven: %s", row.Proof.Detail)
}

func gatePeak(row *results.Row, _ []*micro.Measured) {
	if p := row.Peak; p != nil && p.Percent > abovePeak {
		flag(row, results.Implausible, "%.2f %% of the theoretical peak", p.Percent)
	}
}

func gateCorrect(row *results.Row, _ []*micro.Measured) {
	switch c := row.Correct; {
	case c.By == "none":
		flag(row, results.Flagged, "result not checked: %s", c.Detail)
	case !c.OK:
		flag(row, results.Failed, "wrong result: %s", c.Detail)
	}
}

// absentRows says why points have no numbers; many points with one reason share a row.
func (r *runner) absentRows(ctx context.Context, p *plan, absent []*point) {
	by := map[string][]*point{}
	var reasons []string
	for _, m := range absent {
		reason := m.Err.Error()
		if by[reason] == nil {
			reasons = append(reasons, reason)
		}
		by[reason] = append(by[reason], m)
	}
	for _, reason := range reasons {
		points := by[reason]
		status := statusOf(ctx, points[0].Err)
		if len(points) > collapse {
			r.doc.Rows = append(r.doc.Rows, results.Row{Benchmark: p.Name, Metric: absentMetric, Status: status,
				Reason: fmt.Sprintf("%s (%d points)", reason, len(points))})
			continue
		}
		for _, m := range points {
			r.doc.Rows = append(r.doc.Rows, results.Row{Benchmark: p.Name, Point: m.Point, Metric: absentMetric,
				Status: status, Reason: reason, KernelHash: m.kernel})
		}
	}
}

// absentMetric stands in rows of points that have no number.
const absentMetric = "measurement"

func statusOf(ctx context.Context, err error) results.Status {
	switch {
	case errors.Is(err, micro.ErrUnsupported), errors.Is(err, ptx.ErrTarget):
		return results.Unsupported
	case errors.Is(err, micro.ErrStale), errors.Is(err, micro.ErrNotRecorded), errors.Is(err, errNotReached),
		errors.Is(err, context.Canceled):
		return results.Skipped
	}
	return results.Failed
}

// raw keeps a point's samples.
func (r *runner) raw(p *plan, m *point) {
	if m.Job == nil || len(m.Readings) == 0 && m.Err == nil {
		return
	}
	raw := results.Raw{Benchmark: p.Name, Point: m.Point, Job: m.hash, Kernel: m.kernel, Rounds: m.Readings}
	if m.Err != nil {
		raw.Error, raw.Fault = m.Err.Error(), m.fault
	}
	r.doc.Raw = append(r.doc.Raw, raw)
}
