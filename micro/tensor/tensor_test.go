package tensor

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func nominal(t *testing.T, target isa.Target) micro.GPU {
	t.Helper()
	gpu, err := micro.Nominal(target)
	require.NoError(t, err)
	return gpu
}

// value decodes a float entry.
func value(e element, bits uint64) float64 {
	if e.name == "tf32" {
		bits >>= 13
	}
	exponent := int(bits>>e.mantissa) & (2*e.bias + 1)
	v := math.Ldexp(1+float64(bits&(1<<e.mantissa-1))/float64(uint64(1)<<e.mantissa), exponent-e.bias)
	width := e.bits
	if e.name == "tf32" {
		width = 19
	}
	if bits>>(width-1)&1 == 1 {
		v = -v
	}
	return v
}

func TestRandomFloatsAreNormalAndSmall(t *testing.T) {
	for name, e := range elements() {
		if !e.float() {
			continue
		}
		data := e.random(4096, 1)
		assert.Equal(t, data, e.random(4096, 1), name)
		assert.NotEqual(t, data, e.random(4096, 2), name)
		signs := map[bool]int{}
		for i := 0; i < len(data); i += e.bits / 8 {
			var word [8]byte
			copy(word[:], data[i:i+e.bits/8])
			v := value(e, binary.LittleEndian.Uint64(word[:]))
			signs[v < 0]++
			assert.GreaterOrEqual(t, math.Abs(v), math.Ldexp(1, lowExponent), name)
			assert.Less(t, math.Abs(v), math.Ldexp(1, highExponent+1), name)
		}
		assert.Greater(t, signs[true], len(data)/e.bits*8/3, name)
		assert.Greater(t, signs[false], len(data)/e.bits*8/3, name)
	}
}

// TestExactHalves checks that sums of products of the entries need no rounding in
// a half: multiples of 1/16 below 2048/16.
func TestExactHalves(t *testing.T) {
	half := elements()["f16"]
	data := exact(512, 2)
	for i := 0; i < len(data); i += 2 {
		v := value(half, uint64(binary.LittleEndian.Uint16(data[i:])))
		assert.Equal(t, v*4, math.Trunc(v*4))
		assert.LessOrEqual(t, math.Abs(v), 1.5)
	}
	const products, steps = 4, 8
	assert.Less(t, 1.5*1.5*products*steps*16, 2048.0)
}

// TestFlankedSections leaves the outer sections of each pass out of the slope.
func TestFlankedSections(t *testing.T) {
	assert.Equal(t, []int{2, 4, 8, 2}, flanked([]int{4, 8}))
	assert.Equal(t, []uint64{10, 20, 11, 21}, unflanked([]uint64{900, 10, 20, 800, 901, 11, 21, 801}, 2))
	assert.Equal(t, []uint64{10, 20}, unflanked([]uint64{900, 10, 20, 800, 901, 11, 21}, 2), "a pass cut short is missed by LatencyRow")
}

// TestPlans checks that points are distinct, name their form completely, and that
// each gives a job or a reason on every target.
func TestPlans(t *testing.T) {
	for _, target := range isa.AllTargets() {
		gpu := nominal(t, target)
		for _, b := range Benchmarks() {
			points := map[string]bool{}
			jobs := 0
			for _, p := range b.Plan(gpu) {
				assert.False(t, points[p.Key()], "%s is planned twice", p.Key())
				points[p.Key()] = true
				job, err := b.Job(gpu, p)
				if err != nil {
					ok := errors.Is(err, micro.ErrUnsupported) || errors.Is(err, ptx.ErrTarget)
					assert.True(t, ok, "%s {%s}: %v", b.Name, p.Key(), err)
					continue
				}
				jobs++
				assert.NoError(t, job.Valid(), p.Key())
			}
			if strings.Contains(b.Name, "wgmma") && target != isa.SM90a {
				assert.Zero(t, jobs)
				continue
			}
			assert.Greater(t, jobs, len(points)/2, "%s on %s", b.Name, target)
			t.Logf("%s on %s: %d points, %d jobs", b.Name, target, len(points), jobs)
		}
	}
}

func TestPointsReadBack(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	for _, p := range wgmmaPlan() {
		r, err := parseWgmmaRun(gpu, p)
		require.NoError(t, err)
		on := []string{"fill", r.fill, "groups", p.Get("groups")}
		if r.ctas > 1 {
			on = append(on, "on", allSMs)
		}
		assert.Equal(t, p, r.point(on...))
	}
	for _, f := range mmaList() {
		back, err := parseMMA(f.point("through", throughC))
		require.NoError(t, err)
		assert.Equal(t, f, back)
		assert.Positive(t, f.operations(), f.shape)
	}
	for _, bad := range []results.Point{
		results.P("shape", "m64n8", "in", "f16", "acc", "f32"), results.P("shape", "m64n8k16", "in", "f17", "acc", "f32"),
		results.P("shape", "m32n8k16", "in", "f16", "acc", "f32"),
	} {
		_, err := parseWgmma(bad)
		assert.Error(t, err, bad.Key())
	}
	_, err := parseMMA(results.P("shape", "m16n8k7", "in", "f16", "acc", "f32", "sparse", "no"))
	assert.Error(t, err)
}

// TestWgmmaSizes compares sizes with the manual, and the bounds with the issue
// intervals of arXiv 2402.13499 and 2501.12084.
func TestWgmmaSizes(t *testing.T) {
	main := pair{"f16", "f32"}
	for _, c := range []struct {
		w         wgmma
		k, regs   int
		ops, time float64
	}{
		{main.wgmma(8, false, false), 16, 4, 2 * 64 * 8 * 16, 18},
		{main.wgmma(16, false, false), 16, 8, 2 * 64 * 16 * 16, 20},
		{main.wgmma(32, false, false), 16, 16, 2 * 64 * 32 * 16, 24},
		{main.wgmma(32, true, false), 16, 16, 2 * 64 * 32 * 16, 16},
		{main.wgmma(64, false, false), 16, 32, 2 * 64 * 64 * 16, 32},
		{main.wgmma(256, false, false), 16, 128, 2 * 64 * 256 * 16, 128},
		{main.wgmma(256, false, true), 32, 128, 2 * 64 * 256 * 32, 144},
		{main.wgmma(256, true, true), 32, 128, 2 * 64 * 256 * 32, 128},
		{pair{"f16", "f16"}.wgmma(256, false, false), 16, 64, 2 * 64 * 256 * 16, 128},
		{pair{"tf32", "f32"}.wgmma(128, false, false), 8, 64, 2 * 64 * 128 * 8, 64},
		{pair{"e4m3", "f16"}.wgmma(128, false, false), 32, 32, 2 * 64 * 128 * 32, 64},
		{pair{"s8", "s32"}.wgmma(128, false, true), 64, 64, 2 * 64 * 128 * 64, 80},
		{pair{"b1", "s32"}.wgmma(64, false, false), 256, 32, 2 * 64 * 64 * 256, 32},
	} {
		assert.Equal(t, c.k, c.w.k(), c.w.name())
		assert.Equal(t, c.regs, c.w.accumulators(), c.w.name())
		assert.Equal(t, c.ops, c.w.operations(), c.w.name())
		assert.Equal(t, c.time, c.w.leastCycles(), c.w.name())
		assert.LessOrEqual(t, c.w.maxThreads()*c.w.accumulators(), 65536*3/4, "the accumulators leave no room: %s", c.w.name())
	}
}

func TestDescriptorFields(t *testing.T) {
	const bits = uint64(descriptorBits)
	assert.Equal(t, uint64(1), bits>>62, "128-byte swizzle")
	assert.Equal(t, uint64(1024>>4), bits>>32&0x3fff, "eight rows to the next eight")
	assert.Zero(t, bits>>49&7, "tiles start on 1024 bytes")
	assert.Zero(t, bits&0x3fff, "the start address is added")
}

// TestWgmmaIntegers computes an integer product in plain Go, from the tiles as the
// manual lays them out, and compares it with what the emulated kernel gives.
func TestWgmmaIntegers(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	for _, sparse := range []bool{false, true} {
		w := pair{"s8", "s32"}.wgmma(24, false, sparse)
		job, err := wgmmaThroughputJob(gpu, w.point("fill", zeros, "groups", "1"))
		require.NoError(t, err)
		got, err := backend.Expected(t.Context(), job)
		require.NoError(t, err)
		want := wgmmaProduct(w)
		for thread := range group {
			var h uint32
			for i := range w.accumulators() {
				row := thread/32*16 + thread%32/4 + 8*(i>>1&1)
				col := 8*(i>>2) + 2*(thread%4) + i&1
				h = h*31 + uint32(want[row][col])
			}
			require.Equal(t, h, binary.LittleEndian.Uint32(got[4*thread:]), "sparse %t, thread %d", sparse, thread)
		}
	}
}

// wgmmaProduct is D after one pass of the loop over random tiles.
func wgmmaProduct(w wgmma) [tileRows][]int32 {
	data := w.in.random(w.tilesBytes(), 1)
	at := func(tile, row, col int) int32 { // 16-byte units are xored with the row
		return int32(int8(data[tile+row*rowBytes+col^(row&7)<<4]))
	}
	var d [tileRows][]int32
	for row := range d {
		d[row] = make([]int32, w.n)
		for col := range d[row] {
			for step := range w.body() {
				a0, b0 := step%4*sliceBytes, step%(rowBytes/w.sliceB())*w.sliceB()
				for k := range sliceBytes {
					kb := k
					if w.sparse {
						kb = k/2*4 + 1 + k%2 // metadata 1001: elements 1 and 2 of each four
					}
					d[row][col] += at(0, row, a0+k) * at(tileBytes, col, b0+kb)
				}
			}
		}
	}
	return d
}

// TestMMAIntegers does the same for a warp's product, in the latency kernel.
func TestMMAIntegers(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	types := elements()
	f := mma{shape: "m8n8k16", in: types["s8"], acc: types["s32"]}
	job, err := mmaLatencyJob(gpu, f.point("through", throughC))
	require.NoError(t, err)
	got, err := backend.Expected(t.Context(), job)
	require.NoError(t, err)
	a, b, c := f.in.random(128, 2), f.in.random(128, 3), f.acc.random(mostChains*256, 4)
	lengths := flanked(f.lengths(gpu))
	steps := int32(lengths[len(lengths)-1])
	for lane := range 32 {
		var h uint32
		for i := range 2 {
			row, col := lane/4, 2*(lane%4)+i
			sum := int32(binary.LittleEndian.Uint32(c[8*lane+4*i:]))
			for k := range 16 { // A: row g, columns 4t+i; B: rows 4t+i, column g
				sum += steps * int32(int8(a[16*row+k])) * int32(int8(b[16*col+k]))
			}
			h = h*31 + uint32(sum)
		}
		require.Equal(t, h, binary.LittleEndian.Uint32(got[4*lane:]), "lane %d", lane)
	}
}

// TestEveryFormEmulates runs the verification of every form, at small widths, and
// asks for results that are not all the same word.
func TestEveryFormEmulates(t *testing.T) {
	for _, b := range Benchmarks() {
		for _, x := range texts(t, b, isa.SM90a) {
			if shape := x.point.Get("shape"); strings.HasPrefix(shape, "m64n") && !strings.HasPrefix(shape, "m64n64") {
				continue
			}
			got, err := backend.Expected(t.Context(), x.job)
			if !assert.NoError(t, err, "%s {%s}", b.Name, x.point.Key()) || x.point.Get("op") == emptyOp {
				continue
			}
			words := map[uint32]bool{}
			for i := 0; i < len(got); i += 4 {
				words[binary.LittleEndian.Uint32(got[i:])] = true
			}
			assert.Greater(t, len(words), 8, "%s {%s}", b.Name, x.point.Key())
		}
	}
}
