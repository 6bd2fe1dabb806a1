package isa

// halfForms are arithmetic and conversions on 16-bit floats, scalar and packed
// in pairs (PTX ISA 9.7.4), and conversions to 8-bit floats (9.7.9.21).
func halfForms() []Form {
	var forms []Form
	add := func(ptxVersion int, target Target, sass, operands string, names ...string) {
		for _, n := range names {
			forms = append(forms, Form{Name: n, Operands: operands, PTX: ptxVersion, Target: target, SASS: sass})
		}
	}
	for _, t := range []struct{ suffix, r string }{{"16", "h"}, {"16x2", "r"}} {
		two, three := "="+t.r+" "+t.r+" "+t.r, "="+t.r+" "+t.r+" "+t.r+" "+t.r
		add(42, SM70, "HADD2|HFMA2", two, "add.f"+t.suffix, "add.rn.f"+t.suffix, "sub.rn.f"+t.suffix)
		add(42, SM70, "HMUL2|HFMA2", two, "mul.f"+t.suffix, "mul.rn.f"+t.suffix)
		add(42, SM70, "HFMA2", three, "fma.rn.f"+t.suffix)
		add(70, SM80, "HFMA2", three, "fma.rn.relu.f"+t.suffix, "fma.rn.bf"+t.suffix, "fma.rn.relu.bf"+t.suffix)
		add(70, SM80, "HMNMX2", two, "min.f"+t.suffix, "max.f"+t.suffix, "min.bf"+t.suffix, "max.bf"+t.suffix)
		add(78, SM90, "HADD2|HFMA2", two, "add.bf"+t.suffix, "add.rn.bf"+t.suffix, "sub.rn.bf"+t.suffix)
		add(78, SM90, "HMUL2|HFMA2", two, "mul.bf"+t.suffix, "mul.rn.bf"+t.suffix)
		one := "=" + t.r + " " + t.r
		add(70, SM75, "MUFU", one, "ex2.approx.f"+t.suffix, "tanh.approx.f"+t.suffix)
		add(78, SM90, "MUFU", one, "ex2.approx.ftz.bf"+t.suffix, "tanh.approx.bf"+t.suffix)
	}
	add(10, SM70, "F2F|F2FP|HADD2", "=h f", "cvt.rn.f16.f32")
	add(10, SM70, "HADD2", "=f h", "cvt.f32.f16")
	add(70, SM80, "F2FP", "=h f", "cvt.rn.bf16.f32")
	add(71, SM80, "", "=f h", "cvt.f32.bf16")
	add(70, SM80, "F2FP", "=r f f", "cvt.rn.f16x2.f32", "cvt.rn.bf16x2.f32", "cvt.rn.relu.f16x2.f32")
	add(70, SM80, "", "=r f", "cvt.rna.tf32.f32") // a compare, an addition and a mask
	add(81, SM89, "F2FP", "=h f f", "cvt.rn.satfinite.e4m3x2.f32", "cvt.rn.satfinite.e5m2x2.f32")
	add(81, SM89, "F2FP", "=r h", "cvt.rn.f16x2.e4m3x2", "cvt.rn.f16x2.e5m2x2")
	return forms
}
