//go:build peer

package main

import (
	"fmt"
	"time"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/host"
)

// settle is how long the threads of the side that was measured last are given to
// fall asleep. The measuring thread works meanwhile, so its CPU stays awake.
const settle = 3 * time.Millisecond

// side is one of the two that alternate.
type side struct {
	name  string
	ready func() // wakes the threads
	run   func()
}

// bench is what all comparisons share.
type bench struct {
	lib    *library
	team   *host.Team
	arrays host.Arrays
	quads  int
	most   int // attempts at a comparison's quads
}

// plain is C as anybody would write it, nt the best C with non-temporal stores.
func (b *bench) plain(kernel string, t stream.Type) side {
	return side{"plain C", b.wakeC, func() { b.lib.call(kernel, 0, t, b.arrays) }}
}

func (b *bench) nt(kernel string, width int, t stream.Type) side {
	return side{fmt.Sprintf("C NT %d", width), b.wakeC, func() { b.lib.call(kernel, width, t, b.arrays) }}
}

// ours is a kernel of package host, with the best instructions that there are.
func (b *bench) ours(kernel string, t stream.Type, stores host.Stores) (side, error) {
	k, err := stream.Find(kernel)
	if err != nil {
		return side{}, err
	}
	loop, err := host.NewLoop(b.team, b.arrays, k, t, "", stores)
	if err != nil {
		return side{}, err
	}
	return side{"ours " + string(stores), b.wakeOurs, loop.Run}, nil
}

func (b *bench) wakeC() {
	b.team.Park()
	spin(settle)
	b.lib.wakeThreads()
	b.lib.wakeThreads()
}

func (b *bench) wakeOurs() {
	b.team.Park()
	spin(settle)
	nothing := func(int) {}
	b.team.Do(nothing)
	b.team.Do(nothing)
}

func spin(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

// once times one run and listens to what others do meanwhile.
func (s side) once() (time.Duration, noise, error) {
	s.ready()
	before, err := listen()
	if err != nil {
		return 0, before, err
	}
	s.ready() // reading files took a while
	begin := time.Now()
	s.run()
	took := time.Since(begin)
	after, err := listen()
	return took, after.since(before), err
}

// quad runs ref, variant, variant, ref and gives how much faster the variant was.
func quad(ref, variant side) (speed float64, refTook time.Duration, loud bool, err error) {
	var took [4]time.Duration
	var heard noise
	for i, s := range []side{ref, variant, variant, ref} {
		t, n, err := s.once()
		if err != nil {
			return 0, 0, false, err
		}
		took[i], heard = t, heard.plus(n)
	}
	all := took[0] + took[1] + took[2] + took[3]
	return float64(took[0]+took[3]) / float64(took[1]+took[2]), (took[0] + took[3]) / 2, heard.loud(all), nil
}

// comparison is what a series of quads came to.
type comparison struct {
	ref, variant string
	speeds       []float64 // of quiet quads: the variant's over the reference's
	took         []float64 // of the reference in those, in nanoseconds
	loud         int       // quads that were discarded
}

// compare takes quads until there are enough quiet ones, or no patience is left.
// The first quad only warms up.
func (b *bench) compare(ref, variant side, quads int) (comparison, error) {
	c := comparison{ref: ref.name, variant: variant.name}
	for i := 0; len(c.speeds) < quads && i <= b.most; i++ {
		speed, took, loud, err := quad(ref, variant)
		switch {
		case err != nil:
			return c, err
		case i == 0:
		case loud:
			c.loud++
		default:
			c.speeds, c.took = append(c.speeds, speed), append(c.took, float64(took))
		}
	}
	return c, nil
}

// row is the comparison as a row: the median ratio and its interval.
func (c comparison) row(k stream.Kernel, t stream.Type, threads int, bytes uint64) results.Row {
	row := results.Row{
		Benchmark: "stream/host/peer", Metric: "speed ratio", Unit: "x", HigherIsBetter: true, Status: results.OK,
		Point: results.P("kernel", k.Name, "type", string(t), "variant", c.variant, "reference", c.ref,
			"threads", fmt.Sprint(threads), "bytes", fmt.Sprint(bytes)),
		Proof:   results.Proof{Kind: results.ProofNone},
		Correct: results.Check{By: "analytic", OK: true, Detail: "both sides left the same elements in arrays of other values"},
	}
	if len(c.speeds) == 0 {
		row.Status, row.Reason = results.Skipped, fmt.Sprintf("other processes took CPU in all of %d quads", c.loud)
		return row
	}
	stats := results.Summarize(c.speeds)
	lo, hi, confidence := results.MedianInterval(c.speeds, 0.95)
	row.Value, row.Stats, row.Interval, row.Confidence = stats.Median, &stats, &[2]float64{lo, hi}, confidence
	row.Annotations = []string{stream.Variant,
		fmt.Sprintf("median of %d quads (reference, variant, variant, reference); %d more were discarded because other processes took CPU", len(c.speeds), c.loud),
		fmt.Sprintf("the reference ran at %.2f GB/s", c.rate(k, t, bytes))}
	return row
}

// rate is the reference's median bandwidth in GB/s.
func (c comparison) rate(k stream.Kernel, t stream.Type, bytes uint64) float64 {
	return float64(bytes) / float64(t.Bytes()) * float64(k.Bytes(t)) / results.Summarize(c.took).Median
}
