package memory

import (
	"encoding/binary"
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

// unrolled is the number of loads in the body of a chase's loop. The loop's own
// instructions are issued while a load is under way and cost nothing.
const unrolled = 16

// counts is the number of chains of a pass: one, two and three times as many loads.
const counts = 3

// chaseWords is the number of sample words of a chain: cycles and nanoseconds.
const chaseWords = 2

// chase is a kernel in which one thread follows a chain of addresses.
type chase struct {
	kernel string
	// load is the PTX instruction, target the machine instruction to find.
	load, target string
	// index says that the chain holds indices, from which each address is
	// computed, and not the addresses themselves.
	index bool
	// shared says that the chain lies in shared memory, written by the kernel.
	shared bool
	// lap says that all threads of the CTA read lines of the chain first, so that
	// the SM itself has brought to L2 what one of them then follows.
	lap bool
}

// lapThreads make the lap together.
const lapThreads = 1024

// walk says how far a launch follows its chain, in units of unrolled loads.
type walk struct {
	warm   int // untimed, before the first pass
	loops  int // of the first chain of a pass
	passes int
}

// steps is the number of loads of the whole launch.
func (w walk) steps() int { return unrolled * (w.warm + w.passes*w.loops*(1+2+3)) }

// words is the number of sample words of the launch.
func (w walk) words() int { return w.passes * counts * chaseWords }

// build writes the kernel: a walk to warm up, then passes of three timed chains.
func (c chase) build(k *ptx.Kernel) {
	samples, result, base := k.Param("samples", ptx.B64), k.Param("result", ptx.B64), k.Param("base", ptx.B64)
	warm, loops, passes := k.Param("warm", ptx.B32), k.Param("loops", ptx.B32), k.Param("passes", ptx.B32)
	zero, nodes, stride := k.Param("zero", ptx.B32), k.Param("nodes", ptx.B32), k.Param("stride", ptx.B32)
	sink := k.SharedAddress(k.Shared("sink", 16, 16))
	if c.lap {
		lapBefore(k)
	}
	at, step, offset := c.chain(k, base, nodes, stride)
	run := func(times ptx.Reg) {
		k.Loop(times, func(ptx.Reg) {
			for range unrolled {
				step()
			}
		})
	}
	run(warm)
	times, sample := k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("mov.b64", sample, samples)
	k.Loop(passes, func(ptx.Reg) {
		k.I("mov.b32", times, ptx.Int(0))
		k.Loop(ptx.Int(counts), func(ptx.Reg) {
			k.I("add.u32", times, times, loops)
			timed(k, sample, sink, zero, at, func() { run(times) })
		})
	})
	k.I("st.global.u64", ptx.At(result, 0), offset())
	k.I("ret")
}

// lapBefore has all threads read the positions from to count of the chain, in
// about its order and past L1; then only thread 0 goes on.
func lapBefore(k *ptx.Kernel) {
	k.MaxThreads = lapThreads
	lines := k.Param("lines", ptx.B64)
	order := []ptx.Reg{k.Param("a", ptx.B32), k.Param("b", ptx.B32), k.Param("seed", ptx.B32)}
	from, count, never := k.Param("from", ptx.B32), k.Param("count", ptx.B32), k.Param("never", ptx.B64)
	thread, first := kit.Read(k, "%tid.x"), k.Reg(ptx.B32)
	k.I("add.u32", first, thread, from)
	readLines(k, lines, order, first, count, kit.Read(k, "%ntid.x"), never)
	k.I("bar.sync", ptx.Int(0))
	others := k.Reg(ptx.Pred)
	k.I("setp.ne.u32", others, thread, ptx.Int(0))
	k.If(others).I("ret")
}

// lapped adds the lap of the chain in a buffer, its positions from to the end,
// to a launch of the chase.
func lapped(l micro.Launch, buffer string, p permutation, from uint64) micro.Launch {
	l.Block = micro.Dim(lapThreads)
	l.Args = append(l.Args, micro.Ptr(buffer, 0), micro.U32(p.a), micro.U32(p.b), micro.U32(p.seed),
		micro.U32(uint32(from)), micro.U32(uint32(p.lines())), micro.U64(1))
	return l
}

// timed writes cycles and nanoseconds of code that starts from at and ends in it.
func timed(k *ptx.Kernel, sample, sink, zero, at ptx.Reg, code func()) {
	t, opaque := k.Regs(ptx.B64, 4), k.Reg(ptx.B32)
	k.I("mov.u64", t[0], ptx.Special("%globaltimer"))
	k.I("mov.u64", t[1], ptx.Special("%clock64"))
	k.I("cvt.u32.u64", opaque, t[1])
	k.I("and.b32", opaque, opaque, zero)
	harness.Entangle(k, at, opaque)
	code()
	kit.Await(k, sink, harness.Word(k, at))
	k.I("mov.u64", t[2], ptx.Special("%clock64"))
	k.I("mov.u64", t[3], ptx.Special("%globaltimer"))
	k.I("sub.u64", t[2], t[2], t[1])
	k.I("sub.u64", t[3], t[3], t[0])
	k.I("st.global.u64", ptx.At(sample, 0), t[2])
	k.I("st.global.u64", ptx.At(sample, 8), t[3])
	k.I("add.u64", sample, sample, ptx.Int(8*chaseWords))
}

// chain gives the carried register, one step, and code for the distance in
// bytes from the first node.
func (c chase) chain(k *ptx.Kernel, base, nodes, stride ptx.Reg) (at ptx.Reg, step func(), offset func() ptx.Reg) {
	switch {
	case c.shared:
		return c.sharedChain(k, nodes, stride)
	case c.index:
		return c.indexChain(k, base)
	}
	at = k.Reg(ptx.B64)
	k.I("mov.b64", at, base)
	return at, func() { k.I(c.load, at, ptx.At(at, 0)) }, func() ptx.Reg {
		away := k.Reg(ptx.B64)
		k.I("sub.u64", away, at, base)
		return away
	}
}

func (c chase) indexChain(k *ptx.Kernel, base ptx.Reg) (at ptx.Reg, step func(), offset func() ptx.Reg) {
	at = k.Reg(ptx.B32)
	address := k.Reg(ptx.B64)
	k.I("mov.b32", at, ptx.Int(0))
	step = func() {
		k.I("mad.wide.u32", address, at, ptx.Int(4), base)
		k.I(c.load, at, ptx.At(address, 0))
	}
	return at, step, func() ptx.Reg { return bytesOf(k, at) }
}

func bytesOf(k *ptx.Kernel, index ptx.Reg) ptx.Reg {
	away := k.Reg(ptx.B64)
	k.I("mul.wide.u32", away, index, ptx.Int(4))
	return away
}

// sharedChain writes the nodes, each to the next, the last to the first.
func (c chase) sharedChain(k *ptx.Kernel, nodes, stride ptx.Reg) (at ptx.Reg, step func(), offset func() ptx.Reg) {
	base := k.SharedAddress(k.DynamicShared())
	where, next, wraps := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.Pred)
	kit.For(k, ptx.Int(0), nodes, ptx.Int(1), func(i ptx.Reg) {
		k.I("mad.lo.u32", where, i, stride, base)
		k.I("add.u32", next, i, ptx.Int(1))
		k.I("setp.eq.u32", wraps, next, nodes)
		k.I("selp.b32", next, ptx.Int(0), next, wraps)
		if c.index {
			k.I("mul.lo.u32", next, next, stride)
			k.I("shr.u32", next, next, ptx.Int(2))
		} else {
			k.I("mad.lo.u32", next, next, stride, base)
		}
		k.I("st.shared.u32", ptx.At(where, 0), next)
	})
	at = k.Reg(ptx.B32)
	if !c.index {
		k.I("mov.b32", at, base)
		return at, func() { k.I(c.load, at, ptx.At(at, 0)) }, func() ptx.Reg {
			distance, wide := k.Reg(ptx.B32), k.Reg(ptx.B64)
			k.I("sub.u32", distance, at, base)
			k.I("cvt.u64.u32", wide, distance)
			return wide
		}
	}
	k.I("mov.b32", at, ptx.Int(0))
	address := k.Reg(ptx.B32)
	step = func() {
		k.I("mad.lo.u32", address, at, ptx.Int(4), base)
		k.I(c.load, at, ptx.At(address, 0))
	}
	return at, step, func() ptx.Reg { return bytesOf(k, at) }
}

// launch starts the chase at the argument first.
func (c chase) launch(w walk, first micro.Arg, nodes, stride uint32) micro.Launch {
	l := micro.Launch{
		Kernel: c.kernel, Grid: micro.Dim(1), Block: micro.Dim(1), Carveout: 1,
		Args: []micro.Arg{
			micro.Ptr("samples", 0), micro.Ptr("result", 0), first,
			micro.U32(uint32(w.warm)), micro.U32(uint32(w.loops)), micro.U32(uint32(w.passes)),
			micro.U32(0), micro.U32(nodes), micro.U32(stride),
		},
	}
	if c.shared {
		l.SharedBytes, l.Carveout = int(nodes*stride), 0
	}
	return l
}

func (c chase) expect() micro.Expect {
	return micro.Expect{Kernel: c.kernel, Instruction: c.target, Sections: []int{unrolled}}
}

// endsAt checks that the chase ended so many bytes after its first node.
func endsAt(want uint64) func([]byte) error {
	return func(result []byte) error {
		if len(result) != 8 {
			return fmt.Errorf("the result has %d bytes, not 8", len(result))
		}
		if got := binary.LittleEndian.Uint64(result); got != want {
			return fmt.Errorf("the chase ended %d bytes from its first node, expected %d: loads were lost or the chain is another", int64(got), int64(want))
		}
		return nil
	}
}

// latency is what the passes of a chase say.
type latency struct {
	cycles   []float64 // a load, one entry a pass
	clockMHz float64
	worstR2  float64
}

// latencies reads a chase's samples; the first skip passes of a round are not used.
func latencies(m *micro.Measured, w walk, skip int) (latency, error) {
	out := latency{worstR2: 1}
	var cycles, nanos float64
	x := make([]float64, counts)
	for i := range x {
		x[i] = float64((i + 1) * w.loops * unrolled)
	}
	for _, r := range m.Readings {
		if len(r.Samples) != w.words() {
			return latency{}, fmt.Errorf("chase reading of %s has %d samples, want %d", m.Point.Key(), len(r.Samples), w.words())
		}
		for pass := skip; pass < w.passes; pass++ {
			y := make([]float64, counts)
			for i := range y {
				at := (pass*counts + i) * chaseWords
				y[i] = float64(r.Samples[at])
				cycles, nanos = cycles+y[i], nanos+float64(r.Samples[at+1])
			}
			line := results.FitLine(x, y)
			out.cycles = append(out.cycles, line.Slope)
			out.worstR2 = min(out.worstR2, line.R2)
		}
	}
	if nanos > 0 {
		out.clockMHz = cycles / nanos * 1e3
	}
	return out, nil
}

// nanoseconds converts to nanoseconds by the clock over all passes, which is far
// finer than the tick of %globaltimer over one.
func (l latency) nanoseconds() []float64 {
	out := make([]float64, len(l.cycles))
	for i, c := range l.cycles {
		out[i] = c / l.clockMHz * 1e3
	}
	return out
}
