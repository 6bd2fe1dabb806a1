package cluster

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func latency() micro.Benchmark {
	return micro.Benchmark{
		Name:     "cluster/latency",
		Question: "How many cycles does a dependent load from another SM's shared memory take, for each pair of SMs?",
		Method: "In each cluster one rank after another follows a chain of addresses in the shared memory of every rank, its own included " +
			"and a plain chain (ld.shared) in its own. address=generic: the chain holds 64-bit addresses as the machine's LD takes them (mapa.u64, ld.u64); " +
			"address=window: 32-bit addresses of ld.shared::cluster, which the compiler widens by moves that are part of the chain. A pair's latency is the " +
			"slope over chains of n, 2n and 3n loads; SMs are named by %smid. One CTA an SM; the grid has twice as many clusters as the SMs could hold, and which pairs of SMs it met " +
			"is the GPU's choice and read from the samples. The row of all pairs is the mean of the pairs' medians: their distribution has two humps, near which a median would " +
			"jump with the pairs that happened to meet. The matrix is the median over rounds, cluster sizes and ranks, of generic addresses.",
		Source:     "arXiv 2501.12084 section 7.1 and the authors' raw pairs, arXiv 2402.13499 section IV-E",
		Experiment: "E16",
		Units:      []string{"cycles"},
		Rounds:     3,
		Plan:       latencyPlan,
		Job:        latencyJob,
		Analyse:    latencyAnalyse,
	}
}

const (
	// unrolled loads stand in the loop's body.
	unrolled = 8
	// chains of a pair are 1, 2 and 3 times as long as loops passes of the body.
	chains = 3
	loops  = 3
	// nodes of a chain, one a lane.
	nodes = 32
	// pairWords are the sample words of a pair: reader and target, and the cycles.
	pairWords = 2
	// plain is the target's SM in samples of plain shared loads.
	plain = 0xFFFF
	// Cycles of the three chains share a word.
	cycleBits = 21
	// waves of clusters are launched.
	waves = 2
)

func latencyPlan(micro.GPU) []results.Point {
	var points []results.Point
	for _, n := range sizes() {
		for _, a := range addressings() {
			points = append(points, results.P("cluster", strconv.Itoa(n), "address", a.name))
		}
	}
	return points
}

// addressing is how a chain names the memory of a CTA.
type addressing struct {
	name, load, store string
	// wide says that an address has 64 bits.
	wide bool
}

func addressings() []addressing {
	return []addressing{
		{"generic", "ld.u64", "st.u64", true},
		{"window", "ld.shared::cluster.u32", "st.shared::cluster.u32", false},
	}
}

// own is plain shared memory, which only the CTA itself can name.
var own = addressing{"plain", "ld.shared.u32", "st.shared.u32", false}

// stride is the distance of nodes, the size of an address.
func (a addressing) stride() int {
	if a.wide {
		return 8
	}
	return 4
}

func addressingOf(p results.Point) (addressing, error) {
	for _, a := range addressings() {
		if a.name == p.Get("address") {
			return a, nil
		}
	}
	return addressing{}, fmt.Errorf("point {%s}: no such addressing", p.Key())
}

// clusters is the number of clusters that one wave has at most.
func clusters(gpu micro.GPU, size int) int { return max(1, gpu.SMs/size) }

func latencyJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	size, err := sizeOf(p.Get("cluster"))
	if err != nil {
		return nil, err
	}
	a, err := addressingOf(p)
	if err != nil {
		return nil, err
	}
	if err := supported(gpu); err != nil {
		return nil, err
	}
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	k := m.Kernel("pairs")
	k.Cluster = [3]int{size, 1, 1}
	pairsKernel(k, a)
	count := waves * clusters(gpu, size)
	job := &micro.Job{
		Module: m,
		Buffers: []micro.Buffer{
			{Name: "samples", Bytes: uint64(8 * count * clusterWords(size))}, {Name: "result", Bytes: uint64(4 * size * (size + 1))},
		},
		Verify:   []micro.Launch{pairsLaunch(gpu, size, 1)},
		Launches: []micro.Launch{pairsLaunch(gpu, size, count)},
		Samples:  "samples", Result: "result", CheckedBy: micro.ByAnalytic,
		Check:  func(result []byte) error { return checkEnds(result, size, a) },
		Expect: micro.Expect{Kernel: "pairs", Instruction: "LD", Sections: []int{unrolled}},
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build pairs kernel: %w", err)
	}
	return job, nil
}

// clusterWords is the number of sample words of a cluster.
func clusterWords(size int) int { return pairWords * size * (size + 1) }

func pairsLaunch(gpu micro.GPU, size, count int) micro.Launch {
	return micro.Launch{Kernel: "pairs", Grid: micro.Dim(size * count), Block: micro.Dim(nodes),
		SharedBytes: exclusive(gpu), NonPortable: size > portable,
		Args: []micro.Arg{micro.Ptr("samples", 0), micro.Ptr("result", 0), micro.U32(loops), micro.U32(0)}}
}

// pairsKernel writes the kernel: ranks take turns; the one whose turn it is
// chases through the memory of each rank, then plainly through its own.
func pairsKernel(k *ptx.Kernel, a addressing) {
	samples, result := k.Param("samples", ptx.B64), k.Param("result", ptx.B64)
	length, zero := k.Param("loops", ptx.B32), k.Param("zero", ptx.B32)
	base, sink := k.SharedAddress(k.DynamicShared()), k.SharedAddress(k.Shared("sink", 4*nodes, 16))
	here, lane := where(k), kit.Read(k, "%tid.x")
	k.I("mad.lo.u32", sink, lane, ptx.Int(4), sink)
	v := visit{k: k, length: length, zero: zero, sink: sink, lane: lane, here: here, samples: samples, result: result}
	// Every CTA leaves its SM's number for the others.
	k.I("st.shared.u32", ptx.At(base, smOffset), here.sm)
	meet(k)
	inside := k.Reg(ptx.B32)
	k.I("add.u32", inside, base, ptx.Int(plainOffset))
	kit.For(k, ptx.Int(0), here.ranks, ptx.Int(1), func(turn ptx.Reg) {
		kit.When(k, "eq", turn, here.rank, func() {
			kit.For(k, ptx.Int(0), here.ranks, ptx.Int(1), func(target ptx.Reg) {
				start, _ := a.there(k, base, target)
				v.write(a, start)
			})
			v.write(own, inside)
		})
		meet(k) // the chains have arrived
		kit.When(k, "eq", turn, here.rank, func() {
			kit.For(k, ptx.Int(0), here.ranks, ptx.Int(1), func(target ptx.Reg) {
				start, window := a.there(k, base, target)
				sm := k.Reg(ptx.B32)
				k.I("ld.shared::cluster.u32", sm, ptx.At(window, smOffset))
				v.chase(a, start, target, sm)
			})
			none := k.Reg(ptx.B32)
			k.I("mov.b32", none, ptx.Int(plain))
			v.chase(own, inside, here.ranks, none)
		})
		meet(k)
	})
	k.I("ret")
}

// A CTA's memory holds the chain of the rank whose turn it is, its own plain
// chain, and its SM's number.
const (
	plainOffset = 512
	smOffset    = 1024
)

// visit is what the chases of a kernel share.
type visit struct {
	k                        *ptx.Kernel
	length, zero, sink, lane ptx.Reg
	here                     place
	samples, result          ptx.Reg
}

// there is the target's address of base, which is this CTA's: as the chain
// spells it, and in the shared::cluster window.
func (a addressing) there(k *ptx.Kernel, base, target ptx.Reg) (address, window ptx.Reg) {
	window = k.Reg(ptx.B32)
	k.I("mapa.shared::cluster.u32", window, base, target)
	if !a.wide {
		return window, window
	}
	address = k.Reg(ptx.B64)
	k.I("cvt.u64.u32", address, base)
	k.I("cvta.shared.u64", address, address)
	k.I("mapa.u64", address, address, target)
	return address, window
}

// node is the address of a node.
func (a addressing) node(k *ptx.Kernel, base, number ptx.Reg) ptx.Reg {
	r := k.Reg(base.Type())
	if a.wide {
		k.I("mad.wide.u32", r, number, ptx.Int(a.stride()), base)
	} else {
		k.I("mad.lo.u32", r, number, ptx.Int(a.stride()), base)
	}
	return r
}

// write writes a chain at base, a node a lane. Its addresses are this CTA's
// names for them, so that following it needs no arithmetic.
func (v visit) write(a addressing, base ptx.Reg) {
	k := v.k
	next := k.Reg(ptx.B32)
	k.I("add.u32", next, v.lane, ptx.Int(1))
	k.I("and.b32", next, next, ptx.Int(nodes-1))
	k.I(a.store, ptx.At(a.node(k, base, v.lane), 0), a.node(k, base, next))
}

// chase follows the chain at base with one lane, and stores a sample as number
// column of this rank.
func (v visit) chase(a addressing, base, column, sm ptx.Reg) {
	kit.When(v.k, "eq", v.lane, ptx.Int(0), func() {
		at, packed := v.walk(a, base)
		v.store(a.offset(v.k, base, at), column, sm, packed)
	})
	v.k.I("bar.warp.sync", ptx.Int(-1))
}

// offset is how many bytes at lies behind base, as a b32.
func (a addressing) offset(k *ptx.Kernel, base, at ptx.Reg) ptx.Reg {
	r := k.Reg(ptx.B32)
	if !a.wide {
		k.I("sub.u32", r, at, base)
		return r
	}
	away := k.Reg(ptx.B64)
	k.I("sub.u64", away, at, base)
	k.I("cvt.u32.u64", r, away)
	return r
}

// walk follows the chain once to warm the instruction cache, then for each
// length; the cycles of the first are shifted out of the packed word.
func (v visit) walk(a addressing, base ptx.Reg) (at, packed ptx.Reg) {
	k := v.k
	at, packed = k.Reg(base.Type()), k.Reg(ptx.B64)
	times, elapsed, first := k.Reg(ptx.B32), k.Reg(ptx.B64), k.Reg(ptx.Pred)
	k.I("mov."+string(base.Type()), at, base)
	k.I("mov.b64", packed, ptx.Int(0))
	k.I("mov.b32", times, ptx.Int(0))
	k.Loop(ptx.Int(1+chains), func(pass ptx.Reg) {
		k.I("setp.le.u32", first, pass, ptx.Int(1))
		k.If(first).I("mov.b32", times, ptx.Int(0))
		k.I("add.u32", times, times, v.length)
		v.timed(at, elapsed, func() {
			k.Loop(times, func(ptx.Reg) {
				for range unrolled {
					k.I(a.load, at, ptx.At(at, 0))
				}
			})
		})
		k.I("min.u64", elapsed, elapsed, ptx.Int(1<<cycleBits-1))
		k.I("shr.u64", packed, packed, ptx.Int(cycleBits))
		k.I("shl.b64", elapsed, elapsed, ptx.Int((chains-1)*cycleBits))
		k.I("or.b64", packed, packed, elapsed)
	})
	return at, packed
}

// timed gives the cycles of code that starts from at and ends in it.
func (v visit) timed(at, elapsed ptx.Reg, code func()) {
	k := v.k
	start, stop, opaque := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B32)
	k.I("mov.u64", start, ptx.Special("%clock64"))
	k.I("cvt.u32.u64", opaque, start)
	k.I("and.b32", opaque, opaque, v.zero)
	harness.Entangle(k, at, opaque)
	code()
	kit.Await(k, v.sink, harness.Word(k, at))
	k.I("mov.u64", stop, ptx.Special("%clock64"))
	k.I("sub.u64", elapsed, stop, start)
}

// store writes the sample, and where the chase ended as the result.
func (v visit) store(end, column, sm, packed ptx.Reg) {
	k := v.k
	row, columns, index := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	address, names, wide := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B64)
	k.I("add.u32", columns, v.here.ranks, ptx.Int(1))
	k.I("mad.lo.u32", index, v.here.rank, columns, column)
	k.I("mad.wide.u32", address, index, ptx.Int(4), v.result)
	k.I("st.global.u32", ptx.At(address, 0), end)
	k.I("mad.lo.u32", row, v.here.cluster, v.here.ranks, v.here.rank)
	k.I("mad.lo.u32", index, row, columns, column)
	k.I("mad.wide.u32", address, index, ptx.Int(8*pairWords), v.samples)
	k.I("cvt.u64.u32", names, v.here.sm)
	k.I("shl.b64", names, names, ptx.Int(32))
	k.I("cvt.u64.u32", wide, sm)
	k.I("or.b64", names, names, wide)
	k.I("st.global.u64", ptx.At(address, 0), names)
	k.I("st.global.u64", ptx.At(address, 8), packed)
}

// walked is the number of loads of a pair: the pass that warms up, then 1, 2
// and 3 times loops.
func walked() int { return unrolled * loops * (1 + 1 + 2 + 3) }

// checkEnds checks that every chase ended at the right node.
func checkEnds(result []byte, size int, a addressing) error {
	if len(result) != 4*size*(size+1) {
		return fmt.Errorf("the result has %d bytes, not %d", len(result), 4*size*(size+1))
	}
	for i := range size * (size + 1) {
		want := uint32(walked() % nodes * a.stride())
		if i%(size+1) == size {
			want = uint32(walked() % nodes * own.stride())
		}
		if got := binary.LittleEndian.Uint32(result[4*i:]); got != want {
			return fmt.Errorf("rank %d's chase through rank %d (%d is its own, plainly) ended %d bytes from its start, expected %d",
				i/(size+1), i%(size+1), size, int32(got), want)
		}
	}
	return nil
}

// pair is a reader and a target.
type pair struct{ reader, target int }

// pairSamples are the latencies of the pairs that the data has.
type pairSamples struct {
	remote map[pair][]float64
	own    []float64 // own memory by its cluster address
	plain  []float64 // own memory by ld.shared
	sms    map[int]bool
}

// readPairs reads the samples of one cluster size.
func readPairs(m *micro.Measured) (pairSamples, error) {
	out := pairSamples{remote: map[pair][]float64{}, sms: map[int]bool{}}
	size, err := sizeOf(m.Point.Get("cluster"))
	if err != nil {
		return out, err
	}
	for _, r := range m.Readings {
		if len(r.Samples) == 0 || len(r.Samples)%clusterWords(size) != 0 {
			return out, fmt.Errorf("pairs reading of %s has %d samples, not a multiple of %d", m.Point.Key(), len(r.Samples), clusterWords(size))
		}
		for i := 0; i < len(r.Samples); i += pairWords {
			reader, target := int(r.Samples[i]>>32), int(r.Samples[i]&0xFFFF_FFFF)
			cycles := slopeOf(r.Samples[i+1])
			out.sms[reader] = true
			switch target {
			case plain:
				out.plain = append(out.plain, cycles)
			case reader:
				out.own = append(out.own, cycles)
			default:
				p := pair{reader, target}
				out.remote[p] = append(out.remote[p], cycles)
			}
		}
	}
	return out, nil
}

// slopeOf is the cycles of a load from the packed cycles of the three chains.
func slopeOf(packed uint64) float64 {
	x, y := make([]float64, chains), make([]float64, chains)
	for i := range x {
		x[i] = float64((i + 1) * loops * unrolled)
		y[i] = float64(packed >> (i * cycleBits) & (1<<cycleBits - 1))
	}
	return results.FitLine(x, y).Slope
}

func latencyAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	merged := map[pair][]float64{} // of generic addresses, which have no arithmetic between the loads
	for _, m := range measured {
		s, err := readPairs(m)
		if err != nil {
			return micro.Analysis{}, err
		}
		if m.Point.Get("address") == addressings()[0].name {
			for p, list := range s.remote {
				merged[p] = append(merged[p], list...)
			}
		}
		a.Rows = append(a.Rows, s.rows(gpu, m)...)
	}
	pairs := published.DSMPairs()
	a.Grids = []results.Grid{pairGrid(gpu, merged), pairs[len(pairs)-1]} // the last is of the greatest clusters
	return a, nil
}

// rows makes the rows of a cluster size.
func (s pairSamples) rows(gpu micro.GPU, m *micro.Measured) []micro.Row {
	size, address := m.Point.Get("cluster"), m.Point.Get("address")
	at := func(what string) results.Point { return results.P("cluster", size, "address", address, "space", what) }
	var medians []float64
	for _, list := range s.remote {
		medians = append(medians, results.Summarize(list).Median)
	}
	slices.Sort(medians)
	var rows []micro.Row
	add := func(space, metric string, values []float64, low, high float64, also published.Query) {
		if len(values) == 0 {
			return
		}
		row := harness.NewRow(m, metric, "cycles", values)
		row.Point, row.Published = at(space), also
		row.Annotations = append(row.Annotations, fmt.Sprintf("%d of %d SMs read, %d of %d ordered pairs met", len(s.sms), gpu.SMs, len(s.remote), gpu.SMs*(gpu.SMs-1)))
		harness.SetBand(&row, low, high)
		rows = append(rows, row)
	}
	remote := published.Query{Benchmark: "DSM latency: remote shared"}
	add("remote", "latency", medians, 120, 320, remote)
	if len(medians) > 0 {
		averaged(&rows[0], medians)
		add("remote", "least latency", medians[:1], 120, 320, published.Query{})
		add("remote", "greatest latency", medians[len(medians)-1:], 120, 400, published.Query{})
	}
	add("own", "latency", s.own, 20, 60, published.Query{Benchmark: "DSM latency: own shared via DSM interface"})
	add("own plain", "latency", s.plain, 18, 35, published.Query{Benchmark: "DSM latency: local shared direct"})
	return rows
}

// averaged makes a row of pairs one of their mean.
func averaged(row *micro.Row, medians []float64) {
	mean, deviation := stat.MeanStdDev(medians, nil)
	row.Annotations = append(row.Annotations, fmt.Sprintf("mean of the pairs; their median is %.1f cycles", row.Value))
	row.Value, row.Interval, row.Confidence = mean, nil, 0
	if n := float64(len(medians)); n > 1 {
		reach := normalQuantile * deviation / math.Sqrt(n)
		row.Interval, row.Confidence = &[2]float64{mean - reach, mean + reach}, harness.Confidence
	}
}

// normalQuantile is where 2.5 % of a normal distribution lie above.
const normalQuantile = 1.96

// pairGrid is the matrix over all SMs; pairs that never met are null.
func pairGrid(gpu micro.GPU, merged map[pair][]float64) results.Grid {
	sms := gpu.SMs
	for p := range merged {
		sms = max(sms, p.reader+1, p.target+1)
	}
	g := results.Grid{Name: "latency between SMs", X: results.Axis{Label: "SM whose memory is read"}, Y: results.Axis{Label: "SM that reads"},
		Z: results.Axis{Label: "latency", Unit: "cycles"}, Cells: make([][]*float64, sms)}
	for i := range sms {
		g.XLabels, g.YLabels = append(g.XLabels, strconv.Itoa(i)), append(g.YLabels, strconv.Itoa(i))
		g.Cells[i] = make([]*float64, sms)
	}
	for p, list := range merged {
		v := results.Summarize(list).Median
		g.Cells[p.reader][p.target] = &v
	}
	return g
}
