package isa

// clusterForms are thread block clusters and their distributed shared memory
// (PTX ISA 9.7.9.23, 9.7.9.24, 9.7.13.3 to 9.7.13.5). Loads and stores of
// shared::cluster stand with the other widths in memoryForms.
func clusterForms() []Form {
	var forms []Form
	add := func(ptxVersion int, sass, operands string, names ...string) {
		for _, n := range names {
			forms = append(forms, Form{Name: n, Operands: operands, PTX: ptxVersion, Target: SM90, SASS: sass})
		}
	}
	add(78, "PRMT", "=r r r", "mapa.shared::cluster.u32") // the CTA's rank becomes the top byte of the address
	add(78, "PRMT", "=l l r", "mapa.u64", "mapa.shared::cluster.u64")
	add(78, "", "=r r", "getctarank.shared::cluster.u32")
	add(78, "", "=r l", "getctarank.u64")

	for _, aligned := range []string{"", ".aligned"} {
		add(78, "UCGABAR_ARV", "", "barrier.cluster.arrive"+aligned)
		add(80, "UCGABAR_ARV", "", "barrier.cluster.arrive.release"+aligned, "barrier.cluster.arrive.relaxed"+aligned)
		add(78, "UCGABAR_WAIT", "", "barrier.cluster.wait"+aligned)
		add(80, "UCGABAR_WAIT", "", "barrier.cluster.wait.acquire"+aligned)
	}
	add(78, "MEMBAR", "", "fence.acq_rel.cluster", "fence.sc.cluster")

	add(78, "ATOM", "=r m r", "atom.shared::cluster.add.u32", "atom.shared::cluster.exch.b32", "atom.shared::cluster.max.u32")
	add(78, "ATOM", "=r m r r", "atom.shared::cluster.cas.b32")
	add(78, "ATOM", "=l m l", "atom.shared::cluster.add.u64")
	add(78, "", "m r", "red.shared::cluster.add.u32")
	return forms
}
