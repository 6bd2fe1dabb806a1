package isa_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx/isa"
)

func TestEveryFormIsWellFormed(t *testing.T) {
	table := isa.New()
	require.Greater(t, len(table.Names()), 500)
	for _, name := range table.Names() {
		seen := map[string]bool{}
		for _, f := range table.Lookup(name) {
			assert.Equal(t, name, f.Name)
			spec, err := f.Parse()
			assert.NoError(t, err)
			assert.False(t, seen[f.Operands], "%s (%s) is there twice", name, f.Operands)
			seen[f.Operands] = true
			assert.True(t, f.PTX >= 10 && f.PTX <= 99, "%s: PTX version %d", name, f.PTX)
			assert.GreaterOrEqual(t, f.Target, isa.SM70, name)
			for i, o := range spec {
				assert.True(t, o.Read || o.Dst, name)
				assert.False(t, o.Dst && i > 0 && !spec[0].Dst, "%s writes operand %d but not the first", name, i)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	table := isa.New()
	assert.Equal(t, "fma.rn.f32", table.Nearest("fma.f32"))
	assert.Equal(t, "fma.rn.f32", table.Nearest("fma.rn.f32"))
	assert.Equal(t, "setp.lt.u32", table.Nearest("sept.lt.u32"))
	assert.Empty(t, table.Lookup("fma.f32"))
}

func TestTargets(t *testing.T) {
	for text, want := range map[string]isa.Target{"sm_80": isa.SM80, "sm_86": isa.SM86, "sm_90": isa.SM90, "sm_90a": isa.SM90a} {
		got, err := isa.ParseTarget(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Equal(t, text, got.String())
	}
	for _, bad := range []string{"", "90", "sm_", "sm_9x", "compute_90", "sm_90b", "sm_9999"} {
		_, err := isa.ParseTarget(bad)
		assert.Error(t, err, bad)
	}
	assert.Equal(t, isa.SM90a, isa.TargetOf(9, 0))
	assert.Equal(t, isa.SM89, isa.TargetOf(8, 9))
	assert.True(t, isa.SM90a.Supports(isa.SM80))
	assert.True(t, isa.SM90a.Supports(isa.SM90a))
	assert.False(t, isa.SM90.Supports(isa.SM90a), "an a target is for that architecture alone")
	assert.False(t, isa.TargetOf(10, 0).Supports(isa.SM90a))
	assert.False(t, isa.SM80.Supports(isa.SM89))
	for _, target := range isa.AllTargets() {
		assert.Equal(t, target.Specific(), target == isa.SM90a)
		assert.GreaterOrEqual(t, target.PTX(), 70)
	}
}

func TestOperandsThatDoNotParse(t *testing.T) {
	for _, bad := range []string{"q", "=", "4", "=rr", "+4"} {
		_, err := isa.Form{Name: "x", Operands: bad}.Parse()
		assert.Error(t, err, bad)
	}
	spec, err := isa.Form{Name: "x", Operands: "+64f =p 4r i"}.Parse()
	require.NoError(t, err)
	assert.Equal(t, []isa.Operand{
		{Class: isa.F32, Dst: true, Read: true, Width: 64}, {Class: isa.Pred, Dst: true},
		{Class: isa.B32, Read: true, Width: 4}, {Class: isa.Imm, Read: true},
	}, spec)
}
