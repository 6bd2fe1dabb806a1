package memory

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

// stream is a kernel that the whole chip runs over large arrays: tile by tile,
// each tile unroll x streamThreads accesses of width bytes.
type stream struct {
	op     string
	width  int
	unroll int
	// streaming marks lines as used once (.cs), for loads and stores.
	streaming bool
}

const (
	streamThreads = 512
	// l2PerSM is the number of CTAs per SM in the grid for L2.
	l2PerSM = 4
	// streamWords is the number of sample words of a launch: first start and last
	// stop over all CTAs by %globaltimer, then the same over the CTAs of SM 0 by
	// its clock and by %globaltimer. Even words are minima, odd ones maxima.
	streamWords = 6
	// streamLaunches of a round: one to warm up, then one, two and three times the work.
	streamLaunches = 4
)

// unrolls are the accesses of a thread that are under way together.
func unrolls() []int { return []int{1, 2, 4, 8} }

func (s stream) kernel() string {
	name := "unroll" + strconv.Itoa(s.unroll)
	if s.streaming {
		name += "_cs"
	}
	return name
}

// tile is the number of bytes of a tile in each array.
func (s stream) tile() uint64 { return uint64(streamThreads * s.unroll * s.width) }

// arrays is the number of arrays that the operation reads or writes: the factor
// from a tile to the bytes that are counted.
func (s stream) arrays() uint64 {
	return map[string]uint64{opRead: 1, opWrite: 1, opCopy: 2, opTriad: 3}[s.op]
}

// inputs names the arrays that are filled and read; the others are written only.
func (s stream) inputs() []string {
	return map[string][]string{opRead: {"a"}, opWrite: nil, opCopy: {"a"}, opTriad: {"a", "b"}}[s.op]
}

func (s stream) output() string {
	if s.op == opRead {
		return ""
	}
	return "c"
}

// expect counts the instruction that only this operation has.
func (s stream) expect() micro.Expect {
	e := micro.Expect{Kernel: s.kernel(), Instruction: machine("LDG", s.width), Sections: []int{s.unroll * len(s.inputs())}}
	if s.op == opWrite {
		e.Instruction, e.Sections = machine("STG", s.width), []int{s.unroll}
	}
	return e
}

// streamModule holds the kernels of all unrolls of an operation and width: one
// module for L2 and DRAM.
func streamModule(gpu micro.GPU, op string, width int) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	for _, streaming := range []bool{false, true} {
		if streaming && width != maxWidth {
			continue
		}
		for _, u := range unrolls() {
			s := stream{op, width, u, streaming}
			s.build(m.Kernel(s.kernel()))
		}
	}
	resetKernel(m.Kernel("reset"))
	fillKernel(m.Kernel("fill"), op == opTriad)
	digestKernel(m.Kernel("digest"))
	return m
}

// build writes the kernel. CTA c works on the tiles c, c + hop, c + 2 hop, ...
// modulo tiles.
func (s stream) build(k *ptx.Kernel) {
	k.MaxThreads = streamThreads
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	a, b, c := k.Param("a", ptx.B64), k.Param("b", ptx.B64), k.Param("c", ptx.B64)
	iterations, tiles, hop, verify := k.Param("iterations", ptx.B32), k.Param("tiles", ptx.B32), k.Param("hop", ptx.B32), k.Param("verify", ptx.B32)
	sink := k.SharedAddress(k.Shared("sink", 16, 16))
	thread, cta := kit.Read(k, "%tid.x"), kit.Read(k, "%ctaid.x")
	tile, wraps, wrapped := k.Reg(ptx.B32), k.Reg(ptx.Pred), k.Reg(ptx.B32)
	k.I("rem.u32", tile, cta, tiles)
	acc := k.Regs(ptx.B32, 4)
	for _, r := range acc {
		k.I("mov.b32", r, ptx.Int(0))
	}
	t := k.Regs(ptx.B64, 4)
	k.I("mov.u64", t[0], ptx.Special("%globaltimer"))
	k.I("mov.u64", t[1], ptx.Special("%clock64"))
	index := k.Reg(ptx.B32)
	k.Loop(iterations, func(ptx.Reg) {
		k.I("mad.lo.u32", index, tile, ptx.Int(streamThreads*s.unroll), thread)
		s.accesses(k, index, a, b, c, acc)
		k.I("add.u32", tile, tile, hop)
		k.I("setp.ge.u32", wraps, tile, tiles)
		k.I("sub.u32", wrapped, tile, tiles)
		k.I("selp.b32", tile, wrapped, tile, wraps)
	})
	sum := acc[0]
	kit.Sum(k, sum, acc[1:]...)
	kit.Await(k, sink, sum)
	if s.op != opRead {
		k.I("membar.gl") // the stores have arrived
	}
	k.I("bar.sync", ptx.Int(0))
	k.I("mov.u64", t[2], ptx.Special("%clock64"))
	k.I("mov.u64", t[3], ptx.Special("%globaltimer"))
	if s.op == opRead {
		// Only verifying launches do this, but the compiler cannot know, so no load is dead.
		wanted := k.Reg(ptx.Pred)
		k.I("setp.ne.u32", wanted, verify, ptx.Int(0))
		k.If(wanted).I("red.global.add.u32", ptx.At(result, 0), sum)
	}
	s.store(k, samples, thread, cta, t)
	k.I("ret")
}

// edge is how many of a grid's first and last CTAs merge their times: many times
// what the GPU runs at once, so that the first start and the last stop are among
// them, and so few that the merging costs nothing where a CTA is one tile.
const edge = 1 << 14

// store merges the CTA's times into the launch's samples.
func (s stream) store(k *ptx.Kernel, samples, thread, cta ptx.Reg, t []ptx.Reg) {
	kit.When(k, "eq", thread, ptx.Int(0), func() {
		after := k.Reg(ptx.B32) // CTAs behind this one
		k.I("sub.u32", after, kit.Read(k, "%nctaid.x"), cta)
		kit.When(k, "lt", cta, ptx.Int(edge), func() { k.I("red.global.min.u64", ptx.At(samples, 0), t[0]) })
		kit.When(k, "le", after, ptx.Int(edge), func() { k.I("red.global.max.u64", ptx.At(samples, 8), t[3]) })
		kit.When(k, "eq", kit.Read(k, "%smid"), ptx.Int(0), func() {
			k.I("red.global.min.u64", ptx.At(samples, 16), t[1])
			k.I("red.global.max.u64", ptx.At(samples, 24), t[2])
			k.I("red.global.min.u64", ptx.At(samples, 32), t[0])
			k.I("red.global.max.u64", ptx.At(samples, 40), t[3])
		})
	})
}

// accesses adds one tile's accesses of a thread; index is the number of the first.
func (s stream) accesses(k *ptx.Kernel, index, a, b, c ptx.Reg, acc []ptx.Reg) {
	at := func(base ptx.Reg) ptx.Reg {
		r := k.Reg(ptx.B64)
		k.I("mad.wide.u32", r, index, ptx.Int(s.width), base)
		return r
	}
	step := streamThreads * s.width
	switch s.op {
	case opRead:
		from := at(a)
		loaded := make([][]ptx.Reg, s.unroll)
		for u := range loaded {
			loaded[u] = s.load(k, from, u*step)
		}
		sumUp(k, acc, loaded)
	case opWrite:
		to := at(c)
		for u := range s.unroll {
			v := k.Regs(ptx.B32, s.width/4)
			for _, w := range v {
				k.I("add.u32", w, index, ptx.Int(u*streamThreads))
			}
			k.I("st.global"+s.policy("")+suffix(s.width), ptx.At(to, u*step), words(v))
		}
	case opCopy:
		from, to := at(a), at(c)
		loaded := make([][]ptx.Reg, s.unroll)
		for u := range loaded {
			loaded[u] = s.load(k, from, u*step)
		}
		for u, v := range loaded {
			k.I("st.global"+s.policy("")+suffix(s.width), ptx.At(to, u*step), words(v))
		}
	case opTriad:
		s.triad(k, at(a), at(b), at(c), step)
	}
}

// policy is the cache operator, given the one of ordinary accesses.
func (s stream) policy(ordinary string) string {
	if s.streaming {
		return ".cs"
	}
	return ordinary
}

func (s stream) load(k *ptx.Kernel, from ptx.Reg, offset int) []ptx.Reg {
	v := k.Regs(ptx.B32, s.width/4)
	k.I("ld.global"+s.policy(".cg")+suffix(s.width), words(v), ptx.At(from, offset))
	return v
}

// triad adds c = a + 3 b on doubles.
func (s stream) triad(k *ptx.Kernel, a, b, c ptx.Reg, step int) {
	n, name := s.width/8, map[int]string{8: ".f64", 16: ".v2.f64"}[s.width]
	left, right := make([][]ptx.Reg, s.unroll), make([][]ptx.Reg, s.unroll)
	for u := range left {
		left[u], right[u] = k.Regs(ptx.F64, n), k.Regs(ptx.F64, n)
		k.I("ld.global"+s.policy(".cg")+name, words(left[u]), ptx.At(a, u*step))
		k.I("ld.global"+s.policy(".cg")+name, words(right[u]), ptx.At(b, u*step))
	}
	for u := range left {
		for j := range left[u] {
			k.I("fma.rn.f64", left[u][j], right[u][j], ptx.Float(3), left[u][j])
		}
		k.I("st.global"+s.policy("")+name, ptx.At(c, u*step), words(left[u]))
	}
}

// resetKernel prepares the samples of a round for their minima and maxima, and
// clears the result.
func resetKernel(k *ptx.Kernel) {
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	thread := kit.Read(k, "%tid.x")
	low, first, value, address := k.Reg(ptx.B32), k.Reg(ptx.Pred), k.Reg(ptx.B64), k.Reg(ptx.B64)
	k.I("and.b32", low, thread, ptx.Int(1))
	k.I("setp.eq.u32", first, low, ptx.Int(0))
	k.I("selp.b64", value, ptx.Int(-1), ptx.Int(0), first)
	k.I("mad.wide.u32", address, thread, ptx.Int(8), samples)
	k.I("st.global.u64", ptx.At(address, 0), value)
	kit.When(k, "eq", thread, ptx.Int(0), func() {
		k.I("st.global.u32", ptx.At(result, 0), ptx.Int(0))
	})
	k.I("ret")
}

// fillKernel writes element i as i*multiplier + addend: words, or doubles.
func fillKernel(k *ptx.Kernel, doubles bool) {
	base, count := k.Param("base", ptx.B64), k.Param("count", ptx.B32)
	multiplier, addend := k.Param("multiplier", ptx.B32), k.Param("addend", ptx.B32)
	first, threads := kit.Thread(k)
	value, address, d := k.Reg(ptx.B32), k.Reg(ptx.B64), k.Reg(ptx.F64)
	kit.For(k, first, count, threads, func(i ptx.Reg) {
		k.I("mad.lo.u32", value, i, multiplier, addend)
		if doubles {
			k.I("mad.wide.u32", address, i, ptx.Int(8), base)
			k.I("cvt.rn.f64.u32", d, value)
			k.I("st.global.f64", ptx.At(address, 0), d)
			return
		}
		k.I("mad.wide.u32", address, i, ptx.Int(4), base)
		k.I("st.global.u32", ptx.At(address, 0), value)
	})
	k.I("ret")
}

// digestKernel adds up words, each times an odd number of its place.
func digestKernel(k *ptx.Kernel) {
	base, count, result := k.Param("base", ptx.B64), k.Param("count", ptx.B32), k.Param("result", ptx.B64)
	first, threads := kit.Thread(k)
	word, weight, sum, address := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("mov.b32", sum, ptx.Int(0))
	kit.For(k, first, count, threads, func(i ptx.Reg) {
		k.I("mad.wide.u32", address, i, ptx.Int(4), base)
		k.I("ld.global.u32", word, ptx.At(address, 0))
		k.I("mad.lo.u32", weight, i, ptx.Int(2), ptx.Int(1))
		k.I("mad.lo.u32", sum, word, weight, sum)
	})
	k.I("red.global.add.u32", ptx.At(result, 0), sum)
	k.I("ret")
}

// streamJob is a point: what each launch covers.
type streamJob struct {
	stream
	grid int
	// tiles is where the tile numbers wrap; iterations are of the first timed launch.
	tiles, iterations int
	// each says that a longer launch has more CTAs and not more iterations: one
	// CTA a tile, which the GPU starts in order, so that all work side by side.
	each bool
	// onward says that the first launch covers the first third of the arrays, the
	// second the rest and the third all; otherwise all start at the first tile.
	// A launch that is not timed comes first in both cases.
	onward bool
}

// arrayBytes is the size of each array.
func (s streamJob) arrayBytes() uint64 { return uint64(s.tiles) * s.tile() }

// launchBytes is what the first timed launch reads and writes.
func (s streamJob) launchBytes() float64 {
	return float64(s.iterations) * float64(s.grid) * float64(s.tile()*s.arrays())
}

// Elements are filled with these: words for read and copy, doubles for triad,
// small enough that the result is exact.
const (
	wordMul, wordAdd   = 0x9E3779B1, 0x7F4A7C15
	leftMul, leftAdd   = 1, 0
	rightMul, rightAdd = 2, 1
)

func (s streamJob) job(gpu micro.GPU) (*micro.Job, error) {
	verify := s.verifying()
	job := &micro.Job{
		Module: streamModule(gpu, s.op, s.width),
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: 8 * streamWords * streamLaunches}, {Name: "result", Bytes: 8},
		},
		Samples: "samples", Result: "result", CheckedBy: micro.ByAnalytic, Check: verify.check, Expect: s.expect(),
	}
	bytes := max(s.arrayBytes(), verify.arrayBytes())
	for _, name := range s.inputs() {
		job.Buffers = append(job.Buffers, micro.Buffer{Name: name, Bytes: bytes})
		job.Setup = append(job.Setup, s.fill(gpu, name, bytes))
	}
	if s.output() != "" {
		job.Buffers = append(job.Buffers, micro.Buffer{Name: s.output(), Bytes: bytes})
	}
	reset := micro.Launch{Kernel: "reset", Grid: micro.Dim(1), Block: micro.Dim(streamWords * streamLaunches),
		Args: []micro.Arg{micro.Ptr("samples", 0), micro.Ptr("result", 0)}}
	job.Verify = append([]micro.Launch{reset}, verify.verifyLaunches()...)
	job.Launches = append([]micro.Launch{reset}, s.launches()...)
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build stream kernels: %w", err)
	}
	return job, nil
}

// warmUp is the part of the first launch that the untimed launch before it
// does: enough to drain L2 of what others wrote, and to start from the state
// that the timed launches leave.
const warmUp = 8

// launches are those of a round after the reset.
func (s streamJob) launches() []micro.Launch {
	unit := uint64(s.grid*s.iterations) * s.tile()
	if !s.onward {
		list := []micro.Launch{s.launch(0, 0, s.shape(1), 0)}
		for _, n := range kit.Multiples() {
			list = append(list, s.launch(n, 0, s.shape(n), 0))
		}
		return list
	}
	return []micro.Launch{
		s.launch(0, 2*unit, s.prelude(), 0),
		s.launch(1, 0, s.shape(1), 0), s.launch(2, unit, s.shape(2), 0), s.launch(3, 0, s.shape(3), 0),
	}
}

// shape is the CTAs of a launch and the iterations of each.
type shape struct{ grid, iterations int }

// shape is of a launch of n times the work of the first.
func (s streamJob) shape(n int) shape {
	if s.each {
		return shape{n * s.grid, s.iterations}
	}
	return shape{s.grid, n * s.iterations}
}

// prelude is the shape of the untimed launch of an onward round.
func (s streamJob) prelude() shape {
	if s.each {
		return shape{max(1, s.grid/warmUp), s.iterations}
	}
	return shape{s.grid, max(1, s.iterations/warmUp)}
}

// roundBytes is what all launches of a round read and write.
func (s streamJob) roundBytes() float64 {
	first := s.shape(1)
	if s.onward {
		first = s.prelude()
	}
	return (1+2+3)*s.launchBytes() + float64(first.grid*first.iterations)*float64(s.tile()*s.arrays())
}

func (s streamJob) launch(slot int, offset uint64, of shape, verify uint32) micro.Launch {
	array := func(name string) micro.Arg {
		for _, has := range append(s.inputs(), s.output()) {
			if has == name {
				return micro.Ptr(name, offset)
			}
		}
		return micro.U64(0)
	}
	return micro.Launch{Kernel: s.kernel(), Grid: micro.Dim(of.grid), Block: micro.Dim(streamThreads), Args: []micro.Arg{
		micro.Ptr("samples", uint64(8*streamWords*slot)), micro.Ptr("result", 0), array("a"), array("b"), array("c"),
		micro.U32(uint32(of.iterations)), micro.U32(uint32(s.tiles)), micro.U32(uint32(of.grid % s.tiles)), micro.U32(verify)}}
}

func (s streamJob) fill(gpu micro.GPU, name string, bytes uint64) micro.Launch {
	multiplier, addend, size := uint32(wordMul), uint32(wordAdd), uint64(4)
	if s.op == opTriad {
		multiplier, addend, size = leftMul, leftAdd, 8
		if name == "b" {
			multiplier, addend = rightMul, rightAdd
		}
	}
	return micro.Launch{Kernel: "fill", Grid: micro.Dim(8 * max(gpu.SMs, 1)), Block: micro.Dim(256), Args: []micro.Arg{
		micro.Ptr(name, 0), micro.U32(uint32(bytes / size)), micro.U32(multiplier), micro.U32(addend)}}
}

// verifying is a small launch that wraps around: two CTAs on three tiles.
func (s streamJob) verifying() streamJob {
	return streamJob{stream: s.stream, grid: 2, tiles: 3, iterations: 2}
}

func (s streamJob) verifyLaunches() []micro.Launch {
	list := []micro.Launch{s.launch(0, 0, s.shape(1), 1)}
	if s.op != opRead {
		list = append(list, micro.Launch{Kernel: "digest", Grid: micro.Dim(4), Block: micro.Dim(256), Args: []micro.Arg{
			micro.Ptr(s.output(), 0), micro.U32(uint32(s.arrayBytes() / 4)), micro.Ptr("result", 0)}})
	}
	return list
}

// check compares the verifying launch's sum or digest with the truth.
func (s streamJob) check(result []byte) error {
	if len(result) < 4 {
		return fmt.Errorf("the result has %d bytes", len(result))
	}
	if got, want := binary.LittleEndian.Uint32(result), s.expected(); got != want {
		return fmt.Errorf("%s of %d bytes: sum %#08x, expected %#08x: an access was lost or wrong", s.op, s.width, got, want)
	}
	return nil
}

// expected is the sum of all words that a read meets, or the digest of what
// another operation left.
func (s streamJob) expected() uint32 {
	sum := uint32(0)
	written := make([]uint32, s.arrayBytes()/4)
	for cta := range s.grid {
		for i := range s.iterations {
			tile := uint64(cta+i*s.grid) % uint64(s.tiles)
			for w := range s.tile() / 4 {
				at := tile*s.tile()/4 + w
				switch s.op {
				case opRead:
					sum += uint32(at)*wordMul + wordAdd
				default:
					written[at] = s.wordOf(at)
				}
			}
		}
	}
	for i, w := range written {
		sum += w * uint32(2*i+1)
	}
	return sum
}

// wordOf is what the operation leaves in word i of its output.
func (s streamJob) wordOf(i uint64) uint32 {
	switch s.op {
	case opWrite:
		return uint32(4 * i / uint64(s.width))
	case opTriad:
		e := i / 2
		d := math.Float64bits(float64(leftMul*e+leftAdd) + 3*float64(rightMul*e+rightAdd))
		return uint32(d >> (32 * (i % 2)))
	}
	return uint32(i)*wordMul + wordAdd
}

// streamRates are a point's rates in bytes per second, one a round.
type streamRates struct {
	timer   []float64 // slope over the launches, by %globaltimer
	longest []float64 // bytes of the longest launch over its time, start and end included
	events  []float64 // all bytes of the round over the time of the device's events
	clock   []float64 // MHz
	worstR2 float64
}

func (s streamJob) rates(m *micro.Measured) (streamRates, error) {
	out := streamRates{worstR2: 1}
	multiples := kit.Multiples()
	for _, r := range m.Readings {
		if len(r.Samples) != streamWords*streamLaunches {
			return streamRates{}, fmt.Errorf("stream reading of %s has %d samples, want %d", m.Point.Key(), len(r.Samples), streamWords*streamLaunches)
		}
		x, y := make([]float64, len(multiples)), make([]float64, len(multiples))
		for i, n := range multiples {
			launch := r.Samples[streamWords*n:]
			x[i], y[i] = float64(n)*s.launchBytes(), float64(launch[1]-launch[0])
		}
		line := results.FitLine(x, y)
		out.timer = append(out.timer, 1e9/line.Slope)
		out.worstR2 = min(out.worstR2, line.R2)
		if last := len(multiples) - 1; y[last] > 0 {
			out.longest = append(out.longest, x[last]*1e9/y[last])
		}
		if r.ElapsedNS > 0 {
			out.events = append(out.events, s.roundBytes()*1e9/r.ElapsedNS)
		}
		// No CTA may have run on SM 0: the minimum is then still above the maximum.
		if last := r.Samples[streamWords*3:]; last[3] > last[2] && last[5] > last[4] {
			out.clock = append(out.clock, float64(last[3]-last[2])/float64(last[5]-last[4])*1e3)
		}
	}
	return out, nil
}

// row makes the row of a point in GB/s.
func (s streamJob) row(m *micro.Measured, rates streamRates) micro.Row {
	gb := make([]float64, len(rates.timer))
	for i, v := range rates.timer {
		gb[i] = v / 1e9
	}
	row := harness.NewRow(m, "bandwidth", "GB/s", gb)
	row.HigherIsBetter = true
	if len(rates.clock) > 0 {
		row.ClockMHz, row.ClockFrom = results.Summarize(rates.clock).Median, "kernel"
	}
	row.Annotations = append(row.Annotations, fmt.Sprintf("slope by %%globaltimer, first start to last stop of all CTAs, over launches of 1, 2 and 3 times %.0f MB; R2 %.6f",
		s.launchBytes()/1e6, rates.worstR2))
	if len(rates.longest) > 0 {
		row.Annotations = append(row.Annotations, fmt.Sprintf("the longest launch by itself, its start and end included: %.0f GB/s", results.Summarize(rates.longest).Median/1e9))
	}
	if len(rates.events) > 0 {
		e := results.Summarize(rates.events).Median
		row.Annotations = append(row.Annotations, fmt.Sprintf("device events over the whole round, launch gaps included: %.0f GB/s, %.1f %%", e/1e9, 100*e/1e9/row.Value))
		if e/1e9 > 1.03*row.Value {
			harness.Flag(&row, "device events say %.0f GB/s, more than %%globaltimer", e/1e9)
		}
	}
	if rates.worstR2 < 0.99 {
		harness.Flag(&row, "the time does not grow linearly with the bytes: R2 %.5f", rates.worstR2)
	}
	if m.Proof.Kind == results.ProofNone && rates.worstR2 > harness.MinR2 {
		row.Proof = results.Proof{Kind: results.ProofScaling, Detail: fmt.Sprintf("time grows with the bytes, R2 %.6f", rates.worstR2)}
	}
	return row
}
