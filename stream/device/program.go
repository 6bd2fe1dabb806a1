package device

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/stream"
)

// program is a module: one kernel of STREAM in all its shapes, with what fills
// its arrays and checks them.
type program struct {
	t stream.Type
	// arrays have a buffer each; written are those that are compared after a verifying launch.
	arrays, written []string
	content         content
	variants        []variant
	// expect is an element's right value as an integer, from the values of the arrays; nil
	// takes the table of the value of the first array, within tolerance.
	expect    func(c *code, value map[string]ptx.Reg) ptx.Reg
	table     []float64
	tolerance float64
	// product gives two integers whose product an element adds to the checked sum.
	product func(c *code, value map[string]ptx.Reg) (x, y ptx.Reg)
	merge   bool
}

// variant is one kernel of the module.
type variant struct {
	name  string
	pass  pass
	shape shape
	wrap  bool
}

// module writes the kernels, each name once.
func (p program) module(gpu micro.GPU) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	var known []string
	for _, v := range p.variants {
		if !slices.Contains(known, v.name) {
			known = append(known, v.name)
			v.pass.build(m.Kernel(v.name), p.t, p.arrays, v.shape, v.wrap)
		}
	}
	if p.merge {
		mergeKernel(m.Kernel("merge"), p.t, p.arrays)
	}
	resetKernel(m.Kernel("reset"))
	collectKernel(m.Kernel("collect"))
	fillKernel(m.Kernel("fill"), p.t)
	p.checkKernel(m.Kernel("check"))
	return m
}

// job makes the job of the launches given, over arrays of some bytes each.
// prelude runs before every trial, untimed.
func (p program) job(gpu micro.GPU, bytes uint64, prelude micro.Launch, timed, verify []micro.Launch) (*micro.Job, error) {
	elements := bytes / uint64(p.t.Bytes())
	reset := micro.Launch{Kernel: "reset", Grid: micro.Dim(1), Block: micro.Dim(resetThreads),
		Args: []micro.Arg{micro.Ptr("samples", 0), micro.Ptr("times", 0), micro.Ptr("result", 0), micro.Ptr("state", 0)}}
	job := &micro.Job{
		Module: p.module(gpu),
		Buffers: []micro.Buffer{{Name: "samples", Bytes: 8 * words}, {Name: "times", Bytes: 8 * timesWords},
			{Name: "result", Bytes: 8 * resultWords}, {Name: "state", Bytes: stateBytes}, p.expected()},
		Samples: "samples", Result: "result", CheckedBy: micro.ByAnalytic, Check: p.check(elements),
		Verify:   append(append([]micro.Launch{reset}, verify...), p.checkLaunch(gpu, elements)),
		Launches: slices.Concat([]micro.Launch{prelude, reset}, timed, []micro.Launch{collect()}),
	}
	for j, name := range p.arrays {
		job.Buffers = append(job.Buffers, micro.Buffer{Name: name, Bytes: bytes})
		if p.filled(name) {
			job.Setup = append(job.Setup, p.content.launch(gpu, p.t, name, j, elements))
		}
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build STREAM kernels: %w", err)
	}
	return job, nil
}

// filled says that a kernel reads the array; the others are zeros at first.
func (p program) filled(array string) bool {
	return slices.ContainsFunc(p.variants, func(v variant) bool { return slices.Contains(v.pass.loads, array) })
}

// expected is the buffer of the table of right values.
func (p program) expected() micro.Buffer {
	var data []byte
	for _, v := range p.table {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	return micro.Buffer{Name: "expected", Bytes: 8 * levels, Data: func() []byte { return data }, Tag: fmt.Sprint(p.table)}
}

func (p program) checkLaunch(gpu micro.GPU, elements uint64) micro.Launch {
	args := p.args(uint32(elements), 0)
	return micro.Launch{Kernel: "check", Grid: micro.Dim(8 * max(gpu.SMs, 1)), Block: micro.Dim(256),
		Args: append(args, micro.Ptr("expected", 0), micro.U64(math.Float64bits(p.tolerance)))}
}

// args are the parameters that the kernels share.
func (p program) args(tiles, verify uint32) []micro.Arg {
	args := []micro.Arg{micro.Ptr("times", 0), micro.Ptr("result", 0), micro.Ptr("state", 0)}
	for _, name := range p.arrays {
		args = append(args, micro.Ptr(name, 0))
	}
	return append(args, micro.U32(tiles), micro.U32(verify))
}

// launch runs a variant over bytes of each array, passes times if it wraps.
func (p program) launch(gpu micro.GPU, v variant, bytes uint64, passes int, verify uint32) micro.Launch {
	tiles := uint32(bytes / v.shape.tile())
	return micro.Launch{Kernel: v.name, Grid: micro.Dim(passes * v.shape.grid(bytes, gpu.SMs)), Block: micro.Dim(v.shape.threads),
		Args: p.args(tiles, verify)}
}
