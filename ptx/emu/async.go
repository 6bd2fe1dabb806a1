package emu

import "github.com/gpubench/gpubench/ptx"

// asyncOp decodes asynchronous copies and mbarriers. A copy is performed when it
// is issued, so that groups are always complete.
func (d *decoder) asyncOp(o *op, in *instr) (err error) {
	if in.op == "mbarrier" {
		return d.mbarrierOp(o, in)
	}
	nothing := func(*warp, uint32) error { return nil }
	switch {
	case in.has("tensor"):
		return unsupportedf("%s", in.name)
	case in.has("commit_group"), in.has("wait_group"), in.has("wait_all"), in.has("prefetch"):
		o.run = nothing
	case in.has("mbarrier"):
		o.run, err = d.copyArrive(in)
	case in.has("bulk"):
		o.run, err = d.bulkCopy(in)
	default:
		o.run, err = d.smallCopy(in)
	}
	return err
}

// copyArrive decodes cp.async.mbarrier.arrive: the thread's copies are complete,
// so it arrives at once; without .noinc it first raises the count by one.
func (d *decoder) copyArrive(in *instr) (step, error) {
	where, err := d.address(in, 0)
	arrivals := int64(0)
	if in.has("noinc") {
		arrivals = 1
	}
	s := spaceOf(in)
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			if _, err := w.atBarrier(i, s, where.of(w, i), func(b *mbarrier) { b.pending -= arrivals }); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// smallCopy decodes cp.async of 4, 8 or 16 bytes; what is beyond the optional
// source size becomes zero.
func (d *decoder) smallCopy(in *instr) (step, error) {
	to, err := d.address(in, 0)
	if err != nil {
		return nil, err
	}
	from, err := d.address(in, 1)
	if err != nil {
		return nil, err
	}
	size, err := d.imm(in, 2)
	if err != nil {
		return nil, err
	}
	if size != 4 && size != 8 && size != 16 || in.has("cg") && size != 16 {
		return nil, illegalf("a copy of %d bytes", size)
	}
	source := d.constant(uint64(size))
	if len(in.operands) > 3 && !in.isPred(3) {
		if source, err = d.src(in, 3); err != nil {
			return nil, err
		}
	}
	n := uint64(size)
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			dst, err := w.at(i, sharedCTA, to.of(w, i), n, true)
			if err != nil {
				return err
			}
			have := min(w.regs[source][i], n)
			clear(dst)
			if have == 0 {
				continue
			}
			src, err := w.at(i, global, from.of(w, i), n, false)
			if err != nil {
				return err
			}
			copy(dst[:have], src)
		}
		return nil
	}, nil
}

// bulk is a decoded bulk copy or reduction.
type bulk struct {
	to, from  address
	size      int // slot
	toSpace   space
	fromSpace space
	barrier   address
	signals   bool
	mask      int // slot of the multicast mask, -1 for none
	combine   func(old, b, c uint64) uint64
	width     int // bytes of an element to combine
	buffer    []byte
}

func (d *decoder) bulkCopy(in *instr) (step, error) {
	b := &bulk{mask: -1, signals: in.has("mbarrier::complete_tx::bytes")}
	var spaces []space
	for _, q := range in.q {
		if s := spaceOf(&instr{q: []string{q}}); s != generic {
			spaces = append(spaces, s)
		}
	}
	if len(spaces) != 2 {
		return nil, unsupportedf("%s", in.name)
	}
	b.toSpace, b.fromSpace = spaces[0], spaces[1]
	var err error
	if b.to, err = d.address(in, 0); err != nil {
		return nil, err
	}
	if b.from, err = d.address(in, 1); err != nil {
		return nil, err
	}
	if b.size, err = d.src(in, 2); err != nil {
		return nil, err
	}
	if b.signals {
		if b.barrier, err = d.address(in, 3); err != nil {
			return nil, err
		}
	}
	if in.has("multicast::cluster") {
		if b.mask, err = d.src(in, 4); err != nil {
			return nil, err
		}
	}
	if in.q[0] == "reduce" {
		t := in.typ()
		b.width = widthOf(t) / 8
		if b.combine = atomicFunction(in); b.combine == nil || b.width == 0 {
			return nil, unsupportedf("%s", in.name)
		}
	}
	return b.run, nil
}

func (b *bulk) run(w *warp, mask uint32) error {
	for ; mask != 0; mask &= mask - 1 {
		i := first(mask)
		if err := b.lane(w, i); err != nil {
			return err
		}
	}
	return nil
}

// lane performs one thread's copy, to one place or to several CTAs.
func (b *bulk) lane(w *warp, i int) error {
	to, from, n := b.to.of(w, i), b.from.of(w, i), w.regs[b.size][i]&0xFFFFFFFF
	if (to|from|n)&15 != 0 {
		return &accessError{i, b.toSpace.String(), to, int(n), ErrAlign}
	}
	if uint64(cap(b.buffer)) < n {
		b.buffer = make([]byte, n)
	}
	data := b.buffer[:n]
	if err := w.transfer(i, b.fromSpace, from, data, false); err != nil {
		return err
	}
	if b.mask < 0 {
		return b.deliver(w, i, to, b.barrier.of(w, i), data)
	}
	for rank := range uint64(16) {
		if w.regs[b.mask][i]>>rank&1 == 0 {
			continue
		}
		there := func(a uint64) uint64 { return (rank+1)<<rankShift | a&offsetMask }
		if err := b.deliver(w, i, there(to), there(b.barrier.of(w, i)), data); err != nil {
			return err
		}
	}
	return nil
}

// deliver writes or combines the data and tells the mbarrier, which must be in
// the same CTA's shared memory.
func (b *bulk) deliver(w *warp, i int, to, barrier uint64, data []byte) error {
	if b.combine != nil {
		old := make([]byte, len(data))
		if err := w.transfer(i, b.toSpace, to, old, false); err != nil {
			return err
		}
		for at := 0; at < len(data); at += b.width {
			span := old[at : at+b.width]
			store(span, b.combine(load(span), load(data[at:at+b.width]), 0))
		}
		data = old
	}
	if err := w.transfer(i, b.toSpace, to, data, true); err != nil {
		return err
	}
	if !b.signals {
		return nil
	}
	if w.owner(to) != w.owner(barrier) {
		return &accessError{i, sharedCluster.String(), barrier, 8, illegalf("the mbarrier is not in the CTA that the data goes to")}
	}
	_, err := w.atBarrier(i, sharedCluster, barrier, func(m *mbarrier) { m.tx -= int64(len(data)) })
	return err
}

// owner is the rank of the CTA that a shared address belongs to.
func (w *warp) owner(address uint64) uint64 {
	if rank := address >> rankShift; rank != 0 {
		return rank - 1
	}
	return uint64(w.cta.rank)
}

// transfer copies any number of bytes between memory and a buffer.
func (w *warp) transfer(lane int, s space, address uint64, data []byte, write bool) error {
	if s == global {
		mem := w.cta.cluster.launch.mem
		err := mem.copyPages(address, data, write)
		if err != nil {
			return &accessError{lane, s.String(), address, len(data), ErrBounds}
		}
		return nil
	}
	span, err := w.bytes(lane, s, address, uint64(len(data)), write)
	if err != nil {
		return err
	}
	if write {
		copy(span, data)
	} else {
		copy(data, span)
	}
	return nil
}

// storeAsync decodes st.async: a store to a CTA of the cluster that completes
// bytes of an mbarrier there.
func (d *decoder) storeAsync(in *instr) (step, error) {
	q := *in
	q.operands, q.spec = in.operands[:2], in.spec[:2]
	write, err := d.storeOp(&q)
	if err != nil {
		return nil, err
	}
	n := widthOf(in.typ()) / 8
	if v, ok := in.operands[1].(ptx.Vec); ok {
		n *= len(v)
	}
	return d.thenComplete(in, write, n)
}

// reduceAsync decodes red.async, in the same way.
func (d *decoder) reduceAsync(in *instr) (step, error) {
	q := *in
	q.operands, q.spec = in.operands[:2], in.spec[:2]
	write, err := d.atomicOp(&q)
	if err != nil {
		return nil, err
	}
	return d.thenComplete(in, write, widthOf(in.typ())/8)
}

// thenComplete follows a step by a completion of n bytes at operand 2.
func (d *decoder) thenComplete(in *instr, write step, n int) (step, error) {
	barrier, err := d.address(in, 2)
	to, err2 := d.address(in, 0)
	if err == nil {
		err = err2
	}
	return func(w *warp, mask uint32) error {
		if err := write(w, mask); err != nil {
			return err
		}
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			at := barrier.of(w, i)
			if w.owner(at) != w.owner(to.of(w, i)) {
				return &accessError{i, sharedCluster.String(), at, 8, illegalf("the mbarrier is not in the CTA that the data goes to")}
			}
			if _, err := w.atBarrier(i, sharedCluster, at, func(b *mbarrier) { b.tx -= int64(n) }); err != nil {
				return err
			}
		}
		return nil
	}, err
}
