package arch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gpubench/gpubench/ptx/isa"
)

func rate(t *testing.T, s Spec, u Unit) float64 {
	t.Helper()
	r, ok := s.Rate(u)
	assert.True(t, ok, "%s has no %s", s.Name, u)
	return r
}

func TestLookup(t *testing.T) {
	h200 := Lookup(isa.SM90a, "NVIDIA H200")
	assert.Equal(t, "NVIDIA H200", h200.Name)
	assert.Equal(t, 4800.0, h200.DRAMGBs)
	assert.Equal(t, 64.0, rate(t, h200, DPX))
	assert.Contains(t, h200.Source, "datasheet")

	unknown := Lookup(isa.SM90, "NVIDIA H999")
	assert.Equal(t, "sm_90", unknown.Name)
	assert.Zero(t, unknown.DRAMGBs)
	assert.Equal(t, h200.Rates, unknown.Rates)

	assert.Zero(t, Lookup(isa.SM80, "NVIDIA H200").DRAMGBs, "the name alone makes no H200")
	later := Lookup(isa.Target(1205), "NVIDIA of the future")
	_, known := later.Rate(FP32)
	assert.False(t, known, "what is not known has no peak")
}

// One architecture's changes must not reach the one that it inherits from.
func TestInheritance(t *testing.T) {
	for unit, want := range map[Unit][3]float64{ // sm_80, sm_89, sm_90; 0 for not there
		FP32: {64, 128, 128}, FP64: {32, 2, 64}, DPX: {0, 0, 64}, TensorF8: {0, 1024, 4096}, TensorS4: {4096, 2048, 0}, Shared: {128, 128, 128},
	} {
		for i, target := range []isa.Target{isa.SM80, isa.SM89, isa.SM90a} {
			got, known := Lookup(target, "").Rate(unit)
			assert.Equal(t, want[i], got, "%s on %s", unit, target)
			assert.Equal(t, want[i] > 0, known, "%s on %s", unit, target)
		}
	}
}

// A product whose name begins with another's must stand before it.
func TestProductsAreReachable(t *testing.T) {
	seen := map[isa.Target][]string{}
	for _, p := range products() {
		assert.Positive(t, p.dramGBs, p.name)
		assert.NotEmpty(t, p.source, p.name)
		for _, earlier := range seen[p.target] {
			assert.False(t, strings.HasPrefix(p.name, earlier), "%s is hidden by %s", p.name, earlier)
		}
		seen[p.target] = append(seen[p.target], p.name)
	}
}
