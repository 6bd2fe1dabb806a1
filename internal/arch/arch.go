// Package arch describes GPUs as data: the theoretical rates of their units,
// by architecture, with what a product changes on top.
package arch

import (
	"maps"
	"strings"

	"github.com/gpubench/gpubench/ptx/isa"
)

// Unit names a rate of a Spec.
type Unit string

// Units. Scalar rates are results per cycle per SM; tensor rates are dense
// multiply-accumulates per cycle per SM; memory rates are bytes per cycle per SM.
const (
	FP32       Unit = "fp32"      // add, mul, fma
	FP64       Unit = "fp64"      // add, mul, fma
	FP16       Unit = "fp16"      // single halves, that is twice the packed instructions
	BF16       Unit = "bf16"      // likewise
	Int32      Unit = "int32"     // add, compare, min, max, logic, shift
	IntMul     Unit = "int32.mul" // mul, mad
	SFU        Unit = "sfu"       // special functions
	DPX        Unit = "dpx"       // fused add-min-max and three-way min-max
	TensorF16  Unit = "tensor.f16"
	TensorTF32 Unit = "tensor.tf32"
	TensorF64  Unit = "tensor.f64"
	TensorF8   Unit = "tensor.f8"
	TensorS8   Unit = "tensor.s8"
	TensorS4   Unit = "tensor.s4"
	TensorB1   Unit = "tensor.b1"
	Shared     Unit = "shared" // bytes
	L1         Unit = "l1"     // bytes
)

// Spec is what is known of one GPU.
type Spec struct {
	// Name is how the driver names the product, or the architecture.
	Name string
	// Rates holds per-SM, per-cycle rates; a missing unit is not there or not known.
	Rates map[Unit]float64
	// DRAMGBs is the theoretical memory bandwidth in decimal GB/s, 0 if not known.
	DRAMGBs float64
	// Source says where the figures are from.
	Source string
}

// Rate is a unit's rate, and whether it is known.
func (s Spec) Rate(u Unit) (float64, bool) {
	r, ok := s.Rates[u]
	return r, ok
}

// Lookup describes a device: its architecture's rates, with a product's own
// figures where the driver's name is one that is known.
func Lookup(target isa.Target, device string) Spec {
	spec := architecture(target.Base())
	for _, p := range products() {
		if p.target == target.Base() && strings.HasPrefix(device, p.name) {
			spec.Name, spec.DRAMGBs = p.name, p.dramGBs
			spec.Source += "; " + p.source
			break
		}
	}
	return spec
}

// with copies a spec's rates and changes some.
func (s Spec) with(name string, changes map[Unit]float64) Spec {
	rates := maps.Clone(s.Rates)
	maps.Copy(rates, changes)
	return Spec{Name: name, Rates: rates, Source: s.Source}
}
