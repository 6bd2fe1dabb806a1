package micro

import (
	"fmt"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// NewGPU describes a device to plans and kernels.
func NewGPU(d results.Device) (GPU, error) {
	target, err := isa.ParseTarget(d.Target)
	if err != nil {
		return GPU{}, fmt.Errorf("describe device %s: %w", d.Name, err)
	}
	return GPU{Device: d, Arch: target, Spec: arch.Lookup(target, d.Name), Table: isa.New()}, nil
}

// Nominal is a well-known GPU of a target, for looking at kernels without one:
// A100, A10, RTX 4090 and H200, with the figures of their data sheets.
func Nominal(target isa.Target) (GPU, error) {
	d := results.Device{Target: target.String(), ComputeCapability: fmt.Sprintf("%d.%d", target/100, target/10%10)}
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	switch target.Base() {
	case isa.SM80:
		d.Name, d.SMs, d.L2Bytes, d.SharedPerSM, d.SharedPerBlock = "NVIDIA A100-SXM4-80GB", 108, 40*mib, 164*kib, 163*kib
		d.MemoryBytes, d.MaxClockMHz, d.MemClockMHz, d.MemBusBits = 80*gib, 1410, 1593, 5120
	case isa.SM86:
		d.Name, d.SMs, d.L2Bytes, d.SharedPerSM, d.SharedPerBlock = "NVIDIA A10", 72, 6*mib, 100*kib, 99*kib
		d.MemoryBytes, d.MaxClockMHz, d.MemClockMHz, d.MemBusBits = 24*gib, 1695, 6251, 384
	case isa.SM89:
		d.Name, d.SMs, d.L2Bytes, d.SharedPerSM, d.SharedPerBlock = "NVIDIA GeForce RTX 4090", 128, 72*mib, 100*kib, 99*kib
		d.MemoryBytes, d.MaxClockMHz, d.MemClockMHz, d.MemBusBits = 24*gib, 2520, 10501, 384
	case isa.SM90:
		d.Name, d.SMs, d.L2Bytes, d.SharedPerSM, d.SharedPerBlock = "NVIDIA H200", 132, 60*mib, 228*kib, 227*kib
		d.MemoryBytes, d.MaxClockMHz, d.MemClockMHz, d.MemBusBits = 141*gib, 1980, 3201, 6144
	default:
		return GPU{}, fmt.Errorf("no nominal GPU is known for %s: use one of %v", target, isa.AllTargets())
	}
	d.FreeBytes = d.MemoryBytes - gib
	return NewGPU(d)
}

// DRAMPeak is the theoretical memory bandwidth in decimal GB/s: the data sheet's,
// else two transfers per memory clock; 0 if neither is known.
func (g GPU) DRAMPeak() (peak float64, from string) {
	if g.Spec.DRAMGBs > 0 {
		return g.Spec.DRAMGBs, g.Spec.Source
	}
	return g.MemClockMHz * 2 * float64(g.MemBusBits) / 8 / 1e3, "memory clock x 2 x bus width, as the driver says"
}
