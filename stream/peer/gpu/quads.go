//go:build peer

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/device"
)

// bench is what all comparisons share.
type bench struct {
	dev   micro.Device
	gpu   micro.GPU
	image []byte // of the CUDA C side
	quads int
}

// side is a kernel in some shape of launch.
type side struct {
	name string
	job  *micro.Job
	code micro.Code
}

// compare puts the best shape of ours beside the best of CUDA C, and that beside itself.
func (b bench) compare(ctx context.Context, kernel string, bytes uint64) ([]results.Row, error) {
	k, err := stream.Find(kernel)
	if err != nil {
		return nil, err
	}
	peers, err := b.peers(kernel, bytes)
	if err != nil {
		return nil, err
	}
	own, err := b.own(ctx, kernel, bytes)
	if err != nil {
		return nil, err
	}
	reference, err := b.best(ctx, peers)
	if err != nil {
		return nil, err
	}
	variant, err := b.best(ctx, own)
	if err != nil {
		return nil, err
	}
	var rows []results.Row
	for _, v := range []side{reference, variant} {
		row, err := b.alternate(ctx, k, bytes, reference, v)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// own are our kernels in all shapes.
func (b bench) own(ctx context.Context, kernel string, bytes uint64) ([]side, error) {
	walks, err := device.Walks(b.gpu, kernel, stream.F64, bytes)
	if err != nil {
		return nil, err
	}
	text, err := walks[0].Job.Text()
	if err != nil {
		return nil, err
	}
	code, err := b.dev.Compile(ctx, kernel, text)
	if err != nil {
		return nil, err
	}
	var list []side
	for _, w := range walks {
		list = append(list, side{"ours: " + w.Shape, w.Job, code})
	}
	return list, nil
}

// peers are the forms of a kernel in CUDA C: the grid-stride loop with a quarter of
// a thread an element, and as many blocks as fit at once; and a thread an element.
func (b bench) peers(kernel string, bytes uint64) ([]side, error) {
	which := slices.Index([]string{stream.Copy, stream.Scale, stream.Add, stream.Triad, stream.Nstream, stream.Dot}, kernel)
	if which < 0 {
		return nil, fmt.Errorf("CUDA C has no %s", kernel)
	}
	n := int(bytes / 8)
	if kernel == stream.Dot {
		return []side{b.peer(kernel+"_stride", which, bytes, 4*b.gpu.SMs, 1024), b.peer(kernel+"_stride", which, bytes, 2*b.gpu.SMs, 1024)}, nil
	}
	return []side{
		b.peer(kernel+"_stride", which, bytes, (n/4+255)/256, 256), b.peer(kernel+"_stride", which, bytes, 8*b.gpu.SMs, 256),
		b.peer(kernel+"_each", which, bytes, (n+255)/256, 256), b.peer(kernel+"_each", which, bytes, (n+1023)/1024, 1024),
	}, nil
}

// peer is a kernel of the cubin; the module of its job is not used.
func (b bench) peer(name string, which int, bytes uint64, blocks, threads int) side {
	args := []micro.Arg{micro.Ptr("a", 0), micro.Ptr("b", 0), micro.Ptr("c", 0), micro.Ptr("sums", 0), micro.U64(bytes / 8)}
	run := micro.Launch{Kernel: name, Grid: micro.Dim(blocks), Block: micro.Dim(threads), Args: args}
	wide := func(kernel string, more ...micro.Arg) micro.Launch {
		return micro.Launch{Kernel: kernel, Grid: micro.Dim(8 * b.gpu.SMs), Block: micro.Dim(256), Args: append(slices.Clone(args), more...)}
	}
	job := &micro.Job{Samples: "samples", Result: "result",
		Buffers: []micro.Buffer{{Name: "samples", Bytes: 8}, {Name: "result", Bytes: 16}, {Name: "sums", Bytes: 8 << 10},
			{Name: "a", Bytes: bytes}, {Name: "b", Bytes: bytes}, {Name: "c", Bytes: bytes}},
		Setup:    []micro.Launch{wide("init")},
		Verify:   []micro.Launch{run, wide("check", micro.Ptr("result", 0), micro.U32(uint32(which)), micro.U32(uint32(blocks)))},
		Launches: []micro.Launch{run},
		Check: func(result []byte) error {
			wrong, compared := binary.LittleEndian.Uint64(result), binary.LittleEndian.Uint64(result[8:])
			if wrong > 0 || compared != bytes/8 {
				return fmt.Errorf("%s: %d of %d elements are wrong", name, wrong, compared)
			}
			return nil
		},
	}
	return side{fmt.Sprintf("CUDA C: %s, %d x %d", name, blocks, threads), job, micro.Code{Image: b.image}}
}

// open makes a session and checks the kernel's result.
func (b bench) open(ctx context.Context, s side) (micro.Session, error) {
	session, err := b.dev.Open(ctx, micro.JobID{Benchmark: "stream/peer", Point: s.name}, s.job, s.code)
	if err != nil {
		return nil, err
	}
	result, err := session.Verify(ctx)
	if err == nil {
		err = s.job.Check(result)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), session.Close())
	}
	return session, nil
}

// tries of a shape, the first of which only warms up.
const tries = 8

// best is the side with the shortest median time.
func (b bench) best(ctx context.Context, sides []side) (side, error) {
	var best side
	least := 0.0
	for _, s := range sides {
		session, err := b.open(ctx, s)
		if err != nil {
			return best, err
		}
		var times []float64
		for i := range tries {
			r, err := session.Run(ctx)
			if err != nil {
				return best, errors.Join(err, session.Close())
			}
			if i > 0 {
				times = append(times, r.ElapsedNS)
			}
		}
		if err := session.Close(); err != nil {
			return best, err
		}
		if t := results.Summarize(times).Median; least == 0 || t < least {
			best, least = s, t
		}
	}
	return best, nil
}

// alternate takes quads: reference, variant, variant, reference.
func (b bench) alternate(ctx context.Context, k stream.Kernel, bytes uint64, reference, variant side) (row results.Row, err error) {
	var sessions [2]micro.Session
	for i, s := range []side{reference, variant} {
		if sessions[i], err = b.open(ctx, s); err != nil {
			return row, err
		}
		defer func() { err = errors.Join(err, sessions[i].Close()) }()
	}
	var speeds, took []float64
	for i := 0; i <= b.quads; i++ {
		var times [4]float64
		for j, of := range []int{0, 1, 1, 0} {
			r, err := sessions[of].Run(ctx)
			if err != nil {
				return row, err
			}
			times[j] = r.ElapsedNS
		}
		if i > 0 { // the first warms up
			speeds = append(speeds, (times[0]+times[3])/(times[1]+times[2]))
			took = append(took, times[0], times[3])
		}
	}
	rate := float64(bytes) * float64(k.Reads+k.Writes) / results.Summarize(took).Median
	return b.row(k, bytes, reference, variant, speeds, rate), nil
}

// row is the comparison as a row, and a line on the terminal.
func (b bench) row(k stream.Kernel, bytes uint64, reference, variant side, speeds []float64, rate float64) results.Row {
	stats := results.Summarize(speeds)
	lo, hi, confidence := results.MedianInterval(speeds, 0.95)
	fmt.Printf("%-8s %-44s %-14s %7.4f  [%.4f, %.4f] %9.1f\n", k.Name, variant.name, "CUDA C", stats.Median, lo, hi, rate)
	return results.Row{
		Benchmark: "stream/device/peer", Metric: "speed ratio", Unit: "x", HigherIsBetter: true, Status: results.OK,
		Point: results.P("kernel", k.Name, "type", string(stream.F64), "variant", variant.name, "reference", reference.name, "bytes", fmt.Sprint(bytes)),
		Value: stats.Median, Stats: &stats, Interval: &[2]float64{lo, hi}, Confidence: confidence,
		Proof: results.Proof{Kind: results.ProofNone}, Correct: results.Check{By: micro.ByAnalytic, OK: true},
		Annotations: []string{stream.Variant, fmt.Sprintf("median of %d quads (reference, variant, variant, reference), each launch timed by events", len(speeds)),
			fmt.Sprintf("the reference ran at %.1f GB/s", rate)},
	}
}
