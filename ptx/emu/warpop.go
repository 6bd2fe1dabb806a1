package emu

import (
	"math/bits"

	"github.com/gpubench/gpubench/ptx"
)

// warpOp decodes the operations across lanes. The member mask is the last operand.
func (d *decoder) warpOp(o *op, in *instr) (err error) {
	if in.op == "activemask" {
		dst, err := d.dst(in, 0)
		o.run = func(w *warp, mask uint32) error {
			for m := mask; m != 0; m &= m - 1 {
				w.regs[dst][first(m)] = uint64(mask)
			}
			return nil
		}
		return err
	}
	o.kind = together
	if o.members, err = d.src(in, len(in.operands)-1); err != nil {
		return err
	}
	switch in.op {
	case "shfl":
		o.run, err = d.shuffle(in)
	case "vote":
		o.run, err = d.vote(in)
	case "redux":
		o.run, err = d.redux(in)
	case "match":
		o.run, err = d.match(in)
	case "elect":
		o.run, err = d.elect(in)
	}
	return err
}

// shuffle reads another lane's value. c holds the clamp in bits 0-4 and the
// segment mask in bits 8-12.
func (d *decoder) shuffle(in *instr) (step, error) {
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	at, p := 1, -1
	if in.isPred(1) {
		if p, err = d.pred(in, 1); err != nil {
			return nil, err
		}
		at = 2
	}
	src, err := d.srcs(in, at, 3)
	if err != nil {
		return nil, err
	}
	mode := in.oneOf("up", "down", "bfly", "idx")
	return func(w *warp, mask uint32) error {
		a, inside := w.regs[src[0]], uint32(0)
		for m := mask; m != 0; m &= m - 1 {
			lane := first(m)
			from, ok := shuffleSource(mode, lane, int(w.regs[src[1]][lane]&31), w.regs[src[2]][lane])
			if !ok {
				from = lane
			} else {
				inside |= 1 << lane
			}
			if mask>>from&1 == 0 {
				return &accessError{lane: lane, err: illegalf("reads lane %d, which takes no part", from)}
			}
			w.regs[dst][lane] = a[from]
		}
		if p >= 0 {
			w.setPred(p, mask, inside)
		}
		return nil
	}, nil
}

func shuffleSource(mode string, lane, b int, c uint64) (from int, ok bool) {
	clamp, segment := int(c&31), int(c>>8&31)
	high := lane&segment | clamp&^segment
	low := lane & segment
	switch mode {
	case "up":
		from = lane - b
		return from, from >= high
	case "down":
		from = lane + b
	case "bfly":
		from = lane ^ b
	default:
		from = low | b&^segment
	}
	return from, from <= high
}

func (d *decoder) vote(in *instr) (step, error) {
	p, err := d.pred(in, 1)
	if err != nil {
		return nil, err
	}
	if in.has("ballot") {
		dst, err := d.dst(in, 0)
		return func(w *warp, mask uint32) error {
			v := uint64(w.preds[p] & mask)
			for m := mask; m != 0; m &= m - 1 {
				w.regs[dst][first(m)] = v
			}
			return nil
		}, err
	}
	dst, err := d.pred(in, 0)
	if err != nil {
		return nil, err
	}
	mode := in.oneOf("all", "any", "uni")
	return func(w *warp, mask uint32) error {
		v := w.preds[p] & mask
		result := v == mask
		switch mode {
		case "any":
			result = v != 0
		case "uni":
			result = v == mask || v == 0
		}
		if result {
			v = mask
		} else {
			v = 0
		}
		w.setPred(dst, mask, v)
		return nil
	}, nil
}

// redux reduces a value over the lanes.
func (d *decoder) redux(in *instr) (step, error) {
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.src(in, 1)
	if err != nil {
		return nil, err
	}
	f, err := function(&instr{name: in.name, op: in.oneOf("add", "min", "max", "and", "or", "xor"), q: []string{in.typ()}})
	if err != nil || f.two == nil {
		return nil, unsupportedf("%s", in.name)
	}
	return func(w *warp, mask uint32) error {
		v := w.regs[src][first(mask)]
		for m := mask & (mask - 1); m != 0; m &= m - 1 {
			v = f.two(v, w.regs[src][first(m)])
		}
		for m := mask; m != 0; m &= m - 1 {
			w.regs[dst][first(m)] = v
		}
		return nil
	}, nil
}

// match finds the lanes with the same value.
func (d *decoder) match(in *instr) (step, error) {
	dst, err := d.dst(in, 0)
	if err != nil || !in.has("any") {
		return nil, unsupportedf("%s", in.name)
	}
	src, err := d.src(in, 1)
	return func(w *warp, mask uint32) error {
		a, out := &w.regs[src], lanes{}
		for m := mask; m != 0; m &= m - 1 {
			i := first(m)
			for n := mask; n != 0; n &= n - 1 {
				if j := first(n); a[i] == a[j] {
					out[i] |= 1 << j
				}
			}
		}
		for m := mask; m != 0; m &= m - 1 {
			w.regs[dst][first(m)] = out[first(m)]
		}
		return nil
	}, err
}

// elect chooses the lowest lane. Its operands are the predicate and the member
// mask, and perhaps a register before them for the lane's number.
func (d *decoder) elect(in *instr) (step, error) {
	number, at := -1, 0
	if _, ok := in.operands[0].(ptx.Reg); ok && !in.isPred(0) {
		var err error
		if number, err = d.dst(in, 0); err != nil {
			return nil, err
		}
		at = 1
	}
	p, err := d.pred(in, at)
	return func(w *warp, mask uint32) error {
		chosen := mask & -mask
		w.setPred(p, mask, chosen)
		if number >= 0 {
			for m := mask; m != 0; m &= m - 1 {
				w.regs[number][first(m)] = uint64(bits.TrailingZeros32(chosen))
			}
		}
		return nil
	}, err
}
