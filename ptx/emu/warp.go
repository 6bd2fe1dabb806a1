package emu

import (
	"errors"
	"math"
	"math/bits"
)

// lanes is the value of a register in the 32 lanes of a warp.
type lanes [32]uint64

const allLanes = math.MaxUint32

// warp is 32 threads in lock-step. Diverged lanes form groups, each with its
// own place in the program; groups that meet merge.
type warp struct {
	p    *program
	cta  *cta
	rank int // in the CTA
	// tid is the linear number of lane 0 in the CTA.
	tid   int
	regs  []lanes
	preds []uint32
	// live lanes have not exited.
	live   uint32
	groups []group
	turn   uint64
	// Set by a blocking operation for the group that runs it: block stops it
	// after the operation until the function says true; retry stops it before
	// the operation until something happens in the cluster.
	block func() bool
	retry bool
	// timeout tells a blocking operation that nothing will happen any more.
	timeout bool
}

// group is the lanes of a warp that are at one place.
type group struct {
	pc   int
	mask uint32
	wait func() bool
	// meet marks a group that waits for other lanes of its warp at a .sync instruction.
	meet bool
	// retry marks a group that tries its operation again after event number event.
	retry   bool
	timeout bool
	event   uint64
	last    uint64 // turn of its last run
}

func newWarp(c *cta, rank, threads int) *warp {
	p := c.cluster.p
	w := &warp{p: p, cta: c, rank: rank, tid: 32 * rank, regs: make([]lanes, p.slots), preds: make([]uint32, p.preds)}
	w.live = uint32(allLanes)
	if n := threads - 32*rank; n < 32 {
		w.live = 1<<n - 1
	}
	for _, c := range p.consts {
		r := &w.regs[c.slot]
		for i := range r {
			r[i] = c.value
		}
	}
	w.groups = append(make([]group, 0, 4), group{mask: w.live})
	return w
}

// pick merges the groups that met and chooses the one that runs next: the one
// furthest behind, so that lanes that left a loop early wait for the others; or,
// if fair, the one that has not run for longest. -1 if none can run.
func (w *warp) pick(fair bool) int {
	for i := range w.groups {
		g := &w.groups[i]
		if g.wait != nil && g.wait() {
			g.wait = nil
		}
		if g.retry && (g.timeout || g.event != w.cta.cluster.events) {
			g.retry = false
		}
	}
	for i := 0; i < len(w.groups); i++ {
		for j := i + 1; j < len(w.groups); j++ {
			a, b := &w.groups[i], &w.groups[j]
			if a.pc == b.pc && a.wait == nil && b.wait == nil && !a.retry && !b.retry {
				a.mask |= b.mask
				a.meet = false
				a.timeout = a.timeout && b.timeout
				w.groups = append(w.groups[:j], w.groups[j+1:]...)
				j--
			}
		}
	}
	best := -1
	for i := range w.groups {
		g := &w.groups[i]
		if g.wait != nil || g.retry || g.meet {
			continue
		}
		if best < 0 || !fair && g.pc < w.groups[best].pc || fair && g.last < w.groups[best].last {
			best = i
		}
	}
	return best
}

// run runs the warp for some operations, or until it cannot go on; it reports
// whether it did anything.
func (w *warp) run(quantum int) (bool, error) {
	ran, fair := false, true
	for quantum > 0 {
		i := w.pick(fair)
		if i < 0 {
			break
		}
		n, err := w.slice(i, quantum)
		ran = ran || n > 0
		quantum -= n
		fair = false
		if err != nil {
			return ran, err
		}
	}
	return ran, nil
}

// slice runs one group until it stops, splits, meets another or used its share.
func (w *warp) slice(index, quantum int) (n int, err error) {
	w.turn++
	g := &w.groups[index]
	g.last = w.turn
	limit := math.MaxInt
	for i := range w.groups {
		if pc := w.groups[i].pc; pc > g.pc && pc < limit {
			limit = pc
		}
	}
	l := w.cta.cluster.launch
	for n = 0; n < quantum && g.pc < limit; {
		o := &w.p.ops[g.pc]
		mask := g.mask
		if o.pred >= 0 {
			if o.negate {
				mask &^= w.preds[o.pred]
			} else {
				mask &= w.preds[o.pred]
			}
		}
		n++
		l.mem.now++
		if l.steps--; l.steps < 0 {
			return n, w.fault(o, ErrSteps)
		}
		switch o.kind {
		case plain:
			if mask != 0 {
				if err := o.run(w, mask); err != nil {
					return n, w.fault(o, err)
				}
			}
			g.pc++
		case branch:
			switch mask {
			case g.mask:
				g.pc = o.target
			case 0:
				g.pc++
			default:
				w.split(index, o.target, mask)
				return n, nil
			}
		case leave:
			if w.exit(index, mask) {
				return n, nil
			}
			g.pc++
		case together:
			if mask != 0 {
				met, err := w.met(o, g, mask)
				if err != nil {
					return n, w.fault(o, err)
				}
				if !met {
					g.meet = true
					return n, nil
				}
				if err := o.run(w, mask); err != nil {
					return n, w.fault(o, err)
				}
			}
			g.pc++
			if w.block != nil {
				g.wait, w.block = w.block, nil
				return n, nil
			}
		case blocking:
			if mask == 0 {
				g.pc++
				continue
			}
			w.timeout, g.timeout = g.timeout, false
			if err := o.run(w, mask); err != nil {
				return n, w.fault(o, err)
			}
			if w.retry {
				w.retry = false
				g.retry, g.event = true, w.cta.cluster.events
				return n - 1, nil // nothing was done
			}
			g.pc++
			if w.block != nil {
				g.wait, w.block = w.block, nil
				return n, nil
			}
		}
	}
	return n, nil
}

// split sends the lanes of mask to target and lets the rest go on.
func (w *warp) split(index, target int, mask uint32) {
	g := &w.groups[index]
	rest := g.mask &^ mask
	last := g.last
	g.mask = rest
	g.pc++
	w.groups = append(w.groups, group{pc: target, mask: mask, last: last})
}

// exit ends the lanes of mask and reports whether the whole group ended.
func (w *warp) exit(index int, mask uint32) bool {
	w.live &^= mask
	w.cta.exited(bits.OnesCount32(mask))
	for i := range w.groups { // those that waited for the dead need not
		w.groups[i].meet = false
	}
	g := &w.groups[index]
	if g.mask &^= mask; g.mask != 0 {
		return false
	}
	w.groups = append(w.groups[:index], w.groups[index+1:]...)
	return true
}

// met reports whether all live members of a .sync operation are in the group.
func (w *warp) met(o *op, g *group, mask uint32) (bool, error) {
	members := uint32(allLanes)
	if o.members >= 0 {
		members = uint32(w.regs[o.members][first(mask)])
	}
	if mask&^members != 0 {
		return false, illegalf("lanes %#x execute it without being in its member mask %#x", mask, members)
	}
	if o.members < 0 && w.live != allLanes {
		return false, illegalf("needs all 32 lanes, only %#x live", w.live)
	}
	need := members & w.live
	switch {
	case need&^mask == 0:
		return true, nil
	case need&^g.mask == 0:
		return false, illegalf("lanes %#x of its member mask are switched off by the guard", need&^mask)
	}
	return false, nil
}

// first is the lowest lane of a mask.
func first(mask uint32) int { return bits.TrailingZeros32(mask) & 31 }

// fault puts the place to an error.
func (w *warp) fault(o *op, err error) error {
	f := &Fault{Kernel: w.p.kernel.Name, Statement: o.statement, CTA: w.cta.id, Warp: w.rank, Lane: -1, Err: err}
	if body := w.p.kernel.Body(); o.statement < len(body) {
		f.Instruction = body[o.statement].Form.Name
	}
	if a, ok := errors.AsType[*accessError](err); ok {
		f.Lane, f.Space, f.Address, f.Bytes, f.Err = a.lane, a.space, a.addr, a.bytes, a.err
	}
	return f
}

// setPred writes a predicate in the lanes of mask.
func (w *warp) setPred(p int, mask, value uint32) {
	w.preds[p] = w.preds[p]&^mask | value&mask
}
