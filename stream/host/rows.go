package host

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// Benchmark is the name of the rows of this package.
const Benchmark = "stream/host"

// confidence is asked of intervals.
const confidence = 0.95

// leastTicks is STREAM's rule for the clock: a kernel must take so many steps of it.
const leastTicks = 20

func (s *session) result() *Result {
	r := &Result{
		CPU: s.machine.CPU, CPUs: s.cpus, ArrayBytes: uint64(len(s.arrays.A)), HugeBytes: s.huge,
		TickNS: float64(s.tick), Timings: s.timings, Series: s.series,
	}
	for i := range s.timings {
		r.Rows = append(r.Rows, s.rows(&s.timings[i])...)
		r.Raw = append(r.Raw, s.raw(&s.timings[i]))
	}
	return r
}

func (s *session) point(t *Timing) results.Point {
	return results.P("kernel", t.Kernel.Name, "type", string(t.Type), "stores", string(t.Stores), "isa", string(t.ISA),
		"threads", strconv.Itoa(len(s.cpus)), "bytes", strconv.FormatUint(t.Bytes, 10))
}

// rows makes the rows of a kernel: the best trial, and the median with its interval.
func (s *session) rows(t *Timing) []results.Row {
	best := results.Row{
		Benchmark: Benchmark, Point: s.point(t), Metric: stream.MetricBest, Unit: "GB/s", HigherIsBetter: true,
		Status: results.OK, Proof: results.Proof{Kind: results.ProofNone}, Correct: results.Check{By: "none"},
	}
	if t.Err != nil {
		best.Status, best.Reason = results.Failed, t.Err.Error()
		if errors.Is(t.Err, ErrNoForm) {
			best.Status = results.Unsupported
		}
		return []results.Row{best}
	}
	rates := t.Rates()
	stats := results.Summarize(rates)
	best.Value, best.Stats = stats.Max, &stats
	best.Correct, best.Proof = t.Check, t.proof()
	best.Annotations = s.notes(t)
	s.judge(&best, t)
	median := best
	median.Metric, median.Value = stream.MetricMedian, stats.Median
	if lo, hi, c := results.MedianInterval(rates, confidence); c > 0 {
		median.Interval, median.Confidence = &[2]float64{lo, hi}, c
	}
	return []results.Row{best, median}
}

// Rates are the bandwidths of all trials but the first, in GB/s, as STREAM counts bytes.
func (t *Timing) Rates() []float64 {
	bytes := float64(t.Bytes) / float64(t.Type.Bytes()) * float64(t.Kernel.Bytes(t.Type))
	var rates []float64
	for _, ns := range t.NS[1:] {
		rates = append(rates, bytes/float64(ns))
	}
	return rates
}

// unsteady is the part of the best trial below which the median shows a disturbed machine.
const unsteady = 0.8

// judge sets the status: wrong results are no measurement, doubts are flags.
func (s *session) judge(row *results.Row, t *Timing) {
	if !t.Check.OK {
		row.Status, row.Reason = results.Failed, "wrong results: "+t.Check.Detail
		return
	}
	flag(row, s.flag != "", s.flag)
	if q := s.machine.Quota; q > 0 {
		flag(row, q < float64(len(s.cpus)), fmt.Sprintf("the control group's quota of %.3g CPUs is less than one thread", q))
	}
	if median := row.Stats.Median; median < unsteady*row.Stats.Max {
		flag(row, true, fmt.Sprintf("the median trial has %.0f %% of the best: something else uses the machine", 100*median/row.Stats.Max))
	}
	shortest := time.Duration(t.best())
	flag(row, shortest < leastTicks*s.tick, fmt.Sprintf("a trial of %v is less than %d steps of the clock, of %v", shortest, leastTicks, s.tick))
}

func flag(row *results.Row, bad bool, reason string) {
	if !bad {
		return
	}
	if row.Reason != "" {
		reason = row.Reason + "; " + reason
	}
	row.Status, row.Reason = results.Flagged, reason
}

// best is the shortest time of all trials but the first.
func (t *Timing) best() uint64 {
	least := t.NS[1]
	for _, ns := range t.NS[1:] {
		least = min(least, ns)
	}
	return least
}

// doubling is how near to 2 twice the size over the size must come in time.
const doubling = 0.2

// proof names the instructions, and says whether time scaled with size. Nobody
// reads back what the machine executed: the text of the kernel is the evidence.
func (t *Timing) proof() results.Proof {
	p := results.Proof{Kind: results.ProofNone, Instruction: instructions(t)}
	ratio := float64(t.FullNS) / float64(t.HalfNS)
	p.Detail = fmt.Sprintf("twice the size took %.3f times the time; the instructions are those of the assembly, not counted in a trace", ratio)
	if t.ISA == Go {
		p.Detail = fmt.Sprintf("twice the size took %.3f times the time; the instructions are the Go compiler's", ratio)
	}
	if math.Abs(ratio-2) <= doubling {
		p.Kind = results.ProofScaling
	}
	return p
}

// notes say what a reader must know beside the number.
func (s *session) notes(t *Timing) []string {
	notes := []string{stream.Variant, fmt.Sprintf("%d trials, the first not counted", stream.Trials)}
	switch {
	case t.Kernel.Writes == 0:
	case t.Stores == Tuned:
		notes = append(notes, "tuned: stores go around the caches (non-temporal)")
	default:
		notes = append(notes, "standard: ordinary stores; hardware may read a line before it writes it, which does not count")
	}
	if s.huge > 0 {
		notes = append(notes, fmt.Sprintf("%s of the three arrays lie in huge pages", mib(s.huge)))
	}
	if s.machine.CacheBytes == 0 {
		notes = append(notes, "the size of the caches is not known, so STREAM's rule for the size could not be checked")
	}
	return notes
}

// raw keeps every trial's time, a round each.
func (s *session) raw(t *Timing) results.Raw {
	raw := results.Raw{Benchmark: Benchmark, Point: s.point(t)}
	if t.Err != nil {
		raw.Error = t.Err.Error()
	}
	for _, ns := range t.NS {
		raw.Rounds = append(raw.Rounds, results.Reading{Samples: []uint64{ns}, ElapsedNS: float64(ns)})
	}
	return raw
}
