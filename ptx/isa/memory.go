package isa

// memoryForms are loads, stores and atomics of the global, shared and
// parameter spaces (PTX ISA 9.7.9 and 9.7.13), every width and cache operator
// that the benchmarks use.
func memoryForms() []Form {
	var forms []Form
	add := func(ptxVersion int, target Target, sass, operands, name string) {
		forms = append(forms, Form{Name: name, Operands: operands, PTX: ptxVersion, Target: target, SASS: sass})
	}
	types := []struct {
		name string
		reg  string
	}{{"u32", "r"}, {"b32", "r"}, {"s32", "r"}, {"f32", "f"}, {"u64", "l"}, {"b64", "l"}, {"f64", "d"}, {"u16", "h"}, {"b16", "h"}}
	for _, t := range types {
		add(10, SM70, "", "="+t.reg+" m", "ld.param."+t.name)
		for _, v := range []struct{ suffix, width string }{{"", ""}, {".v2", "2"}, {".v4", "4"}} {
			if v.width == "4" && (t.reg == "l" || t.reg == "d") {
				continue
			}
			reg := v.width + t.reg
			for _, op := range []string{"", ".ca", ".cg", ".cs", ".cv", ".nc", ".volatile", ".relaxed.gpu"} {
				name := "ld.global" + op + v.suffix + "." + t.name
				switch op {
				case ".volatile":
					name = "ld.volatile.global" + v.suffix + "." + t.name
				case ".relaxed.gpu":
					name = "ld.relaxed.gpu.global" + v.suffix + "." + t.name
				}
				add(60, SM70, "LDG", "="+reg+" m", name)
			}
			for _, op := range []string{"", ".wb", ".cg", ".cs", ".wt", ".volatile"} {
				name := "st.global" + op + v.suffix + "." + t.name
				if op == ".volatile" {
					name = "st.volatile.global" + v.suffix + "." + t.name
				}
				add(60, SM70, "STG", "m "+reg, name)
			}
			add(10, SM70, "LDS", "="+reg+" m", "ld.shared"+v.suffix+"."+t.name)
			add(10, SM70, "LDS", "="+reg+" m", "ld.volatile.shared"+v.suffix+"."+t.name)
			add(10, SM70, "STS", "m "+reg, "st.shared"+v.suffix+"."+t.name)
			add(10, SM70, "STS", "m "+reg, "st.volatile.shared"+v.suffix+"."+t.name)
			add(78, SM90, "LD", "="+reg+" m", "ld.shared::cluster"+v.suffix+"."+t.name)
			add(78, SM90, "ST", "m "+reg, "st.shared::cluster"+v.suffix+"."+t.name)
		}
	}
	for _, t := range []struct{ name, reg string }{{"u32", "r"}, {"u64", "l"}} { // generic addresses
		add(20, SM70, "LD", "="+t.reg+" m", "ld."+t.name)
		add(20, SM70, "ST", "m "+t.reg, "st."+t.name)
	}
	for _, space := range []string{"global", "shared"} {
		add(12, SM70, "", "=r m r", "atom."+space+".add.u32")
		add(12, SM70, "", "=l m l", "atom."+space+".add.u64")
		add(12, SM70, "", "=r m r r", "atom."+space+".cas.b32")
		add(12, SM70, "", "m r", "red."+space+".add.u32")
		add(31, SM70, "", "m l", "red."+space+".min.u64")
		add(31, SM70, "", "m l", "red."+space+".max.u64")
		add(12, SM70, "", "m l", "red."+space+".add.u64")
	}
	add(50, SM70, "", "m d", "red.global.add.f64")
	return forms
}
