package emu

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/emu/fp"
	"github.com/gpubench/gpubench/ptx/isa"
)

// fragments is what a warp's lanes hold: [lane][register].
type fragments [32][16]uint64

// small draws an integer that every type holds exactly; sums stay exact too.
func small(r *rand.Rand, typ string) int {
	switch typ {
	case "b1", "u4":
		return r.IntN(2)
	case "u8":
		return r.IntN(4)
	}
	return r.IntN(5) - 2
}

// encodeInt writes a small integer in a type.
func encodeInt(typ string, v int) uint64 {
	switch typ {
	case "s4", "u4":
		return uint64(v) & 15
	case "s8", "u8":
		return uint64(v) & 255
	case "b1":
		return uint64(v)
	case "s32":
		return uint64(uint32(v))
	case "f64":
		return math.Float64bits(float64(v))
	case "tf32": // with rubbish in the bits that do not count
		return uint64(math.Float32bits(float32(v))) | 0x1ABC
	}
	return formatOf(typ).Round(float64(v), fp.RN)
}

func decodeInt(typ string, v uint64) int {
	switch typ {
	case "s32":
		return int(int32(v))
	case "f64":
		return int(math.Float64frombits(v))
	}
	return int(formatOf(typ).Float(v))
}

// bitsOf is the width of an element.
func bitsOf(typ string) int {
	if typ == "b1" {
		return 1
	}
	return elementWidth(typ)
}

// The tables of the manual, element by element: i counts the elements of a lane.
func placeA(width, m, i, lane int) (row, col int) {
	g, t := lane>>2, lane&3
	second := func(n int) bool { return m == 16 && i/n%2 == 1 } // every second run of n elements is 8 rows below
	if width == 64 || width == 32 {
		if second(1) {
			g += 8
		}
		if m == 16 {
			i /= 2
		}
		return g, t + 4*i
	}
	n := map[int]int{16: 2, 8: 4, 4: 8, 1: 32}[width]
	if second(n) {
		g += 8
	}
	far := 0
	if m == 16 {
		far = i / (2 * n) * 4 * n
	}
	return g, n*t + i%n + far
}

func placeB(width, i, lane int) (row, col int) {
	g, t := lane>>2, lane&3
	n := map[int]int{64: 1, 32: 1, 16: 2, 8: 4, 4: 8, 1: 32}[width]
	return n*t + i%n + i/n*4*n, g
}

func placeC(i, lane int) (row, col int) { return lane>>2 + i/2*8, lane&3*2 + i%2 }

// put stores element i of a width in a lane's registers.
func put(regs *[16]uint64, width, i int, v uint64) {
	if width >= 32 {
		regs[i] = v
		return
	}
	n := 32 / width
	regs[i/n] |= v << (i % n * width)
}

// sparsity picks elements for each row and chunk and lays the metadata out.
type sparsity struct {
	picks [][]int // per row
	meta  [32]uint64
}

func newSparsity(r *rand.Rand, width, k, selector int) sparsity {
	s := sparsity{picks: make([][]int, 16)}
	chunk := map[int]int{32: 2, 16: 4, 8: 4, 4: 8}[width]
	chunks := k / chunk
	for i := range s.meta {
		s.meta[i] = r.Uint64() & 0xFFFFFFFF // other lanes' metadata must not matter
	}
	for row := range 16 {
		g, below := row%8, row/8
		for c := range chunks {
			nibble := []uint64{4, 8, 9, 12, 13, 14}[r.IntN(6)]
			low, high := int(nibble&3), int(nibble>>2)
			switch width {
			case 32:
				nibble = []uint64{4, 14}[r.IntN(2)]
				s.picks[row] = append(s.picks[row], c*2+map[uint64]int{4: 0, 14: 1}[nibble])
			case 4:
				s.picks[row] = append(s.picks[row], 8*c+2*low, 8*c+2*low+1, 8*c+2*high, 8*c+2*high+1)
			default:
				s.picks[row] = append(s.picks[row], 4*c+low, 4*c+high)
			}
			lane, shift := 0, 0
			switch {
			case width >= 16 && chunks == 4:
				lane, shift = 4*g+selector, 16*below+4*c
			case width >= 16:
				lane, shift = 4*g+2*selector+c/4, 16*below+4*(c%4)
			case chunks == 8:
				lane, shift = 4*g+2*selector+below, 4*c
			default:
				lane, shift = 4*g+2*(c/8)+below, 4*(c%8)
			}
			s.meta[lane] = s.meta[lane]&^(15<<shift) | nibble<<shift
		}
	}
	return s
}

// runFragments runs one warp instruction on fragments from memory.
func runFragments(t *testing.T, target isa.Target, f isa.Form, in []fragments, imms []ptx.Operand) (fragments, error) {
	t.Helper()
	spec, err := f.Parse()
	require.NoError(t, err)
	m := kernel(t, target, func(k *ptx.Kernel, src, out ptx.Reg) {
		lane, at := special(k, "%laneid"), k.Reg(ptx.B64)
		k.I("mad.wide.u32", at, lane, ptx.Int(8*16*len(in)), src)
		var operands []ptx.Operand
		for i, o := range spec {
			if o.Class == isa.Imm {
				operands = append(operands, imms[len(operands)-len(spec)+len(imms)])
				continue
			}
			typ := map[isa.Class]ptx.Type{isa.B32: ptx.B32, isa.F32: ptx.F32, isa.F64: ptx.F64}[o.Class]
			regs := k.Regs(typ, max(o.Width, 1))
			if !o.Dst {
				for j, r := range regs {
					k.I("ld.global."+string(typ), r, ptx.At(at, 8*(16*(i-1)+j)))
				}
			}
			if o.Width > 0 {
				operands = append(operands, ptx.Vec(regs))
			} else {
				operands = append(operands, regs[0])
			}
		}
		k.I(f.Name, operands...)
		k.I("mad.wide.u32", at, lane, ptx.Int(8*16), out)
		for j, r := range operands[0].(ptx.Vec) {
			k.I("st.global."+string(r.Type()), ptx.At(at, 8*j), r)
		}
	})
	data := make([]byte, 8*16*32*len(in))
	for i, fr := range in {
		for lane := range 32 {
			for j, v := range fr[lane] {
				binary.LittleEndian.PutUint64(data[8*((lane*len(in)+i)*16+j):], v)
			}
		}
	}
	mem := NewMemory()
	src, err := mem.Alloc("in", uint64(len(data)))
	require.NoError(t, err)
	require.NoError(t, mem.Write(src, data))
	out, err := mem.Alloc("out", 8*16*32)
	require.NoError(t, err)
	err = Run(t.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}, Args: [][]byte{U64(src), U64(out)}})
	words := words64(t, mem, out, 16*32)
	var d fragments
	for lane := range 32 {
		copy(d[lane][:], words[16*lane:])
	}
	return d, err
}

// mmaName is what the test itself reads of a form's name.
func mmaName(name string) (m, n, k int, d, a, b string, sparse bool) {
	for _, q := range strings.Split(name, ".") {
		if _, err := fmt.Sscanf(q, "m%dn%dk%d", &m, &n, &k); err == nil {
			break
		}
	}
	q := strings.Split(strings.NewReplacer(".satfinite", "", ".xor.popc", "", ".and.popc", "").Replace(name), ".")
	return m, n, k, q[len(q)-4], q[len(q)-3], q[len(q)-2], strings.Contains(name, "mma.sp")
}

// TestMMAIsAMatrixProduct runs every mma form of the table on small integers,
// laid out by the manual's tables, against three nested loops.
func TestMMAIsAMatrixProduct(t *testing.T) {
	seen := 0
	for _, name := range table.Names() {
		if !strings.HasPrefix(name, "mma.") || strings.Contains(name, "m8n8k4.") && !strings.Contains(name, "f64") {
			continue // TestVoltaMMA has those
		}
		for _, f := range table.Lookup(name) {
			seen++
			targets := []isa.Target{isa.SM90}
			if f.Target == isa.SM89 {
				targets = append(targets, isa.SM89)
			}
			for _, target := range targets {
				t.Run(name+"/"+target.String(), func(t *testing.T) {
					_, _, k, _, a, _, sparse := mmaName(name)
					selectors := 1
					if sparse {
						selectors = max(1, map[int]int{32: 16, 16: 32, 8: 64, 4: 128}[bitsOf(a)]/k)
						if bitsOf(a) >= 16 {
							selectors *= 2
						}
					}
					for selector := range selectors {
						mmaAgainstLoops(t, target, f, selector)
					}
				})
			}
		}
	}
	require.Greater(t, seen, 100)
}

func mmaAgainstLoops(t *testing.T, target isa.Target, f isa.Form, selector int) {
	r := rand.New(rand.NewPCG(7, uint64(selector)))
	m, n, k, dType, aType, bType, sparse := mmaName(f.Name)
	depth := k
	if sparse {
		depth = k / 2
	}
	a, b, c := grid[int](m, depth), grid[int](k, n), grid[int](m, n)
	in := make([]fragments, 3, 4)
	fill := func(to *fragments, g [][]int, typ string, count int, place func(i, lane int) (int, int)) {
		for lane := range 32 {
			for i := range count {
				row, col := place(i, lane)
				g[row][col] = small(r, typ)
				put(&to[lane], bitsOf(typ), i, encodeInt(typ, g[row][col]))
			}
		}
	}
	wa, wb := bitsOf(aType), bitsOf(bType)
	fill(&in[0], a, aType, m*depth/32, func(i, lane int) (int, int) { return placeA(wa, m, i, lane) })
	fill(&in[1], b, bType, k*n/32, func(i, lane int) (int, int) { return placeB(wb, i, lane) })
	fill(&in[2], c, dType, m*n/32, placeC)
	var imms []ptx.Operand
	s := sparsity{}
	if sparse {
		s = newSparsity(r, wa, k, selector)
		var meta fragments
		for lane := range meta {
			meta[lane][0] = s.meta[lane]
		}
		in = append(in, meta)
		imms = append(imms, ptx.Int(selector))
	}
	got, err := runFragments(t, target, f, in, imms)
	require.NoError(t, err)
	for lane := range 32 {
		for i := range m * n / 32 {
			row, col := placeC(i, lane)
			want := c[row][col]
			for j := range depth {
				at := j
				if sparse {
					at = s.picks[row][j]
				}
				if strings.Contains(f.Name, ".xor.") {
					want += a[row][j] ^ b[at][col]
				} else {
					want += a[row][j] * b[at][col]
				}
			}
			v := got[lane][i]
			if dType == "f16" {
				v = got[lane][i/2] >> (i % 2 * 16) & 0xFFFF
			}
			require.Equalf(t, want, decodeInt(dType, v), "row %d column %d", row, col)
		}
	}
}

// TestVoltaMMA: the four products of m8n8k4, all layouts and types.
func TestVoltaMMA(t *testing.T) {
	for _, name := range table.Names() {
		if !strings.HasPrefix(name, "mma.") || !strings.Contains(name, "m8n8k4") || strings.Contains(name, "f64") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			q := strings.Split(name, ".")
			layoutA, layoutB, dType, cType := q[4], q[5], q[6], q[9]
			r := rand.New(rand.NewPCG(8, 8))
			var a, b, c [4][8][8]int
			in := make([]fragments, 3)
			place := func(i, lane int, half bool) (int, int) { // of C and D
				high := lane / 16 * 4
				if half {
					return lane%4 + high, i
				}
				return lane&1 + i&2 + high, i&4 + lane&2 + i&1
			}
			for lane := range 32 {
				quad, high := lane/4%4, lane/16*4
				for i := range 4 {
					row, col := lane%4+high, i
					if layoutA == "col" {
						row, col = i+high, lane%4
					}
					a[quad][row][col] = small(r, "f16")
					put(&in[0][lane], 16, i, encodeInt("f16", a[quad][row][col]))
					row, col = i, lane%4+high
					if layoutB == "row" {
						row, col = lane%4, i+high
					}
					b[quad][row][col] = small(r, "f16")
					put(&in[1][lane], 16, i, encodeInt("f16", b[quad][row][col]))
				}
				for i := range 8 {
					row, col := place(i, lane, cType == "f16")
					c[quad][row][col] = small(r, "f16")
					put(&in[2][lane], bitsOf(cType), i, encodeInt(cType, c[quad][row][col]))
				}
			}
			got, err := runFragments(t, isa.SM80, table.Lookup(name)[0], in, nil)
			require.NoError(t, err)
			for lane := range 32 {
				for i := range 8 {
					quad := lane / 4 % 4
					row, col := place(i, lane, dType == "f16")
					want := c[quad][row][col]
					for k := range 4 {
						want += a[quad][row][k] * b[quad][k][col]
					}
					v := got[lane][i]
					if dType == "f16" {
						v = got[lane][i/2] >> (i % 2 * 16) & 0xFFFF
					}
					require.Equal(t, want, decodeInt(dType, v))
				}
			}
		})
	}
}

func TestIntegerSaturation(t *testing.T) {
	in := make([]fragments, 3)
	for lane := range 32 {
		for j := range 4 {
			in[0][lane][j], in[1][lane][j%2], in[2][lane][j] = 0x7F7F7F7F, 0x7F7F7F7F, 0x7FFFFFF0
		}
	}
	run := func(sat string) uint32 {
		f := table.Lookup("mma.sync.aligned.m16n8k32.row.col" + sat + ".s32.s8.s8.s32")[0]
		got, err := runFragments(t, isa.SM80, f, in, nil)
		require.NoError(t, err)
		return uint32(got[17][3])
	}
	sum := 0x7FFFFFF0 + 32*127*127
	require.Equal(t, uint32(sum), run(""), "wraps")
	require.EqualValues(t, math.MaxInt32, run(".satfinite"))
}

func TestBadMetadata(t *testing.T) {
	f := table.Lookup("mma.sp.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32")[0]
	_, err := runFragments(t, isa.SM80, f, make([]fragments, 4), []ptx.Operand{ptx.Int(0)})
	require.ErrorIs(t, err, ErrIllegal)
	require.ErrorContains(t, err, "metadata 0000")
}

// TestMatrixMoves: a tile goes to registers by ldmatrix, is transposed by
// movmatrix, and comes back by stmatrix.
func TestMatrixMoves(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		for _, trans := range []string{"", ".trans"} {
			m := kernel(t, isa.SM90, func(k *ptx.Kernel, in, out ptx.Reg) {
				lane := special(k, "%laneid")
				base := k.SharedAddress(k.Shared("tile", 1024, 16))
				row, v := k.Reg(ptx.B32), k.Reg(ptx.B32)
				k.I("mad.lo.u32", row, lane, ptx.Int(16), base)
				for i := range 4 { // element number as value
					k.I("mul.lo.u32", v, lane, ptx.Int(8))
					k.I("add.u32", v, v, ptx.Int(2*i))
					k.I("mad.lo.u32", v, v, ptx.Int(0x10001), ptx.Int(0x10000))
					k.I("st.shared.u32", ptx.At(row, 4*i), v)
				}
				k.I("bar.sync", ptx.Int(0))
				regs := k.Regs(ptx.B32, n)
				k.I(fmt.Sprintf("ldmatrix.sync.aligned.m8n8.x%d%s.shared.b16", n, trans), ptx.Vec(regs), ptx.At(row, 0))
				for _, r := range regs {
					k.I("movmatrix.sync.aligned.m8n8.trans.b16", r, r)
				}
				k.I(fmt.Sprintf("stmatrix.sync.aligned.m8n8.x%d%s.shared.b16", n, trans), ptx.At(row, 512), ptx.Vec(regs))
				k.I("bar.sync", ptx.Int(0))
				at := k.Reg(ptx.B64)
				k.I("mad.wide.u32", at, lane, ptx.Int(16), out)
				for i := range 4 {
					k.I("ld.shared.u32", v, ptx.At(row, 512+4*i))
					k.I("st.global.u32", ptx.At(at, 4*i), v)
				}
			})
			got, err := launchOne(t, m, 1, 32, 64)
			require.NoError(t, err)
			for i := range 64 * n {
				matrix, row, col := i/64, i/8%8, i%8
				require.EqualValues(t, matrix*64+col*8+row, got[i/4]>>(i%4*16)&0xFFFF, "x%d%s element %d", n, trans, i)
			}
		}
	}
}

func BenchmarkMMA(b *testing.B) {
	m := ptx.NewModule(table, isa.SM90)
	k := m.Kernel("one")
	regs := k.Regs(ptx.B32, 6)
	acc := k.Regs(ptx.F32, 4)
	for _, r := range regs {
		k.I("mov.u32", r, ptx.Int(0x3C013C02))
	}
	for _, r := range acc {
		k.I("mov.b32", r, regs[0])
	}
	k.Loop(ptx.Int(100), func(ptx.Reg) {
		k.I("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", ptx.Vec(acc), ptx.Vec(regs[:4]), ptx.Vec(regs[4:]), ptx.Vec(acc))
	})
	mem := NewMemory()
	for b.Loop() {
		if err := Run(b.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "us/mma")
}
