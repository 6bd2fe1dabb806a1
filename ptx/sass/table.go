package sass

// Modifiers that many rows share.
const (
	compareInt   = "76-78:F/LT/EQ/LE/GT/NE/GE/T"
	compareFloat = "76-79:F/LT/EQ/LE/GT/NE/GE/NUM/NAN/LTU/EQU/LEU/GTU/NEU/GEU/T"
	combine      = "74-75:AND/OR/XOR"
	rounding     = "78-79:/RM/RP/RZ"
	towards      = "78-79:/FLOOR/CEIL/TRUNC"
	flush        = "80:/FTZ"
	saturate     = "77:/SAT"
	floatMods    = flush + " " + rounding + " " + saturate
	halfMods     = "85:/BF16_V2 76,80:/FMZ/FTZ 79:/RELU " + saturate
	videoType    = "72-73:U32//U16x2/S16x2 76:/RELU"
	width        = "73-75:U8/S8/U16/S16//64/128"
	ordering     = "77-80:/CONSTANT.PRIVATE/CONSTANT.CTA/CONSTANT.CTA.PRIVATE/CONSTANT/STRONG.SM/STRONG.GPU.PRIVATE/STRONG.GPU/" +
		"MMIO.GPU/?9/STRONG.SYS/CONSTANT.SM.PRIVATE/MMIO.SYS/CONSTANT.VC/CONSTANT.VC.PRIVATE/CONSTANT.GPU"
	eviction   = "84-86:EF//EL/LU/EU/NA"
	extended   = "72:/E"
	toInt      = "72,75-76:U8/S8/U16/S16/U32//U64/S64"
	fromInt    = "74,84-85:U8/S8/U16/S16/U32//U64/S64"
	toFloat    = "75-77:?/F16//F64/BF16"
	fromFloat  = "84-86:?/F16//F64/BF16"
	reduceOp   = "87-89:ADD/MIN/MAX/INC/DEC/AND/OR/XOR"
	shift      = "76:L/R 75:/W 73-74:S64/U64/S32/U32 80:/HI"
	atomicOp   = "87-90:ADD/MIN/MAX/INC/DEC/AND/OR/XOR/EXCH"
	atomicInt  = "73-75:/S32/64/S64/128"
	atomicAny  = "73-76:/S32/64/F32.FTZ.RN/F16x2.RN/S64/F64.RN"
	addFloat   = "73-76:F16x2.RN///////BF16x2.RN//F32.FTZ.RN/////?14/F64.RN"
	matrixType = "76,77,83:U8/S8///U4/S4 78,79,84:U8/S8///U4/S4"
)

// opcodes is the table, learnt from nvdisasm's output for sm_80 to sm_90a: code
// of every kernel in testdata, and each modifier bit of it flipped in turn.
func opcodes() []opcode {
	return []opcode{
		// Moves, selection, special registers.
		{code: 0x002, name: "MOV"},
		{code: 0x082, name: "UMOV"},
		{code: 0x005, name: "CS2R", modifiers: "80:32/"},
		{code: 0x119, name: "S2R"},
		{code: 0x1c3, name: "S2UR"},
		{code: 0x0ca, name: "R2UR"},
		{code: 0x1c2, name: "R2UR"},
		{code: 0x083, name: "UP2UR", modifiers: "76-77:B0/B1/B2/B3"},
		{code: 0x084, name: "UR2UP"},
		{code: 0x11c, name: "B2R", modifiers: "78:/RESULT"},
		{code: 0x007, name: "SEL"},
		{code: 0x087, name: "USEL"},
		{code: 0x008, name: "FSEL", modifiers: flush},
		{code: 0x016, name: "PRMT", modifiers: "72-74:/F4E/B4E/RC8/ECL/ECR/RC16"},
		{code: 0x096, name: "UPRMT"},
		{code: 0x182, name: "LDC", modifiers: "78-79:/IL/IS/ISL " + width},
		{code: 0x0b9, name: "ULDC", modifiers: width},

		// Floating point.
		{code: 0x009, name: "FMNMX", modifiers: flush + " 81:/NAN 82:/XORSIGN"},
		{code: 0x00a, name: "FSET", modifiers: ":BF " + compareFloat + " " + flush + " " + combine},
		{code: 0x00b, name: "FSETP", modifiers: compareFloat + " " + flush + " " + combine},
		{code: 0x020, name: "FMUL", modifiers: "84-86:?0/M2/M4/M8// " + floatMods},
		{code: 0x021, name: "FADD", modifiers: floatMods},
		{code: 0x023, name: "FFMA", modifiers: "76,80:/FMZ/FTZ " + rounding + " " + saturate},
		{code: 0x028, name: "DMUL", modifiers: rounding},
		{code: 0x029, name: "DADD", modifiers: rounding},
		{code: 0x02b, name: "DFMA", modifiers: rounding},
		{code: 0x02a, name: "DSETP", modifiers: "76-79:MIN/LT/EQ/LE/GT/NE/GE/NUM/NAN/LTU/EQU/LEU/GTU/NEU/GEU/MAX " + combine},
		{code: 0x102, name: "FCHK"},
		{code: 0x108, name: "MUFU", modifiers: "74-77:COS/SIN/EX2/LG2/RCP/RSQ/RCP64H/RSQ64H/SQRT/TANH 73:/F16", before: 90},
		{code: 0x108, name: "MUFU", modifiers: "74-77:COS/SIN/EX2/LG2/RCP/RSQ/RCP64H/RSQ64H/SQRT/TANH 72-73:/F16/BF16", from: 90},
		{code: 0x030, name: "HADD2", modifiers: "85:/BF16_V2 78:/F32 " + flush + " " + saturate},
		{code: 0x031, name: "HFMA2", modifiers: halfMods},
		{code: 0x032, name: "HMUL2", modifiers: "85:/BF16_V2 76,80:/FMZ/FTZ " + saturate},
		{code: 0x033, name: "HSET2", modifiers: "65:/BF16_V2 71:/BF " + compareFloat + " " + flush + " 69-70:AND/OR/XOR"},
		{code: 0x034, name: "HSETP2", modifiers: "65:/BF16_V2 " + compareFloat + " " + flush + " 69-70:AND/OR/XOR"},
		{code: 0x035, name: "HFMA2", modifiers: ":MMA " + halfMods},
		{code: 0x040, name: "HMNMX2", modifiers: "85:/BF16_V2 " + flush + " 81:/NAN 82:/XORSIGN"},

		// Conversions.
		{code: 0x105, name: "F2I", modifiers: flush + " " + toInt + " " + fromFloat + " " + towards + " 77:/NTZ"},
		{code: 0x111, name: "F2I", modifiers: flush + " " + toInt + " " + fromFloat + " " + towards + " 77:/NTZ"},
		{code: 0x106, name: "I2F", modifiers: toFloat + " " + fromInt + " " + rounding},
		{code: 0x112, name: "I2F", modifiers: toFloat + " " + fromInt + " " + rounding},
		{code: 0x107, name: "FRND", modifiers: flush + " " + toFloat + " " + towards},
		{code: 0x113, name: "FRND", modifiers: flush + " " + toFloat + " " + towards},
		{code: 0x110, name: "F2F", modifiers: flush + " 75-77:?/F16/F32/F64/BF16 84-86:?/F16/F32/F64/BF16 " + rounding},
		{code: 0x038, name: "I2I", modifiers: "76-77:U8/S8/U16/S16 :S32.SAT"},
		{code: 0x039, name: "I2IP", modifiers: "76-78:U8/S8/U16/S16/U2/S2/U4/S4 :S32.SAT"},
		{code: 0x03e, name: "F2FP"},
		{code: 0x043, name: "F2IP", modifiers: "76:U8/S8 :F32.TRUNC.NTZ"},
		{code: 0x045, name: "I2FP", modifiers: ":F32 74:U32/S32 78-79:///RZ"},

		// Integers and logic.
		{code: 0x00c, name: "ISETP", modifiers: compareInt + " 73:U32/ " + combine + " 72:/EX"},
		{code: 0x08c, name: "UISETP", modifiers: compareInt + " 73:U32/ " + combine + " 72:/EX"},
		{code: 0x00f, name: "VIMNMX3", modifiers: videoType},
		{code: 0x010, name: "IADD3", modifiers: "74:/X"},
		{code: 0x090, name: "UIADD3", modifiers: "74:/X"},
		{code: 0x097, name: "UIADD3", modifiers: ":64"},
		{code: 0x011, name: "LEA", modifiers: "80:/HI 74:/X"},
		{code: 0x091, name: "ULEA", modifiers: "80:/HI 74:/X"},
		{code: 0x012, name: "LOP3", modifiers: ":LUT"},
		{code: 0x092, name: "ULOP3", modifiers: ":LUT"},
		{code: 0x013, name: "IABS"},
		{code: 0x014, name: "VABSDIFF", modifiers: "73:U32/"},
		{code: 0x015, name: "VABSDIFF4", modifiers: "73:U8/ 75:/ACC"},
		{code: 0x017, name: "IMNMX", modifiers: "73:U32/"},
		{code: 0x019, name: "SHF", modifiers: shift},
		{code: 0x099, name: "USHF", modifiers: shift},
		{code: 0x01a, name: "SGXT", modifiers: "75:/W 73:U32/"},
		{code: 0x01b, name: "BMSK", modifiers: "75:/W"},
		{code: 0x01f, name: "PLOP3", modifiers: ":LUT"},
		{code: 0x01c, name: "PLOP3", modifiers: ":LUT"},
		{code: 0x024, name: "IMAD", modifiers: "@alias 73:U32/ 74:/X"},
		{code: 0x025, name: "IMAD", modifiers: ":WIDE 73:U32/ 74:/X"},
		{code: 0x027, name: "IMAD", modifiers: ":HI 73:U32/ 74:/X"},
		{code: 0x0a4, name: "UIMAD", modifiers: "73:U32/ 74:/X"},
		{code: 0x0a5, name: "UIMAD", modifiers: ":WIDE 73:U32/ 74:/X"},
		{code: 0x026, name: "IDP", modifiers: "76-77:4A/2A.LO/4A/2A.HI 73,76:U8/S8/U16/S16 74:U8/S8"},
		{code: 0x036, name: "VIADD", modifiers: "73:/16x2"},
		{code: 0x046, name: "VIADDMNMX", modifiers: videoType},
		{code: 0x048, name: "VIMNMX", modifiers: videoType},
		{code: 0x100, name: "FLO", modifiers: "73:U32/ 74:/SH"},
		{code: 0x0bd, name: "UFLO", modifiers: "73:U32/ 74:/SH"},
		{code: 0x101, name: "BREV"},
		{code: 0x109, name: "POPC"},
		{code: 0x0bf, name: "UPOPC"},

		// Matrices.
		{code: 0x03c, name: "HMMA", modifiers: "73:/SP 75,78:1688/16816/1684/16832 76:F16/F32 82:/BF16 83:/TF32"},
		{code: 0x037, name: "IMMA", modifiers: "72:/SP 75,85,86:8816//8832/?/16816/16832/16864/168128 " + matrixType + " " + "82:/SAT"},
		{code: 0x03d, name: "BMMA", modifiers: "75,76:88128/168128/168256 78:XOR/AND :POPC"},
		{code: 0x03f, name: "DMMA", modifiers: ":884 " + rounding, before: 90},
		{code: 0x03f, name: "DMMA", modifiers: "76-77:8x8x4/16x8x4/16x8x8/16x8x16 " + rounding, from: 90},
		{code: 0x07a, name: "QMMA", modifiers: "80:/SP 75-76:16816/16832/16864 77:F16/F32 78:E4M3/E5M2 79:E4M3/E5M2"},
		{code: 0x03a, name: "MOVM", modifiers: ":16 78-79:MT88/M832/M864"},
		{code: 0x03b, name: "LDSM", modifiers: ":16 78-79:M88/MT88/M816/M832 72-73:/2/4"},
		{code: 0x044, name: "STSM", modifiers: ":16 78-79:M88/MT88/M816/M832 72-73:/2/4"},
		{code: 0x1f0, name: "HGMMA", modifiers: "73:/SP " + halfGroupShapes() + " 75:F16/F32 76:/BF16 77:/TF32"},
		{code: 0x1f1, name: "IGMMA", modifiers: "73:/SP " + intGroupShapes() + " 76:U8/S8 82:U8/S8 75:/SAT"},
		{code: 0x1f2, name: "BGMMA", modifiers: binaryGroupShapes() + " 78:/AND :POPC"},
		{code: 0x1f3, name: "QGMMA", modifiers: "73:/SP " + byteGroupShapes() + " 75:F16/F32 76:E4M3/E5M2 77:E4M3/E5M2"},
		{code: 0x1c5, name: "WARPGROUP", modifiers: "79-80:ARRIVE/WAIT/DEPBAR.LE"},
		{code: 0x1c8, name: "USETMAXREG", modifiers: "72-73:?/DEALLOC/TRY_ALLOC :CTAPOOL"},

		// Warps.
		{code: 0x006, name: "VOTE", modifiers: "72-73:ALL/ANY/EQ"},
		{code: 0x086, name: "VOTEU", modifiers: "72-73:ALL/ANY/EQ"},
		{code: 0x189, name: "SHFL", modifiers: "58-59:IDX/UP/DOWN/BFLY"},
		{code: 0x1a1, name: "MATCH", modifiers: "79:ALL/ANY 73:/U64"},
		{code: 0x1c4, name: "REDUX", modifiers: "78-80:/OR/XOR/SUM/MIN/MAX 73:/S32"},
		{code: 0x02f, name: "ELECT"},

		// Memory.
		{code: 0x180, name: "LD", modifiers: extended + " " + eviction + " " + width + " " + ordering},
		{code: 0x181, name: "LDG", modifiers: extended + " " + eviction + " 68-69:/LTC64B/LTC128B/LTC256B " + width + " " + ordering},
		{code: 0x183, name: "LDL", modifiers: width},
		{code: 0x184, name: "LDS", modifiers: width},
		{code: 0x185, name: "ST", modifiers: extended + " " + eviction + " " + width + " " + ordering},
		{code: 0x186, name: "STG", modifiers: extended + " " + eviction + " " + width + " " + ordering},
		{code: 0x187, name: "STL", modifiers: width},
		{code: 0x188, name: "STS", modifiers: width},
		{code: 0x1ae, name: "LDGSTS", modifiers: ":E 81:BYPASS/ " + eviction + " 71-72:/LTC64B/LTC128B/LTC256B " + width + " 82:/ZFILL"},
		{code: 0x18a, name: "ATOM", modifiers: extended + " " + atomicOp + " " + atomicAny + " " + ordering, before: 90},
		{code: 0x18a, name: "ATOM", modifiers: extended + " " + atomicOp + " " + atomicInt + " " + ordering, from: 90},
		{code: 0x1a8, name: "ATOMG", modifiers: extended + " " + atomicOp + " " + atomicAny + " " + ordering, before: 90},
		{code: 0x1a8, name: "ATOMG", modifiers: extended + " " + atomicOp + " " + atomicInt + " " + ordering, from: 90},
		{code: 0x18e, name: "RED", modifiers: extended + " " + reduceOp + " " + atomicAny + " " + ordering, before: 90},
		{code: 0x18e, name: "REDG", modifiers: extended + " " + reduceOp + " " + atomicInt + " " + ordering, from: 90},
		{code: 0x1a2, name: "ATOM", modifiers: extended + " :ADD " + addFloat + " " + ordering},
		{code: 0x1a3, name: "ATOMG", modifiers: extended + " :ADD " + addFloat + " " + ordering},
		{code: 0x1a6, name: "REDG", modifiers: extended + " :ADD " + addFloat + " " + ordering},
		{code: 0x18b, name: "ATOM", modifiers: extended + " 87-88:CAS///CAST.SPIN " + atomicInt + " " + ordering},
		{code: 0x1a9, name: "ATOMG", modifiers: extended + " 87-88:CAS///CAST.SPIN " + atomicInt + " " + ordering},
		{code: 0x38c, name: "ATOMS", modifiers: atomicOp + " " + atomicInt},
		{code: 0x98c, name: "ATOMS", modifiers: atomicOp + " " + atomicInt},
		{code: 0x18d, name: "ATOMS", modifiers: "87-88:CAS///CAST.SPIN " + atomicInt},
		{code: 0xf8c, name: "ATOMS", modifiers: "87-88:?/ARRIVE/POPC.INC 74:32/64"},
		{code: 0x18f, name: "CCTL", modifiers: extended + " 87-90:PF1/PF2/WB/IV/IVALL/RS/IVALLP//WBALL/PML2/DML2/RML2"},
		{code: 0x1aa, name: "QSPC", modifiers: extended + " 73-74:G/L/S/D"},
		{code: 0x1be, name: "REDAS", modifiers: reduceOp},
		{code: 0x1bd, name: "STAS", modifiers: "73-74:/64/128"},
		{code: 0x1af, name: "LDGDEPBAR"},
		{code: 0x1b0, name: "ARRIVES", modifiers: ":LDGSTSBAR.64 70-71:/ARVCNT/TRANSCNT"},

		// Bulk and tensor copies.
		{code: 0x1b4, name: "UTMALDG", modifiers: "79-81:1D/2D/3D/4D/5D 75:/MULTICAST 82:/IM2COL"},
		{code: 0x1b5, name: "UTMASTG", modifiers: "79-81:1D/2D/3D/4D/5D 82:/IM2COL"},
		{code: 0x1b6, name: "UTMAREDG", modifiers: "79-81:1D/2D/3D/4D/5D 82:/IM2COL " + reduceOp},
		{code: 0x1b7, name: "UTMACMDFLUSH"},
		{code: 0x1b8, name: "UTMAPF", modifiers: ":L2 79-81:1D/2D/3D/4D/5D"},
		{code: 0x1b9, name: "UTMACCTL", modifiers: "82:IV/PF"},
		{code: 0x1ba, name: "UBLKCP", modifiers: "73:G/S 74:G/S 75:/MULTICAST"},
		{code: 0x1bb, name: "UBLKRED"},
		{code: 0x1bc, name: "UBLKPF", modifiers: ":L2"},

		// Order and control.
		{code: 0x118, name: "NOP"},
		{code: 0x11a, name: "DEPBAR", modifiers: "47:/LE"},
		{code: 0x11d, name: "BAR", modifiers: "77-78,74-75:SYNC/ARV/RED.POPC/SCAN/SYNC/ARV/RED.AND/SCAN/SYNC/ARV/RED.OR/SCAN 79:/SYNCALL 80:/DEFER_BLOCKING"},
		{code: 0x192, name: "MEMBAR", modifiers: "79-80:SC/ALL/MMIO 76-78:CTA/SM/GPU/SYS"},
		{code: 0x1ab, name: "ERRBAR"},
		{code: 0x5ab, name: "CGAERRBAR"},
		{code: 0x1c6, name: "FENCE", modifiers: ":VIEW.ASYNC 72:S/G"},
		{code: 0x9a7, name: "SYNCS", modifiers: ":ARRIVE.TRANS64 73:/TMASK 74:/RED 75:/OPTOUT 84-86:/A1T0/A0T1/A0TR/A0TX/ART0"},
		{code: 0x5a7, name: "SYNCS", modifiers: ":PHASECHK.TRANS64 72:/TRYWAIT"},
		{code: 0x1a7, name: "SYNCS"},
		{code: 0x1b1, name: "SYNCS", modifiers: ":CCTL.IV"},
		{code: 0x1b2, name: "SYNCS", modifiers: ":EXCH.64"},
		{code: 0x9c7, name: "UCGABAR_ARV"},
		{code: 0xdc7, name: "UCGABAR_WAIT"},
		{code: 0x02d, name: "PREEXIT"},
		{code: 0x02e, name: "ACQBULK"},
		{code: 0x001, name: "PMTRIG"},
		{code: 0x141, name: "BSYNC"},
		{code: 0x143, name: "CALL", modifiers: ":ABS.NOINC"},
		{code: 0x144, name: "CALL", modifiers: ":REL.NOINC"},
		{code: 0x145, name: "BSSY"},
		{code: 0x152, name: "RPCMOV", modifiers: ":32"},
		{code: 0x153, name: "RPCMOV", modifiers: ":32"},
		{code: 0x146, name: "YIELD"},
		{code: 0x147, name: "BRA"},
		{code: 0x148, name: "WARPSYNC"},
		{code: 0x149, name: "BRX"},
		{code: 0x14d, name: "EXIT"},
		{code: 0x150, name: "RET", modifiers: ":REL.NODEC"},
		{code: 0x15c, name: "BPT", modifiers: ":TRAP"},
		{code: 0x15d, name: "NANOSLEEP", modifiers: "84:/SYNCS"},
	}
}
