package results

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Verdict says what became of a row from one document to another.
type Verdict string

// Verdicts of a comparison; CannotTell comes with a reason.
const (
	Faster     Verdict = "faster"
	Slower     Verdict = "slower"
	Same       Verdict = "same"
	CannotTell Verdict = "cannot tell"
)

// Verdicts lists every verdict, in the order in which they are counted.
func Verdicts() []Verdict { return []Verdict{Faster, Slower, Same, CannotTell} }

// DefaultTolerance is the relative difference up to which rows are the same.
const DefaultTolerance = 0.01

// CompareOptions steers Compare; the zero value is the default.
type CompareOptions struct {
	// Tolerance is the relative difference up to which two rows are the same,
	// and two clocks too; 0 means DefaultTolerance.
	Tolerance float64
}

// Comparison is what Compare found, row by row.
type Comparison struct {
	A         Side    `json:"a"`
	B         Side    `json:"b"`
	Tolerance float64 `json:"tolerance"`
	// Notes are what a reader must know of the whole: other devices, recordings.
	Notes []string      `json:"notes,omitempty"`
	Rows  []ComparedRow `json:"rows"`
	// Total sums up all rows, Benchmarks those of each benchmark, in order of appearance.
	Total      ComparedSum   `json:"total"`
	Benchmarks []ComparedSum `json:"benchmarks"`
}

// Side is one of the two documents.
type Side struct {
	Device  string    `json:"device"`
	Driver  string    `json:"driver,omitempty"`
	Tool    string    `json:"tool"`
	Backend string    `json:"backend"`
	Started time.Time `json:"started"`
	Rows    int       `json:"rows"`
}

// ComparedRow is one row of both documents.
type ComparedRow struct {
	Benchmark string `json:"benchmark"`
	Point     Point  `json:"point,omitempty"`
	Metric    string `json:"metric"`
	Unit      string `json:"unit"`
	// A and B are the values, nil where a document has no number to read.
	A *float64 `json:"a"`
	B *float64 `json:"b"`
	// Ratio is the performance of B over that of A: above 1, B is faster. It is
	// B/A where higher is better and A/B where lower is; 0 where there is none.
	Ratio float64 `json:"ratio,omitempty"`
	// Interval holds the ratio; nil where a row has no interval.
	Interval *[2]float64 `json:"interval,omitempty"`
	Verdict  Verdict     `json:"verdict"`
	Reason   string      `json:"reason,omitempty"`
}

// ComparedSum sums up rows.
type ComparedSum struct {
	// Name is the benchmark, empty for all.
	Name       string `json:"name,omitempty"`
	Faster     int    `json:"faster"`
	Slower     int    `json:"slower"`
	Same       int    `json:"same"`
	CannotTell int    `json:"cannot_tell"`
	// Ratio is the geometric mean over the Ratios rows that were judged by
	// their interval, whatever the verdict; 0 where there is none.
	Ratio  float64 `json:"ratio,omitempty"`
	Ratios int     `json:"ratios"`
}

// Count is the number of rows with a verdict.
func (s ComparedSum) Count(v Verdict) int {
	switch v {
	case Faster:
		return s.Faster
	case Slower:
		return s.Slower
	case Same:
		return s.Same
	case CannotTell:
		return s.CannotTell
	}
	return 0
}

// Compare says of each row whether b is faster than a, slower, the same, or that
// the documents cannot tell, and why. Rows are matched by benchmark, point,
// metric and, where those repeat, order.
//
// The verdict rests on the interval of the ratio of the two values. It follows
// from the rows' own intervals by the method of variance estimates recovery on
// the logarithms (Zou and Donner, 2008): the arms of the two intervals, which
// may be uneven, add as the root of their squares, so the ratio's interval has
// the confidence of the two, or a little more. The band of sameness is 1/(1+tolerance) to
// 1+tolerance. An interval within it is same, one beyond it faster or slower,
// and one that crosses an edge cannot tell. The intervals know the spread
// within a run and not that between runs; the tolerance stands for the latter.
//
// Cannot tell is also the verdict where a row is missing or its status promises
// no steady number, where an interval is missing, and, on the same device,
// where the kernel differs or a row with time in its unit was measured at
// another SM clock. Rows in cycles are taken as free of the clock. On different
// devices clock and kernel are part of what is compared: a note says so.
func Compare(a, b *Document, o CompareOptions) *Comparison {
	if o.Tolerance <= 0 {
		o.Tolerance = DefaultTolerance
	}
	c := &Comparison{A: side(a), B: side(b), Tolerance: o.Tolerance, Rows: []ComparedRow{}, Benchmarks: []ComparedSum{}}
	same := a.Device.Name == b.Device.Name
	j := judge{tolerance: o.Tolerance, sameDevice: same}
	for _, p := range matchRows(a.Rows, b.Rows) {
		c.Rows = append(c.Rows, j.compare(p.a, p.b))
	}
	c.Notes = compareNotes(a, b, same)
	c.sum()
	return c
}

func side(d *Document) Side {
	return Side{Device: d.Device.Name, Driver: d.Device.Driver, Tool: d.Tool.Version, Backend: d.Backend, Started: d.Started, Rows: len(d.Rows)}
}

func compareNotes(a, b *Document, sameDevice bool) []string {
	var notes []string
	note := func(when bool, format string, args ...any) {
		if when {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	note(!sameDevice, "different devices, %s and %s: their clocks and kernels are part of the difference", named(a), named(b))
	note(sameDevice && a.Device.UUID != b.Device.UUID && a.Device.UUID != "" && b.Device.UUID != "",
		"two cards of the same kind")
	note(a.Device.Driver != b.Device.Driver, "different drivers, %q and %q", a.Device.Driver, b.Device.Driver)
	for i, d := range []*Document{a, b} {
		name := 'A' + rune(i)
		note(d.Backend == "replay", "%c is replayed from a recording", name)
		note(d.Backend == "emulator", "%c was computed on the CPU: no GPU was measured", name)
		note(d.State == Interrupted, "%c was interrupted", name)
	}
	return notes
}

func named(d *Document) string {
	if d.Device.Name == "" {
		return "an unnamed GPU"
	}
	return d.Device.Name
}

type rowPair struct{ a, b *Row }

// matchRows pairs rows in the order of a, then the rest of b.
func matchRows(a, b []Row) []rowPair {
	inB := map[string][]*Row{}
	for i := range b {
		id := b[i].ID()
		inB[id] = append(inB[id], &b[i])
	}
	var pairs []rowPair
	taken := map[*Row]bool{}
	for i := range a {
		p := rowPair{a: &a[i]}
		id := a[i].ID()
		if rest := inB[id]; len(rest) > 0 {
			p.b, inB[id] = rest[0], rest[1:]
			taken[p.b] = true
		}
		pairs = append(pairs, p)
	}
	for i := range b {
		if !taken[&b[i]] {
			pairs = append(pairs, rowPair{b: &b[i]})
		}
	}
	return pairs
}

// judge compares rows.
type judge struct {
	tolerance  float64
	sameDevice bool
}

func (j judge) compare(a, b *Row) ComparedRow {
	some := a
	if a == nil {
		some = b
	}
	c := ComparedRow{Benchmark: some.Benchmark, Point: some.Point, Metric: some.Metric, Unit: some.Unit, A: readable(a), B: readable(b), Verdict: CannotTell}
	if c.Reason = j.obstacle(a, b); c.Reason != "" {
		return c
	}
	theta, below, above := logRatio(a, b)
	c.Ratio = math.Exp(theta)
	c.Interval = &[2]float64{math.Exp(theta - below), math.Exp(theta + above)}
	c.Verdict, c.Reason = j.verdict(*c.Interval)
	return c
}

func readable(r *Row) *float64 {
	if r == nil || !r.Status.HasNumber() || !finite(r.Value) {
		return nil
	}
	v := r.Value
	return &v
}

// obstacle is why two rows cannot be compared, empty where they can.
func (j judge) obstacle(a, b *Row) string {
	switch {
	case a == nil:
		return "not in A"
	case b == nil:
		return "not in B"
	}
	if s := statusObstacle(a, b); s != "" {
		return s
	}
	switch {
	case a.Unit != b.Unit:
		return fmt.Sprintf("different units, %s and %s", a.Unit, b.Unit)
	case a.HigherIsBetter != b.HigherIsBetter:
		return "one says higher is better, the other lower"
	case j.sameDevice && a.KernelHash != b.KernelHash:
		return "different kernel"
	}
	if s := j.clockObstacle(a, b); s != "" {
		return s
	}
	return intervalObstacle(a, b)
}

// statusObstacle refuses rows without a number, and throttled ones, whose
// number is not the device's.
func statusObstacle(a, b *Row) string {
	steady := func(r *Row) bool { return r.Status.HasNumber() && r.Status != Throttled }
	switch {
	case steady(a) && steady(b):
		return ""
	case a.Status == b.Status:
		return "status: " + string(a.Status) + " in both"
	case steady(b):
		return "status: " + string(a.Status) + " in A"
	case steady(a):
		return "status: " + string(b.Status) + " in B"
	}
	return fmt.Sprintf("status: %s in A, %s in B", a.Status, b.Status)
}

func (j judge) clockObstacle(a, b *Row) string {
	switch {
	case !j.sameDevice || !timed(a.Unit):
		return ""
	case a.ClockMHz == 0 && b.ClockMHz == 0:
		return "clock: not known in both"
	case a.ClockMHz == 0:
		return "clock: not known in A"
	case b.ClockMHz == 0:
		return "clock: not known in B"
	case math.Abs(math.Log(a.ClockMHz/b.ClockMHz)) > math.Log1p(j.tolerance):
		return fmt.Sprintf("clock: %.0f MHz in A, %.0f MHz in B", a.ClockMHz, b.ClockMHz)
	}
	return ""
}

// timed reports whether a unit has seconds, watts or joules in it and no cycles.
func timed(unit string) bool {
	if strings.Contains(unit, "cycle") {
		return false
	}
	base, _, perSecond := strings.Cut(unit, "/s")
	if perSecond {
		return true
	}
	base, _, _ = strings.Cut(base, "/")
	return slices.Contains([]string{"s", "ms", "us", "µs", "ns", "ps", "W", "mW", "J", "mJ", "uJ", "µJ", "nJ", "pJ"}, base) ||
		strings.HasSuffix(unit, "/W") || strings.HasSuffix(unit, "/J")
}

func intervalObstacle(a, b *Row) string {
	switch {
	case !finite(a.Value, b.Value) || a.Value <= 0 || b.Value <= 0:
		return "no ratio: a value is not above zero"
	case a.Interval == nil && b.Interval == nil:
		return "interval: missing in both"
	case a.Interval == nil:
		return "interval: missing in A"
	case b.Interval == nil:
		return "interval: missing in B"
	}
	for i, r := range []*Row{a, b} {
		if lo, hi := r.Interval[0], r.Interval[1]; !(0 < lo && lo <= r.Value && r.Value <= hi) {
			return fmt.Sprintf("interval: %g to %g does not hold the value %g in %c", lo, hi, r.Value, 'A'+rune(i))
		}
	}
	return ""
}

// logRatio is the logarithm of the performance of b over a, with its two arms.
func logRatio(a, b *Row) (theta, below, above float64) {
	if !a.HigherIsBetter {
		a, b = b, a // less time is more performance
	}
	theta = math.Log(b.Value / a.Value)
	below = math.Hypot(math.Log(b.Value/b.Interval[0]), math.Log(a.Interval[1]/a.Value))
	above = math.Hypot(math.Log(b.Interval[1]/b.Value), math.Log(a.Value/a.Interval[0]))
	return theta, below, above
}

// verdict places the ratio's interval against the band of sameness.
func (j judge) verdict(interval [2]float64) (Verdict, string) {
	const rounding = 1e-12 // exp(log(x)) is not quite x
	low, high := 1/(1+j.tolerance)*(1-rounding), (1+j.tolerance)*(1+rounding)
	switch {
	case low <= interval[0] && interval[1] <= high:
		return Same, ""
	case interval[0] > high:
		return Faster, ""
	case interval[1] < low:
		return Slower, ""
	}
	return CannotTell, fmt.Sprintf("interval: %.4g to %.4g crosses the tolerance of %.3g %%", interval[0], interval[1], 100*j.tolerance)
}

// sum fills in the sums.
func (c *Comparison) sum() {
	at := map[string]int{}
	logs := map[string]float64{}
	for _, r := range c.Rows {
		i, seen := at[r.Benchmark]
		if !seen {
			i = len(c.Benchmarks)
			at[r.Benchmark] = i
			c.Benchmarks = append(c.Benchmarks, ComparedSum{Name: r.Benchmark})
		}
		for _, s := range []*ComparedSum{&c.Total, &c.Benchmarks[i]} {
			s.add(r)
			if r.Ratio > 0 {
				logs[s.Name] += math.Log(r.Ratio)
			}
		}
	}
	c.Total.mean(logs[""])
	for i := range c.Benchmarks {
		c.Benchmarks[i].mean(logs[c.Benchmarks[i].Name])
	}
}

func (s *ComparedSum) add(r ComparedRow) {
	switch r.Verdict {
	case Faster:
		s.Faster++
	case Slower:
		s.Slower++
	case Same:
		s.Same++
	case CannotTell:
		s.CannotTell++
	}
	if r.Ratio > 0 {
		s.Ratios++
	}
}

func (s *ComparedSum) mean(logs float64) {
	if s.Ratios > 0 {
		s.Ratio = math.Exp(logs / float64(s.Ratios))
	}
}
