package emu

// clusterOp decodes mapa and getctarank, on shared or on generic addresses.
func (d *decoder) clusterOp(o *op, in *instr) error {
	dst, err := d.dst(in, 0)
	if err != nil {
		return err
	}
	src, err := d.src(in, 1)
	if err != nil {
		return err
	}
	window := uint64(sharedWindow)
	if spaceOf(in) != generic {
		window = 0
	}
	if in.op == "getctarank" {
		o.run = func(w *warp, mask uint32) error {
			for ; mask != 0; mask &= mask - 1 {
				i := first(mask)
				rank := (w.regs[src][i] - window) >> rankShift
				if rank == 0 {
					rank = uint64(w.cta.rank) + 1
				}
				w.regs[dst][i] = rank - 1
			}
			return nil
		}
		return nil
	}
	rank, err := d.src(in, 2)
	o.run = func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			to := w.regs[rank][i]
			if to >= uint64(len(w.cta.cluster.ctas)) {
				return &accessError{lane: i, err: illegalf("rank %d in a cluster of %d", to, len(w.cta.cluster.ctas))}
			}
			w.regs[dst][i] = window + ((to+1)<<rankShift | w.regs[src][i]&offsetMask)
		}
		return nil
	}
	return err
}
