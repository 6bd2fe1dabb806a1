package isa

import (
	"fmt"
	"strconv"
)

// wgmmaForms are the warpgroup-level matrix instructions of Hopper (PTX ISA
// 9.7.15), legal on sm_90a alone: dense and sparse, A in shared memory (a 64-bit
// descriptor) or in four registers, B always in shared memory.
//
// Operands are d, a, b, then for sparse forms the metadata and its selector, then
// scale-d and for floats the immediates imm-scale-a, imm-scale-b and, for f16 and
// bf16, the transpositions of those operands that lie in shared memory.
func wgmmaForms() []Form {
	forms := []Form{
		{Name: "wgmma.fence.sync.aligned", PTX: 80, Target: SM90a, SASS: "WARPGROUP.ARRIVE"},
		{Name: "wgmma.commit_group.sync.aligned", PTX: 80, Target: SM90a},
		{Name: "wgmma.wait_group.sync.aligned", Operands: "i", PTX: 80, Target: SM90a, SASS: "WARPGROUP.DEPBAR"},
	}
	for _, t := range wgmmaTypes() {
		for _, n := range WgmmaN(t.d == "s32") {
			for _, sparse := range []bool{false, true} {
				forms = append(forms, t.forms(n, sparse)...)
			}
		}
	}
	return forms
}

// WgmmaN lists the legal widths: every multiple of 8 for floats; 8, 16, 24 and the
// multiples of 16 for integers and bits.
func WgmmaN(integer bool) []int {
	var list []int
	for n := 8; n <= 256; n += 8 {
		if !integer || n == 8 || n == 24 || n%16 == 0 {
			list = append(list, n)
		}
	}
	return list
}

// wgmmaType is one combination of element types.
type wgmmaType struct {
	d, a, b string
	// suffix stands at the very end of the name, sat before it.
	suffix string
	// k is the dense depth; a sparse instruction is twice as deep.
	k    int
	ptx  int
	sass string
	// scales says that imm-scale-a and -b follow, trans that the transpositions do.
	scales, trans bool
	// dense says that there is no sparse form.
	dense bool
}

func wgmmaTypes() []wgmmaType {
	types := []wgmmaType{
		{d: "f16", a: "f16", b: "f16", k: 16, ptx: 80, sass: "HGMMA", scales: true, trans: true},
		{d: "f32", a: "f16", b: "f16", k: 16, ptx: 80, sass: "HGMMA", scales: true, trans: true},
		{d: "f32", a: "bf16", b: "bf16", k: 16, ptx: 80, sass: "HGMMA", scales: true, trans: true},
		{d: "f32", a: "tf32", b: "tf32", k: 8, ptx: 80, sass: "HGMMA", scales: true},
		{d: "s32", a: "b1", b: "b1", suffix: ".and.popc", k: 256, ptx: 80, sass: "BGMMA", dense: true},
	}
	for _, p := range fp8Pairs() {
		for _, d := range []string{"f16", "f32"} {
			types = append(types, wgmmaType{d: d, a: p[0], b: p[1], k: 32, ptx: 80, sass: "QGMMA", scales: true})
		}
	}
	for _, a := range []string{"s8", "u8"} {
		for _, b := range []string{"s8", "u8"} {
			version := 80
			if a != b {
				version = 84
			}
			for _, sat := range []string{"", ".satfinite"} {
				types = append(types, wgmmaType{d: "s32", a: a, b: b, suffix: sat, k: 32, ptx: version, sass: "IGMMA"})
			}
		}
	}
	return types
}

// forms gives the form with A in shared memory and the one with A in registers.
func (t wgmmaType) forms(n int, sparse bool) []Form {
	stem, k, version, meta := "wgmma.mma_async", t.k, t.ptx, ""
	if sparse {
		if t.dense {
			return nil
		}
		stem, k, version, meta = "wgmma.mma_async.sp", 2*t.k, max(t.ptx, 82), " r i"
	}
	name := fmt.Sprintf("%s.sync.aligned.m64n%dk%d.%s.%s.%s%s", stem, n, k, t.d, t.a, t.b, t.suffix)
	d := "+" + strconv.Itoa(n/2) + map[string]string{"f16": "r", "f32": "f", "s32": "r"}[t.d]
	sass := fmt.Sprintf("%s.64x%dx%d", t.sass, n, k)
	if sparse {
		sass = fmt.Sprintf("%s.SP.64x%dx%d", t.sass, n, k)
	}
	if t.d == "f16" {
		d = "+" + strconv.Itoa(n/4) + "r"
	}
	shared, register := " p", " p"
	if t.scales {
		shared, register = shared+" i i", register+" i i"
	}
	if t.trans {
		shared, register = shared+" i i", register+" i"
	}
	return []Form{
		{Name: name, Operands: d + " l l" + meta + shared, PTX: version, Target: SM90a, SASS: sass},
		{Name: name, Operands: d + " 4r l" + meta + register, PTX: version, Target: SM90a, SASS: sass},
	}
}
