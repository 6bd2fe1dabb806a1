package arch

import "github.com/gpubench/gpubench/ptx/isa"

// guide is the source of the scalar rates; the tensor rates follow from the
// architecture white papers' peak figures, SM counts and boost clocks.
const guide = "CUDA C++ Programming Guide, throughput of native arithmetic instructions; NVIDIA architecture white papers"

func architecture(base isa.Target) Spec {
	ampere := Spec{Name: "sm_80", Source: guide, Rates: map[Unit]float64{
		FP32: 64, FP64: 32, FP16: 256, BF16: 128, Int32: 64, IntMul: 64, SFU: 16,
		TensorF16: 1024, TensorTF32: 512, TensorF64: 64, TensorS8: 2048, TensorS4: 4096, TensorB1: 16384,
		Shared: 128, L1: 128,
	}}
	// GeForce parts run f16 with f32 accumulators at half this rate.
	ga10x := ampere.with("sm_86", map[Unit]float64{
		FP32: 128, FP64: 2, FP16: 128, BF16: 128,
		TensorF16: 512, TensorTF32: 128, TensorF64: 1, TensorS8: 1024, TensorS4: 2048, TensorB1: 8192,
	})
	ada := ga10x.with("sm_89", map[Unit]float64{TensorF8: 1024})
	hopper := ampere.with("sm_90", map[Unit]float64{
		FP32: 128, FP64: 64, FP16: 256, BF16: 256, DPX: 64,
		TensorF16: 2048, TensorTF32: 1024, TensorF64: 128, TensorF8: 4096, TensorS8: 4096,
	})
	delete(hopper.Rates, TensorS4) // no native 4-bit path on Hopper
	delete(hopper.Rates, TensorB1)
	switch {
	case base >= isa.SM90 && base < 1000:
		return hopper
	case base == isa.SM89:
		return ada
	case base == isa.SM86:
		return ga10x
	case base == isa.SM80:
		return ampere
	}
	return Spec{Name: base.String(), Rates: map[Unit]float64{Shared: 128}, Source: guide}
}

type product struct {
	target  isa.Target
	name    string
	dramGBs float64
	source  string
}

// products are matched by the beginning of the driver's name; the first that fits counts.
func products() []product {
	return []product{
		{isa.SM90, "NVIDIA H200", 4800, "NVIDIA H200 datasheet"},
		{isa.SM90, "NVIDIA H100 PCIe", 2039, "NVIDIA H100 datasheet"},
		{isa.SM90, "NVIDIA H100 80GB HBM3", 3352, "NVIDIA H100 datasheet"},
		{isa.SM90, "NVIDIA H800 PCIe", 2039, "arXiv 2402.13499"},
		{isa.SM80, "NVIDIA A100-SXM4-80GB", 2039, "NVIDIA A100 datasheet"},
		{isa.SM80, "NVIDIA A100-SXM4-40GB", 1555, "NVIDIA A100 datasheet"},
		{isa.SM80, "NVIDIA A100 80GB PCIe", 1935, "NVIDIA A100 datasheet"},
		{isa.SM80, "NVIDIA A100-PCIE-40GB", 1555, "NVIDIA A100 datasheet"},
		{isa.SM89, "NVIDIA GeForce RTX 4090 Laptop", 576, "256 bits of GDDR6 at 18 Gbit/s"},
		{isa.SM89, "NVIDIA GeForce RTX 4090", 1008, "NVIDIA Ada white paper"},
	}
}
