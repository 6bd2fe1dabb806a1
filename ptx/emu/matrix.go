package emu

// matrixCount is the number of 8x8 matrices that .x1, .x2 or .x4 says.
func matrixCount(in *instr) int {
	switch in.oneOf("x1", "x2", "x4") {
	case "x2":
		return 2
	case "x4":
		return 4
	}
	return 1
}

// ldmatrix loads 8x8 matrices of 16-bit elements; lanes 8j to 8j+7 give the row
// addresses of matrix j. A lane gets two neighbours of row lane/4, or of column
// lane/4 with .trans.
func (d *decoder) ldmatrix(in *instr) (step, error) {
	to, err := d.vec(in, 0)
	if err != nil {
		return nil, err
	}
	from, err := d.address(in, 1)
	if err != nil {
		return nil, err
	}
	if !in.has("m8n8") || len(to) != matrixCount(in) {
		return nil, unsupportedf("%s", in.name)
	}
	trans, s := in.has("trans"), matrixSpace(in)
	return func(w *warp, _ uint32) error {
		var rows [8][]byte
		var out [4]lanes
		for j := range to {
			for r := range rows {
				lane := 8*j + r
				var err error
				if rows[r], err = w.at(lane, s, from.of(w, lane), 16, false); err != nil {
					return err
				}
			}
			for lane := range 32 {
				g, t := lane>>2, lane&3*2
				if trans {
					out[j][lane] = load(rows[t][2*g:][:2]) | load(rows[t+1][2*g:][:2])<<16
				} else {
					out[j][lane] = load(rows[g][2*t:][:4])
				}
			}
		}
		for j, slot := range to {
			w.regs[slot] = out[j]
		}
		return nil
	}, nil
}

func matrixSpace(in *instr) space {
	if s := spaceOf(in); s != generic {
		return s
	}
	return sharedCTA
}

// stmatrix is the inverse of ldmatrix.
func (d *decoder) stmatrix(in *instr) (step, error) {
	to, err := d.address(in, 0)
	if err != nil {
		return nil, err
	}
	from, err := d.vec(in, 1)
	if err != nil {
		return nil, err
	}
	if !in.has("m8n8") || len(from) != matrixCount(in) {
		return nil, unsupportedf("%s", in.name)
	}
	trans, s := in.has("trans"), matrixSpace(in)
	return func(w *warp, _ uint32) error {
		for j, slot := range from {
			var rows [8][]byte
			for r := range rows {
				lane := 8*j + r
				var err error
				if rows[r], err = w.at(lane, s, to.of(w, lane), 16, true); err != nil {
					return err
				}
			}
			for lane := range 32 {
				g, t, v := lane>>2, lane&3*2, w.regs[slot][lane]
				if trans {
					store(rows[t][2*g:][:2], v)
					store(rows[t+1][2*g:][:2], v>>16)
				} else {
					store(rows[g][2*t:][:4], v)
				}
			}
		}
		return nil
	}, nil
}

// movmatrix transposes an 8x8 matrix that lies in registers.
func (d *decoder) movmatrix(in *instr) (step, error) {
	dst, err := d.dst(in, 0)
	if err != nil {
		return nil, err
	}
	src, err := d.src(in, 1)
	if err != nil {
		return nil, err
	}
	return func(w *warp, _ uint32) error {
		a, out := &w.regs[src], lanes{}
		element := func(row, col int) uint64 { return a[4*row+col>>1] >> (col & 1 * 16) & 0xFFFF }
		for lane := range 32 {
			g, t := lane>>2, lane&3*2
			out[lane] = element(t, g) | element(t+1, g)<<16
		}
		w.regs[dst] = out
		return nil
	}, nil
}
