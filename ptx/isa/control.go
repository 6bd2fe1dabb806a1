package isa

func controlForms() []Form {
	return []Form{
		{Name: "bra", Operands: "L", PTX: 10, Target: SM70, SASS: "BRA"},
		{Name: "bra.uni", Operands: "L", PTX: 10, Target: SM70, SASS: "BRA"},
		{Name: "ret", PTX: 10, Target: SM70, SASS: "EXIT"},
		{Name: "exit", PTX: 10, Target: SM70, SASS: "EXIT"},
		{Name: "trap", PTX: 10, Target: SM70},
		{Name: "bar.sync", Operands: "i", PTX: 10, Target: SM70, SASS: "BAR"},
		{Name: "bar.warp.sync", Operands: "r", PTX: 60, Target: SM70},
		{Name: "membar.gl", PTX: 14, Target: SM70, SASS: "MEMBAR"},
		{Name: "membar.cta", PTX: 14, Target: SM70},
		{Name: "fence.acq_rel.gpu", PTX: 60, Target: SM70, SASS: "MEMBAR"},
		{Name: "nanosleep.u32", Operands: "r", PTX: 63, Target: SM70, SASS: "NANOSLEEP"},
	}
}
