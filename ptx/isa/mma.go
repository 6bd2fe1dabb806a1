package isa

import "fmt"

// mmaForms are the warp-level matrix instructions (PTX ISA 9.7.14): mma.sync and
// mma.sp of every shape and type, and the moves between shared memory and fragments.
//
// Operands are d, a, b, c and for mma.sp the metadata and its selector. Every
// fragment is a braced vector, also of one register.
func mmaForms() []Form {
	var forms []Form
	for _, list := range [][]Form{
		halfMMA(), tf32MMA(), doubleMMA(), fp8MMA(), intMMA(), bitMMA(), sparseMMA(), matrixMoves(),
	} {
		forms = append(forms, list...)
	}
	return forms
}

// mma spells a dense mma.sync with row-major A and column-major B.
func mma(shape, d, a, b string) string {
	return fmt.Sprintf("mma.sync.aligned.%s.row.col.%s.%s.%s.%s", shape, d, a, b, d)
}

// halfMMA are f16 and bf16, with f16 or f32 accumulators.
func halfMMA() []Form {
	forms := voltaMMA()
	for _, s := range []struct {
		shape, sass, a, b string
		ptx               int
		target            Target
	}{
		{"m16n8k8", "HMMA.1688", "2r", "1r", 65, SM75},
		{"m16n8k16", "HMMA.16816", "4r", "2r", 70, SM80},
	} {
		forms = append(forms,
			Form{Name: mma(s.shape, "f16", "f16", "f16"), Operands: "=2r " + s.a + " " + s.b + " 2r", PTX: s.ptx, Target: s.target, SASS: s.sass},
			Form{Name: mma(s.shape, "f32", "f16", "f16"), Operands: "=4f " + s.a + " " + s.b + " 4f", PTX: s.ptx, Target: s.target, SASS: s.sass},
			Form{Name: mma(s.shape, "f32", "bf16", "bf16"), Operands: "=4f " + s.a + " " + s.b + " 4f", PTX: 70, Target: SM80, SASS: s.sass})
	}
	return forms
}

// voltaMMA are the m8n8k4 forms of sm_70, four independent products a warp. Targets
// from sm_80 on run them on the scalar units, in a subroutine.
func voltaMMA() []Form {
	var forms []Form
	operands := map[string]string{"f16": "4r", "f32": "8f"}
	for _, layout := range []string{"row.col", "row.row", "col.col", "col.row"} {
		for _, types := range [][2]string{{"f16", "f16"}, {"f32", "f16"}, {"f32", "f32"}} {
			forms = append(forms, Form{
				Name:     fmt.Sprintf("mma.sync.aligned.m8n8k4.%s.%s.f16.f16.%s", layout, types[0], types[1]),
				Operands: "=" + operands[types[0]] + " 2r 2r " + operands[types[1]], PTX: 64, Target: SM70, SASS: "HMMA.884", EmulatedFrom: SM80,
			})
		}
	}
	return forms
}

func tf32MMA() []Form {
	return []Form{
		{Name: mma("m16n8k4", "f32", "tf32", "tf32"), Operands: "=4f 2r 1r 4f", PTX: 70, Target: SM80, SASS: "HMMA.1684"},
		{Name: mma("m16n8k8", "f32", "tf32", "tf32"), Operands: "=4f 4r 2r 4f", PTX: 70, Target: SM80, SASS: "HMMA.1688"},
	}
}

func doubleMMA() []Form {
	return []Form{
		{Name: mma("m8n8k4", "f64", "f64", "f64"), Operands: "=2d 1d 1d 2d", PTX: 70, Target: SM80, SASS: "DMMA.884|DMMA.8x8x4"},
		{Name: mma("m16n8k4", "f64", "f64", "f64"), Operands: "=4d 2d 1d 4d", PTX: 78, Target: SM90, SASS: "DMMA.16x8x4"},
		{Name: mma("m16n8k8", "f64", "f64", "f64"), Operands: "=4d 4d 2d 4d", PTX: 78, Target: SM90, SASS: "DMMA.16x8x8"},
		{Name: mma("m16n8k16", "f64", "f64", "f64"), Operands: "=4d 8d 4d 4d", PTX: 78, Target: SM90, SASS: "DMMA.16x8x16"},
	}
}

func fp8Pairs() [][2]string {
	return [][2]string{{"e4m3", "e4m3"}, {"e4m3", "e5m2"}, {"e5m2", "e4m3"}, {"e5m2", "e5m2"}}
}

// fp8MMA is native on sm_89 and emulated on sm_90 (F2FP conversions and HMMA).
func fp8MMA() []Form {
	var forms []Form
	for _, p := range fp8Pairs() {
		for _, s := range []struct {
			shape, sass, a, b string
			ptx32             int
		}{{"m16n8k16", "QMMA.16816", "2r", "1r", 87}, {"m16n8k32", "QMMA.16832", "4r", "2r", 84}} {
			forms = append(forms,
				Form{Name: mma(s.shape, "f32", p[0], p[1]), Operands: "=4f " + s.a + " " + s.b + " 4f", PTX: s.ptx32, Target: SM89, SASS: s.sass, EmulatedFrom: SM90},
				Form{Name: mma(s.shape, "f16", p[0], p[1]), Operands: "=2r " + s.a + " " + s.b + " 2r", PTX: 87, Target: SM89, SASS: s.sass, EmulatedFrom: SM90})
		}
	}
	return forms
}

// intShape is an integer shape: the operand widths of a, b and c/d.
type intShape struct {
	shape, sass, a, b, d string
	ptx                  int
	target               Target
}

// intMMA are the 8- and 4-bit integers; sm_90 emulates 4 bits with two 8-bit
// instructions in a subroutine.
func intMMA() []Form {
	var forms []Form
	for _, w := range []struct {
		types    [2]string
		emulated Target
		shapes   []intShape
	}{
		{[2]string{"s8", "u8"}, 0, []intShape{
			{"m8n8k16", "IMMA.8816", "1r", "1r", "2r", 65, SM75},
			{"m16n8k16", "IMMA.16816", "2r", "1r", "4r", 70, SM80},
			{"m16n8k32", "IMMA.16832", "4r", "2r", "4r", 70, SM80},
		}},
		{[2]string{"s4", "u4"}, SM90, []intShape{
			{"m8n8k32", "IMMA.8832", "1r", "1r", "2r", 65, SM75},
			{"m16n8k32", "IMMA.16832", "2r", "1r", "4r", 70, SM80},
			{"m16n8k64", "IMMA.16864", "4r", "2r", "4r", 70, SM80},
		}},
	} {
		for _, s := range w.shapes {
			for _, a := range w.types {
				for _, b := range w.types {
					operands := "=" + s.d + " " + s.a + " " + s.b + " " + s.d
					for _, sat := range []string{"", ".satfinite"} {
						name := fmt.Sprintf("mma.sync.aligned.%s.row.col%s.s32.%s.%s.s32", s.shape, sat, a, b)
						forms = append(forms, Form{Name: name, Operands: operands, PTX: s.ptx, Target: s.target, SASS: s.sass, EmulatedFrom: w.emulated})
					}
				}
			}
		}
	}
	return forms
}

// bitMMA are single bits. sm_90 has only the and; it makes the xor of two ands.
func bitMMA() []Form {
	var forms []Form
	for _, s := range []intShape{
		{"m8n8k128", "BMMA.88128", "1r", "1r", "2r", 70, SM75},
		{"m16n8k128", "BMMA.168128", "2r", "1r", "4r", 70, SM80},
		{"m16n8k256", "BMMA.168256", "4r", "2r", "4r", 70, SM80},
	} {
		operands := "=" + s.d + " " + s.a + " " + s.b + " " + s.d
		name := mma(s.shape, "s32", "b1", "b1")
		forms = append(forms,
			Form{Name: name + ".xor.popc", Operands: operands, PTX: s.ptx, Target: s.target, SASS: s.sass + ".XOR", EmulatedFrom: SM90},
			Form{Name: name + ".and.popc", Operands: operands, PTX: 71, Target: SM80, SASS: s.sass + ".AND"})
	}
	return forms
}

// sparseMMA are the 2:4 forms (1:2 for tf32, 4:8 in pairs for 4-bit types): A is
// stored at half its width.
func sparseMMA() []Form {
	type shape struct {
		shape, d, in, sass, operands string
		ptx, ordered                 int
		target, emulated             Target
	}
	shapes := []shape{
		{"m16n8k16", "f16", "f16", "HMMA.SP.16816", "=2r 2r 2r 2r r i", 71, 85, SM80, 0},
		{"m16n8k32", "f16", "f16", "HMMA.SP.16832", "=2r 4r 4r 2r r i", 71, 85, SM80, 0},
		{"m16n8k8", "f32", "tf32", "HMMA.SP.1688", "=4f 2r 2r 4f r i", 71, 85, SM80, 0},
		{"m16n8k16", "f32", "tf32", "HMMA.SP.16816", "=4f 4r 4r 4f r i", 71, 85, SM80, 0},
	}
	for _, in := range []string{"f16", "bf16"} {
		shapes = append(shapes,
			shape{"m16n8k16", "f32", in, "HMMA.SP.16816", "=4f 2r 2r 4f r i", 71, 85, SM80, 0},
			shape{"m16n8k32", "f32", in, "HMMA.SP.16832", "=4f 4r 4r 4f r i", 71, 85, SM80, 0})
	}
	for _, p := range [][2]string{{"s8", "s8"}, {"s8", "u8"}, {"u8", "s8"}, {"u8", "u8"}} {
		in := p[0] + "." + p[1]
		shapes = append(shapes,
			shape{"m16n8k32", "s32", in, "IMMA.SP.16832", "=4r 2r 2r 4r r i", 71, 85, SM80, 0},
			shape{"m16n8k64", "s32", in, "IMMA.SP.16864", "=4r 4r 4r 4r r i", 71, 85, SM80, 0})
	}
	for _, p := range [][2]string{{"s4", "s4"}, {"s4", "u4"}, {"u4", "s4"}, {"u4", "u4"}} {
		in := p[0] + "." + p[1]
		shapes = append(shapes,
			shape{"m16n8k64", "s32", in, "IMMA.SP.16864", "=4r 2r 2r 4r r i", 71, 85, SM80, SM90},
			shape{"m16n8k128", "s32", in, "IMMA.SP.168128", "=4r 4r 4r 4r r i", 71, 85, SM80, SM90})
	}
	for _, p := range fp8Pairs() {
		shapes = append(shapes, shape{"m16n8k64", "f32", p[0] + "." + p[1], "QMMA.SP.16864", "=4f 4r 4r 4f r i", 84, 85, SM89, SM90})
	}
	var forms []Form
	for _, s := range shapes {
		in := s.in
		if s.d != "s32" && s.target < SM89 {
			in += "." + in
		}
		rest := fmt.Sprintf(".sync.aligned.%s.row.col.%s.%s.%s", s.shape, s.d, in, s.d)
		forms = append(forms,
			Form{Name: "mma.sp" + rest, Operands: s.operands, PTX: s.ptx, Target: s.target, SASS: s.sass, EmulatedFrom: s.emulated},
			Form{Name: "mma.sp::ordered_metadata" + rest, Operands: s.operands, PTX: s.ordered, Target: s.target, SASS: s.sass, EmulatedFrom: s.emulated})
	}
	return forms
}

// matrixMoves load and store 8x8 matrices of 16-bit elements, one row a lane address.
func matrixMoves() []Form {
	forms := []Form{{Name: "movmatrix.sync.aligned.m8n8.trans.b16", Operands: "=r r", PTX: 78, Target: SM75, SASS: "MOVM"}}
	for _, n := range []string{"1", "2", "4"} {
		for _, trans := range []string{"", ".trans"} {
			forms = append(forms,
				Form{Name: "ldmatrix.sync.aligned.m8n8.x" + n + trans + ".shared.b16", Operands: "=" + n + "r m", PTX: 65, Target: SM75, SASS: "LDSM"},
				Form{Name: "stmatrix.sync.aligned.m8n8.x" + n + trans + ".shared.b16", Operands: "m " + n + "r", PTX: 78, Target: SM90, SASS: "STSM"})
		}
	}
	return forms
}
