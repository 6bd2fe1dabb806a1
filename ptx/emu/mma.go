package emu

import (
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/ptx/emu/tensor"
	"github.com/gpubench/gpubench/ptx/isa"
)

// shape is what the name of a matrix instruction says.
type shape struct {
	target     isa.Target
	unit       tensor.Unit
	m, n, k    int // k as named: of a sparse A the expanded depth
	d, a, b, c string
	sparse     bool
	ordered    bool
	saturate   bool
	and        bool
	// width is the number of bits of an element of A and B; a b1 element is a
	// word of 32.
	width int
}

// parseShape reads the qualifiers.
func (d *decoder) parseShape(in *instr, unit tensor.Unit) (shape, error) {
	s := shape{target: d.p.target, unit: unit, saturate: in.has("satfinite"), and: in.has("and"),
		sparse: in.has("sp") || in.has("sp::ordered_metadata"), ordered: in.has("sp::ordered_metadata")}
	var types []string
	for _, q := range in.q {
		switch {
		case strings.Contains(q, "kind::") || strings.Contains(q, "block_scale"):
			return s, unsupportedf("%s", in.name)
		case len(q) > 1 && q[0] == 'm' && q[1] >= '0' && q[1] <= '9':
			if !s.parseSize(q) {
				return s, unsupportedf("%s", in.name)
			}
		case elementWidth(q) > 0:
			types = append(types, q)
		}
	}
	switch {
	case unit == tensor.Warpgroup && len(types) == 3:
		types = append(types, types[0])
	case len(types) != 4:
		return s, unsupportedf("%s", in.name)
	}
	s.d, s.a, s.b, s.c = types[0], types[1], types[2], types[3]
	s.width = elementWidth(s.a)
	if s.width != elementWidth(s.b) {
		return s, unsupportedf("%s", in.name)
	}
	return s, nil
}

// parseSize reads "m16n8k16".
func (s *shape) parseSize(q string) bool {
	m, rest, ok1 := strings.Cut(q[1:], "n")
	n, k, ok2 := strings.Cut(rest, "k")
	var err [3]error
	s.m, err[0] = strconv.Atoi(m)
	s.n, err[1] = strconv.Atoi(n)
	s.k, err[2] = strconv.Atoi(k)
	return ok1 && ok2 && err == [3]error{}
}

// elementWidth is the number of bits that an element takes in a register.
func elementWidth(t string) int {
	switch t {
	case "s4", "u4":
		return 4
	case "s8", "u8", "e4m3", "e5m2":
		return 8
	case "f16", "bf16":
		return 16
	case "tf32", "f32", "s32", "b1":
		return 32
	case "f64":
		return 64
	}
	return 0
}

// depth is the number of elements, or of words of bits, along K.
func (s *shape) depth() (a, b int) {
	k := s.k
	if s.sparse {
		k /= 2
	}
	return k, s.k
}

// element cuts one element out of a register; tf32 loses its low bits.
func (s *shape) element(v uint64, j int) uint64 {
	switch s.width {
	case 64:
		return v
	case 32:
		if s.a == "tf32" {
			return v >> 13
		}
		return v
	}
	return v >> (j * s.width) & (1<<s.width - 1)
}

// perRegister is the number of elements in a register.
func (s *shape) perRegister() int {
	if s.width == 64 {
		return 1
	}
	return 32 / s.width
}

// matrixOp decodes mma and the matrix moves.
func (d *decoder) matrixOp(o *op, in *instr) (err error) {
	o.kind = together
	switch in.op {
	case "ldmatrix":
		o.run, err = d.ldmatrix(in)
	case "stmatrix":
		o.run, err = d.stmatrix(in)
	case "movmatrix":
		o.run, err = d.movmatrix(in)
	default:
		o.run, err = d.mma(in)
	}
	return err
}

// multiply is a decoded mma.
type multiply struct {
	shape
	engine     engine
	d, a, b, c []int // slots
	meta       metadata
}

func (d *decoder) mma(in *instr) (step, error) {
	s, err := d.parseShape(in, tensor.Warp)
	if err != nil {
		return nil, err
	}
	x := &multiply{shape: s}
	for i, to := range []*[]int{&x.d, &x.a, &x.b, &x.c} {
		if *to, err = d.vec(in, i); err != nil {
			return nil, err
		}
	}
	if s.m == 8 && s.k == 4 && s.a == "f16" {
		return d.mmaQuads(in, x)
	}
	kA, kB := s.depth()
	if x.engine, err = d.engine(s, s.m, s.n, kA, kB); err != nil {
		return nil, err
	}
	if s.sparse {
		if x.meta, err = d.metadata(in, 4, s); err != nil {
			return nil, err
		}
	}
	return x.run, x.check(in)
}

// check compares the fragments' sizes with the shape.
func (x *multiply) check(in *instr) error {
	kA, kB := x.depth()
	bits := x.width
	if x.shape.a == "b1" {
		bits = 1
	}
	warp := 32 * max(x.width, 32) // bits of a register in all lanes
	if len(x.a)*warp != x.m*kA*bits || len(x.b)*warp != x.n*kB*bits {
		return unsupportedf("%s with %d and %d registers", in.name, len(x.a), len(x.b))
	}
	return nil
}

func (x *multiply) run(w *warp, _ uint32) error {
	x.engine.clear()
	loadFragment(w, &x.shape, x.a, x.m == 16, x.engine.setA)
	loadFragment(w, &x.shape, x.b, false, x.engine.setB)
	if x.sparse {
		if err := x.meta.read(w, 16); err != nil {
			return err
		}
	}
	var out [4]lanes
	half := x.shape.d == "f16"
	halfC := x.shape.c == "f16"
	for i := range x.m / 4 { // results per lane: m*8/32
		for lane := range 32 {
			row, col := lane>>2+i>>1*8, lane&3*2+i&1
			c := accumulatorAt(w, x.c, lane, i, halfC)
			v := x.engine.dot(row, col, x.meta.row(row), c)
			if half {
				out[i>>1][lane] |= v << (i & 1 * 16)
			} else {
				out[i][lane] = v
			}
		}
	}
	for i, slot := range x.d {
		w.regs[slot] = out[i]
	}
	return nil
}

// accumulatorAt is accumulator i of a lane; f16 ones are two to a register.
func accumulatorAt(w *warp, slots []int, lane, i int, half bool) uint64 {
	if half {
		return w.regs[slots[i>>1]][lane] >> (i & 1 * 16) & 0xFFFF
	}
	return w.regs[slots[i]][lane]
}

// loadFragment spreads registers over rows (of A) or columns (of B). A lane holds
// consecutive elements at 4-lane steps; of A's registers every second one is
// eight rows below.
func loadFragment(w *warp, s *shape, slots []int, twoRows bool, set func(row, k int, bits uint64)) {
	n := s.perRegister()
	for r, slot := range slots {
		down, right := 0, r
		if twoRows {
			down, right = 8*(r&1), r>>1
		}
		for lane, v := range w.regs[slot] {
			k := n*(lane&3) + 4*n*right
			for j := range n {
				set(lane>>2+down, k+j, s.element(v, j))
			}
		}
	}
}

// metadata says which elements of a column the compact elements of a sparse row meet.
type metadata struct {
	shape
	slot     int
	selector int
	picks    [][]int
}

func (d *decoder) metadata(in *instr, at int, s shape) (metadata, error) {
	slot, err := d.src(in, at)
	if err != nil {
		return metadata{}, err
	}
	selector, err := d.imm(in, at+1)
	if err != nil {
		return metadata{}, err
	}
	m := metadata{shape: s, slot: slot, selector: int(selector), picks: grid[int](16, s.k/2)}
	if selector < 0 || int(selector) >= m.selectors() {
		return metadata{}, illegalf("selector %d", selector)
	}
	return m, nil
}

// chunk is the number of columns that one nibble is about.
func (m *metadata) chunk() int {
	switch m.width {
	case 32:
		return 2
	case 4:
		return 8
	}
	return 4
}

// selectors is the number of sets of lanes that may hold the metadata.
func (m *metadata) selectors() int {
	switch n := m.k / m.chunk(); {
	case n == 4:
		return 4
	case n == 8:
		return 2
	}
	return 1
}

// row gives the picks of a row, nil for a dense instruction.
func (m *metadata) row(r int) []int {
	if m.picks == nil {
		return nil
	}
	return m.picks[r]
}

// read decodes the nibbles of 16 rows. The lanes that hold them are known in
// closed form for 16-bit and tf32 types and for 8-bit types at K = 64; the other
// shapes follow by analogy.
func (m *metadata) read(w *warp, rows int) error {
	chunks := m.k / m.chunk()
	narrow := m.width <= 8
	for row := range rows {
		below := row >> 3
		for c := range chunks {
			lane, shift := 4*(row&7), 0
			switch {
			case narrow && chunks == 16:
				lane, shift = lane+2*(c>>3)+below, 4*(c&7)
			case narrow:
				lane, shift = lane+2*m.selector+below, 4*c
			case chunks == 8:
				lane, shift = lane+2*m.selector+c>>2, 16*below+4*(c&3)
			default:
				lane, shift = lane+m.selector, 16*below+4*c
			}
			if err := m.nibble(row, c, int(w.regs[m.slot][lane]>>shift&15)); err != nil {
				return &accessError{lane: lane, err: err}
			}
		}
	}
	return nil
}

// nibble decodes the index of one chunk.
func (m *metadata) nibble(row, c, index int) error {
	p := m.picks[row]
	low, high := index&3, index>>2
	switch {
	case m.width == 32:
		if index != 4 && index != 14 {
			return illegalf("metadata %04b of row %d", index, row)
		}
		p[c] = 2*c + index>>3
	case low == high, m.ordered && low > high:
		return illegalf("metadata %04b of row %d", index, row)
	case m.width == 4:
		for j := range 2 {
			p[4*c+j], p[4*c+2+j] = 8*c+2*low+j, 8*c+2*high+j
		}
	default:
		p[2*c], p[2*c+1] = 4*c+low, 4*c+high
	}
	return nil
}

// mmaQuads decodes m8n8k4 of sm_70: four products, each by lanes 4q to 4q+3 and
// 16+4q to 16+4q+3.
func (d *decoder) mmaQuads(in *instr, x *multiply) (step, error) {
	var engines [4]engine
	for i := range engines {
		var err error
		if engines[i], err = newEngine(x.shape, 8, 8, 4, 4); err != nil {
			return nil, err
		}
	}
	layout := [2]string{"row", "col"}
	n := 0
	for _, q := range in.q {
		if (q == "row" || q == "col") && n < 2 {
			layout[n] = q
			n++
		}
	}
	half, halfC := x.shape.d == "f16", x.shape.c == "f16"
	return func(w *warp, _ uint32) error {
		var out [8]lanes
		for _, e := range engines {
			e.clear()
		}
		for lane := range 32 {
			e, major, down := engines[lane>>2&3], lane&3, lane>>4*4
			for i := range 4 {
				a := x.element(w.regs[x.a[i>>1]][lane], i&1)
				b := x.element(w.regs[x.b[i>>1]][lane], i&1)
				if layout[0] == "row" {
					e.setA(major+down, i, a)
				} else {
					e.setA(i+down, major, a)
				}
				if layout[1] == "col" {
					e.setB(major+down, i, b)
				} else {
					e.setB(i+down, major, b)
				}
			}
		}
		for lane := range 32 {
			for i := range 8 {
				rowC, colC := quadPlace(lane, i, halfC)
				row, col := quadPlace(lane, i, half)
				c := accumulatorAt(w, x.c, lane, i, halfC)
				if row != rowC || col != colC {
					c = quadAccumulator(w, x.c, lane, row, col, halfC)
				}
				v := engines[lane>>2&3].dot(row, col, nil, c)
				if half {
					out[i>>1][lane] |= v << (i & 1 * 16)
				} else {
					out[i][lane] = v
				}
			}
		}
		for i, slot := range x.d {
			w.regs[slot] = out[i]
		}
		return nil
	}, nil
}

// quadPlace is the row and column of accumulator i of a lane in m8n8k4.
func quadPlace(lane, i int, half bool) (row, col int) {
	if half {
		return lane&3 + lane>>4*4, i
	}
	return lane&1 + i&2 + lane>>4*4, i&4 + lane&2 + i&1
}

// quadAccumulator finds the accumulator of a place where C is laid out unlike D.
func quadAccumulator(w *warp, slots []int, lane, row, col int, half bool) uint64 {
	for high := range 2 {
		for l := range 4 {
			other := lane&12 | high<<4 | l
			for i := range 8 {
				if r, c := quadPlace(other, i, half); r == row && c == col {
					return accumulatorAt(w, slots, other, i, half)
				}
			}
		}
	}
	return 0
}
