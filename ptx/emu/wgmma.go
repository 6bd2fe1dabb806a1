package emu

import (
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/emu/tensor"
)

// wgmmaOp decodes the warpgroup's matrix instructions. Each warp computes its own
// 16 rows when it issues the instruction, so that fences and commits have nothing
// to do. A wait holds a warp until the other three are there: what comes after
// it may overwrite what they read.
func (d *decoder) wgmmaOp(o *op, in *instr) (err error) {
	o.kind = together
	switch {
	case in.has("mma_async"):
		o.run, err = d.wgmma(in)
	case in.has("wait_group"):
		o.run = func(w *warp, _ uint32) error { return w.meetWarpgroup() }
	default:
		o.run = func(w *warp, _ uint32) error { return w.inWarpgroup() }
	}
	return err
}

// meetWarpgroup blocks the warp until its warpgroup is complete.
func (w *warp) meetWarpgroup() error {
	if err := w.inWarpgroup(); err != nil {
		return err
	}
	b := &w.cta.groups[w.rank>>2]
	phase := b.phase
	b.arrived++
	if b.arrived == 4 {
		b.arrived = 0
		b.phase++
		return nil
	}
	w.block = func() bool { return b.phase != phase }
	return nil
}

// inWarpgroup refuses warps that have no full warpgroup around them.
func (w *warp) inWarpgroup() error {
	if w.rank|3 >= len(w.cta.warps) {
		return illegalf("warp %d of %d is in no warpgroup of four", w.rank, len(w.cta.warps))
	}
	return nil
}

// groupMultiply is a decoded wgmma.
type groupMultiply struct {
	shape
	engine engine
	d      []int
	a      []int // registers of A, nil if A is in shared memory
	descA  int
	descB  int
	scaleD int // predicate
	// flipA and flipB are xored to the elements: a sign for imm-scale -1.
	flipA, flipB   uint64
	transA, transB bool
	meta           metadata
}

func (d *decoder) wgmma(in *instr) (step, error) {
	s, err := d.parseShape(in, tensor.Warpgroup)
	if err != nil {
		return nil, err
	}
	x := &groupMultiply{shape: s}
	if x.d, err = d.vec(in, 0); err != nil {
		return nil, err
	}
	if _, inRegisters := in.operands[1].(ptx.Vec); inRegisters {
		x.a, err = d.vec(in, 1)
	} else {
		x.descA, err = d.src(in, 1)
	}
	if err != nil {
		return nil, err
	}
	if x.descB, err = d.src(in, 2); err != nil {
		return nil, err
	}
	at := 3
	kA, kB := s.depth()
	if s.sparse {
		if x.meta, err = d.metadata(in, at, s); err != nil {
			return nil, err
		}
		at += 2
	}
	if x.scaleD, err = d.pred(in, at); err != nil {
		return nil, err
	}
	if err := d.wgmmaFlags(in, x, at+1); err != nil {
		return nil, err
	}
	if x.engine, err = d.engine(s, 16, s.n, kA, kB); err != nil {
		return nil, err
	}
	return x.run, nil
}

// wgmmaFlags reads imm-scale-a, imm-scale-b and the transpositions.
func (d *decoder) wgmmaFlags(in *instr, x *groupMultiply, at int) error {
	var flags []int64
	for ; at < len(in.operands); at++ {
		v, err := d.imm(in, at)
		if err != nil {
			return err
		}
		flags = append(flags, v)
	}
	if len(flags) == 0 {
		return nil
	}
	if len(flags) < 2 || len(flags) > 4 {
		return unsupportedf("%s with %d immediates", in.name, len(flags))
	}
	for i, flip := range []*uint64{&x.flipA, &x.flipB} {
		switch flags[i] {
		case 1:
		case -1:
			*flip = signOf([]string{x.shape.a, x.shape.b}[i])
		default:
			return illegalf("scale %d", flags[i])
		}
	}
	trans := flags[2:]
	if len(trans) > 0 && x.a == nil {
		x.transA, trans = trans[0] != 0, trans[1:]
	}
	if len(trans) > 0 {
		x.transB = trans[0] != 0
	}
	return nil
}

func (x *groupMultiply) run(w *warp, _ uint32) error {
	if err := w.inWarpgroup(); err != nil {
		return err
	}
	x.engine.clear()
	if err := x.loadA(w); err != nil {
		return err
	}
	desc, err := descriptor(w.regs[x.descB][0])
	if err != nil {
		return err
	}
	_, kB := x.depth()
	err = x.loadShared(w, desc, x.n, kB, 0, x.transB, func(col, k int, v uint64) { x.engine.setB(col, k, v^x.flipB) })
	if err != nil {
		return err
	}
	if x.sparse {
		if err := x.meta.read(w, 16); err != nil {
			return err
		}
	}
	keep := w.preds[x.scaleD]
	if keep != 0 && keep != allLanes {
		return illegalf("scale-d differs between lanes")
	}
	x.multiply(w, keep != 0)
	return nil
}

// multiply computes the warp's 16 rows.
func (x *groupMultiply) multiply(w *warp, keep bool) {
	half := x.shape.d == "f16"
	for lane := range 32 {
		for i := range x.n / 2 {
			row, col := lane>>2+i>>1&1*8, i>>2*8+lane&3*2+i&1
			c := uint64(0)
			if keep {
				c = accumulatorAt(w, x.d, lane, i, half)
			}
			v := x.engine.dot(row, col, x.meta.row(row), c)
			if !half {
				w.regs[x.d[i]][lane] = v
				continue
			}
			r := &w.regs[x.d[i>>1]][lane]
			if i&1 == 0 {
				*r = *r&^0xFFFF | v
			} else {
				*r = *r&0xFFFF | v<<16
			}
		}
	}
}

func (x *groupMultiply) loadA(w *warp) error {
	set := func(row, k int, v uint64) { x.engine.setA(row, k, v^x.flipA) }
	if x.a != nil {
		loadFragment(w, &x.shape, x.a, true, set)
		return nil
	}
	desc, err := descriptor(w.regs[x.descA][0])
	if err != nil {
		return err
	}
	kA, _ := x.depth()
	return x.loadShared(w, desc, 16, kA, w.rank&3*16, x.transA, set)
}

// matrixDescriptor is where a matrix lies in shared memory.
type matrixDescriptor struct {
	start, leading, stride int
	// swizzle is the number of 16-byte units in a swizzled row: 1 for none, 2, 4 or 8.
	swizzle int
}

func descriptor(bits uint64) (matrixDescriptor, error) {
	field := func(at int) int { return int(bits>>at&0x3FFF) << 4 }
	m := matrixDescriptor{start: field(0), leading: field(16), stride: field(32)}
	m.swizzle = [4]int{1, 8, 4, 2}[bits>>62]
	if bits>>49&7 != 0 {
		return m, unsupportedf("a matrix descriptor with a base offset")
	}
	return m, nil
}

// offset is the place of a 16-byte unit's first element: of row (or column, of B)
// r and element k of an operand whose units run along K; or, if mn, along r.
func (m *matrixDescriptor) offset(r, k, perUnit int, mn bool) int {
	row := 16 * m.swizzle // bytes
	var at int
	switch {
	case !mn && m.swizzle == 1:
		at = r&7*16 + r>>3*m.stride + k/perUnit*m.leading
	case !mn:
		at = r&7*row + r>>3*m.stride + k/perUnit*16
	case m.swizzle == 1:
		at = r/perUnit*m.stride + k&7*16 + k>>3*m.leading
	default:
		unit := r / perUnit
		at = unit%m.swizzle*16 + unit/m.swizzle*m.leading + k&7*row + k>>3*m.stride
	}
	at += m.start
	return at ^ at>>7&(m.swizzle-1)<<4
}

// loadShared reads rows from first on of a matrix of k elements each.
func (x *groupMultiply) loadShared(w *warp, m matrixDescriptor, rows, depth, first int, mn bool, set func(row, k int, v uint64)) error {
	size := x.width / 8
	perUnit := 16 / size
	if x.shape.a == "b1" {
		depth /= 32
	}
	if !mn && m.swizzle > 1 && depth > perUnit*m.swizzle {
		return unsupportedf("a swizzled row of %d bytes with %d bytes along K", 16*m.swizzle, depth*size)
	}
	shared := w.cta.shared
	for r := range rows {
		for k := range depth {
			at, within := 0, 0
			if mn {
				within = (first + r) % perUnit
			} else {
				within = k % perUnit
			}
			at = m.offset(first+r, k, perUnit, mn) + within*size
			if at < sharedReserved || at+size > len(shared) {
				return &accessError{lane: -1, space: "shared", addr: uint64(at), bytes: size, err: ErrBounds}
			}
			set(r, k, x.element(load(shared[at:at+size]), 0))
		}
	}
	return nil
}
