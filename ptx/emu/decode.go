package emu

import (
	"github.com/gpubench/gpubench/ptx"
)

// decodeInto fills in what an instruction does. Control flow comes first, then
// the families; what none of them knows is an error.
func (d *decoder) decodeInto(o *op, in *instr) error {
	switch in.op {
	case "bra":
		return d.branchOp(o, in)
	case "ret", "exit":
		o.kind = leave
		return nil
	case "trap":
		o.run = func(*warp, uint32) error { return ErrTrap }
		return nil
	case "bar", "barrier":
		return d.barOp(o, in)
	case "membar", "fence", "pragma", "prefetch", "prefetchu", "applypriority", "discard", "griddepcontrol", "setmaxnreg", "nanosleep":
		o.run = func(*warp, uint32) error { return nil }
		return nil
	case "shfl", "vote", "redux", "match", "elect", "activemask":
		return d.warpOp(o, in)
	case "ld", "ldu", "st", "atom", "red", "cvta", "isspacep":
		return d.memoryOp(o, in)
	case "mma", "ldmatrix", "stmatrix", "movmatrix":
		return d.matrixOp(o, in)
	case "wgmma":
		return d.wgmmaOp(o, in)
	case "mapa", "getctarank":
		return d.clusterOp(o, in)
	case "cp", "mbarrier":
		return d.asyncOp(o, in)
	}
	run, err := d.scalar(in)
	o.run = run
	return err
}

func (d *decoder) branchOp(o *op, in *instr) error {
	l, ok := in.operands[0].(ptx.Label)
	target, placed := d.labels[l]
	if !ok || !placed {
		return illegalf("branch to a label that was not placed")
	}
	o.kind, o.target = branch, target
	return nil
}

// scalar decodes the instructions that work on each lane by itself.
func (d *decoder) scalar(in *instr) (step, error) {
	switch in.op {
	case "mov":
		return d.mov(in)
	case "setp":
		return d.setp(in)
	case "selp":
		return d.selp(in)
	case "cvt":
		return d.cvt(in)
	}
	if in.typ() == "pred" {
		return d.predicateLogic(in)
	}
	f, err := function(in)
	if err != nil {
		return nil, err
	}
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.srcs(in, 1, len(in.operands)-1)
	if err != nil {
		return nil, err
	}
	switch {
	case f.one != nil && len(src) == 1:
		return perLane1(dst, src[0], f.one), nil
	case f.two != nil && len(src) == 2:
		return perLane2(dst, src[0], src[1], f.two), nil
	case f.three != nil && len(src) == 3:
		return perLane3(dst, src[0], src[1], src[2], f.three), nil
	case f.four != nil && len(src) == 4:
		return perLane4(dst, src, f.four), nil
	}
	return nil, unsupportedf("%s with %d sources", in.name, len(src))
}

// fn is a lane's function of one to four values.
type fn struct {
	one   func(a uint64) uint64
	two   func(a, b uint64) uint64
	three func(a, b, c uint64) uint64
	four  func(a, b, c, d uint64) uint64
}

func one(f func(a uint64) uint64) fn           { return fn{one: f} }
func two(f func(a, b uint64) uint64) fn        { return fn{two: f} }
func three(f func(a, b, c uint64) uint64) fn   { return fn{three: f} }
func four(f func(a, b, c, d uint64) uint64) fn { return fn{four: f} }
func (f fn) defined() bool                     { return f.one != nil || f.two != nil || f.three != nil || f.four != nil }

// function finds the function of an arithmetic instruction.
func function(in *instr) (fn, error) {
	t := in.typ()
	var f fn
	switch t {
	case "f32", "f64", "f16", "bf16", "f16x2", "bf16x2":
		f = floatFunction(in, t)
	case "u16", "s16", "u32", "s32", "u64", "s64", "b16", "b32", "b64", "u16x2", "s16x2":
		f = integerFunction(in, t)
	}
	if !f.defined() {
		return fn{}, unsupportedf("%s", in.name)
	}
	return f, nil
}

// dst is the slot of a written register.
func (d *decoder) dst(in *instr, i int) (int, error) {
	if i < len(in.operands) {
		if r, ok := in.operands[i].(ptx.Reg); ok && r.Type() != ptx.Pred {
			return d.reg(r), nil
		}
	}
	return 0, unsupportedf("%s: operand %d is no register", in.name, i+1)
}

func perLane1(dst, a int, f func(uint64) uint64) step {
	return func(w *warp, mask uint32) error {
		d, a := &w.regs[dst], &w.regs[a]
		if mask == allLanes {
			for i := range d {
				d[i] = f(a[i])
			}
			return nil
		}
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			d[i] = f(a[i])
		}
		return nil
	}
}

func perLane2(dst, a, b int, f func(a, b uint64) uint64) step {
	return func(w *warp, mask uint32) error {
		d, a, b := &w.regs[dst], &w.regs[a], &w.regs[b]
		if mask == allLanes {
			for i := range d {
				d[i] = f(a[i], b[i])
			}
			return nil
		}
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			d[i] = f(a[i], b[i])
		}
		return nil
	}
}

func perLane3(dst, a, b, c int, f func(a, b, c uint64) uint64) step {
	return func(w *warp, mask uint32) error {
		d, a, b, c := &w.regs[dst], &w.regs[a], &w.regs[b], &w.regs[c]
		if mask == allLanes {
			for i := range d {
				d[i] = f(a[i], b[i], c[i])
			}
			return nil
		}
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			d[i] = f(a[i], b[i], c[i])
		}
		return nil
	}
}

func perLane4(dst int, src []int, f func(a, b, c, d uint64) uint64) step {
	return func(w *warp, mask uint32) error {
		r := w.regs
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			r[dst][i] = f(r[src[0]][i], r[src[1]][i], r[src[2]][i], r[src[3]][i])
		}
		return nil
	}
}

// mov copies, packs, unpacks, and reads special registers and addresses.
func (d *decoder) mov(in *instr) (step, error) {
	if in.typ() == "pred" {
		return d.predicateLogic(in)
	}
	if s, ok := in.operands[1].(ptx.Special); ok {
		return d.special(in, string(s))
	}
	to, err := d.vec(in, 0)
	if err != nil {
		return nil, err
	}
	from, err := d.vec(in, 1)
	if err != nil {
		return nil, err
	}
	switch width := widthOf(in.typ()); {
	case len(to) == 1 && len(from) == 1:
		return perLane1(to[0], from[0], func(a uint64) uint64 { return a }), nil
	case len(to) == 1 && width%len(from) == 0:
		return pack(to[0], from, width/len(from)), nil
	case len(from) == 1 && width%len(to) == 0:
		return unpack(to, from[0], width/len(to)), nil
	}
	return nil, unsupportedf("%s between %d and %d registers", in.name, len(to), len(from))
}

func pack(to int, from []int, width int) step {
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i, v := first(mask), uint64(0)
			for j, f := range from {
				v |= w.regs[f][i] << (j * width)
			}
			w.regs[to][i] = v
		}
		return nil
	}
}

func unpack(to []int, from, width int) step {
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			v := w.regs[from][i]
			for j, t := range to {
				w.regs[t][i] = truncate(v>>(j*width), width)
			}
		}
		return nil
	}
}

// predicateLogic is and, or, xor, not and mov on predicates.
func (d *decoder) predicateLogic(in *instr) (step, error) {
	var p [3]int
	for i := range in.operands {
		if i >= len(p) {
			return nil, unsupportedf("%s with %d operands", in.name, len(in.operands))
		}
		var err error
		if p[i], err = d.pred(in, i); err != nil {
			return nil, err
		}
	}
	var f func(a, b uint32) uint32
	switch in.op {
	case "and":
		f = func(a, b uint32) uint32 { return a & b }
	case "or":
		f = func(a, b uint32) uint32 { return a | b }
	case "xor":
		f = func(a, b uint32) uint32 { return a ^ b }
	case "not":
		f = func(a, _ uint32) uint32 { return ^a }
	case "mov":
		f = func(a, _ uint32) uint32 { return a }
	default:
		return nil, unsupportedf("%s", in.name)
	}
	return func(w *warp, mask uint32) error {
		w.setPred(p[0], mask, f(w.preds[p[1]], w.preds[p[2]]))
		return nil
	}, nil
}

// setp compares; with .and, .or, .xor it combines the outcome with a predicate.
func (d *decoder) setp(in *instr) (step, error) {
	p, err := d.pred(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.srcs(in, 1, 2)
	if err != nil {
		return nil, err
	}
	less, err := comparison(in)
	if err != nil {
		return nil, err
	}
	combine, with := in.oneOf("and", "or", "xor"), 0
	if combine != "" {
		if with, err = d.pred(in, 3); err != nil {
			return nil, err
		}
	}
	return func(w *warp, mask uint32) error {
		a, b, bits := &w.regs[src[0]], &w.regs[src[1]], uint32(0)
		for m := mask; m != 0; m &= m - 1 {
			i := first(m)
			if less(a[i], b[i]) {
				bits |= 1 << i
			}
		}
		switch combine {
		case "and":
			bits &= w.preds[with]
		case "or":
			bits |= w.preds[with]
		case "xor":
			bits ^= w.preds[with]
		}
		w.setPred(p, mask, bits)
		return nil
	}, nil
}

// comparison finds the comparison function of setp.
func comparison(in *instr) (func(a, b uint64) bool, error) {
	var f func(a, b uint64) bool
	c := in.q[0]
	switch t := in.typ(); t {
	case "f32", "f64", "f16", "bf16":
		f = floatComparison(c, t, in.has("ftz"))
	case "u64", "b64":
		f = compare(c, func(a uint64) uint64 { return a })
	case "u32", "b32":
		f = compare(c, func(a uint64) uint32 { return uint32(a) })
	case "u16", "b16":
		f = compare(c, func(a uint64) uint16 { return uint16(a) })
	case "s64":
		f = compare(c, func(a uint64) int64 { return int64(a) })
	case "s32":
		f = compare(c, func(a uint64) int32 { return int32(a) })
	case "s16":
		f = compare(c, func(a uint64) int16 { return int16(a) })
	}
	if f == nil {
		return nil, unsupportedf("%s", in.name)
	}
	return f, nil
}

func compare[T uint16 | uint32 | uint64 | int16 | int32 | int64](c string, v func(uint64) T) func(a, b uint64) bool {
	switch c {
	case "eq":
		return func(a, b uint64) bool { return v(a) == v(b) }
	case "ne":
		return func(a, b uint64) bool { return v(a) != v(b) }
	case "lt", "lo":
		return func(a, b uint64) bool { return v(a) < v(b) }
	case "le", "ls":
		return func(a, b uint64) bool { return v(a) <= v(b) }
	case "gt", "hi":
		return func(a, b uint64) bool { return v(a) > v(b) }
	case "ge", "hs":
		return func(a, b uint64) bool { return v(a) >= v(b) }
	}
	return nil
}

func (d *decoder) selp(in *instr) (step, error) {
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.srcs(in, 1, 2)
	if err != nil {
		return nil, err
	}
	p, err := d.pred(in, 3)
	if err != nil {
		return nil, err
	}
	return func(w *warp, mask uint32) error {
		d, a, b, which := &w.regs[dst], &w.regs[src[0]], &w.regs[src[1]], w.preds[p]
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			if which>>i&1 != 0 {
				d[i] = a[i]
			} else {
				d[i] = b[i]
			}
		}
		return nil
	}, nil
}
