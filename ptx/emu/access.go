package emu

import (
	"github.com/gpubench/gpubench/ptx"
)

// address is a decoded memory operand: the slot of the base and an offset.
type address struct {
	base   int
	offset uint64
	// wide bases are 64-bit: a 32-bit sum wraps.
	wide bool
}

func (a address) of(w *warp, lane int) uint64 {
	sum := w.regs[a.base][lane] + a.offset
	if a.wide {
		return sum
	}
	return sum & 0xFFFFFFFF
}

func (d *decoder) address(in *instr, i int) (address, error) {
	if i >= len(in.operands) {
		return address{}, unsupportedf("%s without an address", in.name)
	}
	m, ok := in.operands[i].(ptx.Mem)
	if !ok {
		return address{}, unsupportedf("%s: operand %d is no address", in.name, i+1)
	}
	if m.Symbol != "" {
		at, err := d.symbol(m.Symbol)
		return address{base: d.constant(at), offset: uint64(int64(m.Offset))}, err
	}
	return address{base: d.reg(m.Base), offset: uint64(int64(m.Offset)), wide: m.Base.Type() == ptx.B64}, nil
}

// memoryOp decodes loads, stores, atomics and address conversions. Cache
// operators, orders and scopes change nothing: every access is performed when issued.
func (d *decoder) memoryOp(o *op, in *instr) (err error) {
	switch in.op {
	case "ld", "ldu":
		o.run, err = d.loadOp(in)
	case "st":
		if in.has("async") {
			o.run, err = d.storeAsync(in)
			return err
		}
		o.run, err = d.storeOp(in)
	case "atom", "red":
		if in.has("async") {
			o.run, err = d.reduceAsync(in)
			return err
		}
		o.run, err = d.atomicOp(in)
	case "cvta":
		o.run, err = d.cvta(in)
	case "isspacep":
		o.run, err = d.isSpace(in)
	}
	return err
}

func (d *decoder) loadOp(in *instr) (step, error) {
	to, err := d.vec(in, 0)
	if err != nil {
		return nil, err
	}
	from, err := d.address(in, 1)
	if err != nil {
		return nil, err
	}
	t, s := in.typ(), spaceOf(in)
	size := uint64(widthOf(t) / 8)
	total := size * uint64(len(to))
	if size == 0 || size > 8 {
		return nil, unsupportedf("%s", in.name)
	}
	extend := func(v uint64) uint64 { return v }
	if register := in.regWidth(0); t[0] == 's' && register > int(8*size) {
		read := integerValue(t)
		extend = func(v uint64) uint64 { return truncate(read(v), register) }
	}
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			b, err := w.at(i, s, from.of(w, i), total, false)
			if err != nil {
				return err
			}
			for j, r := range to {
				w.regs[r][i] = extend(load(b[uint64(j)*size:][:size]))
			}
		}
		return nil
	}, nil
}

func (d *decoder) storeOp(in *instr) (step, error) {
	to, err := d.address(in, 0)
	if err != nil {
		return nil, err
	}
	from, err := d.vec(in, 1)
	if err != nil {
		return nil, err
	}
	s := spaceOf(in)
	size := uint64(widthOf(in.typ()) / 8)
	total := size * uint64(len(from))
	if size == 0 || size > 8 {
		return nil, unsupportedf("%s", in.name)
	}
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			b, err := w.at(i, s, to.of(w, i), total, true)
			if err != nil {
				return err
			}
			for j, r := range from {
				store(b[uint64(j)*size:][:size], w.regs[r][i])
			}
		}
		return nil
	}, nil
}

// atomicOp performs the lanes in ascending order.
func (d *decoder) atomicOp(in *instr) (step, error) {
	dst, at := -1, 0
	if in.op == "atom" {
		var err error
		if dst, err = d.dst(in, 0); err != nil {
			return nil, err
		}
		at = 1
	}
	to, err := d.address(in, at)
	if err != nil {
		return nil, err
	}
	src, err := d.srcs(in, at+1, len(in.operands)-at-1)
	if err != nil || len(src) == 0 {
		return nil, unsupportedf("%s", in.name)
	}
	f := atomicFunction(in)
	if f == nil {
		return nil, unsupportedf("%s", in.name)
	}
	s, size := spaceOf(in), uint64(widthOf(in.typ())/8)
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			b, err := w.at(i, s, to.of(w, i), size, true)
			if err != nil {
				return err
			}
			old := load(b)
			store(b, f(old, w.regs[src[0]][i], w.regs[src[len(src)-1]][i]))
			if dst >= 0 {
				w.regs[dst][i] = old
			}
		}
		w.cta.cluster.events++
		return nil
	}, nil
}

// atomicFunction gives the new value from the old one and the operands b and c.
func atomicFunction(in *instr) func(old, b, c uint64) uint64 {
	t := in.typ()
	switch op := in.oneOf("add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas"); op {
	case "exch":
		return func(_, b, _ uint64) uint64 { return b }
	case "cas":
		return func(old, b, c uint64) uint64 {
			if old == b {
				return c
			}
			return old
		}
	case "inc":
		return func(old, b, _ uint64) uint64 {
			if old >= b {
				return 0
			}
			return old + 1
		}
	case "dec":
		return func(old, b, _ uint64) uint64 {
			if old == 0 || old > b {
				return b
			}
			return old - 1
		}
	case "and", "or", "xor", "add", "min", "max":
		q := &instr{name: in.name, op: op, q: []string{t}}
		if s := spaceOf(in); t == "f32" && (s == global || s == generic) { // shared memory keeps subnormals
			q.q = []string{"ftz", t}
		}
		if f, err := function(q); err == nil && f.two != nil {
			return func(old, b, _ uint64) uint64 { return f.two(old, b) }
		}
	}
	return nil
}

// cvta converts between generic addresses and those of a space.
func (d *decoder) cvta(in *instr) (step, error) {
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.src(in, 1)
	if err != nil {
		return nil, err
	}
	base := uint64(0)
	switch spaceOf(in) {
	case sharedCTA, sharedCluster:
		base = sharedWindow
	case param:
		base = paramWindow
	}
	if in.has("to") {
		base = -base
	}
	return perLane1(dst, src, func(a uint64) uint64 { return a + base }), nil
}

func (d *decoder) isSpace(in *instr) (step, error) {
	p, err := d.pred(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.src(in, 1)
	if err != nil {
		return nil, err
	}
	s := spaceOf(in)
	return func(w *warp, mask uint32) error {
		bits := uint32(0)
		for m := mask; m != 0; m &= m - 1 {
			i := first(m)
			a, is := w.regs[src][i], false
			switch shared := a-sharedWindow < windowBytes; s {
			case sharedCluster:
				is = shared
			case sharedCTA:
				rank := (a - sharedWindow) >> rankShift
				is = shared && (rank == 0 || rank == uint64(w.cta.rank)+1)
			case param:
				is = a-paramWindow < windowBytes
			default:
				is = !shared && a-paramWindow >= windowBytes
			}
			if is {
				bits |= 1 << i
			}
		}
		w.setPred(p, mask, bits)
		return nil
	}, nil
}
