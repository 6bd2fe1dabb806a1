package device

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/stream"
)

// Element i of array number j is filled from (i + (i >> shift) + (i >> other)) mod 16:
// each 16 elements hold every value once, neighbours and arrays differ, and all
// sums that are checked are exact.
const levels = 16

// shifts of an array by its number.
func shifts(j int) (shift, other int) { return 4 + j, 9 + 2*j }

// level is the pattern in Go.
func level(i uint32, j int) uint32 {
	s, o := shifts(j)
	return (i + i>>s + i>>o) % levels
}

// level is the pattern in a kernel.
func (c *code) level(i, shift, other ptx.Reg) ptx.Reg {
	v, moved := c.Reg(ptx.B32), c.Reg(ptx.B32)
	c.I("shr.u32", v, i, shift)
	c.I("shr.u32", moved, i, other)
	c.I("add.u32", v, v, moved)
	c.I("add.u32", v, v, i)
	c.I("and.b32", v, v, ptx.Int(levels-1))
	return v
}

// fillKernel writes level x scale + offset to each element; tiles is the number of elements.
func fillKernel(k *ptx.Kernel, t stream.Type) {
	c := &code{Kernel: k, t: t}
	base, count := k.Param("base", ptx.B64), k.Param("count", ptx.B32)
	shift, other := k.Param("shift", ptx.B32), k.Param("other", ptx.B32)
	scale, offset := k.Reg(ptx.F64), k.Reg(ptx.F64)
	k.I("mov.b64", scale, k.Param("scale", ptx.B64))
	k.I("mov.b64", offset, k.Param("offset", ptx.B64))
	first, threads := kit.Thread(k)
	kit.For(k, first, count, threads, func(i ptx.Reg) {
		address, d := k.Reg(ptx.B64), k.Reg(ptx.F64)
		k.I("cvt.rn.f64.u32", d, c.level(i, shift, other))
		k.I("fma.rn.f64", d, d, scale, offset)
		k.I("mad.wide.u32", address, i, ptx.Int(t.Bytes()), base)
		k.I("st.global"+c.vector(1), ptx.At(address, 0), c.narrow(d))
	})
	k.I("ret")
}

// content is what the arrays of a program are filled with.
type content struct{ scale, offset float64 }

// Counting content is 1 to 16; that of softmax is small numbers of both signs.
var (
	counting    = content{1, 1}
	exponential = content{0.5, -4}
)

// bits is the double of a level.
func (f content) bits(v uint32) uint64 { return math.Float64bits(f.scale*float64(v) + f.offset) }

func (f content) launch(gpu micro.GPU, t stream.Type, name string, number int, elements uint64) micro.Launch {
	shift, other := shifts(number)
	return micro.Launch{Kernel: "fill", Grid: micro.Dim(8 * max(gpu.SMs, 1)), Block: micro.Dim(256), Args: []micro.Arg{
		micro.Ptr(name, 0), micro.U32(uint32(elements)), micro.U32(uint32(shift)), micro.U32(uint32(other)),
		micro.U64(math.Float64bits(f.scale)), micro.U64(math.Float64bits(f.offset))}}
}

// Words of the buffer "result": elements that differ from the expected, elements
// compared, the expected sum as an integer, and the slots of the sum, which are doubles.
const (
	resultWrong = iota
	resultCompared
	resultExpected
	resultSlots
	resultWords = resultSlots + slots
)

// resetKernel prepares the times for their minimum, and clears samples, state and result.
func resetKernel(k *ptx.Kernel) {
	samples, times := k.Param("samples", ptx.B64), k.Param("times", ptx.B64)
	result, state := k.Param("result", ptx.B64), k.Param("state", ptx.B64)
	thread := kit.Read(k, "%tid.x")
	put := func(base ptx.Reg, words int, v ptx.Operand) {
		kit.When(k, "lt", thread, ptx.Int(words), func() {
			address := k.Reg(ptx.B64)
			k.I("mad.wide.u32", address, thread, ptx.Int(8), base)
			k.I("st.global.u64", ptx.At(address, 0), v)
		})
	}
	zero, most := k.Reg(ptx.B64), k.Reg(ptx.B64)
	k.I("mov.b64", zero, ptx.Int(0))
	k.I("mov.b64", most, ptx.Int(-1))
	put(samples, words, zero)
	put(times, 1, most) // timesStart, of which the least is kept
	put(state, stateParts, zero)
	put(result, resultWords, zero)
	k.I("ret")
}

// resetThreads is enough for the longest of the three.
const resetThreads = 256

// checkKernel compares every element of the written arrays with what the pattern
// says, and adds up the sum that the pattern gives.
func (p program) checkKernel(k *ptx.Kernel) {
	c, count := newCode(k, p.t, p.arrays, 256)
	table := k.Param("expected", ptx.B64)
	tolerance := k.Reg(ptx.F64)
	k.I("mov.b64", tolerance, k.Param("tolerance", ptx.B64))
	first, threads := kit.Thread(k)
	wrong, compared, sum := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("mov.b32", wrong, ptx.Int(0))
	k.I("mov.b32", compared, ptx.Int(0))
	k.I("mov.b64", sum, ptx.Int(0))
	kit.For(k, first, count, threads, func(i ptx.Reg) {
		value := map[string]ptx.Reg{}
		for j, name := range p.arrays {
			shift, other := shifts(j)
			value[name] = c.level(i, c.small(shift), c.small(other))
		}
		if p.product != nil {
			x, y := p.product(c, value)
			k.I("mad.wide.u32", sum, x, y, sum)
		}
		for _, name := range p.written {
			want := k.Reg(ptx.F64)
			if p.expect != nil {
				k.I("cvt.rn.f64.u32", want, p.expect(c, value))
			} else {
				address := k.Reg(ptx.B64)
				k.I("mad.wide.u32", address, value[p.arrays[0]], ptx.Int(8), table)
				k.I("ld.global.f64", want, ptx.At(address, 0))
			}
			c.compare(i, name, want, tolerance, wrong)
			k.I("add.u32", compared, compared, ptx.Int(1))
		}
	})
	wide := k.Regs(ptx.B64, 2)
	k.I("cvt.u64.u32", wide[0], wrong)
	k.I("cvt.u64.u32", wide[1], compared)
	k.I("red.global.add.u64", ptx.At(c.result, 8*resultWrong), wide[0])
	k.I("red.global.add.u64", ptx.At(c.result, 8*resultCompared), wide[1])
	k.I("red.global.add.u64", ptx.At(c.result, 8*resultExpected), sum)
	k.I("ret")
}

// small is a register with a small integer.
func (c *code) small(n int) ptx.Reg {
	r := c.Reg(ptx.B32)
	c.I("mov.b32", r, ptx.Int(n))
	return r
}

// compare counts element i as wrong if it is not within tolerance x want of want;
// an element that is no number is wrong.
func (c *code) compare(i ptx.Reg, array string, want, tolerance, wrong ptx.Reg) {
	address, got, margin, right := c.Reg(ptx.B64), c.Reg(c.float()), c.Reg(ptx.F64), c.Reg(ptx.Pred)
	c.I("mad.wide.u32", address, i, ptx.Int(c.t.Bytes()), c.array[array])
	c.I("ld.global"+c.vector(1), got, ptx.At(address, 0))
	difference := c.Reg(ptx.F64)
	c.I("sub.rn.f64", difference, c.double(got), want)
	c.I("abs.f64", difference, difference)
	c.I("mul.rn.f64", margin, want, tolerance)
	c.I("setp.le.f64", right, difference, margin)
	c.IfNot(right).I("add.u32", wrong, wrong, ptx.Int(1))
}

// check reads the result of a verifying launch over elements of each array.
func (p program) check(elements uint64) func([]byte) error {
	return func(result []byte) error {
		if len(result) < 8*resultWords {
			return fmt.Errorf("%d bytes of result, expected %d", len(result), 8*resultWords)
		}
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(result[8*i:]) }
		if want := elements * uint64(len(p.written)); word(resultCompared) != want {
			return fmt.Errorf("%d elements were compared, not %d", word(resultCompared), want)
		}
		if n := word(resultWrong); n > 0 {
			return fmt.Errorf("%d of %d elements are wrong", n, word(resultCompared))
		}
		if p.product == nil {
			return nil
		}
		sum := 0.0
		for i := range slots {
			sum += math.Float64frombits(word(resultSlots + i))
		}
		if want := float64(word(resultExpected)); sum != want || sum == 0 {
			return fmt.Errorf("the sum is %v, expected %v", sum, want)
		}
		return nil
	}
}
