package emu

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// tile is a matrix in shared memory, in one of the canonical layouts.
type tile struct {
	start   int
	mn      bool // its units run along the rows (of A) or columns (of B)
	swizzle int  // bytes of a swizzled row: 0, 32, 64 or 128
	leading int  // bytes
	stride  int
}

func (l tile) descriptor() uint64 {
	code := map[int]uint64{0: 0, 128: 1, 64: 2, 32: 3}[l.swizzle]
	field := func(v int) uint64 { return uint64(v>>4) & 0x3FFF }
	return field(l.start) | field(l.leading)<<16 | field(l.stride)<<32 | code<<62
}

// place evaluates the layout as a nest of shapes and strides, in elements of
// size bytes, and then swizzles the byte address: bits 4 and on by bits 7 and on.
func (l tile) place(r, k, size int) int {
	T := 16 / size
	lbo, sbo := l.leading/size, l.stride/size
	w := l.swizzle / 16 * T // elements in a swizzled row
	var at int
	switch {
	case !l.mn && l.swizzle == 0: // ((8,m),(T,2k)):((1T,SBO),(1,LBO))
		at = r%8*T + r/8*sbo + k%T + k/T*lbo
	case !l.mn: // ((8,m),(T,2k)):((wT,SBO),(1,T))
		at = r%8*w + r/8*sbo + k%T + k/T*T
	case l.swizzle == 0: // ((T,1,m),(8,k)):((1,T,SBO),(1T,LBO))
		at = r%T + r/T*sbo + k%8*T + k/8*lbo
	default: // ((T,w,m),(8,k)):((1,T,LBO),(wT,SBO))
		at = r%w + r/w*lbo + k%8*w + k/8*sbo
	}
	address := l.start + at*size
	bits := map[int]int{0: 0, 32: 1, 64: 3, 128: 7}[l.swizzle]
	return address ^ (address/128&bits)*16
}

// pack chooses offsets that fit rows x depth elements without overlap.
func (l *tile) pack(rows, depth, size int) {
	T := 16 / size
	w := max(l.swizzle, 16)
	switch {
	case !l.mn && l.swizzle == 0:
		l.leading, l.stride = 128, 128*(depth/T)
	case !l.mn:
		l.leading, l.stride = 16, 8*w
	case l.swizzle == 0:
		l.leading, l.stride = 128, 128*(depth/8)
	default:
		l.stride, l.leading = 8*w, 8*w*(depth/8)
	}
}

// groupCase is one wgmma to test.
type groupCase struct {
	n            int
	d, a, b      string
	suffix       string
	k            int
	sparse       bool
	registers    bool // A
	swizzle      int
	transA       bool
	transB       bool
	scaleA       int
	scaleB       int
	keep         bool
	selector     int
	noImmediates bool
}

func (c groupCase) name() string {
	sp := ""
	if c.sparse {
		sp = ".sp"
	}
	return fmt.Sprintf("wgmma.mma_async%s.sync.aligned.m64n%dk%d.%s.%s.%s%s", sp, c.n, c.k, c.d, c.a, c.b, c.suffix)
}

func TestWgmmaIsAMatrixProduct(t *testing.T) {
	types := []groupCase{
		{d: "f16", a: "f16", b: "f16", k: 16}, {d: "f32", a: "f16", b: "f16", k: 16}, {d: "f32", a: "bf16", b: "bf16", k: 16},
		{d: "f32", a: "tf32", b: "tf32", k: 8}, {d: "f32", a: "e4m3", b: "e5m2", k: 32}, {d: "f16", a: "e5m2", b: "e4m3", k: 32},
		{d: "s32", a: "s8", b: "u8", k: 32}, {d: "s32", a: "u8", b: "u8", k: 32, suffix: ".satfinite"}, {d: "s32", a: "b1", b: "b1", k: 256, suffix: ".and.popc"},
	}
	for _, c := range types {
		float := c.d != "s32"
		half := c.a == "f16" || c.a == "bf16"
		c.scaleA, c.scaleB = 1, 1
		c.noImmediates = !float
		for _, sparse := range []bool{false, true} {
			if sparse && c.a == "b1" {
				continue
			}
			for _, registers := range []bool{false, true} {
				for i, swizzle := range []int{0, 32, 64, 128} {
					c := c
					c.sparse, c.registers, c.swizzle = sparse, registers, swizzle
					c.n = []int{8, 24, 64, 256}[i]
					c.keep = i%2 == 0
					if sparse {
						c.k *= 2
						if c.a == "f16" || c.a == "bf16" || c.a == "tf32" {
							c.selector = i % 2
						}
					}
					if float && i == 1 {
						c.scaleA = -1
					}
					if float && i == 2 {
						c.scaleA, c.scaleB = -1, -1
					}
					if !sparse || swizzle != 32 { // B's 64 bytes along K do not fit a row of 32
						wgmmaAgainstLoops(t, c)
					}
					if half {
						c.transB, c.transA = true, !registers
						wgmmaAgainstLoops(t, c)
					}
				}
			}
		}
	}
}

// grain is the bytes of the unit that a type's elements are stored in: bits stand in words.
func grain(typ string) int { return max(bitsOf(typ), 8) / 8 }

func wgmmaAgainstLoops(t *testing.T, c groupCase) {
	t.Run(fmt.Sprintf("%s/registers=%v,swizzle=%d,trans=%v%v,scale=%d%d", c.name(), c.registers, c.swizzle, c.transA, c.transB, c.scaleA, c.scaleB), func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 9))
		depth, kB := c.k, c.k
		if c.sparse {
			depth /= 2
		}
		a, b, acc := grid[int](64, depth), grid[int](c.n, kB), grid[int](64, c.n)
		image := make([]byte, 96<<10)
		la, lb := tile{start: 1024, swizzle: c.swizzle, mn: c.transA}, tile{start: 40 << 10, swizzle: c.swizzle, mn: c.transB}
		fill := func(g [][]int, l *tile, typ string) {
			if typ == "b1" {
				l.pack(len(g), len(g[0])/32, 4)
			} else {
				l.pack(len(g), len(g[0]), grain(typ))
			}
			for i := range g {
				for k := range g[i] {
					g[i][k] = small(r, typ)
					v := encodeInt(typ, g[i][k])
					switch grain(typ) {
					case 1:
						if typ == "b1" {
							image[l.place(i, k/32, 4)+k%32/8] |= byte(v) << (k % 8)
						} else {
							image[l.place(i, k, 1)] = byte(v)
						}
					case 2:
						binary.LittleEndian.PutUint16(image[l.place(i, k, 2):], uint16(v))
					case 4:
						binary.LittleEndian.PutUint32(image[l.place(i, k, 4):], uint32(v))
					}
				}
			}
		}
		fill(a, &la, c.a)
		fill(b, &lb, c.b)
		in := groupInputs{image: image, descA: la.descriptor(), descB: lb.descriptor()}
		picks := make([][]int, 64)
		for warp := range 4 {
			if c.sparse {
				s := newSparsity(r, bitsOf(c.a), c.k, c.selector)
				copy(picks[16*warp:], s.picks)
				copy(in.meta[32*warp:], s.meta[:])
			}
			for lane := range 32 {
				for i := range 16 * depth / 32 {
					row, col := placeA(bitsOf(c.a), 16, i, lane)
					put(&in.a[32*warp+lane], bitsOf(c.a), i, encodeInt(c.a, a[16*warp+row][col]))
				}
			}
		}
		in.acc = make([][]uint64, 128)
		count := c.n / 2
		for thread := range 128 {
			regs := make([]uint64, count)
			for i := range count {
				row, col := groupPlace(thread, i)
				acc[row][col] = small(r, "s32")
				v := encodeInt(c.d, acc[row][col])
				if c.d == "f16" {
					regs[i/2] |= v << (i % 2 * 16)
				} else {
					regs[i] = v
				}
			}
			in.acc[thread] = regs
		}
		got := runWgmma(t, c, in)
		for thread := range 128 {
			for i := range count {
				row, col := groupPlace(thread, i)
				want := 0
				if c.keep {
					want = acc[row][col]
				}
				for j := range depth {
					at := j
					if c.sparse {
						at = picks[row][j]
					}
					want += c.scaleA * c.scaleB * a[row][j] * b[col][at]
				}
				v := got[thread*count+i]
				if c.d == "f16" {
					v = got[thread*count+i/2] >> (i % 2 * 16) & 0xFFFF
				}
				require.Equalf(t, want, decodeInt(c.d, v), "row %d column %d", row, col)
			}
		}
	})
}

func groupPlace(thread, i int) (row, col int) {
	lane := thread % 32
	return thread/32*16 + lane/4 + i/2%2*8, i/4*8 + lane%4*2 + i%2
}

type groupInputs struct {
	image        []byte
	descA, descB uint64
	a            [128][16]uint64
	meta         [128]uint64
	acc          [][]uint64
}

// runWgmma runs one warpgroup: it copies the image to shared memory, loads the
// registers, multiplies, and stores n/2 words a thread.
func runWgmma(t *testing.T, c groupCase, in groupInputs) []uint64 {
	t.Helper()
	count := c.n / 2
	reg := ptx.B32
	if c.d == "f32" {
		reg = ptx.F32
	}
	size := len(in.image)
	m := kernel(t, isa.SM90a, func(k *ptx.Kernel, src, out ptx.Reg) {
		tid := special(k, "%tid.x")
		base := k.SharedAddress(k.DynamicShared())
		v, from, to := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B32)
		k.I("mad.wide.u32", from, tid, ptx.Int(8), src)
		k.I("mad.lo.u32", to, tid, ptx.Int(8), base)
		k.Loop(ptx.Int(size/1024), func(ptx.Reg) {
			k.I("ld.global.u64", v, ptx.At(from, 0))
			k.I("st.shared.u64", ptx.At(to, 0), v)
			k.I("add.u64", from, from, ptx.Int(1024))
			k.I("add.u32", to, to, ptx.Int(1024))
		})
		at := k.Reg(ptx.B64)
		k.I("mad.wide.u32", at, tid, ptx.Int(8*(17+128)), src)
		a := k.Regs(ptx.B32, 4)
		for i, r := range a {
			k.I("ld.global.u32", r, ptx.At(at, size+8*i))
		}
		meta := loadReg(k, ptx.B32, at, size+8*16)
		d := k.Regs(reg, count)
		if c.d == "f16" {
			d = d[:count/2]
		}
		for i, r := range d {
			k.I("ld.global."+string(reg), r, ptx.At(at, size+8*(17+i)))
		}
		keep, zero := k.Reg(ptx.Pred), k.Reg(ptx.B32)
		k.I("mov.u32", zero, ptx.Int(0))
		k.I("setp.eq.u32", keep, zero, ptx.Int(int(b2u(!c.keep))))
		k.I("bar.sync", ptx.Int(0))
		k.I("wgmma.fence.sync.aligned")
		operands := []ptx.Operand{ptx.Vec(d)}
		desc := k.Regs(ptx.B64, 2)
		k.I("mov.u64", desc[0], ptx.Int(int64(in.descA)))
		k.I("mov.u64", desc[1], ptx.Int(int64(in.descB)))
		if c.registers {
			operands = append(operands, ptx.Vec(a), desc[1])
		} else {
			operands = append(operands, desc[0], desc[1])
		}
		if c.sparse {
			operands = append(operands, meta, ptx.Int(c.selector))
		}
		operands = append(operands, keep)
		if !c.noImmediates {
			operands = append(operands, ptx.Int(c.scaleA), ptx.Int(c.scaleB))
			if c.a == "f16" || c.a == "bf16" {
				if !c.registers {
					operands = append(operands, ptx.Int(int(b2u(c.transA))))
				}
				operands = append(operands, ptx.Int(int(b2u(c.transB))))
			}
		}
		k.I(c.name(), operands...)
		k.I("wgmma.commit_group.sync.aligned")
		k.I("wgmma.wait_group.sync.aligned", ptx.Int(0))
		k.I("mad.wide.u32", at, tid, ptx.Int(8*count), out)
		for i, r := range d {
			k.I("st.global."+string(reg), ptx.At(at, 8*i), r)
		}
	})
	data := append([]byte(nil), in.image...)
	// The image starts where the dynamic shared memory does, at 1024.
	copy(data, in.image[1024:])
	data = data[:size]
	for thread := range 128 {
		words := append(append([]uint64(nil), in.a[thread][:]...), in.meta[thread])
		words = append(words, in.acc[thread]...)
		words = append(words, make([]uint64, 17+128-len(words))...)
		for _, w := range words {
			data = binary.LittleEndian.AppendUint64(data, w)
		}
	}
	mem := NewMemory()
	src, err := mem.Alloc("in", uint64(len(data)))
	require.NoError(t, err)
	require.NoError(t, mem.Write(src, data))
	out, err := mem.Alloc("out", uint64(8*128*count))
	require.NoError(t, err)
	require.NoError(t, Run(t.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{128, 1, 1},
		SharedBytes: size, Args: [][]byte{U64(src), U64(out)}}))
	return words64(t, mem, out, 128*count)
}

func TestWgmmaNeedsAWarpgroup(t *testing.T) {
	m := kernel(t, isa.SM90a, func(k *ptx.Kernel, _, _ ptx.Reg) { k.I("wgmma.fence.sync.aligned") })
	_, err := launchOne(t, m, 1, 96, 1)
	require.ErrorIs(t, err, ErrIllegal)
}

// TestWgmmaWaitIsCollective: warp 0 overwrites B right after its own wait; warps
// 1 to 3, held up before, must still have read the old one.
func TestWgmmaWaitIsCollective(t *testing.T) {
	m := kernel(t, isa.SM90a, func(k *ptx.Kernel, _, out ptx.Reg) {
		tid := special(k, "%tid.x")
		base := k.SharedAddress(k.Shared("tiles", 4096, 1024))
		at, p, keep := k.Reg(ptx.B32), k.Reg(ptx.Pred), k.Reg(ptx.Pred)
		fill := func(v int) {
			k.I("mad.lo.u32", at, tid, ptx.Int(32), base)
			for i := range 8 {
				k.I("st.shared.u32", ptx.At(at, 4*i), ptx.Int(v))
			}
		}
		fill(0x3C003C00) // ones
		k.I("bar.sync", ptx.Int(0))
		desc := k.Reg(ptx.B64)
		k.I("mov.u64", desc, ptx.Int(int64(tile{start: 1024, leading: 128, stride: 256}.descriptor())))
		d := k.Regs(ptx.F32, 4)
		for _, r := range d {
			k.I("mov.f32", r, ptx.Float(0))
		}
		k.I("setp.lt.u32", p, tid, ptx.Int(32))
		k.I("setp.ne.u32", keep, tid, tid)
		go1 := k.NewLabel("first")
		k.If(p).I("bra", go1)
		k.Loop(ptx.Int(3000), func(ptx.Reg) {}) // longer than a warp's turn
		k.Place(go1)
		k.I("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16", ptx.Vec(d), desc, desc, keep, ptx.Int(1), ptx.Int(1), ptx.Int(0), ptx.Int(0))
		k.I("wgmma.wait_group.sync.aligned", ptx.Int(0))
		skip := k.NewLabel("skip")
		k.IfNot(p).I("bra", skip)
		fill(0)
		k.Place(skip)
		k.I("st.global.f32", ptx.At(slot(k, out, tid), 0), d[0])
	})
	got, err := launchOne(t, m, 1, 128, 128)
	require.NoError(t, err)
	for _, v := range got {
		require.EqualValues(t, 0x41800000, v, "16 products of ones")
	}
}

// BenchmarkWgmma is m64n256k16 by one warpgroup.
func BenchmarkWgmma(b *testing.B) {
	for _, operands := range []string{"zeros", "random"} {
		b.Run(operands, func(b *testing.B) {
			m := ptx.NewModule(table, isa.SM90a)
			k := m.Kernel("one")
			tid := special(k, "%tid.x")
			base := k.SharedAddress(k.DynamicShared())
			at, v := k.Reg(ptx.B32), k.Reg(ptx.B32)
			k.I("mad.lo.u32", at, tid, ptx.Int(4), base)
			k.I("mad.lo.u32", v, tid, ptx.Int(0x00370013), ptx.Int(0x3C003800))
			if operands == "zeros" {
				k.I("mov.u32", v, ptx.Int(0))
			}
			k.Loop(ptx.Int(24), func(ptx.Reg) {
				k.I("st.shared.u32", ptx.At(at, 0), v)
				k.I("add.u32", at, at, ptx.Int(512))
			})
			k.I("bar.sync", ptx.Int(0))
			d := k.Regs(ptx.F32, 128)
			for _, r := range d {
				k.I("mov.f32", r, ptx.Float(0))
			}
			desc, keep := k.Regs(ptx.B64, 2), k.Reg(ptx.Pred)
			k.I("mov.u64", desc[0], ptx.Int(int64(tile{start: 1024, leading: 128, stride: 256}.descriptor())))
			k.I("mov.u64", desc[1], ptx.Int(int64(tile{start: 4096, leading: 128, stride: 256}.descriptor())))
			k.I("setp.eq.u32", keep, tid, tid)
			k.Loop(ptx.Int(10), func(ptx.Reg) {
				k.I("wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16", ptx.Vec(d), desc[0], desc[1], keep, ptx.Int(1), ptx.Int(1), ptx.Int(0), ptx.Int(0))
			})
			mem := NewMemory()
			for b.Loop() {
				err := Run(b.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{128, 1, 1}, SharedBytes: 16 << 10})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1e4, "ms/wgmma")
		})
	}
}
