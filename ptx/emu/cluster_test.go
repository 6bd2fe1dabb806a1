package emu

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// clusterKernel is kernel with a cluster of n CTAs.
func clusterKernel(t *testing.T, n int, body func(k *ptx.Kernel, in, out ptx.Reg)) *ptx.Module {
	return kernel(t, isa.SM90a, func(k *ptx.Kernel, in, out ptx.Reg) {
		k.Cluster = [3]int{n, 1, 1}
		body(k, in, out)
	})
}

func syncCluster(k *ptx.Kernel) {
	k.I("barrier.cluster.arrive.release.aligned")
	k.I("barrier.cluster.wait.acquire.aligned")
}

// TestDistributedSharedMemory: every CTA reads the number that its right
// neighbour wrote, by shared::cluster and by generic address, and adds to the left one's.
func TestDistributedSharedMemory(t *testing.T) {
	const n = 4
	m := clusterKernel(t, n, func(k *ptx.Kernel, _, out ptx.Reg) {
		tid, rank, cta := special(k, "%tid.x"), special(k, "%cluster_ctarank"), special(k, "%ctaid.x")
		base := k.SharedAddress(k.Shared("word", 16, 8))
		first := k.Reg(ptx.Pred)
		k.I("setp.eq.u32", first, tid, ptx.Int(0))
		k.If(first).I("st.shared.u32", ptx.At(base, 0), cta)
		syncCluster(k)
		right, left, peer, v, w := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
		k.I("add.u32", right, rank, ptx.Int(1))
		k.I("and.b32", right, right, ptx.Int(n-1))
		k.I("add.u32", left, rank, ptx.Int(n-1))
		k.I("and.b32", left, left, ptx.Int(n-1))
		k.I("mapa.shared::cluster.u32", peer, base, right)
		k.I("ld.shared::cluster.u32", v, ptx.At(peer, 0))
		k.I("getctarank.shared::cluster.u32", w, peer)
		k.I("mad.lo.u32", v, w, ptx.Int(1000), v)
		k.I("mapa.shared::cluster.u32", peer, base, left)
		k.If(first).I("atom.shared::cluster.add.u32", w, ptx.At(peer, 4), ptx.Int(5))
		syncCluster(k)
		k.I("ld.shared.u32", w, ptx.At(base, 4))
		k.I("mad.lo.u32", v, w, ptx.Int(1000000), v)
		k.If(first).I("st.global.u32", ptx.At(slot(k, out, cta), 0), v)
	})
	got, err := launchOne(t, m, 2*n, 64, 2*n)
	require.NoError(t, err)
	for cta, v := range got {
		right := cta/n*n + (cta+1)%n
		require.EqualValues(t, 5000000+right%n*1000+right, v)
	}
}

func TestClusterFaults(t *testing.T) {
	for name, c := range map[string]struct {
		body func(k *ptx.Kernel, rank, base ptx.Reg)
		err  error
	}{
		"rank outside": {func(k *ptx.Kernel, rank, base ptx.Reg) { k.I("mapa.shared::cluster.u32", rank, base, ptx.Int(2)) }, ErrIllegal},
		"peer by shared::cta": {func(k *ptx.Kernel, rank, base ptx.Reg) {
			other := k.Reg(ptx.B32)
			k.I("xor.b32", other, rank, ptx.Int(1))
			k.I("mapa.shared::cluster.u32", other, base, other)
			k.I("ld.shared.u32", other, ptx.At(other, 0))
		}, ErrBounds},
		"wait without arrive": {func(k *ptx.Kernel, rank, base ptx.Reg) { k.I("barrier.cluster.wait.aligned") }, ErrIllegal},
		"half a cluster arrives": {func(k *ptx.Kernel, rank, base ptx.Reg) {
			p := k.Reg(ptx.Pred)
			k.I("mbarrier.init.shared::cta.b64", ptx.At(base, 0), ptx.Int(1))
			k.I("setp.eq.u32", p, rank, ptx.Int(0))
			done := k.NewLabel("done")
			k.If(p).I("bra", done)
			wait(k, base, ptx.Int(0))
			k.Place(done)
			syncCluster(k)
		}, ErrDeadlock},
		"peer has exited": {func(k *ptx.Kernel, rank, base ptx.Reg) {
			p, other := k.Reg(ptx.Pred), k.Reg(ptx.B32)
			k.I("setp.eq.u32", p, rank, ptx.Int(0))
			k.If(p).I("exit")
			k.I("mapa.shared::cluster.u32", other, base, ptx.Int(0))
			k.I("ld.shared::cluster.u32", other, ptx.At(other, 0))
		}, ErrIllegal},
	} {
		t.Run(name, func(t *testing.T) {
			m := clusterKernel(t, 2, func(k *ptx.Kernel, _, _ ptx.Reg) {
				c.body(k, special(k, "%cluster_ctarank"), k.SharedAddress(k.Shared("word", 16, 8)))
			})
			_, err := launchOne(t, m, 2, 32, 1)
			require.ErrorIs(t, err, c.err)
		})
	}
	m := clusterKernel(t, 2, func(k *ptx.Kernel, _, _ ptx.Reg) {})
	_, err := launchOne(t, m, 3, 32, 1)
	require.ErrorIs(t, err, ErrLaunch)
}

// wait spins until the phase of a parity is complete.
func wait(k *ptx.Kernel, bar ptx.Reg, parity ptx.Operand) {
	done, top := k.Reg(ptx.Pred), k.NewLabel("wait")
	k.Place(top)
	k.I("mbarrier.try_wait.parity.shared::cta.b64", done, ptx.At(bar, 0), parity)
	k.IfNot(done).I("bra", top)
}

// TestProducerConsumer: one thread copies tiles through two buffers guarded by
// full and empty mbarriers; the other warps sum them. Every tile must be seen once.
func TestProducerConsumer(t *testing.T) {
	const tiles, bytes = 10, 512
	m := kernel(t, isa.SM90, func(k *ptx.Kernel, in, out ptx.Reg) {
		tid := special(k, "%tid.x")
		buffer := k.SharedAddress(k.Shared("buffer", 2*bytes, 128))
		bars := k.SharedAddress(k.Shared("bars", 32, 8)) // full 0, full 1, empty 0, empty 1
		first, producer := k.Reg(ptx.Pred), k.Reg(ptx.Pred)
		k.I("setp.eq.u32", first, tid, ptx.Int(0))
		for i := range 4 {
			count := 1
			if i >= 2 {
				count = 128
			}
			k.If(first).I("mbarrier.init.shared::cta.b64", ptx.At(bars, 8*i), ptx.Int(count))
		}
		k.I("fence.mbarrier_init.release.cluster")
		k.I("bar.sync", ptx.Int(0))
		k.I("setp.ge.u32", producer, tid, ptx.Int(128))
		consume, end := k.NewLabel("consume"), k.NewLabel("end")
		k.IfNot(producer).I("bra", consume)
		ring := func(i ptx.Reg) (bar, at, parity ptx.Reg) {
			bar, at, parity = k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
			k.I("and.b32", bar, i, ptx.Int(1))
			k.I("mad.lo.u32", at, bar, ptx.Int(bytes), buffer)
			k.I("mad.lo.u32", bar, bar, ptx.Int(8), bars)
			k.I("shr.u32", parity, i, ptx.Int(1))
			k.I("and.b32", parity, parity, ptx.Int(1))
			return bar, at, parity
		}
		leader, src := k.Reg(ptx.Pred), k.Reg(ptx.B64)
		k.I("elect.sync _|", leader, ptx.Int(-1))
		k.IfNot(leader).I("bra", end)
		k.I("mov.b64", src, in)
		k.Loop(ptx.Int(tiles), func(i ptx.Reg) {
			bar, at, parity := ring(i)
			k.I("xor.b32", parity, parity, ptx.Int(1)) // the first wait on an empty buffer passes
			empty := k.Reg(ptx.B32)
			k.I("add.u32", empty, bar, ptx.Int(16))
			wait(k, empty, parity)
			k.I("mbarrier.arrive.expect_tx.shared::cta.b64 _,", ptx.At(bar, 0), ptx.Int(bytes))
			k.I("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes", ptx.At(at, 0), ptx.At(src, 0), ptx.Int(bytes), ptx.At(bar, 0))
			k.I("add.u64", src, src, ptx.Int(bytes))
		})
		k.I("bra", end)
		k.Place(consume)
		sum, v := k.Reg(ptx.B32), k.Reg(ptx.B32)
		k.I("mov.u32", sum, ptx.Int(0))
		k.Loop(ptx.Int(tiles), func(i ptx.Reg) {
			bar, at, parity := ring(i)
			wait(k, bar, parity)
			k.I("mad.lo.u32", at, tid, ptx.Int(4), at)
			k.I("ld.shared.u32", v, ptx.At(at, 0))
			k.I("mad.lo.u32", sum, sum, ptx.Int(3), v)
			empty := k.Reg(ptx.B32)
			k.I("add.u32", empty, bar, ptx.Int(16))
			k.I("mbarrier.arrive.shared::cta.b64 _,", ptx.At(empty, 0))
		})
		k.I("st.global.u32", ptx.At(slot(k, out, tid), 0), sum)
		k.Place(end)
	})
	mem := NewMemory()
	in, err := mem.Alloc("in", tiles*bytes)
	require.NoError(t, err)
	out, err := mem.Alloc("out", 8*128)
	require.NoError(t, err)
	want := make([]uint32, 128)
	for i := range tiles {
		for j := range 128 {
			v := uint32(i*1000 + j*7)
			require.NoError(t, mem.Write(in+uint64(i*bytes+4*j), U32(v)))
			want[j] = 3*want[j] + v
		}
	}
	require.NoError(t, Run(t.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{160, 1, 1}, Args: [][]byte{U64(in), U64(out)}}))
	for j, v := range words64(t, mem, out, 128) {
		require.EqualValues(t, want[j], v)
	}
}

// TestRemoteAsync: rank 0 sends to rank 1 by a bulk copy, st.async and red.async,
// and multicasts to both; each waits on its own mbarrier only.
func TestRemoteAsync(t *testing.T) {
	const tx = ".mbarrier::complete_tx::bytes"
	m := clusterKernel(t, 2, func(k *ptx.Kernel, in, out ptx.Reg) {
		tid, rank := special(k, "%tid.x"), special(k, "%cluster_ctarank")
		data := k.SharedAddress(k.Shared("data", 256, 128))
		bar := k.SharedAddress(k.Shared("bar", 8, 8))
		first, sender := k.Reg(ptx.Pred), k.Reg(ptx.Pred)
		k.I("setp.eq.u32", first, tid, ptx.Int(0))
		k.I("setp.eq.u32", sender, rank, ptx.Int(0))
		k.I("and.pred", sender, sender, first)
		bytes := k.Reg(ptx.B32)
		k.I("mad.lo.u32", bytes, rank, ptx.Int(64+4+4), ptx.Int(64)) // rank 1 gets more
		k.If(first).I("mbarrier.init.shared::cta.b64", ptx.At(bar, 0), ptx.Int(1))
		k.If(first).I("mbarrier.arrive.expect_tx.shared::cta.b64 _,", ptx.At(bar, 0), bytes)
		for i := range 16 {
			k.If(first).I("st.shared.u32", ptx.At(data, 4*i), ptx.Int(100+i))
		}
		k.I("fence.proxy.async.shared::cta")
		syncCluster(k)
		peer, peerBar, mask := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B16)
		one := k.Reg(ptx.B32)
		k.I("mov.u32", one, ptx.Int(1))
		k.I("mapa.shared::cluster.u32", peer, data, one)
		k.I("mapa.shared::cluster.u32", peerBar, bar, one)
		k.I("mov.b16", mask, ptx.Int(3))
		k.If(sender).I("cp.async.bulk.shared::cluster.shared::cta"+tx, ptx.At(peer, 64), ptx.At(data, 0), ptx.Int(64), ptx.At(peerBar, 0))
		k.If(sender).I("cp.async.bulk.shared::cluster.global"+tx+".multicast::cluster", ptx.At(data, 128), ptx.At(in, 0), ptx.Int(64), ptx.At(bar, 0), mask)
		k.If(sender).I("st.async.weak.shared::cluster"+tx+".u32", ptx.At(peer, 0), ptx.Int(7), ptx.At(peerBar, 0))
		k.If(sender).I("red.async.relaxed.cluster.shared::cluster"+tx+".add.u32", ptx.At(peer, 4), ptx.Int(9), ptx.At(peerBar, 0))
		wait(k, bar, ptx.Int(0))
		v, at := k.Reg(ptx.B32), k.Reg(ptx.B32)
		k.I("mad.lo.u32", at, tid, ptx.Int(4), data)
		k.I("ld.shared.u32", v, ptx.At(at, 0))
		k.I("mad.lo.u32", at, rank, ptx.Int(64), tid)
		k.I("st.global.u32", ptx.At(slot(k, out, at), 0), v)
		syncCluster(k)
	})
	mem := NewMemory()
	in, err := mem.Alloc("in", 64)
	require.NoError(t, err)
	for i := range 16 {
		require.NoError(t, mem.Write(in+uint64(4*i), U32(uint32(500+i))))
	}
	out, err := mem.Alloc("out", 8*128)
	require.NoError(t, err)
	require.NoError(t, Run(t.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{2, 1, 1}, Block: [3]int{64, 1, 1}, Args: [][]byte{U64(in), U64(out)}}))
	for i, v := range words64(t, mem, out, 128) {
		rank, word := i/64, i%64
		want := 0
		switch {
		case word < 16:
			want = 100 + word
			if rank == 1 && word == 0 {
				want = 7
			}
			if rank == 1 && word == 1 {
				want = 101 + 9
			}
		case word < 32 && rank == 1:
			want = 100 + word - 16
		case word >= 32 && word < 48:
			want = 500 + word - 32
		}
		require.EqualValues(t, want, v, "rank %d word %d", rank, word)
	}
}

// TestSmallAsyncCopy: cp.async with a short source fills up with zeros; bulk
// stores and reductions bring the result out.
func TestSmallAsyncCopy(t *testing.T) {
	m := kernel(t, isa.SM90, func(k *ptx.Kernel, in, out ptx.Reg) {
		tid := special(k, "%tid.x")
		data := k.SharedAddress(k.Shared("data", 512, 128))
		at, src, first := k.Reg(ptx.B32), k.Reg(ptx.B64), k.Reg(ptx.Pred)
		k.I("mad.lo.u32", at, tid, ptx.Int(16), data)
		k.I("mad.wide.u32", src, tid, ptx.Int(16), in)
		k.I("cp.async.cg.shared.global", ptx.At(at, 0), ptx.At(src, 0), ptx.Int(16), ptx.Int(12))
		k.I("cp.async.commit_group")
		k.I("cp.async.wait_group", ptx.Int(0))
		k.I("bar.sync", ptx.Int(0))
		k.I("setp.eq.u32", first, tid, ptx.Int(0))
		k.If(first).I("cp.async.bulk.global.shared::cta.bulk_group", ptx.At(out, 0), ptx.At(data, 0), ptx.Int(512))
		for range 2 {
			k.If(first).I("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32", ptx.At(out, 0), ptx.At(data, 0), ptx.Int(256))
		}
		k.I("cp.async.bulk.commit_group")
		k.I("cp.async.bulk.wait_group", ptx.Int(0))
	})
	mem := NewMemory()
	in, err := mem.Alloc("in", 512)
	require.NoError(t, err)
	for i := range 128 {
		require.NoError(t, mem.Write(in+uint64(4*i), U32(uint32(i+1))))
	}
	out, err := mem.Alloc("out", 512)
	require.NoError(t, err)
	require.NoError(t, Run(t.Context(), m, mem, Launch{Kernel: "one", Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}, Args: [][]byte{U64(in), U64(out)}}))
	for i, v := range words64(t, mem, out, 64) {
		for half, got := range []uint32{uint32(v), uint32(v >> 32)} {
			word := 2*i + half
			want := uint32(word + 1)
			if word%4 == 3 {
				want = 0
			}
			if word < 64 {
				want *= 3
			}
			require.Equal(t, want, got, "word %d", word)
		}
	}
}

func TestAsyncFaults(t *testing.T) {
	for name, c := range map[string]struct {
		body func(k *ptx.Kernel, in, data, bar ptx.Reg)
		err  error
	}{
		"never complete": {func(k *ptx.Kernel, in, data, bar ptx.Reg) {
			k.I("mbarrier.arrive.expect_tx.shared::cta.b64 _,", ptx.At(bar, 0), ptx.Int(32))
			k.I("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes", ptx.At(data, 0), ptx.At(in, 0), ptx.Int(16), ptx.At(bar, 0))
			wait(k, bar, ptx.Int(0))
		}, ErrDeadlock},
		"too many arrivals": {func(k *ptx.Kernel, in, data, bar ptx.Reg) {
			k.I("mbarrier.arrive.expect_tx.shared::cta.b64 _,", ptx.At(bar, 0), ptx.Int(16))
			k.I("mbarrier.arrive.shared::cta.b64 _,", ptx.At(bar, 0))
		}, ErrIllegal},
		"not initialised": {func(k *ptx.Kernel, in, data, bar ptx.Reg) { wait(k, data, ptx.Int(0)) }, ErrIllegal},
		"odd size": {func(k *ptx.Kernel, in, data, bar ptx.Reg) {
			k.I("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes", ptx.At(data, 0), ptx.At(in, 0), ptx.Int(20), ptx.At(bar, 0))
		}, ErrAlign},
		"beyond shared memory": {func(k *ptx.Kernel, in, data, bar ptx.Reg) {
			k.I("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes", ptx.At(data, 0), ptx.At(in, 0), ptx.Int(4096), ptx.At(bar, 0))
		}, ErrBounds},
	} {
		t.Run(name, func(t *testing.T) {
			m := kernel(t, isa.SM90, func(k *ptx.Kernel, in, _ ptx.Reg) {
				data, bar := k.SharedAddress(k.Shared("data", 256, 128)), k.SharedAddress(k.Shared("bar", 8, 8))
				k.I("mbarrier.init.shared::cta.b64", ptx.At(bar, 0), ptx.Int(1))
				c.body(k, in, data, bar)
			})
			_, err := launchOne(t, m, 1, 1, 1)
			require.ErrorIs(t, err, c.err, fmt.Sprint(err))
		})
	}
}

// TestBarrierState: arrive gives a token for its phase, and test_wait tells when it is over.
func TestBarrierState(t *testing.T) {
	m := kernel(t, isa.SM80, func(k *ptx.Kernel, _, out ptx.Reg) {
		bar := k.SharedAddress(k.Shared("bar", 8, 8))
		state, second, p := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.Pred)
		k.I("mbarrier.init.shared.b64", ptx.At(bar, 0), ptx.Int(2))
		k.I("mbarrier.arrive.shared.b64", state, ptx.At(bar, 0))
		k.I("mbarrier.test_wait.shared.b64", p, ptx.At(bar, 0), state)
		v := k.Reg(ptx.B32)
		k.I("selp.b32", v, ptx.Int(1), ptx.Int(0), p)
		k.I("st.global.u32", ptx.At(out, 0), v)
		k.I("mbarrier.arrive.shared.b64", second, ptx.At(bar, 0))
		k.I("mbarrier.test_wait.shared.b64", p, ptx.At(bar, 0), state)
		k.I("selp.b32", v, ptx.Int(1), ptx.Int(0), p)
		k.I("st.global.u32", ptx.At(out, 8), v)
		k.I("mbarrier.pending_count.b64", v, second)
		k.I("st.global.u32", ptx.At(out, 16), v)
	})
	got, err := launchOne(t, m, 1, 1, 3)
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1, 1}, got)
}
