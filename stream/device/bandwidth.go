package device

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

const bandwidthName = "stream/bandwidth"

func bandwidth(o Options) micro.Benchmark {
	return micro.Benchmark{
		Name:     bandwidthName,
		Question: "How fast are the kernels of STREAM on large arrays, in the best shape of launch?",
		Method: "Each kernel of STREAM (and Dot, Nstream, read-only, write-only, softmax in two and three passes) walks over arrays of 2 GiB, or as many as there is room for, in every shape of a sweep: width of an access, " +
			"accesses under way per thread, threads per CTA, one CTA per tile or a grid that walks, cache operator. Ten trials in random order among all shapes, each after an untimed walk over an eighth of the arrays; the first trial is not counted. " +
			"A trial's time is from the first CTA's start to the last one's stop by %globaltimer, stores arrived; softmax takes its passes and the gaps between them together. The shape with the highest median is reported: its best trial, " +
			"as STREAM does, and its median with interval. Counted bytes are those that the program reads and writes. Every element of the written arrays is compared with its right value (softmax: within a tolerance), and sums with the exact sum.",
		Source: source, Experiment: "STREAM", Units: []string{"GB/s"}, Rounds: stream.Trials,
		Plan: o.bandwidthPlan, Job: o.bandwidthJob, Analyse: o.bandwidthAnalyse,
	}
}

// sweep is the shapes of a kernel. Softmax has long kernels, and fewer shapes.
func sweep(kernel string, t stream.Type) []shape {
	all := shapes(t)
	if kernel != stream.Softmax2 && kernel != stream.Softmax3 {
		return all
	}
	return slices.DeleteFunc(all, func(s shape) bool {
		return s.policy != policyDefault || s.width != 16 || s.unroll > 2 && s.ctas == 0 || s.threads == 128
	})
}

func (o Options) bandwidthPlan(micro.GPU) []results.Point {
	var points []results.Point
	for _, t := range o.types() {
		for _, k := range o.kernels() {
			for _, s := range sweep(k.Name, t) {
				points = append(points, s.point(k.Name, t))
			}
		}
	}
	return points
}

// bandwidthPoint reads a point.
func bandwidthPoint(p results.Point) (stream.Kernel, stream.Type, shape, error) {
	k, err := stream.Find(p.Get("kernel"))
	t := stream.Type(p.Get("type"))
	for _, s := range sweep(k.Name, t) {
		if s.point(k.Name, t).Key() == p.Key() {
			return k, t, s, err
		}
	}
	return k, t, shape{}, errors.Join(err, fmt.Errorf("point {%s} is not one of %s", p.Key(), bandwidthName))
}

// newProgram is a kernel in some shapes; wrap makes walks that start again at the
// first tile.
func newProgram(kernel string, t stream.Type, shapes []shape, wrap bool) program {
	gather, last := passes(kernel)
	p := program{t: t, content: counting, written: last.stores, merge: kernel == stream.Softmax2}
	for _, s := range shapes {
		for _, g := range gather {
			p.variants = append(p.variants, gathering(g, s))
		}
		p.variants = append(p.variants, variant{s.kernel(), last, s, wrap})
	}
	for _, name := range []string{"a", "b", "c"} {
		if slices.Contains(last.loads, name) || slices.Contains(last.stores, name) {
			p.arrays = append(p.arrays, name)
		}
	}
	p.truth(kernel)
	return p
}

// gathering is a pass that only gathers, beside a last pass in a shape: a walk of
// as many CTAs as an SM holds, so that few parts are left to bring together.
func gathering(g namedPass, s shape) variant {
	if s.ctas == 0 {
		s.ctas = 2048 / s.threads
	}
	return variant{s.kernel() + "_" + g.name, g.pass, s, false}
}

// truth sets what the arrays must hold after one walk.
func (p *program) truth(kernel string) {
	type values = map[string]ptx.Reg
	mad := func(c *code, x, y, z ptx.Operand) ptx.Reg {
		r := c.Reg(ptx.B32)
		c.I("mad.lo.u32", r, x, y, z)
		return r
	}
	of := func(c *code, v values, array string) ptx.Reg { return mad(c, v[array], ptx.Int(1), ptx.Int(1)) } // counting content
	switch kernel {
	case stream.Copy:
		p.expect = func(c *code, v values) ptx.Reg { return of(c, v, "a") }
	case stream.Scale:
		p.expect = func(c *code, v values) ptx.Reg { return mad(c, of(c, v, "c"), ptx.Int(stream.Q), ptx.Int(0)) }
	case stream.Add:
		p.expect = func(c *code, v values) ptx.Reg { return mad(c, of(c, v, "a"), ptx.Int(1), of(c, v, "b")) }
	case stream.Triad:
		p.expect = func(c *code, v values) ptx.Reg { return mad(c, of(c, v, "c"), ptx.Int(stream.Q), of(c, v, "b")) }
	case stream.Nstream:
		p.expect = func(c *code, v values) ptx.Reg {
			return mad(c, of(c, v, "c"), ptx.Int(stream.Q), mad(c, of(c, v, "a"), ptx.Int(1), of(c, v, "b")))
		}
	case stream.Write:
		p.expect = func(c *code, _ values) ptx.Reg { return c.small(stream.Q) }
	case stream.Dot:
		p.product = func(c *code, v values) (x, y ptx.Reg) { return of(c, v, "a"), of(c, v, "b") }
	case stream.Read:
		p.product = func(c *code, v values) (x, y ptx.Reg) { return of(c, v, "a"), c.small(1) }
	case stream.Softmax2, stream.Softmax3:
		p.content = exponential
	}
}

// softmaxTable is the right value for each level: each occurs in one element of 16.
func softmaxTable(f content, elements uint64) []float64 {
	table, sum := make([]float64, levels), 0.0
	for v := range table {
		table[v] = math.Exp(f.scale * float64(v-(levels-1)))
		sum += table[v] * float64(elements/levels)
	}
	for v := range table {
		table[v] /= sum
	}
	return table
}

// Tolerances of softmax: rounding of sums of some thousand elements a thread.
const (
	tolerance32 = 5e-5
	tolerance64 = 1e-12
)

func (o Options) bandwidthJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	k, t, s, err := bandwidthPoint(p)
	if err != nil {
		return nil, err
	}
	bytes, err := o.Size(gpu)
	if err != nil {
		return nil, micro.Unsupportedf("%v", err)
	}
	return walkJob(gpu, k.Name, t, s, bytes)
}

// walkJob is the job of a kernel in a shape over arrays of some bytes.
func walkJob(gpu micro.GPU, kernel string, t stream.Type, s shape, bytes uint64) (*micro.Job, error) {
	prog := newProgram(kernel, t, sweep(kernel, t), false)
	if prog.expect == nil && prog.product == nil {
		prog.table, prog.tolerance = softmaxTable(prog.content, bytes/uint64(t.Bytes())), tolerance64
		if t == stream.F32 {
			prog.tolerance = tolerance32
		}
	}
	gather, last := passes(kernel)
	main := variant{s.kernel(), last, s, false}
	walk := func(verify uint32) []micro.Launch {
		var list []micro.Launch
		for _, g := range gather {
			list = append(list, prog.launch(gpu, gathering(g, s), bytes, 1, verify))
		}
		if prog.merge {
			parts := uint32(list[0].Grid[0])
			list = append(list, micro.Launch{Kernel: "merge", Grid: micro.Dim(1), Block: micro.Dim(mergeThreads), Args: prog.args(parts, verify)})
		}
		return append(list, prog.launch(gpu, main, bytes, 1, verify))
	}
	job, err := prog.job(gpu, bytes, prog.launch(gpu, main, warmUp(bytes), 1, 0), walk(0), walk(1))
	if err != nil {
		return nil, err
	}
	job.Expect = expect(main)
	return job, nil
}

// warmUp is the part of the arrays that is walked untimed before a trial: enough
// to drain L2 of what others wrote.
func warmUp(bytes uint64) uint64 { return max(bytes/8/granule, 1) * granule }

// expect counts the loads or, where there are none, the stores between the clock reads.
func expect(v variant) micro.Expect {
	e := micro.Expect{Kernel: v.name, Instruction: access("LDG", v.shape.width), Sections: []int{v.shape.unroll * len(v.pass.loads)}}
	if len(v.pass.loads) == 0 {
		e.Instruction, e.Sections = access("STG", v.shape.width), []int{v.shape.unroll * len(v.pass.stores)}
	}
	return e
}

// access names a machine instruction by the width of its access: 4 bytes have no name.
func access(opcode string, width int) string {
	return opcode + map[int]string{8: ".64", 16: ".128"}[width]
}
