package emu

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

var table = isa.New()

// apply runs one instruction on rows of operands, one thread a row, and gives
// the results. The operand types follow the form; pred operands take bit 0.
func apply(t *testing.T, target isa.Target, name string, types []ptx.Type, out ptx.Type, rows [][]uint64, imms ...ptx.Operand) []uint64 {
	t.Helper()
	m := ptx.NewModule(table, target)
	k := m.Kernel("one")
	in, result := k.Param("in", ptx.B64), k.Param("out", ptx.B64)
	thread, address := k.Reg(ptx.B32), k.Reg(ptx.B64)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	k.I("mad.wide.u32", address, thread, ptx.Int(8*max(len(types), 1)), in)
	dst := k.Reg(out)
	operands := []ptx.Operand{dst}
	for i, typ := range types {
		operands = append(operands, loadReg(k, typ, address, 8*i))
	}
	k.I(name, append(operands, imms...)...)
	k.I("mad.wide.u32", address, thread, ptx.Int(8), result)
	storeReg(k, dst, address)
	_, err := m.Build()
	require.NoError(t, err)
	data := make([]byte, 8*len(types)*len(rows))
	for i, row := range rows {
		for j, v := range row {
			binary.LittleEndian.PutUint64(data[8*(i*len(types)+j):], v)
		}
	}
	return runRows(t, m, data, len(rows))
}

func loadReg(k *ptx.Kernel, typ ptx.Type, address ptx.Reg, offset int) ptx.Reg {
	r := k.Reg(typ)
	if typ == ptx.Pred {
		v := k.Reg(ptx.B32)
		k.I("ld.global.b32", v, ptx.At(address, offset))
		k.I("setp.ne.u32", r, v, ptx.Int(0))
		return r
	}
	k.I("ld.global."+string(typ), r, ptx.At(address, offset))
	return r
}

func storeReg(k *ptx.Kernel, r, address ptx.Reg) {
	if r.Type() == ptx.Pred {
		v := k.Reg(ptx.B32)
		k.I("selp.b32", v, ptx.Int(1), ptx.Int(0), r)
		r = v
	}
	k.I("st.global."+string(r.Type()), ptx.At(address, 0), r)
}

// runRows launches kernel "one" in CTAs of at most 32 threads' multiples and reads 8 bytes a thread.
func runRows(t *testing.T, m *ptx.Module, data []byte, threads int) []uint64 {
	t.Helper()
	mem := NewMemory()
	in, err := mem.Alloc("in", uint64(max(len(data), 8)))
	require.NoError(t, err)
	require.NoError(t, mem.Write(in, data))
	out, err := mem.Alloc("out", uint64(8*threads))
	require.NoError(t, err)
	require.LessOrEqual(t, threads, 1024)
	require.NoError(t, Run(t.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{threads, 1, 1}, Args: [][]byte{U64(in), U64(out)}}))
	return words64(t, mem, out, threads)
}

func words64(t *testing.T, mem *Memory, address uint64, n int) []uint64 {
	t.Helper()
	raw := make([]byte, 8*n)
	require.NoError(t, mem.Read(address, raw))
	words := make([]uint64, n)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return words
}

// kernel builds a module of one kernel "one" with the parameters in and out.
func kernel(t *testing.T, target isa.Target, body func(k *ptx.Kernel, in, out ptx.Reg)) *ptx.Module {
	t.Helper()
	m := ptx.NewModule(table, target)
	k := m.Kernel("one")
	body(k, k.Param("in", ptx.B64), k.Param("out", ptx.B64))
	_, err := m.Build()
	require.NoError(t, err)
	return m
}

// launchOne runs kernel "one" on buffers of zeros and returns out.
func launchOne(t *testing.T, m *ptx.Module, grid, block, outWords int) ([]uint64, error) {
	t.Helper()
	mem := NewMemory()
	in, err := mem.Alloc("in", 1<<20)
	require.NoError(t, err)
	out, err := mem.Alloc("out", uint64(8*outWords))
	require.NoError(t, err)
	err = Run(t.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{grid, 1, 1}, Block: [3]int{block, 1, 1}, Args: [][]byte{U64(in), U64(out)}, Steps: 2_000_000})
	return words64(t, mem, out, outWords), err
}

// slot is the address out + 8*index.
func slot(k *ptx.Kernel, out, index ptx.Reg) ptx.Reg {
	a := k.Reg(ptx.B64)
	k.I("mad.wide.u32", a, index, ptx.Int(8), out)
	return a
}

func special(k *ptx.Kernel, name string) ptx.Reg {
	r := k.Reg(ptx.B32)
	k.I("mov.u32", r, ptx.Special(name))
	return r
}
