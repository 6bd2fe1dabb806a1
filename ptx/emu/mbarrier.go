package emu

// An mbarrier word: arrivals still missing and expected per phase, the bytes
// that are announced and not yet there, a mark, and the parity of the phase.
const (
	mbarCount  = 1<<20 - 1
	mbarShift  = 20
	mbarTx     = 40
	mbarTxMask = 1<<22 - 1
	mbarMark   = 1 << 62
	mbarParity = 1 << 63
)

// mbarrier is the word taken apart.
type mbarrier struct {
	pending, expected, tx int64
	parity                uint64
}

func readBarrier(word uint64) (mbarrier, error) {
	if word&mbarMark == 0 {
		return mbarrier{}, illegalf("the mbarrier is not initialised")
	}
	return mbarrier{
		pending: int64(word & mbarCount), expected: int64(word >> mbarShift & mbarCount),
		tx:     int64(word>>mbarTx&mbarTxMask) << 42 >> 42,
		parity: word & mbarParity,
	}, nil
}

func (b mbarrier) word() uint64 {
	return uint64(b.pending) | uint64(b.expected)<<mbarShift | uint64(b.tx)&mbarTxMask<<mbarTx | mbarMark | b.parity
}

// change applies arrivals and bytes to an mbarrier and completes its phase when
// nothing is missing; it returns the word before.
func (c *cluster) change(span []byte, f func(b *mbarrier)) (uint64, error) {
	old := load(span)
	b, err := readBarrier(old)
	if err != nil {
		return 0, err
	}
	f(&b)
	if b.pending < 0 || b.tx >= 1<<20 || b.tx <= -1<<20 {
		return 0, illegalf("an mbarrier with %d arrivals missing and %d bytes under way", b.pending, b.tx)
	}
	if b.pending == 0 && b.tx == 0 {
		b.pending = b.expected
		b.parity ^= mbarParity
		c.events++
	}
	store(span, b.word())
	return old, nil
}

// atBarrier changes the mbarrier at an address.
func (w *warp) atBarrier(lane int, s space, address uint64, f func(b *mbarrier)) (uint64, error) {
	span, err := w.at(lane, s, address, 8, true)
	if err != nil {
		return 0, err
	}
	old, err := w.cta.cluster.change(span, f)
	if err != nil {
		return 0, &accessError{lane, s.String(), address, 8, err}
	}
	return old, nil
}

// mbarrierOp decodes the mbarrier instructions.
func (d *decoder) mbarrierOp(o *op, in *instr) (err error) {
	switch in.q[0] {
	case "init", "inval":
		o.run, err = d.mbarrierInit(in)
	case "arrive", "arrive_drop", "expect_tx", "complete_tx":
		o.run, err = d.mbarrierChange(in)
	case "test_wait", "try_wait":
		o.kind = blocking
		o.run, err = d.mbarrierWait(in)
	case "pending_count":
		dst, err1 := d.dst(in, 0)
		src, err2 := d.src(in, 1)
		if err1 != nil || err2 != nil {
			return unsupportedf("%s", in.name)
		}
		o.run = perLane1(dst, src, func(a uint64) uint64 { return a & mbarCount })
	default:
		return unsupportedf("%s", in.name)
	}
	return err
}

func (d *decoder) mbarrierInit(in *instr) (step, error) {
	at, err := d.address(in, 0)
	if err != nil {
		return nil, err
	}
	s, count := spaceOf(in), d.constant(0)
	inval := in.q[0] == "inval"
	if !inval {
		if count, err = d.src(in, 1); err != nil {
			return nil, err
		}
	}
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			span, err := w.at(i, s, at.of(w, i), 8, true)
			if err != nil {
				return err
			}
			n := int64(w.regs[count][i])
			switch {
			case inval:
				store(span, 0)
			case n < 1 || n > mbarCount:
				return &accessError{lane: i, err: illegalf("an mbarrier of %d arrivals", n)}
			default:
				store(span, mbarrier{pending: n, expected: n}.word())
			}
		}
		return nil
	}, nil
}

// mbarrierChange decodes arrivals and announcements of bytes. The register after
// the address is a number of arrivals, or of bytes with .expect_tx and .complete_tx.
func (d *decoder) mbarrierChange(in *instr) (step, error) {
	state, at := -1, 0
	var err error
	if in.spec[0].Dst {
		if state, err = d.dst(in, 0); err != nil {
			return nil, err
		}
		at = 1
	}
	where, err := d.address(in, at)
	if err != nil {
		return nil, err
	}
	number := d.constant(1)
	if len(in.operands) > at+1 {
		if number, err = d.src(in, at+1); err != nil {
			return nil, err
		}
	}
	arrive, drop := in.q[0] == "arrive" || in.q[0] == "arrive_drop", in.q[0] == "arrive_drop"
	expect, complete, s := in.has("expect_tx"), in.has("complete_tx"), spaceOf(in)
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			n := int64(w.regs[number][i])
			old, err := w.atBarrier(i, s, where.of(w, i), func(b *mbarrier) {
				arrivals := n
				if expect {
					b.tx += n
					arrivals = 1
				}
				if complete {
					b.tx -= n
				}
				if arrive {
					b.pending -= arrivals
				}
				if drop {
					b.expected -= arrivals
				}
			})
			if err != nil {
				return err
			}
			if state >= 0 {
				w.regs[state][i] = old
			}
		}
		return nil
	}, nil
}

// mbarrierWait decodes test_wait and try_wait, by state or by parity. Lanes that
// all find their phase unfinished sleep until something happens; when nothing
// can happen any more they are told that it is not finished.
func (d *decoder) mbarrierWait(in *instr) (step, error) {
	p, err := d.pred(in, 0)
	if err != nil {
		return nil, err
	}
	where, err := d.address(in, 1)
	if err != nil {
		return nil, err
	}
	phase, err := d.src(in, 2)
	if err != nil {
		return nil, err
	}
	parity, s := in.has("parity"), spaceOf(in)
	return func(w *warp, mask uint32) error {
		done := uint32(0)
		for m := mask; m != 0; m &= m - 1 {
			i := first(m)
			address := where.of(w, i)
			span, err := w.at(i, s, address, 8, false)
			if err != nil {
				return err
			}
			b, err := readBarrier(load(span))
			if err != nil {
				return &accessError{i, s.String(), address, 8, err}
			}
			before := w.regs[phase][i]
			if parity {
				before <<= 63
			}
			if before&mbarParity != b.parity {
				done |= 1 << i
			}
		}
		if done == 0 && !w.timeout {
			w.retry = true
			return nil
		}
		w.setPred(p, mask, done)
		return nil
	}, nil
}
