package ptx_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

var update = flag.Bool("update", false, "write the golden files again")

// example is a module that a golden file pins down.
type example struct {
	target isa.Target
	make   func(m *ptx.Module)
	// version and needs are what the module's Needs must say.
	version int
	needs   isa.Target
}

func examples() map[string]example {
	return map[string]example{
		"scalar":  {isa.SM80, scalar, 60, isa.SM70},
		"memory":  {isa.SM80, memory, 70, isa.SM80},
		"limits":  {isa.SM86, limits, 60, isa.SM70},
		"cluster": {isa.SM90, cluster, 80, isa.SM90},
		"tensor":  {isa.SM90a, tensor, 80, isa.SM90a},
	}
}

// scalar has every register type, immediates of every class, guards, a loop and a branch.
func scalar(m *ptx.Module) {
	k := m.Kernel("scalar")
	out, n, scale := k.Param("out", ptx.B64), k.Param("n", ptx.B32), k.Param("scale", ptx.F32)
	k.Param("step", ptx.F64)
	small, thread, sum, wide := k.Reg(ptx.B16), k.Reg(ptx.B32), k.Reg(ptx.F32), k.Reg(ptx.F64)
	done, clock := k.Reg(ptx.Pred), k.Reg(ptx.B64)
	k.I("mov.b16", small, ptx.Int(-1))
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	k.I("mov.f32", sum, ptx.Float(0.1))
	k.I("mov.f64", wide, ptx.Float(0.1))
	end := k.NewLabel("end")
	k.I("setp.ge.u32", done, thread, n)
	k.If(done).I("bra", end)
	k.Loop(n, func(i ptx.Reg) {
		f := k.Reg(ptx.F32)
		k.I("cvt.rn.f32.u32", f, i)
		k.I("fma.rn.f32", sum, f, scale, sum)
	})
	k.I("mad.wide.u32", out, thread, ptx.Int(4), out)
	k.IfNot(done).I("st.global.f32", ptx.At(out, -8), sum)
	k.I("mov.u64", clock, ptx.Special("%clock64"))
	k.I("st.global.u64", ptx.At(out, 0), clock)
	k.I("st.global.b16", ptx.At(out, 8), small)
	k.I("st.global.f64", ptx.At(out, 16), wide)
	k.Place(end)
	k.I("ret")
}

// memory has static and dynamic shared memory in two kernels of one module,
// vectors, and an asynchronous copy.
func memory(m *ptx.Module) {
	for _, name := range []string{"first", "second"} {
		k := m.Kernel(name)
		in := k.Param("in", ptx.B64)
		tile := k.SharedAddress(k.Shared("tile", 256, 16))
		dynamic := k.SharedAddress(k.DynamicShared())
		if k.DynamicShared() != k.DynamicSymbol() {
			panic("the dynamic array has one name")
		}
		k.I("cp.async.cg.shared.global", ptx.At(dynamic, 0), ptx.At(in, 0), ptx.Int(16))
		k.I("cp.async.wait_all")
		v := ptx.Vec(k.Regs(ptx.B32, 4))
		k.I("ld.shared.v4.u32", v, ptx.At(dynamic, 0))
		k.I("st.shared.v4.u32", ptx.At(tile, 16), v)
		k.I("bar.sync", ptx.Int(0))
		x := k.Reg(ptx.B32)
		k.I("ld.shared.u32", x, ptx.Mem{Symbol: k.SharedVars()[0].Name, Offset: 20})
		k.I("st.global.u32", ptx.At(in, 0), x)
		k.I("ret")
	}
}

// limits has the directives that bound a kernel's resources.
func limits(m *ptx.Module) {
	k := m.Kernel("bounded")
	k.MaxThreads, k.MinCTAs = 256, 2
	k.I("ret")
	k = m.Kernel("few_registers")
	k.MaxRegisters = 32
	k.I("ret")
}

// cluster has a cluster shape beside a bound on threads, and a tensor map.
func cluster(m *ptx.Module) {
	k := m.Kernel("cluster")
	k.Cluster, k.MaxThreads, k.MinCTAs = [3]int{2, 1, 1}, 128, 1
	tensorMap := k.ParamBytes("map", 128, 64)
	tile := k.SharedAddress(k.Shared("tile", 4096, 128))
	bar := k.SharedAddress(k.Shared("bar", 8, 8))
	rank, peer, x, zero := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("mov.u32", rank, ptx.Special("%cluster_ctarank"))
	k.I("mov.u32", zero, ptx.Int(0))
	k.I("mapa.shared::cluster.u32", peer, tile, rank)
	k.I("ld.shared::cluster.u32", x, ptx.At(peer, 0))
	k.I("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes",
		ptx.At(tile, 0), ptx.TensorAt{Map: tensorMap, Coords: ptx.Vec{zero, zero}}, ptx.At(bar, 0))
	k.I("st.shared.u32", ptx.At(tile, 0), x)
	k.I("barrier.cluster.arrive.aligned")
	k.I("barrier.cluster.wait.aligned")
	k.I("ret")
}

// tensor has a warpgroup instruction with its predicate operand.
func tensor(m *ptx.Module) {
	k := m.Kernel("tensor")
	k.MaxThreads = 128
	out, a, b := k.Param("out", ptx.B64), k.Param("a", ptx.B64), k.Param("b", ptx.B64)
	d := ptx.Vec(k.Regs(ptx.F32, 4))
	for _, r := range d {
		k.I("mov.f32", r, ptx.Float(0))
	}
	accumulate, thread := k.Reg(ptx.Pred), k.Reg(ptx.B32)
	k.I("mov.u32", thread, ptx.Special("%tid.x"))
	k.I("setp.ge.u32", accumulate, thread, ptx.Int(0))
	k.I("wgmma.fence.sync.aligned")
	k.I("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16", d, a, b, accumulate, ptx.Int(1), ptx.Int(1), ptx.Int(0), ptx.Int(0))
	k.I("wgmma.commit_group.sync.aligned")
	k.I("wgmma.wait_group.sync.aligned", ptx.Int(0))
	k.I("st.global.v4.f32", ptx.At(out, 0), d)
	k.I("ret")
}

func TestGolden(t *testing.T) {
	table := isa.New()
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			text := build(t, table, e)
			assert.Equal(t, text, build(t, isa.New(), e), "the same calls give the same text")
			path := filepath.Join("testdata", name+".ptx")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), text)
		})
	}
}

func build(t *testing.T, table *isa.Table, e example) string {
	t.Helper()
	m := ptx.NewModule(table, e.target)
	e.make(m)
	text, err := m.Build()
	require.NoError(t, err)
	again, err := m.Build()
	require.NoError(t, err)
	require.Equal(t, text, again, "building changes nothing")
	return text
}

func TestNeeds(t *testing.T) {
	for name, e := range examples() {
		m := ptx.NewModule(isa.New(), e.target)
		e.make(m)
		version, target := m.Needs()
		assert.Equal(t, e.version, version, name)
		assert.Equal(t, e.needs, target, name)
		text, err := m.Build()
		require.NoError(t, err)
		assert.Contains(t, text, ".target "+e.target.String()+"\n")
	}
	version, target := ptx.NewModule(isa.New(), isa.SM90a).Needs()
	assert.Equal(t, 60, version)
	assert.Equal(t, isa.SM70, target)
}

// The text's PTX version is the newer of what the target and what the instructions need.
func TestVersionOfText(t *testing.T) {
	for _, c := range []struct {
		target isa.Target
		name   string
		want   string
	}{
		{isa.SM80, "", ".version 7.0\n"},
		{isa.SM90a, "", ".version 8.0\n"},
		{isa.SM80, "mbarrier.test_wait.parity.shared.b64", ".version 7.1\n"},
	} {
		m := ptx.NewModule(isa.New(), c.target)
		k := m.Kernel("k")
		if c.name != "" {
			k.I(c.name, k.Reg(ptx.Pred), ptx.Mem{Symbol: k.Shared("bar", 8, 8)}, ptx.Int(0))
		}
		k.I("ret")
		text, err := m.Build()
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(text, c.want), text)
	}
}

func TestGoldenAssembles(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); errors.Is(err, ptxas.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			_, err := ptxas.Assemble(t.Context(), build(t, isa.New(), e), e.target.String())
			assert.NoError(t, err)
		})
	}
}
