package isa

// dpxForms are the forms that dynamic-programming code is made of beyond the
// scalar ones (PTX ISA 9.7.1 and 9.7.2). PTX has no opcodes for the fused
// instructions: the assembler makes them of pairs of these.
func dpxForms() []Form {
	var forms []Form
	add := func(sass string, names ...string) {
		for _, n := range names {
			forms = append(forms, Form{Name: n, Operands: "=r r r", PTX: 80, Target: SM90, SASS: sass})
		}
	}
	add("VIADD", "add.s16x2", "add.u16x2")
	add("VIMNMX", "min.s16x2", "max.s16x2", "min.u16x2", "max.u16x2")
	add("VIMNMX", "min.relu.s16x2", "max.relu.s16x2", "min.relu.s32", "max.relu.s32")
	for _, c := range []string{"eq", "ne", "lt", "le", "gt", "ge"} {
		for _, t := range []string{"s16", "u16"} {
			forms = append(forms, Form{Name: "setp." + c + "." + t, Operands: "=p h h", PTX: 10, Target: SM70})
		}
	}
	return forms
}
