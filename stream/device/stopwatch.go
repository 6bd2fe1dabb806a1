package device

import (
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
)

// Sample words of a trial: the first start and the last stop by %globaltimer, then
// clock and %globaltimer on the SM of the first CTA, at its start and at the stop of the
// last CTA there.
const (
	wordStart = iota
	wordStop
	wordSMClock
	wordSMClockEnd
	wordSMTime
	wordSMTimeEnd
	words
)

// late is how many of a grid's last CTAs tell when they stop: more than a GPU runs
// at once, so that the last to stop is among them. Each has a place of its own:
// atomics on one address would hold up the stores that are measured.
const late = 1 << 12

// The buffer "times": what the first CTA tells, then the stops of the late ones.
const (
	timesStart = iota // the least over a trial's launches
	timesClock
	timesNow
	timesSM
	timesStops

	stopWords  = 3 // %globaltimer, clock, SM
	timesWords = timesStops + stopWords*late
)

// stopwatch takes the times of a launch. CTAs that are neither the first nor late do
// nothing but the work.
type stopwatch struct {
	c *code
	// first and last say whether the CTA tells its start or its stop.
	first, last ptx.Reg
	slot        ptx.Reg
	clock, now  ptx.Reg
}

func newStopwatch(c *code) stopwatch {
	w := stopwatch{c, c.Reg(ptx.Pred), c.Reg(ptx.Pred), c.Reg(ptx.B32), c.Reg(ptx.B64), c.Reg(ptx.B64)}
	c.I("setp.eq.u32", w.first, c.cta, ptx.Int(0))
	c.I("sub.u32", w.slot, kit.Read(c.Kernel, "%nctaid.x"), c.cta) // 1 is the last CTA
	c.I("setp.le.u32", w.last, w.slot, ptx.Int(late))
	return w
}

// start tells when the first CTA starts.
func (w stopwatch) start() {
	c := w.c
	skip := c.NewLabel("started")
	c.IfNot(w.first).I("bra", skip)
	c.I("mov.u64", w.now, ptx.Special("%globaltimer"))
	c.I("mov.u64", w.clock, ptx.Special("%clock64"))
	kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
		c.I("red.global.min.u64", ptx.At(c.times, 8*timesStart), w.now)
		c.I("st.global.u64", ptx.At(c.times, 8*timesClock), w.clock)
		c.I("st.global.u64", ptx.At(c.times, 8*timesNow), w.now)
		c.I("st.global.u64", ptx.At(c.times, 8*timesSM), c.sm())
	})
	c.Place(skip)
}

// sm is the number of the SM.
func (c *code) sm() ptx.Reg {
	wide := c.Reg(ptx.B64)
	c.I("cvt.u64.u32", wide, kit.Read(c.Kernel, "%smid"))
	return wide
}

// stop tells when a late CTA stops, after its stores have arrived.
func (w stopwatch) stop(stores bool) {
	c := w.c
	done := c.NewLabel("done")
	c.IfNot(w.last).I("bra", done)
	if stores {
		c.I("membar.gl")
	}
	c.I("bar.sync", ptx.Int(0))
	c.I("mov.u64", w.clock, ptx.Special("%clock64"))
	c.I("mov.u64", w.now, ptx.Special("%globaltimer"))
	kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
		address := c.Reg(ptx.B64)
		c.I("mad.wide.u32", address, w.slot, ptx.Int(8*stopWords), c.times)
		for i, r := range []ptx.Reg{w.now, w.clock, c.sm()} {
			c.I("st.global.u64", ptx.At(address, 8*(timesStops-stopWords+i)), r)
		}
	})
	c.Place(done)
}

// collectThreads is the CTA that collects.
const collectThreads = 1024

// collectKernel makes the samples of the times: the latest stop, and the latest on
// the first CTA's SM. Stops that an earlier launch left are earlier, so they do not count.
func collectKernel(k *ptx.Kernel) {
	times, samples := k.Param("times", ptx.B64), k.Param("samples", ptx.B64)
	thread := kit.Read(k, "%tid.x")
	first := k.Regs(ptx.B64, timesStops)
	for i, r := range first {
		k.I("ld.global.u64", r, ptx.At(times, 8*i))
	}
	latest := k.Regs(ptx.B64, 3) // stop of all; clock and time on the SM
	for _, r := range latest {
		k.I("mov.b64", r, ptx.Int(0))
	}
	kit.For(k, thread, ptx.Int(late), ptx.Int(collectThreads), func(i ptx.Reg) {
		address, stop, same := k.Reg(ptx.B64), k.Regs(ptx.B64, stopWords), k.Reg(ptx.Pred)
		k.I("mad.wide.u32", address, i, ptx.Int(8*stopWords), times)
		for j, r := range stop {
			k.I("ld.global.u64", r, ptx.At(address, 8*(timesStops+j)))
		}
		k.I("max.u64", latest[0], latest[0], stop[0])
		k.I("setp.eq.u64", same, stop[2], first[timesSM])
		k.If(same).I("max.u64", latest[1], latest[1], stop[1])
		k.If(same).I("max.u64", latest[2], latest[2], stop[0])
	})
	for i, word := range []int{wordStop, wordSMClockEnd, wordSMTimeEnd} {
		k.I("red.global.max.u64", ptx.At(samples, 8*word), latest[i])
	}
	kit.When(k, "eq", thread, ptx.Int(0), func() {
		for i, word := range []int{wordStart, wordSMClock, wordSMTime} {
			k.I("st.global.u64", ptx.At(samples, 8*word), first[i])
		}
	})
	k.I("ret")
}

func collect() micro.Launch {
	return micro.Launch{Kernel: "collect", Grid: micro.Dim(1), Block: micro.Dim(collectThreads),
		Args: []micro.Arg{micro.Ptr("times", 0), micro.Ptr("samples", 0)}}
}
