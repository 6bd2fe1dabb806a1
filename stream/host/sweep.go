package host

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

const (
	// sweepBatches are timed at each footprint.
	sweepBatches = 9
	// sweepBatch is the least length of one: short loops are repeated by each
	// thread on its own, so that the barrier does not count.
	sweepBatch = 300 * time.Microsecond
)

// swept are the kernels of a sweep: one that writes and one that only reads.
func swept() []string { return []string{stream.Triad, stream.Read} }

// sweep measures bandwidth against footprint, from the first-level caches to the
// whole arrays.
func (s *session) sweep(ctx context.Context) error {
	for _, t := range s.Types {
		Start(s.team, s.arrays, t)
		for _, st := range s.Stores {
			s.announce(fmt.Sprintf("footprints, %s, %s stores", t, st))
			for _, name := range swept() {
				k, err := stream.Find(name)
				if err != nil {
					return err
				}
				if isa := s.isaOf(k, t); Offers(k, t, isa, st) {
					if err := s.curve(ctx, k, t, isa, st); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// curve measures one kernel at all footprints.
func (s *session) curve(ctx context.Context, k stream.Kernel, t stream.Type, isa ISA, st Stores) error {
	defer quiet()()
	defer s.team.Park()
	c := results.Series{
		Benchmark: Benchmark, Name: fmt.Sprintf("%s, %s, %s", k.Name, t, st), Group: "footprint",
		X: results.Axis{Label: "footprint", Unit: "B", Log: true}, Y: results.Axis{Label: "bandwidth", Unit: "GB/s"},
		Marks: s.marks(),
	}
	for _, bytes := range footprints(uint64(len(s.arrays.A)), s.team.Size()) {
		if err := ctx.Err(); err != nil {
			return err
		}
		loop, err := NewLoop(s.team, s.arrays.first(bytes), k, t, isa, st)
		if err != nil {
			return err
		}
		c.XY = append(c.XY, loop.spot(bytes))
	}
	s.series = append(s.series, c)
	return nil
}

// footprints lists sizes of an array, a square root of two apart, each a whole
// number of pages for every thread.
func footprints(most uint64, threads int) []uint64 {
	step := uint64(threads) * chunkBytes
	var list []uint64
	for x := float64(step); x < float64(most); x *= math.Sqrt2 {
		bytes := uint64(math.Round(x/float64(step))) * step
		if n := len(list); n == 0 || bytes > list[n-1] {
			list = append(list, min(bytes, most))
		}
	}
	return append(list, most)
}

// spot is one point of a curve: the median of some batches.
func (l *Loop) spot(bytes uint64) results.XY {
	l.repeat = 1
	first := max(1, l.time()) // brings the arrays into the caches, if they fit
	l.repeat = 1 + int(uint64(sweepBatch)/first)
	perRun := float64(bytes) / float64(l.Type.Bytes()) * float64(l.Kernel.Bytes(l.Type))
	rates := make([]float64, sweepBatches)
	for i := range rates {
		rates[i] = perRun * float64(l.repeat) / float64(l.time())
	}
	lo, hi, _ := results.MedianInterval(rates, confidence)
	return results.XY{X: float64(bytes) * l.arrays(), Y: results.Summarize(rates).Median, Low: lo, High: hi}
}

// arrays is how many arrays the kernel touches.
func (l *Loop) arrays() float64 {
	touched := map[string]float64{stream.Triad: 3, stream.Read: 1}
	return touched[l.Kernel.Name]
}

// marks point out where the caches that the threads use together are full.
func (s *session) marks() []results.Mark {
	var list []results.Mark
	for _, m := range []results.Mark{
		{X: float64(s.machine.l1) * float64(len(s.cpus)), Label: "L1"},
		{X: float64(s.machine.L2Bytes), Label: "L2"},
		{X: float64(s.machine.CacheBytes), Label: "last level"},
	} {
		if m.X > 0 && (len(list) == 0 || m.X > list[len(list)-1].X) {
			list = append(list, m)
		}
	}
	return list
}
