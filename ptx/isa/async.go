package isa

import "fmt"

// asyncForms are asynchronous copies and the barriers that they complete on
// (PTX ISA 9.7.9.25, 9.7.13.15): cp.async, cp.async.bulk with and without a
// tensor map, st.async, mbarrier, proxy fences and prefetches.
//
// A sink "_" is not an operand of this table: where PTX wants one, it is the
// end of the form's name ("mbarrier.arrive.shared::cta.b64 _,").
func asyncForms() []Form {
	var forms []Form
	add := func(ptxVersion int, target Target, sass, operands string, names ...string) {
		for _, n := range names {
			forms = append(forms, Form{Name: n, Operands: operands, PTX: ptxVersion, Target: target, SASS: sass})
		}
	}
	copyAsyncForms(add)
	mbarrierForms(add)
	bulkForms(add)
	tensorCopyForms(add)
	add(20, SM70, "CCTL", "m", "prefetch.global.L1", "prefetch.global.L2")
	add(80, SM90, "UTMACCTL", "m", "prefetch.tensormap")
	add(80, SM90, "ELECT", "=p r", "elect.sync _|")
	add(80, SM90, "FENCE", "", "fence.proxy.async", "fence.proxy.async.global", "fence.proxy.async.shared::cta", "fence.proxy.async.shared::cluster")
	add(80, SM90, "", "", "fence.mbarrier_init.release.cluster")
	add(78, SM90, "", "", "griddepcontrol.wait", "griddepcontrol.launch_dependents")
	return forms
}

type adder func(ptxVersion int, target Target, sass, operands string, names ...string)

// copyAsyncForms are the non-bulk copies: 4, 8 or 16 bytes per thread; the
// second operand list has the number of bytes to read, the rest is zero.
func copyAsyncForms(add adder) {
	for _, operands := range []string{"m m i", "m m i r"} {
		add(70, SM80, "LDGSTS", operands, "cp.async.ca.shared.global", "cp.async.cg.shared.global")
	}
	add(70, SM80, "LDGDEPBAR", "", "cp.async.commit_group")
	add(70, SM80, "DEPBAR", "i", "cp.async.wait_group")
	add(70, SM80, "DEPBAR", "", "cp.async.wait_all")
	add(70, SM80, "ARRIVES", "m", "cp.async.mbarrier.arrive.shared.b64", "cp.async.mbarrier.arrive.noinc.shared.b64")
}

func mbarrierForms(add adder) {
	add(70, SM80, "SYNCS|STS|ATOMS", "m r", "mbarrier.init.shared.b64")
	add(70, SM80, "", "m", "mbarrier.inval.shared.b64")
	add(70, SM80, "", "=l m", "mbarrier.arrive.shared.b64")
	add(70, SM80, "", "=l m r", "mbarrier.arrive.noComplete.shared.b64")
	add(70, SM80, "", "=p m l", "mbarrier.test_wait.shared.b64")
	add(71, SM80, "", "=p m r", "mbarrier.test_wait.parity.shared.b64")
	add(70, SM80, "", "=r l", "mbarrier.pending_count.b64")

	add(78, SM80, "SYNCS|STS|ATOMS", "m r", "mbarrier.init.shared::cta.b64")
	add(78, SM80, "", "m", "mbarrier.inval.shared::cta.b64")
	add(78, SM90, "SYNCS", "=p m l", "mbarrier.try_wait.shared::cta.b64")
	add(78, SM90, "SYNCS", "=p m r", "mbarrier.try_wait.parity.shared::cta.b64")
	add(78, SM90, "SYNCS", "=p m r r", "mbarrier.try_wait.parity.shared::cta.b64")
	add(80, SM90, "SYNCS", "=p m r", "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64", "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64")
	add(78, SM80, "SYNCS|ATOMS", "=l m", "mbarrier.arrive.shared::cta.b64")
	add(78, SM80, "SYNCS|ATOMS", "m", "mbarrier.arrive.shared::cta.b64 _,")
	add(80, SM80, "SYNCS|ATOMS", "=l m", "mbarrier.arrive.release.cta.shared::cta.b64")
	add(80, SM90, "SYNCS", "=l m r", "mbarrier.arrive.expect_tx.shared::cta.b64", "mbarrier.arrive.expect_tx.release.cta.shared::cta.b64")
	add(80, SM90, "SYNCS", "m", "mbarrier.arrive.release.cluster.shared::cluster.b64 _,")
	add(80, SM90, "SYNCS", "m r", "mbarrier.arrive.expect_tx.shared::cta.b64 _,", "mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _,")
	add(80, SM90, "SYNCS", "m r", "mbarrier.expect_tx.relaxed.cta.shared::cta.b64", "mbarrier.complete_tx.relaxed.cta.shared::cta.b64")
}

// bulkForms are copies of up to megabytes by one thread, without a tensor map,
// and the stores and reductions that complete on a remote mbarrier.
func bulkForms(add adder) {
	const tx = ".mbarrier::complete_tx::bytes"
	add(80, SM90, "UBLKCP", "m m r m", "cp.async.bulk.shared::cluster.global"+tx)
	add(80, SM90, "UBLKCP", "m m r m l", "cp.async.bulk.shared::cluster.global"+tx+".L2::cache_hint")
	add(80, SM90, "UBLKCP", "m m r m h", "cp.async.bulk.shared::cluster.global"+tx+".multicast::cluster")
	add(86, SM90, "UBLKCP", "m m r m", "cp.async.bulk.shared::cta.global"+tx)
	add(80, SM90, "UBLKCP", "m m r m", "cp.async.bulk.shared::cluster.shared::cta"+tx)
	add(80, SM90, "UBLKCP", "m m r", "cp.async.bulk.global.shared::cta.bulk_group")
	add(80, SM90, "UBLKPF", "m r", "cp.async.bulk.prefetch.L2.global")
	add(80, SM90, "UBLKRED", "m m r", "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32", "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32")
	add(80, SM90, "UTMACMDFLUSH", "", "cp.async.bulk.commit_group")
	add(80, SM90, "DEPBAR", "i", "cp.async.bulk.wait_group", "cp.async.bulk.wait_group.read")

	for _, t := range []struct{ name, reg string }{{"b32", "r"}, {"u32", "r"}, {"b64", "l"}, {"u64", "l"}, {"f32", "f"}, {"f64", "d"}} {
		add(81, SM90, "STAS", "m "+t.reg+" m", "st.async.weak.shared::cluster"+tx+"."+t.name)
		for _, v := range []string{"2", "4"} {
			if v == "4" && (t.reg == "l" || t.reg == "d") {
				continue
			}
			add(81, SM90, "STAS", "m "+v+t.reg+" m", "st.async.weak.shared::cluster"+tx+".v"+v+"."+t.name)
		}
	}
	add(81, SM90, "", "m r m", "red.async.relaxed.cluster.shared::cluster"+tx+".add.u32")
}

// tensorCopyForms are copies of boxes that a tensor map describes.
func tensorCopyForms(add adder) {
	for dims := 1; dims <= 3; dims++ {
		stem := fmt.Sprintf("cp.async.bulk.tensor.%dd", dims)
		load := stem + ".shared::cluster.global.tile.mbarrier::complete_tx::bytes"
		add(80, SM90, "UTMALDG", "m t m", load)
		add(80, SM90, "UTMALDG", "m t m h", load+".multicast::cluster")
		add(80, SM90, "UTMALDG", "m t m l", load+".L2::cache_hint")
		add(80, SM90, "UTMASTG", "t m", stem+".global.shared::cta.tile.bulk_group")
		add(80, SM90, "UTMAPF", "t", fmt.Sprintf("cp.async.bulk.prefetch.tensor.%dd.L2.global.tile", dims))
	}
}
