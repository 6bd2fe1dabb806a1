package device

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

const driverCopyName = "stream/driver-copy"

func driverCopy(o Options) micro.Benchmark {
	return micro.Benchmark{
		Name:     driverCopyName,
		Question: "How fast does the driver itself copy and fill the GPU's memory?",
		Method: "cuMemcpyDtoD and cuMemsetD8 over arrays of 2 GiB, or as many as there is room for. One thread reads %globaltimer before and after one transfer, and before and after three in a row; " +
			"the time of one is half of the difference, so that what lies between a transfer and its neighbours does not count. A copy counts the bytes read and the bytes written (a tool that counts one direction shows half). Ten trials, the first not counted. " +
			"Whether a copy engine or a kernel of the driver moves the bytes is the driver's choice.",
		Source: source + "; CUDA driver API, cuMemcpyDtoD, cuMemsetD8", Experiment: "STREAM", Units: []string{"GB/s"}, Rounds: stream.Trials,
		Plan: func(micro.GPU) []results.Point {
			return []results.Point{results.P("op", opCopy), results.P("op", opFill)}
		},
		Job: o.driverCopyJob, Analyse: o.driverCopyAnalyse,
	}
}

// Transfers of the driver.
const (
	opCopy = "copy"
	opFill = "fill"
)

// fillByte is what the driver fills with.
const fillByte = 0x5A

// transfers are the lengths of the two rows of transfers of a trial.
func transfers() [2]int { return [2]int{1, 3} }

func (o Options) driverCopyJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	size, err := o.Size(gpu)
	if err != nil {
		return nil, micro.Unsupportedf("%v", err)
	}
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	stampKernel(m.Kernel("stamp"))
	fillKernel(m.Kernel("fill"), stream.F64)
	sampleKernel(m.Kernel("sample"))
	job := &micro.Job{
		Module:  m,
		Buffers: []micro.Buffer{{Name: "samples", Bytes: 8 * 4}, {Name: "result", Bytes: 8 * probes}, {Name: "a", Bytes: size}},
		Samples: "samples", Result: "result", CheckedBy: micro.ByAnalytic,
	}
	transfer := micro.Transfer{To: micro.Ptr("a", 0), From: micro.Arg{Bits: fillByte}, Bytes: size}
	elements := size / 8
	switch op := p.Get("op"); op {
	case opCopy:
		job.Buffers = append(job.Buffers, micro.Buffer{Name: "c", Bytes: size})
		job.Setup = []micro.Launch{counting.launch(gpu, stream.F64, "a", 0, elements)}
		transfer = micro.Transfer{To: micro.Ptr("c", 0), From: micro.Ptr("a", 0), Bytes: size}
	case opFill:
	default:
		return nil, fmt.Errorf("point {%s} is not one of %s", p.Key(), driverCopyName)
	}
	job.Verify = []micro.Launch{{Transfer: &transfer}, {Kernel: "sample", Grid: micro.Dim(1), Block: micro.Dim(probes),
		Args: []micro.Arg{transfer.To, micro.Ptr("result", 0), micro.U32(uint32(elements / probes))}}}
	job.Check = func(result []byte) error { return checkProbes(result, p.Get("op"), elements) }
	for i, n := range transfers() {
		job.Launches = append(job.Launches, stamp(2*i))
		job.Launches = append(job.Launches, slices.Repeat([]micro.Launch{{Transfer: &transfer}}, n)...)
		job.Launches = append(job.Launches, stamp(2*i+1))
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build the kernels of %s: %w", driverCopyName, err)
	}
	return job, nil
}

// stampKernel writes %globaltimer to a word.
func stampKernel(k *ptx.Kernel) {
	to, now := k.Param("to", ptx.B64), k.Reg(ptx.B64)
	k.I("mov.u64", now, ptx.Special("%globaltimer"))
	k.I("st.global.u64", ptx.At(to, 0), now)
	k.I("ret")
}

func stamp(word int) micro.Launch {
	return micro.Launch{Kernel: "stamp", Grid: micro.Dim(1), Block: micro.Dim(1), Args: []micro.Arg{micro.Ptr("samples", uint64(8*word))}}
}

// probes are the elements that are compared, at equal distances over the array.
const probes = 1024

// probe is the index of an element.
func probe(i int, elements uint64) uint64 {
	return uint64(i)*(elements/probes) + uint64(i)%(elements/probes)
}

// sampleKernel brings the probes together: thread i that of number i.
func sampleKernel(k *ptx.Kernel) {
	from, to, step := k.Param("from", ptx.B64), k.Param("to", ptx.B64), k.Param("step", ptx.B32)
	i, index, address, v := kit.Read(k, "%tid.x"), k.Reg(ptx.B32), k.Reg(ptx.B64), k.Reg(ptx.B64)
	k.I("rem.u32", index, i, step)
	k.I("mad.lo.u32", index, i, step, index)
	k.I("mad.wide.u32", address, index, ptx.Int(8), from)
	k.I("ld.global.u64", v, ptx.At(address, 0))
	k.I("mad.wide.u32", address, i, ptx.Int(8), to)
	k.I("st.global.u64", ptx.At(address, 0), v)
	k.I("ret")
}

// checkProbes compares the probes with what was copied or filled.
func checkProbes(result []byte, op string, elements uint64) error {
	if len(result) != 8*probes {
		return fmt.Errorf("%d bytes of probes, expected %d", len(result), 8*probes)
	}
	for i := range probes {
		got := binary.LittleEndian.Uint64(result[8*i:])
		want := uint64(fillByte) * 0x0101010101010101
		if op == opCopy {
			want = counting.bits(level(uint32(probe(i, elements)), 0))
		}
		if got != want {
			return fmt.Errorf("element %d is %#x, expected %#x", probe(i, elements), got, want)
		}
	}
	return nil
}

func (o Options) driverCopyAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	size, err := o.Size(gpu)
	if err != nil {
		return failed(measured, stream.MetricMedian, err), nil
	}
	for _, m := range measured {
		if !m.OK() {
			a.Rows = append(a.Rows, harness.Failed(m, stream.MetricMedian, "GB/s", m.Err))
			continue
		}
		counted := float64(size)
		if m.Point.Get("op") == opCopy {
			counted *= 2
		}
		row, err := transferRow(m, counted)
		if err != nil {
			return micro.Analysis{}, fmt.Errorf("{%s}: %w", m.Point.Key(), err)
		}
		peak, from := gpu.DRAMPeak()
		harness.SetPeak(&row, peak, from)
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

// transferRow is the bandwidth by the slope over the two rows of transfers.
func transferRow(m *micro.Measured, bytes float64) (micro.Row, error) {
	n := transfers()
	var rates []float64
	ratio := 0.0
	for i, r := range m.Readings {
		w := r.Samples
		if len(w) != 4 || w[1] <= w[0] || w[3]-w[2] <= w[1]-w[0] {
			return micro.Row{}, fmt.Errorf("times %v do not grow with the transfers", w)
		}
		one, three := float64(w[1]-w[0]), float64(w[3]-w[2])
		if i == 0 && len(m.Readings) > 1 {
			continue
		}
		rates = append(rates, bytes*float64(n[1]-n[0])/(three-one))
		ratio = three / one
	}
	row := harness.NewRow(m, stream.MetricMedian, "GB/s", rates)
	row.HigherIsBetter = true
	row.Proof = results.Proof{Kind: results.ProofScaling, Detail: fmt.Sprintf("three transfers took %.4f times as long as one", ratio)}
	if math.Abs(ratio-3) > 0.1 {
		row.Proof.Kind = results.ProofNone
	}
	row.Annotations = []string{stream.Variant}
	return row, nil
}
