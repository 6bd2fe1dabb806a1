package emu

import "math/bits"

// barrier is a named barrier of a CTA (bar.sync).
type barrier struct {
	arrived int
	// expected threads; 0 for all that live.
	expected int
	phase    uint64
}

// arrive counts threads and completes the barrier if they are enough.
func (c *cta) arrive(id, threads, expected int) {
	b := &c.barriers[id]
	b.arrived += threads
	b.expected = expected
	c.settle(b)
}

func (c *cta) settle(b *barrier) {
	need := b.expected
	if need == 0 {
		need = c.live
	}
	if b.arrived > 0 && b.arrived >= need {
		b.arrived = 0
		b.phase++
	}
}

// exited counts threads out; barriers of all threads no longer wait for them.
func (c *cta) exited(n int) {
	c.live -= n
	c.cluster.live -= n
	for i := range c.barriers {
		c.settle(&c.barriers[i])
	}
	c.cluster.settle()
}

// settle completes the cluster barrier if all live threads have arrived.
func (c *cluster) settle() {
	if c.arrived > 0 && c.arrived >= c.live {
		c.arrived = 0
		c.phase++
	}
}

// barOp decodes bar and barrier: sync and arrive, with an optional thread count.
func (d *decoder) barOp(o *op, in *instr) error {
	if in.has("warp") {
		return d.barWarp(o, in)
	}
	if in.has("cluster") {
		return d.clusterBarrier(o, in)
	}
	if !in.has("sync") && !in.has("arrive") {
		return unsupportedf("%s", in.name)
	}
	id, err := d.src(in, 0)
	if err != nil {
		return err
	}
	count := d.constant(0)
	if len(in.operands) > 1 {
		if count, err = d.src(in, 1); err != nil {
			return err
		}
	}
	wait := in.has("sync")
	o.kind = blocking
	o.run = func(w *warp, mask uint32) error {
		number, threads := w.regs[id][first(mask)], int(w.regs[count][first(mask)])
		if number > 15 || threads%32 != 0 {
			return illegalf("barrier %d of %d threads", number, threads)
		}
		b := &w.cta.barriers[number]
		phase := b.phase
		w.cta.arrive(int(number), bits.OnesCount32(mask), threads)
		if wait && b.phase == phase {
			w.block = func() bool { return b.phase != phase }
		}
		return nil
	}
	return nil
}

func (d *decoder) barWarp(o *op, in *instr) (err error) {
	o.kind = together
	o.members, err = d.src(in, 0)
	o.run = func(*warp, uint32) error { return nil }
	return err
}

// clusterBarrier decodes barrier.cluster.arrive and .wait. Each thread arrives
// and waits in turn; what it waits for is kept per thread, in a slot.
func (d *decoder) clusterBarrier(o *op, in *instr) error {
	phase := d.clusterPhase()
	o.kind = blocking
	if in.has("arrive") {
		o.run = func(w *warp, mask uint32) error {
			c := w.cta.cluster
			for m := mask; m != 0; m &= m - 1 {
				w.regs[phase][first(m)] = c.phase + 1
			}
			c.arrived += bits.OnesCount32(mask)
			c.settle()
			return nil
		}
		return nil
	}
	o.run = func(w *warp, mask uint32) error {
		c, target := w.cta.cluster, uint64(0)
		for m := mask; m != 0; m &= m - 1 {
			target = max(target, w.regs[phase][first(m)])
		}
		if target == 0 {
			return illegalf("wait without arrive")
		}
		if c.phase < target {
			w.block = func() bool { return c.phase >= target }
		}
		return nil
	}
	return nil
}

// clusterPhase is the slot in which threads keep the phase that they arrived for.
func (d *decoder) clusterPhase() int {
	if d.phaseSlot == 0 {
		d.phaseSlot = d.scratch() + 1
	}
	return d.phaseSlot - 1
}
