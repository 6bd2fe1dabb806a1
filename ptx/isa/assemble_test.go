package isa_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/ptx/isa"
)

// TestMemoryFormsAssemble gives every form of memory, clusters and asynchronous
// copies to the assembler, for the form's oldest target and PTX version: a wrong
// spelling, operand, version or target shows here.
func TestMemoryFormsAssemble(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	type group struct {
		target isa.Target
		ptx    int
	}
	groups := map[group][]string{}
	for _, f := range assembledForms(isa.New()) {
		g := group{max(f.Target, isa.SM80), max(f.PTX, max(f.Target, isa.SM80).PTX())}
		groups[g] = append(groups[g], assembleStatement(t, f))
	}
	require.Greater(t, len(groups), 3)
	for g, lines := range groups {
		t.Run(fmt.Sprintf("%s/%d", g.target, g.ptx), func(t *testing.T) {
			t.Parallel()
			_, err := ptxas.Assemble(t.Context(), assembleModule(g.target, g.ptx, lines), g.target.String())
			require.NoError(t, err)
		})
	}
}

// TestFormsNeedTheirVersion checks that the versions are not later than they need
// be, as far as the assembler knows: one version earlier must fail.
func TestFormsNeedTheirVersion(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	for _, f := range isa.New().Lookup("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes") {
		_, err := ptxas.Assemble(t.Context(), assembleModule(isa.SM90, 78, []string{assembleStatement(t, f)}), "sm_90")
		require.Error(t, err)
	}
}

func assembledForms(table *isa.Table) []isa.Form {
	prefixes := []string{"ld.", "st.", "atom.", "red.", "cp.", "mbarrier.", "mapa.", "getctarank.", "barrier.cluster.", "fence.", "prefetch.", "elect.", "griddepcontrol."}
	var forms []isa.Form
	for _, name := range table.Names() {
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				forms = append(forms, table.Lookup(name)...)
				break
			}
		}
	}
	return forms
}

// statement spells a form with registers that module declares.
func assembleStatement(t *testing.T, f isa.Form) string {
	ops, err := f.Parse()
	require.NoError(t, err)
	var parts []string
	addresses := 0
	for _, o := range ops {
		switch {
		case o.Width > 0:
			regs := make([]string, o.Width)
			for i := range regs {
				regs[i] = fmt.Sprintf("%%%c%d", o.Class, i+1)
			}
			parts = append(parts, "{"+strings.Join(regs, ", ")+"}")
		case o.Class == isa.Address:
			parts = append(parts, assembleAddress(f.Name, addresses))
			addresses++
		case o.Class == isa.TensorOp:
			n := strings.Index(f.Name, "tensor.") + len("tensor.")
			parts = append(parts, "[%l1, {"+strings.Join([]string{"%r1", "%r2", "%r3"}[:f.Name[n]-48], ", ")+"}]")
		case o.Class == isa.Imm:
			parts = append(parts, assembleImmediate(f.Name))
		case o.Class == isa.B32 && f.Name == "elect.sync _|":
			parts = append(parts, "-1")
		case o.Dst:
			parts = append(parts, fmt.Sprintf("%%%c4", o.Class))
		default:
			parts = append(parts, fmt.Sprintf("%%%c1", o.Class))
		}
	}
	return "\t" + f.Name + " " + strings.Join(parts, ", ") + ";\n"
}

func assembleImmediate(name string) string {
	if strings.HasPrefix(name, "cp.async.c") && strings.HasSuffix(name, ".shared.global") {
		return "16"
	}
	return "1"
}

// address gives the n-th memory operand: 64 bits for the global space, 32 for shared.
func assembleAddress(name string, n int) string {
	global := strings.Contains(name, "global") && !strings.Contains(name, ".shared")
	switch {
	case strings.HasPrefix(name, "ld.param"):
		return "[p]"
	case strings.HasPrefix(name, "cp.async.ca") || strings.HasPrefix(name, "cp.async.cg"),
		strings.HasPrefix(name, "cp.async.bulk.shared::") && strings.Contains(name, ".global"):
		global = n == 1
	case strings.HasPrefix(name, "cp.async.bulk.global"), strings.HasPrefix(name, "cp.reduce.async.bulk.global"):
		global = n == 0
	case name == "prefetch.tensormap", strings.Count(name, ".") == 1 && !strings.HasPrefix(name, "fence"): // ld.u64, st.u32
		global = true
	}
	if global {
		return "[%l2+16]"
	}
	return "[%r2+16]"
}

func assembleModule(target isa.Target, version int, lines []string) string {
	return fmt.Sprintf(`.version %d.%d
.target %s
.address_size 64
.visible .entry k(.param .u64 p)
{
	.reg .pred %%p<6>;
	.reg .b16 %%h<6>;
	.reg .b32 %%r<6>;
	.reg .b64 %%l<6>;
	.reg .f32 %%f<6>;
	.reg .f64 %%d<6>;
%s	ret;
}
`, version/10, version%10, target, strings.Join(lines, ""))
}
