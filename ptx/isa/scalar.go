package isa

// scalarForms are the arithmetic, logic, comparison and conversion forms on 32-
// and 64-bit values (PTX ISA 9.7.1 to 9.7.5 and 9.7.9).
func scalarForms() []Form {
	var forms []Form
	add := func(sass, operands string, names ...string) {
		for _, n := range names {
			forms = append(forms, Form{Name: n, Operands: operands, PTX: 20, Target: SM70, SASS: sass})
		}
	}
	add("", "=r s", "mov.u32")
	add("", "=r r", "mov.u32", "mov.b32", "mov.s32", "neg.s32", "abs.s32", "not.b32", "cvt.u32.u32")
	add("", "=l l", "mov.b64", "mov.u64", "mov.s64", "not.b64")
	add("", "=f f", "mov.f32", "neg.f32", "abs.f32")
	add("", "=d d", "mov.f64", "neg.f64", "abs.f64")
	add("", "=h h", "mov.b16")

	add("IADD3|IADD|IMAD.IADD|VIADD", "=r r r", "add.u32", "add.s32", "sub.u32", "sub.s32")
	add("IADD3|IADD", "=l l l", "add.u64", "add.s64", "sub.u64", "sub.s64")
	add("IMAD", "=r r r", "mul.lo.u32", "mul.lo.s32", "mul.hi.u32", "mul.hi.s32")
	add("IMAD", "=l r r", "mul.wide.u32", "mul.wide.s32")
	add("IMAD", "=l l l", "mul.lo.u64", "mul.lo.s64")
	add("IMAD", "=r r r r", "mad.lo.u32", "mad.lo.s32", "mad.hi.u32", "mad.hi.s32")
	add("IMAD", "=l r r l", "mad.wide.u32", "mad.wide.s32")
	add("IMAD", "=l l l l", "mad.lo.u64", "mad.lo.s64")
	add("", "=r r r", "div.u32", "rem.u32", "div.s32", "rem.s32")
	add("IMNMX|VIMNMX", "=r r r", "min.u32", "max.u32", "min.s32", "max.s32")
	add("", "=l l l", "min.u64", "max.u64", "min.s64", "max.s64")
	add("LOP3", "=r r r", "and.b32", "or.b32", "xor.b32")
	add("LOP3", "=l l l", "and.b64", "or.b64", "xor.b64")
	add("LOP3", "=r r r r i", "lop3.b32")
	add("SHF|USHF", "=r r r", "shl.b32", "shr.u32", "shr.s32")
	add("SHF", "=l l r", "shl.b64", "shr.u64", "shr.s64")
	add("SHF", "=r r r r", "shf.l.wrap.b32", "shf.r.wrap.b32")
	add("PRMT", "=r r r r", "prmt.b32")
	add("POPC", "=r r", "popc.b32")
	add("FLO", "=r r", "clz.b32", "bfind.u32")
	add("BREV", "=r r", "brev.b32")
	add("", "=r r r r", "bfe.u32", "bfe.s32")
	add("IDP", "=r r r r", "dp4a.s32.s32", "dp4a.u32.u32")

	add("FADD", "=f f f", "add.rn.f32", "add.f32", "sub.rn.f32", "sub.f32")
	add("FMUL", "=f f f", "mul.rn.f32", "mul.f32")
	add("FFMA", "=f f f f", "fma.rn.f32")
	add("FMNMX", "=f f f", "min.f32", "max.f32")
	add("DADD", "=d d d", "add.rn.f64", "add.f64", "sub.rn.f64", "sub.f64")
	add("DMUL", "=d d d", "mul.rn.f64", "mul.f64")
	add("DFMA", "=d d d d", "fma.rn.f64")
	add("", "=d d d", "max.f64", "min.f64")
	add("MUFU", "=f f", "rcp.approx.ftz.f32", "rsqrt.approx.ftz.f32", "ex2.approx.ftz.f32", "lg2.approx.ftz.f32",
		"sin.approx.ftz.f32", "cos.approx.ftz.f32", "sqrt.approx.ftz.f32", "tanh.approx.f32")

	for _, t := range []string{"u32", "s32"} {
		for _, c := range []string{"eq", "ne", "lt", "le", "gt", "ge"} {
			add("ISETP", "=p r r", "setp."+c+"."+t)
		}
	}
	for _, c := range []string{"eq", "ne", "lt", "le", "gt", "ge"} {
		add("ISETP", "=p l l", "setp."+c+".u64", "setp."+c+".s64")
		add("FSETP", "=p f f", "setp."+c+".f32")
		add("DSETP", "=p d d", "setp."+c+".f64")
	}
	add("F2I", "=r f", "cvt.rni.s32.f32", "cvt.rzi.s32.f32", "cvt.rzi.u32.f32")
	add("", "=p p p", "and.pred", "or.pred", "xor.pred")
	add("", "=p p", "not.pred", "mov.pred")
	add("SEL", "=r r r p", "selp.b32", "selp.u32", "selp.s32")
	add("SEL", "=l l l p", "selp.b64")
	add("FSEL", "=f f f p", "selp.f32")

	add("", "=l r", "cvt.u64.u32", "cvt.s64.s32")
	add("", "=r l", "cvt.u32.u64")
	add("", "=f r", "cvt.rn.f32.u32", "cvt.rn.f32.s32", "mov.b32")
	add("", "=r f", "mov.b32")
	add("", "=d r", "cvt.rn.f64.u32", "cvt.rn.f64.s32")
	add("", "=d f", "cvt.f64.f32")
	add("", "=f d", "cvt.rn.f32.f64")
	add("", "=l d", "mov.b64")
	add("", "=d l", "mov.b64")
	add("", "=l 2r", "mov.b64")
	add("", "=2r l", "mov.b64")
	add("", "=r 2h", "mov.b32")
	add("", "=2h r", "mov.b32")

	add("SHFL", "=r r r r r", "shfl.sync.idx.b32", "shfl.sync.bfly.b32", "shfl.sync.down.b32", "shfl.sync.up.b32")
	add("VOTE", "=r p r", "vote.sync.ballot.b32")
	forms = append(forms,
		Form{Name: "mov.u64", Operands: "=l s", PTX: 20, Target: SM70, SASS: "CS2R"},
		Form{Name: "mov.u32", Operands: "=r y", PTX: 20, Target: SM70},
		Form{Name: "mov.u64", Operands: "=l y", PTX: 20, Target: SM70},
		Form{Name: "mov.b64", Operands: "=l y", PTX: 20, Target: SM70},
		Form{Name: "cvta.shared.u64", Operands: "=l l", PTX: 20, Target: SM70},
		Form{Name: "cvta.to.shared.u64", Operands: "=l l", PTX: 20, Target: SM70},
		Form{Name: "cvta.to.global.u64", Operands: "=l l", PTX: 20, Target: SM70},
		Form{Name: "cvta.param.u64", Operands: "=l l", PTX: 77, Target: SM70},
		Form{Name: "redux.sync.add.u32", Operands: "=r r r", PTX: 70, Target: SM80, SASS: "REDUX"},
	)
	return forms
}
