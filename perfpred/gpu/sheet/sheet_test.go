package sheet

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/ptx/isa"
)

func all(t *testing.T) []Sheet {
	t.Helper()
	list, err := All()
	require.NoError(t, err)
	return list
}

func TestEveryRowIsWhole(t *testing.T) {
	seen := map[string]string{}
	for _, s := range all(t) {
		assert.NotEmpty(t, s.Source, s.Name)
		for what, v := range map[string]float64{
			"SMs": float64(s.SMs), "clock": s.BoostMHz, "FP32": s.FP32, "f16": s.Tensor[F16], "DRAM": s.DRAMGBs,
			"capacity": s.DRAMGB, "L2": s.L2MB, "shared": s.SharedKB, "power": s.TDPW,
		} {
			assert.Positive(t, v, "%s: %s", s.Name, what)
		}
		for _, field := range []string{s.Model, s.Arch, s.DRAM, s.Form} {
			assert.NotEmpty(t, field, s.Name)
		}
		for _, n := range s.names() {
			other := seen[fold(n)]
			assert.True(t, other == "" || other == s.Name, "%s and %s share the name %q", s.Name, other, n)
			seen[fold(n)] = s.Name
		}
	}
}

// A misread figure breaks the tie of SMs, clock and width: units are as wide as
// a power of two, and only the matrix units of Hopper and later are reckoned
// with a clock below the boost clock.
func TestRatesFollowFromSMsAndClock(t *testing.T) {
	for _, s := range all(t) {
		slack := func(tflops float64) float64 {
			return tflops * 1e6 / float64(s.SMs) / s.BoostMHz / s.PerSM(tflops)
		}
		assert.InDelta(t, 1, slack(s.FP32), 0.015, "%s: FP32", s.Name)
		for typ, rate := range s.Tensor {
			low := 0.985
			if s.Arch == "hopper" || s.Capability == "10.0" {
				low = 0.86
			}
			got := slack(rate)
			assert.True(t, got >= low && got <= 1.015, "%s: %s is %.3f of a power of two", s.Name, typ, got)
		}
		for typ, rate := range s.WideAcc {
			ratio := rate / s.Tensor[typ]
			assert.True(t, ratio == 1 || math.Abs(ratio-0.5) < 0.01, "%s: %s with f32 accumulators at %.3f", s.Name, typ, ratio)
		}
	}
}

// Both tables must say the same where both know a figure. The professional
// parts of GA10x and AD10x run tf32 at twice, and the L40 runs all types at
// half the rate of the GeForce parts, which internal/arch describes.
func TestAgreesWithTheGPUDescriptions(t *testing.T) {
	compared := 0
	for _, s := range all(t) {
		target, ok := target(s.Capability)
		if !ok {
			continue
		}
		spec := arch.Lookup(target, "")
		if fp32, ok := spec.Rate(arch.FP32); ok {
			assert.Equal(t, 2*fp32, s.PerSM(s.FP32), "%s: FP32", s.Name)
			compared++
		}
		for typ, unit := range map[Type]arch.Unit{
			F16: arch.TensorF16, TF32: arch.TensorTF32, F8: arch.TensorF8, S8: arch.TensorS8, S4: arch.TensorS4, F64: arch.TensorF64,
		} {
			want, inArch := spec.Rate(unit)
			got, inSheet := s.TensorRate(typ, false)
			cut := s.Name == "L40" || typ == TF32 && s.PerSM(got) == 4*want || s.Model == "H100" && typ == F64 && s.FP64 < 2 || s.Name == "L40S" && typ == S4
			if !inArch || !inSheet || cut {
				continue
			}
			assert.Equal(t, 2*want, s.PerSM(got), "%s: %s", s.Name, typ)
			compared++
		}
	}
	assert.Greater(t, compared, 100)
}

// The driver's names, by which internal/arch knows products, are names here.
func TestDriverNames(t *testing.T) {
	for device, want := range map[string]string{
		"NVIDIA H200": "H200 SXM", "NVIDIA H100 PCIe": "H100 PCIe", "NVIDIA H100 80GB HBM3": "H100 SXM", "NVIDIA H800 PCIe": "H800 PCIe",
		"NVIDIA A100-SXM4-80GB": "A100 SXM 80GB", "NVIDIA A100-SXM4-40GB": "A100 SXM 40GB", "NVIDIA A100 80GB PCIe": "A100 PCIe 80GB",
		"NVIDIA A100-PCIE-40GB": "A100 PCIe 40GB", "NVIDIA GeForce RTX 4090": "RTX 4090",
	} {
		s, err := Lookup(device)
		require.NoError(t, err)
		assert.Equal(t, want, s.Name)
		target, ok := target(s.Capability)
		require.True(t, ok)
		spec := arch.Lookup(target, device)
		assert.Equal(t, spec.DRAMGBs, s.DRAMGBs, device)
	}
}

func target(capability string) (isa.Target, bool) {
	digits := strings.ReplaceAll(capability, ".", "")
	n, err := strconv.Atoi(digits)
	return isa.Target(n * 10), err == nil
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"h100-pcie", "NVIDIA H100 PCIe", "NVIDIA-H100-PCIe-80GB", "H100_PCIe"} {
		s, err := Lookup(name)
		require.NoError(t, err, name)
		assert.Equal(t, "H100 PCIe", s.Name)
	}
	for name, first := range map[string]string{"h100": "H100 SXM", "h200sxmm": "H200 SXM", "rtx4909": "RTX 4090", "L40X": "L40", "": "T4"} {
		_, err := Lookup(name)
		var unknown *ErrUnknownGPU
		require.True(t, errors.As(err, &unknown), name)
		require.Len(t, unknown.Nearest, offered)
		assert.Equal(t, first, unknown.Nearest[0], name)
		assert.Contains(t, err.Error(), first)
	}
}

func TestTensorRate(t *testing.T) {
	geforce, err := Lookup("rtx 4090")
	require.NoError(t, err)
	narrow, _ := geforce.TensorRate(F16, false)
	wide, _ := geforce.TensorRate(F16, true)
	assert.Equal(t, 2.0, math.Round(narrow/wide))
	a100, err := Lookup("a100-sxm-80gb")
	require.NoError(t, err)
	_, ok := a100.TensorRate(F8, true)
	assert.False(t, ok, "an A100 has no fp8")
}

func TestBadTable(t *testing.T) {
	_, err := parse([]string{"name", "sms"}, []string{"X", "many"})
	assert.ErrorContains(t, err, `sms: "many" is not a positive number`)
}
