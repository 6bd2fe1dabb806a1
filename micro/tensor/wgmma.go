package tensor

import (
	"encoding/binary"
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// wgmma is one form of wgmma.mma_async.
type wgmma struct {
	in, acc element
	n       int
	// registers says that A is in registers and not in shared memory.
	registers, sparse bool
}

// Sizes in bytes. Whatever the type, an instruction reads 32 bytes of a row of A;
// a tile holds 128-byte rows, four instructions' worth, in the 128-byte swizzle.
const (
	sliceBytes = 32
	rowBytes   = 128
	tileRows   = 64
	tileBytes  = tileRows * rowBytes
	group      = 128 // threads of a warpgroup
)

// wgmmaPoint names a form as the benchmarks do.
func (w wgmma) point(more ...string) results.Point {
	return results.P(append([]string{
		"shape", w.shape(), "in", w.in.name, "acc", w.acc.name, "a", w.source(), "sparse", yesNo(w.sparse),
	}, more...)...)
}

// parseWgmma reads a form from a point.
func parseWgmma(p results.Point) (wgmma, error) {
	var m, n, k int
	if _, err := fmt.Sscanf(p.Get("shape"), "m%dn%dk%d", &m, &n, &k); err != nil || m != tileRows {
		return wgmma{}, fmt.Errorf("shape %q of point %s is not m64nNkK", p.Get("shape"), p.Key())
	}
	types := elements()
	in, known := types[p.Get("in")]
	acc, accKnown := types[p.Get("acc")]
	if !known || !accKnown {
		return wgmma{}, fmt.Errorf("point %s names an unknown type", p.Key())
	}
	return wgmma{in: in, acc: acc, n: n, registers: p.Get("a") == "rs", sparse: p.Get("sparse") == "yes"}, nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (w wgmma) source() string {
	if w.registers {
		return "rs"
	}
	return "ss"
}

// k is the depth; a sparse instruction is twice as deep on the same bytes of A.
func (w wgmma) k() int {
	k := 8 * sliceBytes / w.in.bits
	if w.sparse {
		k *= 2
	}
	return k
}

func (w wgmma) shape() string { return fmt.Sprintf("m64n%dk%d", w.n, w.k()) }

// name is the PTX name.
func (w wgmma) name() string {
	stem, suffix := "wgmma.mma_async", ""
	if w.sparse {
		stem += ".sp"
	}
	if w.in.name == "b1" {
		suffix = ".and.popc"
	}
	return fmt.Sprintf("%s.sync.aligned.%s.%s.%s.%s%s", stem, w.shape(), w.acc.name, w.in.name, w.in.name, suffix)
}

// machine is the opcode to find in the machine code.
func (w wgmma) machine(table *isa.Table) (string, error) {
	forms := table.Lookup(w.name())
	if len(forms) == 0 {
		return "", fmt.Errorf("the instruction table has no %s", w.name())
	}
	return forms[0].SASS, nil
}

// operations of one instruction: two per product, zeros of a sparse A counted.
func (w wgmma) operations() float64 { return 2 * tileRows * float64(w.n) * float64(w.k()) }

// accumulators is the number of 32-bit registers of D a thread.
func (w wgmma) accumulators() int { return w.n * w.acc.bits / 64 }

// maxThreads bounds the CTA so that all accumulators have room in the register
// file of 65536; it depends on the form alone, so that all numbers of warpgroups
// share a kernel.
func (w wgmma) maxThreads() int {
	if w.accumulators() > 80 {
		return 3 * group
	}
	return 4 * group
}

// pipeCycles is the time of one instruction in the matrix unit at peak rate: N/2
// cycles for every type that wgmma knows a peak of.
func (w wgmma) pipeCycles() float64 { return float64(w.n) / 2 }

// sharedCycles is the time that reading the operands from shared memory takes at
// 128 bytes a cycle.
func (w wgmma) sharedCycles() float64 {
	bytes := w.n * w.sliceB()
	if !w.registers {
		bytes += tileRows * sliceBytes
	}
	return float64(bytes) / 128
}

// sliceB is the bytes of a row of B that one instruction reads.
func (w wgmma) sliceB() int {
	if w.sparse {
		return 2 * sliceBytes
	}
	return sliceBytes
}

// leastCycles is a lower bound of the issue interval.
func (w wgmma) leastCycles() float64 { return max(w.pipeCycles(), w.sharedCycles()) }

// tilesBytes is the size of A and of B behind it, as both lie in shared memory.
func (w wgmma) tilesBytes() int { return tileBytes + w.n*rowBytes }

// metadata selects, in every group of four (of two for tf32), positions that are
// legal and not the first: the same for all groups and rows, so that the result
// does not depend on which lane describes which row.
func (e element) metadata() uint32 {
	if e.name == "tf32" {
		return 0xeeeeeeee
	}
	return 0x99999999
}

// operands are the registers of a kernel that issues wgmmas.
type operands struct {
	w     wgmma
	k     *ptx.Kernel
	d     ptx.Vec
	a     ptx.Vec
	descA []ptx.Reg
	descB []ptx.Reg
	meta  ptx.Reg
	scale ptx.Reg
}

// load adds code that copies A and B from the input to shared memory, with all
// threads, and makes the operands. Accumulators are zero.
func (w wgmma) load(k *ptx.Kernel, in, thread ptx.Reg) *operands {
	o := &operands{w: w, k: k}
	tile := k.SharedAddress(k.Shared("tile", w.tilesBytes(), 1024))
	w.fill(k, in, tile, thread)
	k.I("fence.proxy.async")
	k.I("bar.sync", ptx.Int(0))
	if w.registers {
		o.a = w.loadA(k, in, thread)
	} else {
		o.descA = descriptors(k, tile, 0, sliceBytes)
	}
	o.descB = descriptors(k, tile, tileBytes, w.sliceB())
	if w.sparse {
		o.meta = k.Reg(ptx.B32)
		k.I("ld.global.u32", o.meta, ptx.At(in, w.tilesBytes()))
	}
	o.scale = k.Reg(ptx.Pred)
	k.I("setp.eq.u32", o.scale, ptx.Int(0), ptx.Int(0))
	o.d = w.zeros(k)
	return o
}

func (w wgmma) zeros(k *ptx.Kernel) ptx.Vec {
	if w.acc.name == "f32" {
		d := k.Regs(ptx.F32, w.accumulators())
		for _, r := range d {
			k.I("mov.f32", r, ptx.Float(0))
		}
		return d
	}
	d := k.Regs(ptx.B32, w.accumulators())
	for _, r := range d {
		k.I("mov.u32", r, ptx.Int(0))
	}
	return d
}

// fill copies the input to shared memory, 16 bytes a thread and pass.
func (w wgmma) fill(k *ptx.Kernel, in, tile, thread ptx.Reg) {
	units := w.tilesBytes() / 16
	unit, stride, inside := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.Pred)
	from, to, data := k.Reg(ptx.B64), k.Reg(ptx.B32), ptx.Vec(k.Regs(ptx.B32, 4))
	k.I("mov.u32", unit, thread)
	k.I("mov.u32", stride, ptx.Special("%ntid.x"))
	done := k.NewLabel("filled")
	k.Loop(ptx.Int((units+group-1)/group), func(ptx.Reg) {
		k.I("setp.lt.u32", inside, unit, ptx.Int(units))
		k.IfNot(inside).I("bra", done)
		k.I("mad.wide.u32", from, unit, ptx.Int(16), in)
		k.I("mad.lo.u32", to, unit, ptx.Int(16), tile)
		k.I("ld.global.v4.u32", data, ptx.At(from, 0))
		k.I("st.shared.v4.u32", ptx.At(to, 0), data)
		k.I("add.u32", unit, unit, stride)
	})
	k.Place(done)
}

// loadA loads each thread's fragment, the same for all warpgroups.
func (w wgmma) loadA(k *ptx.Kernel, in, thread ptx.Reg) ptx.Vec {
	lane, address, a := k.Reg(ptx.B32), k.Reg(ptx.B64), ptx.Vec(k.Regs(ptx.B32, 4))
	k.I("and.b32", lane, thread, ptx.Int(group-1))
	k.I("mad.wide.u32", address, lane, ptx.Int(16), in)
	k.I("ld.global.v4.u32", a, ptx.At(address, 0))
	return a
}

// descriptorBits are the fixed fields of a matrix descriptor (PTX ISA
// 9.7.15.5.1.2.2): 128-byte swizzle, 1024 bytes from eight rows to the next
// eight; the leading-dimension offset is not used.
const descriptorBits = 1<<62 | 1024>>4<<32 | 1<<16

// descriptors makes one descriptor for each slice of a tile's 128-byte rows.
func descriptors(k *ptx.Kernel, tile ptx.Reg, offset, slice int) []ptx.Reg {
	start, wide := k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("add.u32", start, tile, ptx.Int(offset))
	k.I("and.b32", start, start, ptx.Int(0x3FFFF))
	k.I("shr.u32", start, start, ptx.Int(4))
	k.I("cvt.u64.u32", wide, start)
	list := k.Regs(ptx.B64, rowBytes/slice)
	for i, r := range list {
		k.I("add.u64", r, wide, ptx.Int(descriptorBits+int64(i*slice/16)))
	}
	return list
}

// issue adds the i-th wgmma: D = A·B + D, with the slices of the tiles in turn.
func (o *operands) issue(i int) {
	var list []ptx.Operand
	list = append(list, o.d)
	if o.w.registers {
		list = append(list, o.a)
	} else {
		list = append(list, o.descA[i%len(o.descA)])
	}
	list = append(list, o.descB[i%len(o.descB)])
	if o.w.sparse {
		list = append(list, o.meta, ptx.Int(0))
	}
	list = append(list, o.scale)
	if o.w.in.float() {
		list = append(list, ptx.Int(1), ptx.Int(1))
	}
	if o.w.in.bits == 16 {
		list = append(list, ptx.Int(0))
		if !o.w.registers {
			list = append(list, ptx.Int(0))
		}
	}
	o.k.I(o.w.name(), list...)
}

func (o *operands) fence()  { o.k.I("wgmma.fence.sync.aligned") }
func (o *operands) commit() { o.k.I("wgmma.commit_group.sync.aligned") }
func (o *operands) wait(pending int) {
	o.k.I("wgmma.wait_group.sync.aligned", ptx.Int(pending))
}

// supported gives the reason why a GPU has no wgmma.
func supported(gpu micro.GPU) error {
	if !gpu.Arch.Supports(isa.SM90a) {
		return micro.Unsupportedf("wgmma needs sm_90a; this is %s", gpu.Arch)
	}
	return nil
}

// Fills of the operands.
const (
	zeros  = "zeros"
	random = "random"
)

// buffers are the timed operands, by fill, and random ones for the check.
func (w wgmma) buffers(fill string) (input, check micro.Buffer) {
	return w.buffer("input", fill), w.buffer("check", random)
}

// buffer holds A and B, and behind them the metadata of a sparse A.
func (w wgmma) buffer(name, fill string) micro.Buffer {
	data := func() []byte {
		tiles := make([]byte, w.tilesBytes())
		if fill == random {
			tiles = w.in.random(w.tilesBytes(), 1)
		}
		return binary.LittleEndian.AppendUint32(tiles, w.in.metadata())
	}
	return micro.Buffer{
		Name: name, Bytes: uint64(w.tilesBytes() + 4), Data: data,
		Tag: fmt.Sprintf("%s %s, seed 1, metadata %#x", w.in.name, fill, w.in.metadata()),
	}
}
