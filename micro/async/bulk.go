package async

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func bulkLatency() micro.Benchmark {
	return micro.Benchmark{
		Name:     "async/bulk-latency",
		Question: "How long does one bulk copy from global to shared memory take until its mbarrier says that it is complete?",
		Method: "One thread issues cp.async.bulk and waits with mbarrier.try_wait before it issues the next; the latency is the slope over n, 2n and 3n " +
			"copies, so it is of one copy with nothing else under way, barrier and wait included. method=empty is the same round trip of arrive and wait " +
			"without a copy; what a copy takes above it has a row. method=sync copies the same bytes by ld.global.cg and st.shared of 256 threads, 16 bytes " +
			"each and up to four under way, with a barrier at the end. memory=l2: the source was read just before; dram: four times L2 was read before each round and " +
			"no byte is read twice; a copy then meets an open or a closed row, a near or a far channel, or a refresh, so its latency is a mean over many: the slope goes through " +
			"all chains of a round. A copy by a tensor map is not measured: a job cannot make one.",
		Source:     "arXiv 2501.12084 figure 2 and the authors' raw curves",
		Experiment: "E13",
		Units:      []string{"cycles"},
		Plan:       bulkPlan,
		Job:        bulkJob,
		Analyse:    bulkAnalyse,
	}
}

const (
	methodBulk  = "bulk"
	methodSync  = "sync"
	methodEmpty = "empty"

	fromL2   = "l2"
	fromDRAM = "dram"
)

const (
	// passes of a launch; the first warms up and is not used.
	passes = 4
	// chains of a pass: one, two and three times copies.
	chains = 3
	// warmCopies are of the first chain where all copies are alike; coldCopies
	// where each is another place in DRAM, fewer where they are long.
	warmCopies, coldCopies = 8, 256
	// coldBytes bounds what the copies of the first chain bring from DRAM.
	coldBytes = 2 << 20
	// syncThreads copy together, syncUnroll pieces each before they store.
	syncThreads, syncUnroll = 256, 4
	pieceBytes              = syncThreads * 16
	maxSize                 = 64 << 10
	// apart is the least distance of the sources of two copies.
	apart = 4096
)

func bulkSizes() []int { return []int{16, 64, 256, 1024, 4096, 16384, 32768, maxSize} }

func bulkPlan(micro.GPU) []results.Point {
	points := []results.Point{results.P("method", methodEmpty)}
	for _, method := range []string{methodBulk, methodSync} {
		for _, memory := range []string{fromL2, fromDRAM} {
			for _, size := range bulkSizes() {
				points = append(points, results.P("method", method, "memory", memory, "bytes", strconv.Itoa(size)))
			}
		}
	}
	return points
}

// transfer is a point.
type transfer struct {
	method, memory string
	size           int
}

func parseTransfer(p results.Point) (transfer, error) {
	t := transfer{method: p.Get("method"), memory: p.Get("memory"), size: 16}
	known := t.method == methodEmpty
	if t.method == methodBulk || t.method == methodSync {
		size, err := strconv.Atoi(p.Get("bytes"))
		t.size = size
		known = err == nil && slices.Contains(bulkSizes(), size) && (t.memory == fromL2 || t.memory == fromDRAM)
	}
	if !known {
		return transfer{}, fmt.Errorf("point {%s} is not one of async/bulk-latency", p.Key())
	}
	return t, nil
}

// stride is the distance of the sources.
func (t transfer) stride() int { return max(t.size, apart) }

// copies is the number of copies of the first chain of a pass.
func (t transfer) copies() int {
	if t.memory == fromDRAM {
		return min(coldCopies, coldBytes/t.stride())
	}
	return warmCopies
}

// passCopies is the number of copies of a pass.
func (t transfer) passCopies() int { return t.copies() * (1 + 2 + 3) }

// sourceBytes is the size of the source: each chain starts again from its
// beginning where it is to be found in L2, and goes on where it is not.
func (t transfer) sourceBytes() uint64 {
	if t.memory == fromDRAM {
		return uint64(passes * t.passCopies() * t.stride())
	}
	return uint64(chains * t.copies() * t.stride())
}

func bulkJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	t, err := parseTransfer(p)
	if err != nil {
		return nil, err
	}
	if !gpu.Arch.Supports(isa.SM90) {
		return nil, micro.Unsupportedf("bulk copies need sm_90, this GPU is %s", gpu.Arch)
	}
	job := &micro.Job{
		Module: bulkModule(gpu),
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: 8 * passes * chains}, {Name: "result", Bytes: 8}, {Name: "source", Bytes: t.sourceBytes()},
		},
		Setup: []micro.Launch{{Kernel: "fill", Grid: micro.Dim(64), Block: micro.Dim(256),
			Args: []micro.Arg{micro.Ptr("source", 0), micro.U32(uint32(t.sourceBytes() / 4))}}},
		Verify:   []micro.Launch{t.launch(1, 1)},
		Launches: []micro.Launch{t.launch(t.copies(), passes)},
		Samples:  "samples", Result: "result", CheckedBy: micro.ByAnalytic, Check: t.check,
		Expect: t.expect(),
	}
	if t.memory == fromDRAM {
		flush, buffer := kit.FlushL2(gpu, "flush")
		job.Buffers, job.Launches = append(job.Buffers, buffer), []micro.Launch{flush, job.Launches[0]}
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build bulk copy kernels: %w", err)
	}
	return job, nil
}

func (t transfer) expect() micro.Expect {
	e := micro.Expect{Kernel: t.method, Instruction: "UBLKCP", Sections: []int{1}}
	switch t.method {
	case methodSync:
		e.Instruction, e.Sections = "LDG.128", []int{syncUnroll}
	case methodEmpty:
		e.Instruction = "SYNCS.ARRIVE"
	}
	return e
}

func (t transfer) launch(copies, passes int) micro.Launch {
	threads, onward := 1, uint32(0)
	if t.method == methodSync {
		threads = syncThreads
	}
	if t.memory == fromDRAM {
		onward = 1
	}
	return micro.Launch{Kernel: t.method, Grid: micro.Dim(1), Block: micro.Dim(threads), SharedBytes: maxSize, Args: []micro.Arg{
		micro.Ptr("samples", 0), micro.Ptr("result", 0), micro.Ptr("source", 0), micro.U32(uint32(t.size)), micro.U32(uint32(t.stride())),
		micro.U32(uint32(copies)), micro.U32(uint32(passes)), micro.U32(onward)}}
}

// bulkModule holds all kernels of the benchmark.
func bulkModule(gpu micro.GPU) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	for _, method := range []string{methodBulk, methodSync, methodEmpty} {
		build(m.Kernel(method), method)
	}
	kit.FillKernel(m.Kernel("fill"))
	kit.FlushKernel(m.Kernel("flush"))
	return m
}

// body is what the kernels share.
type body struct {
	k                            *ptx.Kernel
	destination, barrier         ptx.Reg
	thread, source, size, parity ptx.Reg
}

// build writes a kernel: passes of three chains of copies, one after another.
func build(k *ptx.Kernel, method string) {
	k.MaxThreads = syncThreads
	samples, result, source := k.Param("samples", ptx.B64), k.Param("result", ptx.B64), k.Param("source", ptx.B64)
	size, stride := k.Param("bytes", ptx.B32), k.Param("stride", ptx.B32)
	count, rounds, onward := k.Param("copies", ptx.B32), k.Param("passes", ptx.B32), k.Param("onward", ptx.B32)
	b := body{k: k, destination: k.SharedAddress(k.DynamicShared()), barrier: k.SharedAddress(k.Shared("barrier", 8, 8)),
		thread: kit.Read(k, "%tid.x"), source: k.Reg(ptx.B64), size: size, parity: k.Reg(ptx.B32)}
	k.I("mov.b32", b.parity, ptx.Int(0))
	k.I("mov.b64", b.source, source)
	kit.When(k, "eq", b.thread, ptx.Int(0), func() {
		k.I("mbarrier.init.shared::cta.b64", ptx.At(b.barrier, 0), ptx.Int(1))
		k.I("fence.mbarrier_init.release.cluster")
		k.I("fence.proxy.async.shared::cta")
	})
	k.I("bar.sync", ptx.Int(0))
	step, total, times, again := k.Reg(ptx.B64), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.Pred)
	k.I("cvt.u64.u32", step, stride)
	k.I("mov.b32", total, ptx.Int(0))
	k.I("setp.eq.u32", again, onward, ptx.Int(0))
	k.Loop(rounds, func(ptx.Reg) {
		k.I("mov.b32", times, ptx.Int(0))
		k.Loop(ptx.Int(chains), func(ptx.Reg) {
			k.I("add.u32", times, times, count)
			k.If(again).I("mov.b64", b.source, source)
			elapsed := b.timed(func() {
				k.Loop(times, func(ptx.Reg) {
					b.copy(method)
					k.I("add.u64", b.source, b.source, step)
					k.I("add.u32", total, total, ptx.Int(1))
				})
			})
			kit.When(k, "eq", b.thread, ptx.Int(0), func() { k.I("st.global.u64", ptx.At(samples, 0), elapsed) })
			k.I("add.u64", samples, samples, ptx.Int(8))
		})
	})
	b.report(result, total)
	k.I("ret")
}

// timed gives the cycles of code that ends in a wait.
func (b body) timed(code func()) ptx.Reg {
	k := b.k
	start, stop := k.Reg(ptx.B64), k.Reg(ptx.B64)
	k.I("mov.u64", start, ptx.Special("%clock64"))
	code()
	k.I("mov.u64", stop, ptx.Special("%clock64"))
	k.I("sub.u64", stop, stop, start)
	return stop
}

// copy adds one copy and the wait for it.
func (b body) copy(method string) {
	k := b.k
	switch method {
	case methodSync:
		b.copyBySteps()
		k.I("bar.sync", ptx.Int(0))
		return
	case methodBulk:
		k.I("mbarrier.arrive.expect_tx.shared::cta.b64 _,", ptx.At(b.barrier, 0), b.size)
		k.I("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes",
			ptx.At(b.destination, 0), ptx.At(b.source, 0), b.size, ptx.At(b.barrier, 0))
	case methodEmpty:
		k.I("mbarrier.arrive.shared::cta.b64 _,", ptx.At(b.barrier, 0))
	}
	done, wait := k.Reg(ptx.Pred), k.NewLabel("wait")
	k.Place(wait)
	k.I("mbarrier.try_wait.parity.shared::cta.b64", done, ptx.At(b.barrier, 0), b.parity)
	k.IfNot(done).I("bra", wait)
	k.I("xor.b32", b.parity, b.parity, ptx.Int(1))
}

// copyBySteps adds a synchronous copy by all threads of the CTA.
func (b body) copyBySteps() {
	k := b.k
	first, zero := k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mov.b32", zero, ptx.Int(0))
	k.I("mul.lo.u32", first, b.thread, ptx.Int(16))
	kit.For(k, first, b.size, ptx.Int(syncUnroll*pieceBytes), func(at ptx.Reg) {
		wide, from, to := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B32)
		k.I("cvt.u64.u32", wide, at)
		k.I("add.u64", from, b.source, wide)
		k.I("add.u32", to, b.destination, at)
		pieces, inside, piece := make([][]ptx.Reg, syncUnroll), k.Regs(ptx.Pred, syncUnroll), k.Reg(ptx.B32)
		for i := range pieces {
			pieces[i] = k.Regs(ptx.B32, 4)
			for _, r := range pieces[i] {
				k.I("mov.b32", r, zero)
			}
			k.I("add.u32", piece, at, ptx.Int(i*pieceBytes))
			k.I("setp.lt.u32", inside[i], piece, b.size)
			k.If(inside[i]).I("ld.global.cg.v4.u32", ptx.Vec(pieces[i]), ptx.At(from, i*pieceBytes))
		}
		for i, v := range pieces {
			k.If(inside[i]).I("st.shared.v4.u32", ptx.At(to, i*pieceBytes), ptx.Vec(v))
		}
	})
}

// report stores a digest of what the last copy brought, each word times an odd
// number of its place, and the number of copies.
func (b body) report(result, total ptx.Reg) {
	k := b.k
	digest, word, weight, address, words := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	kit.When(k, "eq", b.thread, ptx.Int(0), func() {
		k.I("mov.b32", digest, ptx.Int(0))
		k.I("shr.u32", words, b.size, ptx.Int(2))
		kit.For(k, ptx.Int(0), words, ptx.Int(1), func(i ptx.Reg) {
			k.I("mad.lo.u32", address, i, ptx.Int(4), b.destination)
			k.I("ld.shared.u32", word, ptx.At(address, 0))
			k.I("mad.lo.u32", weight, i, ptx.Int(2), ptx.Int(1))
			k.I("mad.lo.u32", digest, word, weight, digest)
		})
		k.I("st.global.u32", ptx.At(result, 0), digest)
		k.I("st.global.u32", ptx.At(result, 4), total)
	})
}

// check compares the verifying launch's digest and count with the truth.
func (t transfer) check(result []byte) error {
	if len(result) != 8 {
		return fmt.Errorf("the result has %d bytes, not 8", len(result))
	}
	if got, want := binary.LittleEndian.Uint32(result[4:]), uint32(1+2+3); got != want {
		return fmt.Errorf("%d copies completed, expected %d", got, want)
	}
	if t.method == methodEmpty {
		return nil
	}
	if got, want := binary.LittleEndian.Uint32(result), t.expected(); got != want {
		return fmt.Errorf("the last copy of %d bytes has digest %#08x, expected %#08x", t.size, got, want)
	}
	return nil
}

// expected is the digest of what the verifying launch's last copy brings.
func (t transfer) expected() uint32 {
	last := 2 // the third copy of the third chain
	if t.memory == fromDRAM {
		last = 5 // of six
	}
	sum := uint32(0)
	for i := range t.size / 4 {
		word := uint32(last*t.stride()/4 + i)
		sum += (word*kit.FillMul + kit.FillAdd) * uint32(2*i+1)
	}
	return sum
}

// slopes are the cycles of a copy: one entry a pass of a round where the copies
// are alike, and one a round, through the chains of all its passes, where they
// are of many places.
func (t transfer) slopes(m *micro.Measured) (values []float64, worstR2 float64, err error) {
	worstR2 = 1
	var x, y []float64
	fit := func() {
		line := results.FitLine(x, y)
		values, worstR2 = append(values, line.Slope), min(worstR2, line.R2)
		x, y = nil, nil
	}
	for _, r := range m.Readings {
		if len(r.Samples) != passes*chains {
			return nil, 0, fmt.Errorf("bulk copy reading of %s has %d samples, want %d", m.Point.Key(), len(r.Samples), passes*chains)
		}
		for pass := 1; pass < passes; pass++ {
			for i := range chains {
				x, y = append(x, float64((i+1)*t.copies())), append(y, float64(r.Samples[pass*chains+i]))
			}
			if t.memory != fromDRAM || pass == passes-1 {
				fit()
			}
		}
	}
	return values, worstR2, nil
}

func bulkAnalyse(_ micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	empty := 0.0
	for _, m := range measured {
		if m.Point.Get("method") == methodEmpty {
			values, _, err := transfer{method: methodEmpty}.slopes(m)
			if err != nil {
				return micro.Analysis{}, err
			}
			empty = results.Summarize(values).Median
		}
	}
	curves := map[string]*results.Series{}
	var order []string
	for _, m := range measured {
		t, err := parseTransfer(m.Point)
		if err != nil {
			return micro.Analysis{}, err
		}
		values, r2, err := t.slopes(m)
		if err != nil {
			return micro.Analysis{}, err
		}
		row := t.row(m, values, r2)
		a.Rows = append(a.Rows, row)
		if t.method == methodEmpty {
			continue
		}
		if t.method == methodBulk && empty > 0 {
			a.Rows = append(a.Rows, above(m, values, empty))
		}
		name := t.method + ", " + t.memory
		if curves[name] == nil {
			curves[name] = &results.Series{Name: name, Group: "latency of a copy by size", X: results.Axis{Label: "size", Unit: "B", Log: true},
				Y: results.Axis{Label: "latency", Unit: "cycles", Log: true}}
			order = append(order, name)
		}
		xy := results.XY{X: float64(t.size), Y: row.Value}
		if row.Interval != nil {
			xy.Low, xy.High = row.Interval[0], row.Interval[1]
		}
		curves[name].XY = append(curves[name].XY, xy)
	}
	for _, name := range order {
		a.Series = append(a.Series, *curves[name])
	}
	return a, nil
}

func (t transfer) row(m *micro.Measured, values []float64, r2 float64) micro.Row {
	row := harness.NewRow(m, "latency", "cycles", values)
	row.Annotations = append(row.Annotations, fmt.Sprintf("slope over %d, %d and %d copies one after another; worst R2 %.6f", t.copies(), 2*t.copies(), 3*t.copies(), r2))
	least := 0.99
	switch {
	case t.method == methodEmpty:
		harness.SetBand(&row, 5, 150)
	case t.memory == fromDRAM:
		least = 0.98 // the copies differ by row, refresh and distance
		row.Annotations = append(row.Annotations, fmt.Sprintf("mean over %d places in DRAM a round, %d B apart and swept out of L2 before: where they lie in DRAM is another in each run",
			(passes-1)*t.passCopies(), t.stride()))
	case t.method == methodBulk && t.size == 16:
		row.Published = published.Query{Benchmark: "TMA L2->shared immediate wait"}
		harness.SetBand(&row, 250, 1200)
	}
	if r2 < least {
		harness.Flag(&row, "the time does not grow linearly with the copies: worst R2 %.5f", r2)
	}
	return row
}

// above is what a copy takes beyond the round trip of an empty barrier.
func above(m *micro.Measured, values []float64, empty float64) micro.Row {
	rest := make([]float64, len(values))
	for i, v := range values {
		rest[i] = v - empty
	}
	row := harness.NewRow(m, "latency above an empty barrier", "cycles", rest)
	row.Annotations = []string{fmt.Sprintf("the round trip of an empty barrier takes %.1f cycles", empty)}
	return row
}
