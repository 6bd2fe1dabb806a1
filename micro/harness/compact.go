package harness

import (
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
)

// flags is the number of SMs that the reducing kernel can tell apart.
const flags = 256

// Compact changes a throughput job so that each launch writes to a scratch
// buffer and a second kernel sums it up. With one CTA there is nothing to sum
// up: it only adds the kernel, so that the text is that of many CTAs.
func Compact(m *ptx.Module, job *micro.Job, ctas int) {
	reduce(m.Kernel("reduce"))
	if ctas <= 1 {
		return
	}
	job.Buffers[0] = micro.Buffer{Name: "samples", Bytes: uint64(8 * Words * len(multiples))}
	job.Buffers = append(job.Buffers, micro.Buffer{Name: "scratch", Bytes: uint64(8 * Words * ctas)})
	var launches []micro.Launch
	for i, l := range job.Launches {
		l.Args[0] = micro.Ptr("scratch", 0)
		launches = append(launches, l, micro.Launch{
			Kernel: "reduce", Grid: micro.Dim(1), Block: micro.Dim(1),
			Args: []micro.Arg{micro.Ptr("scratch", 0), micro.Ptr("samples", uint64(8*Words*i)), micro.U32(uint32(ctas))},
		})
	}
	job.Launches = launches
	for i := range job.Verify {
		job.Verify[i].Args[0] = micro.Ptr("scratch", 0)
	}
}

// compacted is the number of CTAs of a job that Compact changed, 0 for another.
func compacted(job *micro.Job) int {
	for i, l := range job.Launches {
		if l.Kernel == "reduce" && i > 0 {
			return job.Launches[i-1].Grid[0]
		}
	}
	return 0
}

// reduce is a kernel of one thread that makes Words of the words of many CTAs:
// the sums of their cycles and nanoseconds, the first start and the last stop
// in nanoseconds, and the number of different SMs.
func reduce(k *ptx.Kernel) {
	scratch, out, ctas := k.Param("scratch", ptx.B64), k.Param("out", ptx.B64), k.Param("ctas", ptx.B32)
	seen := k.SharedAddress(k.Shared("seen", 4*flags, 4))
	slot, sm, one := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	zero, count := k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mov.u32", zero, ptx.Int(0))
	k.I("mov.u32", one, ptx.Int(1))
	k.I("mov.u32", count, ptx.Int(0))
	k.Loop(ptx.Int(flags), func(i ptx.Reg) {
		k.I("mad.lo.u32", slot, i, ptx.Int(4), seen)
		k.I("st.shared.u32", ptx.At(slot, 0), zero)
	})
	sums, in := k.Regs(ptx.B64, 4), k.Regs(ptx.B64, Words) // cycles, nanoseconds, first, last
	for i, v := range []ptx.Int{0, 0, 1<<63 - 1, 0} {
		k.I("mov.u64", sums[i], v)
	}
	k.Loop(ctas, func(ptx.Reg) {
		for i := range in {
			k.I("ld.global.u64", in[i], ptx.At(scratch, 8*i))
		}
		k.I("add.u64", scratch, scratch, ptx.Int(8*Words))
		k.I("min.u64", sums[2], sums[2], in[2])
		k.I("max.u64", sums[3], sums[3], in[3])
		for i := range 2 {
			k.I("sub.u64", in[2*i+1], in[2*i+1], in[2*i])
			k.I("add.u64", sums[i], sums[i], in[2*i+1])
		}
		k.I("cvt.u32.u64", sm, in[4])
		k.I("and.b32", sm, sm, ptx.Int(flags-1))
		k.I("mad.lo.u32", slot, sm, ptx.Int(4), seen)
		k.I("st.shared.u32", ptx.At(slot, 0), one)
	})
	k.Loop(ptx.Int(flags), func(i ptx.Reg) {
		k.I("mad.lo.u32", slot, i, ptx.Int(4), seen)
		k.I("ld.shared.u32", sm, ptx.At(slot, 0))
		k.I("add.u32", count, count, sm)
	})
	wide := k.Reg(ptx.B64)
	k.I("cvt.u64.u32", wide, count)
	for i, r := range append(sums, wide) {
		k.I("st.global.u64", ptx.At(out, 8*i), r)
	}
	k.I("ret")
}
