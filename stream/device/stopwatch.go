package device

import (
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
)

// Sample words of a launch: the first start and the last stop by %globaltimer,
// then clock and %globaltimer of the CTAs of SM 0. Even words are minima, odd ones maxima.
const (
	wordStart, wordStop         = 0, 1
	wordSMClock, wordSMClockEnd = 2, 3
	wordSMTime, wordSMTimeEnd   = 4, 5
	words                       = 6
)

// edge is how many of a grid's first and last CTAs tell their times: several
// times what a GPU runs at once, so that the first start and the last stop are
// among them. The others do nothing but the work.
const edge = 1 << 14

// stopwatch takes the times of a launch.
type stopwatch struct {
	c *code
	// outer is false in a CTA that is neither among the first nor among the last.
	outer                      ptx.Reg
	clock0, clock1, time0, end ptx.Reg
}

func newStopwatch(c *code) stopwatch {
	r := c.Regs(ptx.B64, 4)
	w := stopwatch{c, c.Reg(ptx.Pred), r[0], r[1], r[2], r[3]}
	behind, late := c.Reg(ptx.B32), c.Reg(ptx.Pred)
	c.I("sub.u32", behind, kit.Read(c.Kernel, "%nctaid.x"), c.cta)
	c.I("setp.lt.u32", w.outer, c.cta, ptx.Int(edge))
	c.I("setp.le.u32", late, behind, ptx.Int(edge))
	c.I("or.pred", w.outer, w.outer, late)
	for _, r := range r {
		c.I("mov.b64", r, ptx.Int(0))
	}
	return w
}

func (w stopwatch) start() {
	w.c.If(w.outer).I("mov.u64", w.time0, ptx.Special("%globaltimer"))
	w.c.If(w.outer).I("mov.u64", w.clock0, ptx.Special("%clock64"))
}

// stop merges the CTA's times into the launch's samples, after its stores have arrived.
func (w stopwatch) stop(samples ptx.Reg, stores bool) {
	c := w.c
	done := c.NewLabel("done")
	c.IfNot(w.outer).I("bra", done)
	if stores {
		c.I("membar.gl")
	}
	c.I("bar.sync", ptx.Int(0))
	c.I("mov.u64", w.clock1, ptx.Special("%clock64"))
	c.I("mov.u64", w.end, ptx.Special("%globaltimer"))
	kit.When(c.Kernel, "eq", c.thread, ptx.Int(0), func() {
		w.merge(samples, wordStart, w.time0, w.end)
		kit.When(c.Kernel, "eq", kit.Read(c.Kernel, "%smid"), ptx.Int(0), func() {
			w.merge(samples, wordSMClock, w.clock0, w.clock1)
			w.merge(samples, wordSMTime, w.time0, w.end)
		})
	})
	c.Place(done)
}

func (w stopwatch) merge(samples ptx.Reg, word int, first, last ptx.Reg) {
	w.c.I("red.global.min.u64", ptx.At(samples, 8*word), first)
	w.c.I("red.global.max.u64", ptx.At(samples, 8*word+8), last)
}
