package emu

import "strings"

// special decodes a mov from a special register. Time is counted in operations:
// %clock and %globaltimer read the number of operations executed on the device.
func (d *decoder) special(in *instr, name string) (step, error) {
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	f := specialRegister(name)
	if f == nil {
		return nil, unsupportedf("special register %s", name)
	}
	width := in.regWidth(0)
	return func(w *warp, mask uint32) error {
		for ; mask != 0; mask &= mask - 1 {
			i := first(mask)
			w.regs[dst][i] = truncate(f(w, i), width)
		}
		return nil
	}, nil
}

func specialRegister(name string) func(w *warp, lane int) uint64 {
	stem, dimension, _ := strings.Cut(name, ".")
	if axis := strings.Index("xyz", dimension); dimension != "" && axis >= 0 {
		return vectorRegister(stem, axis)
	}
	if f := laneRegister(name); f != nil {
		return f
	}
	switch name {
	case "%warpid":
		return func(w *warp, _ int) uint64 { return uint64(w.rank) }
	case "%nwarpid":
		return func(w *warp, _ int) uint64 { return 64 }
	case "%smid":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.linear) }
	case "%nsmid":
		return func(w *warp, _ int) uint64 {
			g := w.cta.cluster.launch.grid
			return uint64(g[0] * g[1] * g[2])
		}
	case "%gridid":
		return func(*warp, int) uint64 { return 1 }
	case "%clock64", "%clock", "%globaltimer", "%globaltimer_lo":
		return func(w *warp, _ int) uint64 { return w.cta.cluster.launch.mem.now }
	case "%clock_hi", "%globaltimer_hi":
		return func(w *warp, _ int) uint64 { return w.cta.cluster.launch.mem.now >> 32 }
	case "%cluster_ctarank":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.rank) }
	case "%cluster_nctarank":
		return func(w *warp, _ int) uint64 { return uint64(len(w.cta.cluster.ctas)) }
	case "%dynamic_smem_size":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.cluster.launch.bytes) }
	case "%total_smem_size":
		return func(w *warp, _ int) uint64 { return uint64(len(w.cta.shared)) }
	}
	return nil
}

func laneRegister(name string) func(w *warp, lane int) uint64 {
	switch name {
	case "%laneid":
		return func(_ *warp, lane int) uint64 { return uint64(lane) }
	case "%lanemask_eq":
		return func(_ *warp, lane int) uint64 { return 1 << lane }
	case "%lanemask_lt":
		return func(_ *warp, lane int) uint64 { return 1<<lane - 1 }
	case "%lanemask_le":
		return func(_ *warp, lane int) uint64 { return 2<<lane - 1 }
	case "%lanemask_gt":
		return func(_ *warp, lane int) uint64 { return allLanes &^ (2<<lane - 1) }
	case "%lanemask_ge":
		return func(_ *warp, lane int) uint64 { return allLanes &^ (1<<lane - 1) }
	}
	return nil
}

// vectorRegister is a register with an x, y and z.
func vectorRegister(stem string, axis int) func(w *warp, lane int) uint64 {
	switch stem {
	case "%tid":
		return func(w *warp, lane int) uint64 {
			n, b := w.tid+lane, w.cta.cluster.launch.block
			return uint64([3]int{n % b[0], n / b[0] % b[1], n / b[0] / b[1]}[axis])
		}
	case "%ntid":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.cluster.launch.block[axis]) }
	case "%ctaid":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.id[axis]) }
	case "%nctaid":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.cluster.launch.grid[axis]) }
	case "%clusterid":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.id[axis] / w.cta.cluster.shape[axis]) }
	case "%nclusterid":
		return func(w *warp, _ int) uint64 {
			return uint64(w.cta.cluster.launch.grid[axis] / w.cta.cluster.shape[axis])
		}
	case "%cluster_ctaid":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.id[axis] % w.cta.cluster.shape[axis]) }
	case "%cluster_nctaid":
		return func(w *warp, _ int) uint64 { return uint64(w.cta.cluster.shape[axis]) }
	}
	return nil
}
