package kit

import (
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
)

// StoreIfEqual keeps the loads behind acc alive: a store that never happens,
// because acc never has the value, which the compiler cannot know.
func StoreIfEqual(k *ptx.Kernel, address, acc, never ptx.Reg) {
	same := k.Reg(ptx.Pred)
	k.I("setp.eq.u64", same, acc, never)
	k.If(same).I("st.global.u64", ptx.At(address, 0), acc)
}

// Thread gives the thread's number in the grid and the number of threads.
func Thread(k *ptx.Kernel) (number, threads ptx.Reg) {
	size, grid := Read(k, "%ntid.x"), Read(k, "%nctaid.x")
	number, threads = k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mad.lo.u32", number, Read(k, "%ctaid.x"), size, Read(k, "%tid.x"))
	k.I("mul.lo.u32", threads, size, grid)
	return number, threads
}

// FlushKernel reads a buffer from end to end, which leaves nothing else in L2.
// It reads and does not write, so that no write-back disturbs what follows.
func FlushKernel(k *ptx.Kernel) {
	base, chunks, never := k.Param("base", ptx.B64), k.Param("chunks", ptx.B32), k.Param("never", ptx.B64)
	first, threads := Thread(k)
	address, acc, v := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Regs(ptx.B64, 2)
	k.I("mov.b64", acc, ptx.Int(0))
	For(k, first, chunks, threads, func(i ptx.Reg) {
		k.I("mad.wide.u32", address, i, ptx.Int(16), base)
		k.I("ld.global.cg.v2.u64", ptx.Vec(v), ptx.At(address, 0))
		k.I("or.b64", acc, acc, v[0])
		k.I("or.b64", acc, acc, v[1])
	})
	StoreIfEqual(k, base, acc, never)
	k.I("ret")
}

// FlushL2 is a launch of the flush kernel that empties L2 and the buffer that it reads; the buffer holds zeros.
func FlushL2(gpu micro.GPU, kernel string) (micro.Launch, micro.Buffer) {
	bytes := min(4*uint64(gpu.L2Bytes), Share(gpu))
	return micro.Launch{Kernel: kernel, Grid: micro.Dim(2 * max(gpu.SMs, 1)), Block: micro.Dim(1024),
		Args: []micro.Arg{micro.Ptr("sweep", 0), micro.U32(uint32(bytes / 16)), micro.U64(1)}}, micro.Buffer{Name: "sweep", Bytes: bytes}
}

// Share is the most device memory that one point may take: a third of the
// device, or half of what is free where that is less.
func Share(gpu micro.GPU) uint64 { return min(gpu.MemoryBytes/3, gpu.FreeBytes/2) }

// FillKernel writes word i as i*FillMul + FillAdd.
func FillKernel(k *ptx.Kernel) {
	base, count := k.Param("base", ptx.B64), k.Param("count", ptx.B32)
	first, threads := Thread(k)
	value, address := k.Reg(ptx.B32), k.Reg(ptx.B64)
	For(k, first, count, threads, func(i ptx.Reg) {
		k.I("mad.lo.u32", value, i, ptx.Int(FillMul), ptx.Int(FillAdd))
		k.I("mad.wide.u32", address, i, ptx.Int(4), base)
		k.I("st.global.u32", ptx.At(address, 0), value)
	})
	k.I("ret")
}

// FillMul and FillAdd make the content of word i of a filled array.
const FillMul, FillAdd = 0x9E3779B1, 0x7F4A7C15
