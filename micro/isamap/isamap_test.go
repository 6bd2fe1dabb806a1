package isamap

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func gpu(target isa.Target) micro.GPU {
	g := micro.GPU{Arch: target, Spec: arch.Lookup(target, ""), Table: isa.New()}
	g.SMs = 1
	return g
}

func TestEntriesAreDistinctAndBuild(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range entries() {
		assert.False(t, seen[e.Name], e.Name)
		seen[e.Name] = true
		_, err := job(gpu(isa.SM90a), results.P("ptx", e.Name))
		require.NoError(t, err, e.Name)
	}
	assert.GreaterOrEqual(t, len(seen), 60)
	_, err := job(gpu(isa.SM90a), results.P("ptx", "frobnicate.b32"))
	require.ErrorContains(t, err, "frobnicate")
}

func TestNewInstructionsAreUnsupportedOnOldTargets(t *testing.T) {
	for name, target := range map[string]isa.Target{
		"wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16":  isa.SM90,
		"mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32": isa.SM86,
		"add.s16x2 + max.s16x2":                               isa.SM89,
	} {
		_, err := job(gpu(target), results.P("ptx", name))
		require.ErrorIs(t, err, ptx.ErrTarget, name)
	}
}

// TestResultsAreChecked runs every entry that has a check of its own on the emulator.
func TestResultsAreChecked(t *testing.T) {
	checked := 0
	for _, e := range entries() {
		j, err := job(gpu(isa.SM90a), results.P("ptx", e.Name))
		require.NoError(t, err)
		result, err := backend.Expected(context.Background(), j)
		require.NoError(t, err, e.Name)
		if j.Check == nil {
			continue
		}
		checked++
		require.NoError(t, j.Check(result), e.Name)
		result[3] ^= 0x15
		require.Error(t, j.Check(result), "%s must notice a wrong word", e.Name)
	}
	assert.Greater(t, checked, 25)
}

// row analyses an entry whose steps became each; the compiler adds a fixed part.
func row(t *testing.T, name string, each ...results.InstructionCount) micro.Row {
	t.Helper()
	j, err := job(gpu(isa.SM90a), results.P("ptx", name))
	require.NoError(t, err)
	m := &micro.Measured{Point: results.P("ptx", name), Job: j}
	section := func(n int) results.Section {
		s := results.Section{{Mnemonic: "LOP3.LUT", Count: 1}, {Mnemonic: "STS", Count: 1}}
		for _, in := range each {
			s = append(s, results.InstructionCount{Mnemonic: in.Mnemonic, Count: in.Count * n / 8})
		}
		return s
	}
	if each != nil {
		m.Code = []results.MachineCode{{Kernel: j.Expect.Kernel, Sections: []results.Section{section(8), nil, section(24)}}}
	}
	a, err := analyse(gpu(isa.SM90a), []*micro.Measured{m})
	require.NoError(t, err)
	require.Len(t, a.Rows, 1)
	return a.Rows[0]
}

// per8 is so many of an instruction in eight steps.
func per8(mnemonic string, n int) results.InstructionCount {
	return results.InstructionCount{Mnemonic: mnemonic, Count: n}
}

func TestNative(t *testing.T) {
	r := row(t, "fma.rn.f32", per8("FFMA", 8))
	assert.InDelta(t, 1, r.Value, 0)
	assert.Equal(t, "native: FFMA", r.Annotations[0])
	assert.Equal(t, 1, r.Proof.Count, "for one PTX instruction")
	assert.False(t, r.Proof.Emulated)
	assert.Equal(t, results.ProofSASS, r.Proof.Kind)
}

func TestAlternatingOpcodesAreOneInstruction(t *testing.T) {
	r := row(t, "add.rn.f16x2", per8("HADD2", 4), per8("HFMA2.MMA", 4))
	assert.InDelta(t, 1, r.Value, 0)
	assert.Equal(t, "native: 0.5 HADD2 + 0.5 HFMA2.MMA", r.Annotations[0])
}

func TestEmulated(t *testing.T) {
	r := row(t, "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32", per8("F2FP", 64), per8("HMMA.16816.F32", 16), per8("FADD", 32), per8("NOP", 16))
	assert.InDelta(t, 14, r.Value, 0)
	assert.Equal(t, "emulated: 8 F2FP + 2 HMMA.16816.F32 + 4 FADD; beside 2 NOP", r.Annotations[0])
	assert.True(t, r.Proof.Emulated)
}

func TestSubroutineIsEmulated(t *testing.T) {
	for _, call := range []string{"CALL.REL.NOINC", "CALL.ABS.NOINC"} {
		r := row(t, "mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32", per8(call, 8), per8("MOV", 8))
		assert.True(t, r.Proof.Emulated)
		assert.Contains(t, r.Annotations[0], "emulated: CALL")
		assert.Contains(t, r.Annotations[1], "a call")
	}
}

func TestFused(t *testing.T) {
	r := row(t, "add.s32 + max.s32", per8("VIADDMNMX", 8))
	assert.Equal(t, "fused: VIADDMNMX", r.Annotations[0])
	assert.Equal(t, "native: IADD3 + IMNMX", row(t, "add.s32 + max.s32", per8("IADD3", 8), per8("IMNMX", 8)).Annotations[0])
}

func TestNothingLeft(t *testing.T) {
	r := row(t, "mul.rn.f32", per8("NOP", 8))
	assert.Equal(t, results.Flagged, r.Status)
	assert.Contains(t, r.Reason, "without effect")
}

func TestWithoutMachineCodeTheRowIsSkipped(t *testing.T) {
	r := row(t, "fma.rn.f32")
	assert.Equal(t, results.Skipped, r.Status)
	assert.Contains(t, r.Reason, "could not be read")
}
