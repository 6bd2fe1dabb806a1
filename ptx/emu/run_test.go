package emu

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// TestDivergedLoop: each lane loops its own number of times, then all shuffle,
// which works only if they met again.
func TestDivergedLoop(t *testing.T) {
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, _, out ptx.Reg) {
		lane, sum, count := special(k, "%laneid"), k.Reg(ptx.B32), k.Reg(ptx.B32)
		k.I("mov.u32", sum, ptx.Int(0))
		k.I("add.u32", count, lane, ptx.Int(1))
		k.Loop(count, func(i ptx.Reg) {
			odd := k.Reg(ptx.Pred)
			bit := k.Reg(ptx.B32)
			k.I("and.b32", bit, i, ptx.Int(1))
			k.I("setp.eq.u32", odd, bit, ptx.Int(1))
			skip := k.NewLabel("skip")
			k.If(odd).I("bra", skip)
			k.I("add.u32", sum, sum, i)
			k.Place(skip)
		})
		k.I("shfl.sync.bfly.b32", sum, sum, ptx.Int(1), ptx.Int(31), ptx.Int(-1))
		k.I("st.global.u32", ptx.At(slot(k, out, lane), 0), sum)
	})
	got, err := launchOne(t, m, 1, 32, 32)
	require.NoError(t, err)
	for lane := range got {
		want := 0
		for i := 0; i <= lane^1; i += 2 {
			want += i
		}
		require.EqualValues(t, want, got[lane])
	}
}

func TestGuardedInstructionsAndExit(t *testing.T) {
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, _, out ptx.Reg) {
		lane, p := special(k, "%tid.x"), k.Reg(ptx.Pred)
		at := slot(k, out, lane)
		k.I("setp.lt.u32", p, lane, ptx.Int(10))
		k.If(p).I("st.global.u32", ptx.At(at, 0), lane)
		k.If(p).I("exit")
		k.I("bar.sync", ptx.Int(0)) // of those that still live
		v := k.Reg(ptx.B32)
		k.I("vote.sync.ballot.b32", v, p, ptx.Int(-1))
		k.IfNot(p).I("st.global.u32", ptx.At(at, 0), ptx.Int(77))
		k.I("ret")
	})
	got, err := launchOne(t, m, 1, 64, 64)
	require.NoError(t, err)
	for i, v := range got {
		if i < 10 {
			require.EqualValues(t, i, v)
		} else {
			require.EqualValues(t, 77, v)
		}
	}
}

// TestBarrier: every thread reads what its mirror image in the CTA wrote, in two CTAs.
func TestBarrier(t *testing.T) {
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, _, out ptx.Reg) {
		tid, cta := special(k, "%tid.x"), special(k, "%ctaid.x")
		base := k.SharedAddress(k.Shared("buffer", 4*256, 4))
		mine, other, v := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
		k.I("mad.lo.u32", mine, tid, ptx.Int(4), base)
		k.I("sub.u32", other, ptx.Int(255), tid)
		k.I("mad.lo.u32", other, other, ptx.Int(4), base)
		k.I("mad.lo.u32", v, cta, ptx.Int(1000), tid)
		k.I("st.shared.u32", ptx.At(mine, 0), v)
		k.I("bar.sync", ptx.Int(0))
		k.I("ld.shared.u32", v, ptx.At(other, 0))
		index := k.Reg(ptx.B32)
		k.I("mad.lo.u32", index, cta, ptx.Int(256), tid)
		k.I("st.global.u32", ptx.At(slot(k, out, index), 0), v)
	})
	got, err := launchOne(t, m, 2, 256, 512)
	require.NoError(t, err)
	for i, v := range got {
		require.EqualValues(t, i/256*1000+255-i%256, v)
	}
}

// TestSpinOnFlag: lane 0 waits in a loop for what lane 1 of its warp and a later
// warp do; an unfair schedule would never end.
func TestSpinOnFlag(t *testing.T) {
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, in, out ptx.Reg) {
		tid, v, p := special(k, "%tid.x"), k.Reg(ptx.B32), k.Reg(ptx.Pred)
		first := k.Reg(ptx.Pred)
		k.I("setp.ne.u32", first, tid, ptx.Int(0))
		others := k.NewLabel("others")
		k.If(first).I("bra", others)
		top := k.NewLabel("spin")
		k.Place(top)
		k.I("ld.volatile.global.u32", v, ptx.At(in, 0))
		k.I("setp.lt.u32", p, v, ptx.Int(63))
		k.If(p).I("bra", top)
		k.I("st.global.u32", ptx.At(out, 0), v)
		k.I("ret")
		k.Place(others)
		k.I("red.global.add.u32", ptx.At(in, 0), ptx.Int(1))
	})
	got, err := launchOne(t, m, 1, 64, 1)
	require.NoError(t, err)
	require.EqualValues(t, 63, got[0])
}

func TestFaults(t *testing.T) {
	shape := func(body func(k *ptx.Kernel, in, out, lane ptx.Reg)) *ptx.Module {
		return kernel(t, isa.SM80, func(k *ptx.Kernel, in, out ptx.Reg) { body(k, in, out, special(k, "%laneid")) })
	}
	for name, c := range map[string]struct {
		m    *ptx.Module
		err  error
		lane int
	}{
		"beyond the buffer": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) {
			k.I("st.global.u32", ptx.At(slot(k, out, lane), 0), lane)
		}), ErrBounds, 4},
		"misaligned": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) {
			k.I("st.global.u32", ptx.At(out, 2), lane)
		}), ErrAlign, 0},
		"shared bounds": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) {
			base := k.SharedAddress(k.Shared("s", 16, 16))
			k.I("st.shared.u32", ptx.At(base, 16), lane)
		}), ErrBounds, 0},
		"null": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) {
			zero := k.Reg(ptx.B32)
			k.I("mov.u32", zero, ptx.Int(0))
			k.I("ld.shared.u32", zero, ptx.At(zero, 0))
		}), ErrBounds, 0},
		"trap": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) { k.I("trap") }), ErrTrap, -1},
		"endless": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) {
			top := k.NewLabel("top")
			k.Place(top)
			k.I("bra", top)
		}), ErrSteps, -1},
		"barrier of too many": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) {
			p := k.Reg(ptx.Pred)
			k.I("setp.lt.u32", p, lane, ptx.Int(7))
			top := k.NewLabel("top")
			k.If(p).I("bra", top)
			k.I("bar.sync", ptx.Int(1))
			k.Place(top)
			k.I("bar.sync", ptx.Int(0))
			k.I("bar.sync", ptx.Int(1))
		}), ErrDeadlock, -1},
		"half a shuffle": {shape(func(k *ptx.Kernel, in, out, lane ptx.Reg) {
			p := k.Reg(ptx.Pred)
			k.I("setp.lt.u32", p, lane, ptx.Int(7))
			k.If(p).I("shfl.sync.idx.b32", lane, lane, ptx.Int(0), ptx.Int(31), ptx.Int(-1))
		}), ErrIllegal, -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := launchOne(t, c.m, 1, 32, 4)
			require.ErrorIs(t, err, c.err)
			var f *Fault
			require.ErrorAs(t, err, &f)
			require.Equal(t, "one", f.Kernel)
			require.Equal(t, c.lane, f.Lane)
			require.NotEmpty(t, f.Instruction)
		})
	}
}

func TestBadLaunches(t *testing.T) {
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, in, out ptx.Reg) { k.I("ret") })
	one := [3]int{1, 1, 1}
	args := [][]byte{U64(0), U64(0)}
	for name, l := range map[string]Launch{
		"name":    {Kernel: "two", Grid: one, Block: one, Args: args},
		"grid":    {Kernel: "one", Grid: [3]int{0, 1, 1}, Block: one, Args: args},
		"threads": {Kernel: "one", Grid: one, Block: [3]int{1025, 1, 1}, Args: args},
		"count":   {Kernel: "one", Grid: one, Block: one, Args: args[:1]},
		"size":    {Kernel: "one", Grid: one, Block: one, Args: [][]byte{U64(0), U32(0)}},
		"shared":  {Kernel: "one", Grid: one, Block: one, Args: args, SharedBytes: 1 << 20},
	} {
		require.ErrorIs(t, Run(t.Context(), m, NewMemory(), l), ErrLaunch, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Run(ctx, m, NewMemory(), Launch{Kernel: "one", Grid: one, Block: one, Args: args})
	require.True(t, errors.Is(err, context.Canceled))
}

func TestSpecialRegisters(t *testing.T) {
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, _, out ptx.Reg) {
		tid, at := special(k, "%tid.x"), k.Reg(ptx.B32)
		k.I("mad.lo.u32", at, special(k, "%ctaid.x"), special(k, "%ntid.x"), tid)
		v := special(k, "%warpid")
		for _, name := range []string{"%smid", "%nctaid.x", "%laneid"} {
			k.I("mad.lo.u32", v, v, ptx.Int(100), special(k, name))
		}
		k.I("st.global.u32", ptx.At(slot(k, out, at), 0), v)
	})
	got, err := launchOne(t, m, 3, 40, 120)
	require.NoError(t, err)
	for i, v := range got {
		cta, thread := i/40, i%40
		require.EqualValues(t, ((thread/32*100+cta)*100+3)*100+thread%32, v)
	}
}

// BenchmarkScalar runs one warp through 10,000 instructions.
func BenchmarkScalar(b *testing.B) {
	for name, step := range map[string]func(k *ptx.Kernel, r ptx.Reg, f ptx.Reg){
		"mad.u32": func(k *ptx.Kernel, r, f ptx.Reg) { k.I("mad.lo.u32", r, r, r, r) },
		"fma.f32": func(k *ptx.Kernel, r, f ptx.Reg) { k.I("fma.rn.f32", f, f, ptx.Float(0.5), f) },
		"fma.f16x2": func(k *ptx.Kernel, r, f ptx.Reg) {
			k.I("fma.rn.f16x2", r, r, ptx.Int(-0x47ff4800), ptx.Int(0x3c003c00))
		},
	} {
		b.Run(name, func(b *testing.B) {
			m := ptx.NewModule(table, isa.SM80)
			k := m.Kernel("one")
			r, f := k.Reg(ptx.B32), k.Reg(ptx.F32)
			k.I("mov.u32", r, ptx.Int(0x3C013C02))
			k.I("mov.b32", f, r)
			k.Loop(ptx.Int(100), func(ptx.Reg) {
				for range 97 {
					step(k, r, f)
				}
			})
			mem := NewMemory()
			for b.Loop() {
				if err := Run(b.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
