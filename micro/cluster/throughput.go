package cluster

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func throughput() micro.Benchmark {
	return micro.Benchmark{
		Name:     "cluster/throughput",
		Question: "How many bytes per cycle does an SM read from and write to the shared memory of other SMs of its cluster?",
		Method: "Every CTA, alone on its SM, reads (or writes) 16 bytes a thread at a time in the memory of another rank: the next one (ring), its partner " +
			"(pair), rank 0 (broadcast), itself by its cluster address (own) or plainly (plain). For the ring, threads x accesses under way are swept on one " +
			"cluster; the patterns are measured with 1024 threads and 4 accesses on all SMs that clusters fill. The rate is the slope over n, 2n and 3n passes. " +
			"CTAs that started after another one had stopped are a second wave and do not count; how many SMs worked at once is read from the samples. The chip's rate is the sum " +
			"of the rates of the CTAs of the first wave, each over its own time: a cluster that has a part of the chip for itself ends early, and one straggler would else count for all. " +
			"In a broadcast only the ranks that read another's memory count.",
		Source:     "arXiv 2501.12084 section 7.2 and figure 10, arXiv 2402.13499 figure 8",
		Experiment: "E17",
		Units:      []string{"B/cycle/SM", "GB/s"},
		Rounds:     5,
		Plan:       throughputPlan,
		Job:        throughputJob,
		Analyse:    throughputAnalyse,
	}
}

// pattern is whose memory a rank uses: ((rank*mul) xor flip) + add, modulo the size.
type pattern struct {
	name           string
	mul, flip, add uint32
	// once says that no two ranks use the same memory, so that it can be written.
	once bool
}

func patterns() []pattern {
	return []pattern{
		{"ring", 1, 0, 1, true}, {"pair", 1, 1, 0, true}, {"broadcast", 0, 0, 0, false}, {"own", 1, 0, 0, true}, {plainPattern, 1, 0, 0, true},
	}
}

// plainPattern uses ld.shared and st.shared.
const plainPattern = "plain"

func (p pattern) target(rank, size int) int {
	return int(((uint32(rank)*p.mul)^p.flip)+p.add) % size
}

// The region of a CTA: access u of a thread lies uStride bytes after access 0.
const (
	accessBytes = 16
	uStride     = 512
	maxChains   = 8
	regionBytes = 1024*accessBytes + maxChains*uStride
	// Word i of rank r's region holds i*fillMul + r*rankMul + fillAdd.
	fillMul, rankMul, fillAdd = 0x9E3779B1, 0x01000193, 0x7F4A7C15
)

// flow is a point of the throughput.
type flow struct {
	op              string // read, write
	pattern         pattern
	size            int // of the cluster
	threads, chains int
	clusters        int
}

// The configuration of the whole-chip points.
const (
	chipThreads = 1024
	chipChains  = 4
)

func throughputPlan(gpu micro.GPU) []results.Point {
	var points []results.Point
	add := func(op, pattern string, size, threads, chains, clusters int) {
		points = append(points, results.P("op", op, "pattern", pattern, "cluster", strconv.Itoa(size), "threads", strconv.Itoa(threads),
			"chains", strconv.Itoa(chains), "clusters", strconv.Itoa(clusters)))
	}
	for _, size := range sizes() {
		for _, threads := range []int{128, 256, 512, 1024} {
			for _, chains := range []int{1, 2, 4, 8} {
				add("read", "ring", size, threads, chains, 1)
			}
		}
		for _, p := range patterns() {
			add("read", p.name, size, chipThreads, chipChains, clusters(gpu, size))
			if p.once {
				add("write", p.name, size, chipThreads, chipChains, clusters(gpu, size))
			}
		}
	}
	return points
}

func parseFlow(p results.Point) (flow, error) {
	f := flow{op: p.Get("op")}
	for _, known := range patterns() {
		if known.name == p.Get("pattern") {
			f.pattern = known
		}
	}
	var err error
	for _, field := range []struct {
		key string
		to  *int
	}{{"threads", &f.threads}, {"chains", &f.chains}, {"clusters", &f.clusters}} {
		if *field.to, err = strconv.Atoi(p.Get(field.key)); err != nil {
			return flow{}, fmt.Errorf("point {%s}: %s: %w", p.Key(), field.key, err)
		}
	}
	if f.size, err = sizeOf(p.Get("cluster")); err != nil || f.pattern.name == "" {
		return flow{}, fmt.Errorf("point {%s} is not one of cluster/throughput", p.Key())
	}
	return f, nil
}

// kernel names the kernel within the module of the cluster size.
func (f flow) kernel() string {
	if f.pattern.name == plainPattern {
		return "plain_" + f.op + strconv.Itoa(f.chains)
	}
	return f.op + strconv.Itoa(f.chains)
}

// passBytes is what a CTA moves in one pass of the loop.
func (f flow) passBytes() int { return f.threads * f.chains * accessBytes }

// iterations makes the first launch move about four megabytes a CTA.
func (f flow) iterations() int { return min(2048, max(8, 4<<20/f.passBytes())) }

func throughputJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	f, err := parseFlow(p)
	if err != nil {
		return nil, err
	}
	if err := supported(gpu); err != nil {
		return nil, err
	}
	verify := f
	verify.threads, verify.clusters = 32, 1
	words := len(kit.Multiples()) * harness.Words * f.clusters * f.size
	job := &micro.Job{
		Module: flowModule(gpu, f.size),
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * words)}, {Name: "result", Bytes: uint64(4 * verify.threads * f.size)},
		},
		Verify:  []micro.Launch{verify.launch(gpu, 0, verifyPasses, 1)},
		Samples: "samples", Result: "result", CheckedBy: micro.ByAnalytic, Check: verify.check,
		Expect: f.expect(),
	}
	for i, n := range kit.Multiples() {
		job.Launches = append(job.Launches, f.launch(gpu, i, n*f.iterations(), 0))
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build cluster throughput kernels: %w", err)
	}
	return job, nil
}

// verifyPasses is the number of loop passes of the verifying launch.
const verifyPasses = 2

func (f flow) expect() micro.Expect {
	opcode := map[string]string{"read": "LD.128", "write": "ST.128"}[f.op]
	if f.pattern.name == plainPattern {
		opcode = map[string]string{"read": "LDS.128", "write": "STS.128"}[f.op]
	}
	return micro.Expect{Kernel: f.kernel(), Instruction: opcode, Sections: []int{f.chains}}
}

func (f flow) launch(gpu micro.GPU, index, iterations int, verify uint32) micro.Launch {
	ctas := f.clusters * f.size
	return micro.Launch{Kernel: f.kernel(), Grid: micro.Dim(ctas), Block: micro.Dim(f.threads),
		SharedBytes: exclusive(gpu), NonPortable: f.size > portable,
		Args: []micro.Arg{
			micro.Ptr("samples", uint64(8*harness.Words*ctas*index)), micro.Ptr("result", 0), micro.U32(uint32(iterations)), micro.U32(0),
			micro.U32(f.pattern.mul), micro.U32(f.pattern.flip), micro.U32(f.pattern.add), micro.U32(verify)}}
}

// flowModule holds all kernels of a cluster size.
func flowModule(gpu micro.GPU, size int) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	for _, f := range []flow{
		{op: "read", chains: 1}, {op: "read", chains: 2}, {op: "read", chains: 4}, {op: "read", chains: 8}, {op: "write", chains: chipChains},
		{op: "read", chains: chipChains, pattern: pattern{name: plainPattern}}, {op: "write", chains: chipChains, pattern: pattern{name: plainPattern}},
	} {
		k := m.Kernel(f.kernel())
		k.Cluster = [3]int{size, 1, 1}
		f.build(k)
	}
	return m
}

// build writes a kernel: fill, cluster barrier, clock, loop, barrier, clock.
func (f flow) build(k *ptx.Kernel) {
	k.MaxThreads = 1024
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	iterations, zero := k.Param("iterations", ptx.B32), k.Param("zero", ptx.B32)
	mul, flip, add, verify := k.Param("mul", ptx.B32), k.Param("flip", ptx.B32), k.Param("add", ptx.B32), k.Param("verify", ptx.B32)
	base, sink := k.SharedAddress(k.DynamicShared()), k.SharedAddress(k.Shared("sink", 16, 16))
	thread, here := kit.Read(k, "%tid.x"), where(k)
	f.fill(k, base, thread, here)
	at := f.address(k, base, thread, here, []ptx.Reg{mul, flip, add})
	value, acc := f.values(k, thread, here), k.Regs(ptx.B32, 4)
	for _, a := range acc {
		k.I("mov.b32", a, ptx.Int(0))
	}
	clock := harness.NewStopwatch(k)
	meet(k)
	clock.Start()
	k.Loop(iterations, func(ptx.Reg) {
		// The address may change, for all that the compiler knows, so no access can leave the loop.
		k.I("xor.b32", at, at, zero)
		f.pass(k, at, value, acc)
	})
	sum := k.Reg(ptx.B32)
	k.I("mov.b32", sum, acc[0])
	kit.Sum(k, sum, acc[1:]...)
	if f.op == "read" {
		kit.Await(k, sink, sum)
		k.I("bar.sync", ptx.Int(0))
	} else {
		meet(k) // the stores have arrived
	}
	clock.Stop()
	clock.Store(samples, thread)
	meet(k) // nobody leaves while its memory is read
	if f.op == "write" {
		sum = f.digest(k, base, thread)
	}
	f.report(k, result, thread, here, sum, verify)
	k.I("ret")
}

// report stores the outcome of each thread where the launch verifies.
func (f flow) report(k *ptx.Kernel, result, thread ptx.Reg, here place, sum, verify ptx.Reg) {
	address, index := k.Reg(ptx.B64), k.Reg(ptx.B32)
	kit.When(k, "ne", verify, ptx.Int(0), func() {
		k.I("mad.lo.u32", index, here.rank, kit.Read(k, "%ntid.x"), thread)
		k.I("mad.wide.u32", address, index, ptx.Int(4), result)
		k.I("st.global.u32", ptx.At(address, 0), sum)
	})
}

// fill writes the CTA's region, or zeros where others will write.
func (f flow) fill(k *ptx.Kernel, base, thread ptx.Reg, here place) {
	address, word, seed := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mad.lo.u32", seed, here.rank, ptx.Int(rankMul), ptx.Int(fillAdd))
	kit.For(k, thread, ptx.Int(regionBytes/4), kit.Read(k, "%ntid.x"), func(i ptx.Reg) {
		k.I("mad.lo.u32", address, i, ptx.Int(4), base)
		k.I("mad.lo.u32", word, i, ptx.Int(fillMul), seed)
		if f.op == "write" {
			k.I("mov.b32", word, ptx.Int(0))
		}
		k.I("st.shared.u32", ptx.At(address, 0), word)
	})
}

// address is the thread's first access in the target's memory.
func (f flow) address(k *ptx.Kernel, base, thread ptx.Reg, here place, p []ptx.Reg) ptx.Reg {
	at, target := k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mad.lo.u32", at, thread, ptx.Int(accessBytes), base)
	if f.pattern.name == plainPattern {
		return at
	}
	k.I("mul.lo.u32", target, here.rank, p[0])
	k.I("xor.b32", target, target, p[1])
	k.I("add.u32", target, target, p[2])
	k.I("rem.u32", target, target, here.ranks)
	k.I("mapa.shared::cluster.u32", at, at, target)
	return at
}

// values are what a thread writes: the byte offset of each word within uStride,
// and the writer's rank.
func (f flow) values(k *ptx.Kernel, thread ptx.Reg, here place) []ptx.Reg {
	v := k.Regs(ptx.B32, accessBytes/4)
	if f.op != "write" {
		return v
	}
	k.I("mul.lo.u32", v[0], thread, ptx.Int(accessBytes))
	k.I("and.b32", v[0], v[0], ptx.Int(uStride-1))
	k.I("mad.lo.u32", v[0], here.rank, ptx.Int(rankMul), v[0])
	for j := range v[1:] {
		k.I("add.u32", v[j+1], v[j], ptx.Int(4))
	}
	return v
}

// pass adds the accesses of one loop pass.
func (f flow) pass(k *ptx.Kernel, at ptx.Reg, value, acc []ptx.Reg) {
	space := "shared::cluster"
	if f.pattern.name == plainPattern {
		space = "shared"
	}
	loaded := make([][]ptx.Reg, f.chains)
	for u := range loaded {
		if f.op == "write" {
			k.I("st."+space+".v4.u32", ptx.At(at, u*uStride), ptx.Vec(value))
			continue
		}
		loaded[u] = k.Regs(ptx.B32, accessBytes/4)
		k.I("ld."+space+".v4.u32", ptx.Vec(loaded[u]), ptx.At(at, u*uStride))
	}
	for _, v := range loaded {
		for j, w := range v {
			kit.Sum(k, acc[j], w)
		}
	}
}

// digest sums the CTA's region, each word times an odd number of its place.
func (f flow) digest(k *ptx.Kernel, base, thread ptx.Reg) ptx.Reg {
	address, word, weight, sum := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mov.b32", sum, ptx.Int(0))
	kit.For(k, thread, ptx.Int(regionBytes/4), kit.Read(k, "%ntid.x"), func(i ptx.Reg) {
		k.I("mad.lo.u32", address, i, ptx.Int(4), base)
		k.I("ld.shared.u32", word, ptx.At(address, 0))
		k.I("mad.lo.u32", weight, i, ptx.Int(2), ptx.Int(1))
		k.I("mad.lo.u32", sum, word, weight, sum)
	})
	return sum
}

// check compares the verifying launch's word of each thread with the truth.
func (f flow) check(result []byte) error {
	want := f.expected(verifyPasses)
	if len(result) != 4*len(want) {
		return fmt.Errorf("the result has %d bytes, expected %d", len(result), 4*len(want))
	}
	for i, w := range want {
		if got := binary.LittleEndian.Uint32(result[4*i:]); got != w {
			return fmt.Errorf("rank %d, thread %d: %#08x, expected %#08x: an access was lost or went elsewhere", i/f.threads, i%f.threads, got, w)
		}
	}
	return nil
}

// expected computes the words that one cluster leaves.
func (f flow) expected(passes int) []uint32 {
	memory := make([][]uint32, f.size)
	for r := range memory {
		memory[r] = make([]uint32, regionBytes/4)
		for i := range memory[r] {
			if f.op == "read" {
				memory[r][i] = uint32(i)*fillMul + uint32(r)*rankMul + fillAdd
			}
		}
	}
	out := make([]uint32, f.size*f.threads)
	for r := range f.size {
		target := memory[f.pattern.target(r, f.size)]
		for t := range f.threads {
			for u := range f.chains {
				for j := range accessBytes / 4 {
					i := (t*accessBytes+u*uStride)/4 + j
					if f.op == "read" {
						out[r*f.threads+t] += target[i] * uint32(passes)
					} else {
						target[i] = uint32(r)*rankMul + uint32((t*accessBytes)&(uStride-1)+4*j)
					}
				}
			}
		}
	}
	if f.op == "write" {
		for r := range f.size {
			for i, w := range memory[r] {
				out[r*f.threads+i%f.threads] += w * uint32(2*i+1)
			}
		}
	}
	return out
}

// flowRates are what the rounds of a point say.
type flowRates struct {
	perSM    []float64 // bytes per cycle and SM
	chip     []float64 // GB/s of all SMs that worked at once
	together float64   // part of a CTA's time in which all of the wave ran, in the launch with least
	clockMHz []float64
	sms      int // at once, in the round with fewest
	late     int // CTAs of later waves, in the round with most
	worstR2  float64
}

func readFlow(m *micro.Measured, f flow) (flowRates, error) {
	out := flowRates{sms: 1 << 30, worstR2: 1, together: 1}
	ctas, multiples := f.size*f.clusters, kit.Multiples()
	for _, r := range m.Readings {
		if len(r.Samples) != len(multiples)*ctas*harness.Words {
			return flowRates{}, fmt.Errorf("reading of %s has %d samples, want %d", m.Point.Key(), len(r.Samples), len(multiples)*ctas*harness.Words)
		}
		x, cycles, nanos := make([]float64, len(multiples)), make([]float64, len(multiples)), make([]float64, len(multiples))
		fewest := f.countedCTAs()
		for i, n := range multiples {
			w := firstWave(f.counted(r.Samples[i*ctas*harness.Words:][:ctas*harness.Words]))
			x[i], cycles[i], nanos[i] = float64(n*f.iterations()*f.passBytes()), w.cycles, w.nanos
			fewest = min(fewest, w.ctas)
			out.together = min(out.together, w.together)
			out.sms, out.late = min(out.sms, w.sms), max(out.late, f.countedCTAs()-w.ctas)
			if i == len(multiples)-1 {
				out.clockMHz = append(out.clockMHz, w.clockMHz)
			}
		}
		sm, chip := results.FitLine(x, cycles), results.FitLine(x, nanos)
		out.perSM = append(out.perSM, 1/sm.Slope)
		out.chip = append(out.chip, float64(fewest)/chip.Slope)
		out.worstR2 = min(out.worstR2, sm.R2)
	}
	return out, nil
}

// local says that a rank reads its own memory in a pattern that is about that of others.
func (f flow) local(rank int) bool { return !f.pattern.once && f.pattern.target(rank, f.size) == rank }

// counted leaves out the CTAs that read their own memory while others read it:
// they are far faster, and soon done.
func (f flow) counted(launch []uint64) []uint64 {
	var words []uint64
	for i := 0; i < len(launch); i += harness.Words {
		if !f.local(i / harness.Words % f.size) {
			words = append(words, launch[i:i+harness.Words]...)
		}
	}
	return words
}

func (f flow) countedCTAs() int {
	n := 0
	for r := range f.size {
		if !f.local(r) {
			n += f.clusters
		}
	}
	return n
}

// wave is the CTAs of a launch that ran at the same time.
type wave struct {
	ctas, sms     int
	cycles, nanos float64 // of a CTA: the median, and the harmonic mean, whose inverse is the mean rate
	clockMHz      float64
	together      float64 // last start to first stop, as a part of the median time
}

// firstWave takes the CTAs that started before any had stopped.
func firstWave(launch []uint64) wave {
	const clock0, clock1, time0, time1, sm = 0, 1, 2, 3, 4
	stopped := launch[time1]
	for i := 0; i < len(launch); i += harness.Words {
		stopped = min(stopped, launch[i+time1])
	}
	var cycles, nanos, clocks []float64
	last, inverse := uint64(0), 0.0
	seen := map[uint64]bool{}
	for i := 0; i < len(launch); i += harness.Words {
		c := launch[i : i+harness.Words]
		if c[time0] > stopped || c[time1] <= c[time0] {
			continue
		}
		took := float64(c[time1] - c[time0])
		cycles, nanos = append(cycles, float64(c[clock1]-c[clock0])), append(nanos, took)
		clocks = append(clocks, float64(c[clock1]-c[clock0])/took*1e3)
		inverse += 1 / took
		last = max(last, c[time0])
		seen[c[sm]] = true
	}
	if len(cycles) == 0 {
		return wave{}
	}
	return wave{
		ctas: len(cycles), sms: len(seen), cycles: results.Summarize(cycles).Median, nanos: float64(len(nanos)) / inverse,
		clockMHz: results.Summarize(clocks).Median, together: float64(stopped-last) / results.Summarize(nanos).Median,
	}
}

func throughputAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	surfaces := map[int]*surface{}
	for _, m := range measured {
		f, err := parseFlow(m.Point)
		if err != nil {
			return micro.Analysis{}, err
		}
		rates, err := readFlow(m, f)
		if err != nil {
			return micro.Analysis{}, err
		}
		if f.clusters == 1 {
			if surfaces[f.size] == nil {
				surfaces[f.size] = newSurface(f.size)
			}
			surfaces[f.size].add(m, f, rates)
			continue
		}
		a.Rows = append(a.Rows, flowRows(gpu, m, f, rates)...)
	}
	for _, size := range sizes() {
		if s := surfaces[size]; s != nil {
			a.Rows = append(a.Rows, s.row())
			a.Grids = append(a.Grids, s.grid)
		}
	}
	return a, nil
}

// flowRows makes the rows of a whole-chip point.
func flowRows(gpu micro.GPU, m *micro.Measured, f flow, rates flowRates) []micro.Row {
	sm := harness.NewRow(m, "bandwidth", "B/cycle/SM", rates.perSM)
	chip := harness.NewRow(m, "chip bandwidth", "GB/s", rates.chip)
	rows := []micro.Row{sm, chip}
	for i := range rows {
		row := &rows[i]
		row.Point = results.P("op", f.op, "pattern", f.pattern.name, "cluster", strconv.Itoa(f.size))
		row.HigherIsBetter = true
		row.ClockMHz, row.ClockFrom = results.Summarize(rates.clockMHz).Median, "kernel"
		row.Annotations = append(row.Annotations, fmt.Sprintf("%d threads, %d accesses of 16 B under way; %d of %d SMs worked at once, all of them for at least %.0f %% of a CTA's time; %d CTAs came later; R2 %.6f",
			f.threads, f.chains, rates.sms, gpu.SMs, 100*rates.together, rates.late, rates.worstR2))
		if f.local(0) {
			row.Annotations = append(row.Annotations, "rank 0, which reads its own memory, does not count")
		}
		if rates.worstR2 < harness.MinR2 {
			harness.Flag(row, "the time does not grow linearly with the work: R2 %.5f", rates.worstR2)
		}
		if m.Proof.Kind == results.ProofNone && rates.worstR2 >= harness.MinR2 {
			row.Proof = results.Proof{Kind: results.ProofScaling, Detail: fmt.Sprintf("time grows with the work, R2 %.6f", rates.worstR2)}
		}
	}
	if peak, ok := gpu.Spec.Rate("shared"); ok {
		harness.SetPeak(&rows[0], peak, "bytes per cycle of an SM's shared memory")
	}
	if f.op == "read" && f.pattern.name == "ring" && f.size <= 4 {
		parameter := map[int]string{2: "cluster_size=2 peak", 4: "cluster_size=4"}[f.size]
		rows[1].Published = published.Query{Benchmark: "DSM ring throughput", Parameter: parameter, Scale: 1000, Unit: "GB/s"}
	}
	return rows
}

// surface is the ring of one cluster: threads x chains.
type surface struct {
	size int
	grid results.Grid
	best micro.Row
}

func newSurface(size int) *surface {
	return &surface{size: size, grid: results.Grid{Name: fmt.Sprintf("ring, cluster of %d: threads x accesses under way", size),
		X: results.Axis{Label: "accesses under way"}, Y: results.Axis{Label: "threads"}, Z: results.Axis{Label: "bandwidth", Unit: "B/cycle/SM"},
		XLabels: []string{"1", "2", "4", "8"}}}
}

func (s *surface) add(m *micro.Measured, f flow, rates flowRates) {
	row := harness.NewRow(m, "best bandwidth", "B/cycle/SM", rates.perSM)
	threads := strconv.Itoa(f.threads)
	if n := len(s.grid.YLabels); n == 0 || s.grid.YLabels[n-1] != threads {
		s.grid.YLabels = append(s.grid.YLabels, threads)
		s.grid.Cells = append(s.grid.Cells, make([]*float64, len(s.grid.XLabels)))
	}
	for i, label := range s.grid.XLabels {
		if label == strconv.Itoa(f.chains) {
			s.grid.Cells[len(s.grid.Cells)-1][i] = &row.Value
		}
	}
	if s.best.Unit == "" || row.Value > s.best.Value {
		row.Annotations = []string{fmt.Sprintf("ring of one cluster, best at %d threads and %d accesses under way", f.threads, f.chains)}
		row.ClockMHz, row.ClockFrom = results.Summarize(rates.clockMHz).Median, "kernel"
		s.best = row
	}
}

func (s *surface) row() micro.Row {
	row := s.best
	row.Point = results.P("op", "read", "pattern", "ring", "cluster", strconv.Itoa(s.size), "clusters", "1")
	row.HigherIsBetter = true
	return row
}
