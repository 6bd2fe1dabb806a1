package isa_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/ptx/sass"
)

// TestTensorFormsAssemble gives every matrix form to the real assembler, each in
// a kernel of its own, for the oldest target and PTX version that it claims. Of
// wgmma only some widths, unless GPUBENCH_ALL_FORMS is set.
func TestTensorFormsAssemble(t *testing.T) {
	needTools(t)
	table := isa.New()
	modules := map[string]*ptx.Module{}
	var order []string
	for _, name := range table.Names() {
		if !tensorName(name) || !widthWanted(name) {
			continue
		}
		for i, f := range table.Lookup(name) {
			target := max(f.Target, isa.SM75) // the oldest that ptxas 13.0 knows
			// One module per PTX version, so that a version that is too old shows.
			key := fmt.Sprintf("%s %d %s", target, f.PTX, name[:min(len(name), 40)])
			if modules[key] == nil {
				modules[key] = ptx.NewModule(table, target)
				order = append(order, key)
			}
			addForm(t, modules[key].Kernel(fmt.Sprintf("k%d_%d", len(modules[key].Kernels()), i)), f)
		}
	}
	require.NotEmpty(t, order)
	for _, key := range order {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			text, err := modules[key].Build()
			require.NoError(t, err)
			_, err = ptxas.Assemble(t.Context(), text, modules[key].Target().String())
			assert.NoError(t, err)
		})
	}
}

func needTools(t *testing.T) {
	for tool, variable := range map[string]string{"ptxas": "GPUBENCH_PTXAS", "nvdisasm": "GPUBENCH_NVDISASM"} {
		if _, err := ptxas.Find(tool, variable); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// TestTensorFormsBecomeTheirOpcode compares SASS and EmulatedFrom with what the
// assembler makes of each form: the opcode stands there where the target is said
// to have it, and does not where the form is said to be emulated.
func TestTensorFormsBecomeTheirOpcode(t *testing.T) {
	needTools(t)
	table := isa.New()
	for _, target := range append([]isa.Target{isa.SM75}, isa.AllTargets()...) {
		t.Run(target.String(), func(t *testing.T) {
			t.Parallel()
			m := ptx.NewModule(table, target)
			var forms []isa.Form
			for _, name := range table.Names() {
				for _, f := range table.Lookup(name) {
					if tensorName(name) && widthWanted(name) && f.SASS != "" && target.Supports(f.Target) {
						addForm(t, m.Kernel(fmt.Sprintf("k%d", len(forms))), f)
						forms = append(forms, f)
					}
				}
			}
			text, err := m.Build()
			require.NoError(t, err)
			cubin, err := ptxas.Assemble(t.Context(), text, target.String())
			require.NoError(t, err)
			listing, err := ptxas.Disassemble(t.Context(), cubin)
			require.NoError(t, err)
			code := opcodes(listing)
			for i, f := range forms {
				list := code[fmt.Sprintf("k%d", i)]
				require.NotEmpty(t, list, f.Name)
				found := false
				for _, op := range list {
					found = found || sass.Match(f.SASS, op)
				}
				assert.Equal(t, f.Native(target), found, "%s as %s: %v", f.Name, f.SASS, list)
			}
		})
	}
}

var (
	sectionLine     = regexp.MustCompile(`^\.section\s+\.text\.(\w+)`)
	instructionLine = regexp.MustCompile(`^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?([A-Z][\w.]*)`)
)

// opcodes lists the opcodes of each kernel of a listing.
func opcodes(listing string) map[string][]string {
	code := map[string][]string{}
	kernel := ""
	for line := range strings.Lines(listing) {
		if m := sectionLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			kernel = m[1]
		}
		if m := instructionLine.FindStringSubmatch(line); m != nil && kernel != "" {
			code[kernel] = append(code[kernel], m[1])
		}
	}
	return code
}

func tensorName(name string) bool {
	for _, stem := range []string{"mma.", "wgmma.", "ldmatrix.", "stmatrix.", "movmatrix."} {
		if strings.HasPrefix(name, stem) {
			return true
		}
	}
	return false
}

func widthWanted(name string) bool {
	if !strings.Contains(name, "m64n") || os.Getenv("GPUBENCH_ALL_FORMS") != "" {
		return true
	}
	return strings.Contains(name, "m64n8k") || strings.Contains(name, "m64n24k") || strings.Contains(name, "m64n240k")
}

// addForm writes a kernel with one instruction, registers from memory.
func addForm(t *testing.T, k *ptx.Kernel, f isa.Form) {
	t.Helper()
	spec, err := f.Parse()
	require.NoError(t, err)
	in := k.Param("in", ptx.B64)
	shared := k.SharedAddress(k.Shared("tile", 1024, 16))
	types := map[isa.Class]ptx.Type{isa.B32: ptx.B32, isa.B64: ptx.B64, isa.F32: ptx.F32, isa.F64: ptx.F64}
	load := func(c isa.Class) ptx.Reg {
		r := k.Reg(types[c])
		k.I("ld.global."+string(types[c]), r, ptx.At(in, 0))
		return r
	}
	var operands []ptx.Operand
	var written []ptx.Reg
	for _, o := range spec {
		switch {
		case o.Class == isa.Pred:
			p := k.Reg(ptx.Pred)
			k.I("setp.eq.u32", p, shared, ptx.Int(0))
			operands = append(operands, p)
		case o.Class == isa.Imm:
			operands = append(operands, ptx.Int(immediate(f.Name, len(operands), spec)))
		case o.Class == isa.Address:
			operands = append(operands, ptx.At(shared, 0))
		case o.Width == 0:
			operands = append(operands, load(o.Class))
		default:
			v := make(ptx.Vec, o.Width)
			for i := range v {
				v[i] = load(o.Class)
			}
			operands = append(operands, v)
		}
		if o.Dst {
			switch v := operands[len(operands)-1].(type) {
			case ptx.Vec:
				written = append(written, v...)
			case ptx.Reg:
				written = append(written, v)
			}
		}
	}
	k.I(f.Name, operands...)
	for _, r := range written {
		k.I("st.global."+string(r.Type()), ptx.At(in, 0), r)
	}
	k.I("ret")
}

// immediate is a legal value: scales are one, selectors and transpositions zero.
func immediate(name string, position int, spec []isa.Operand) int64 {
	if !strings.HasPrefix(name, "wgmma.mma_async") {
		return 0
	}
	predicate := 0
	for i, o := range spec {
		if o.Class == isa.Pred {
			predicate = i
		}
	}
	if position == predicate+1 || position == predicate+2 {
		return 1
	}
	return 0
}

// TestTensorFormsNeedTheirTarget checks that the builder refuses each family on
// the target just before its first.
func TestTensorFormsNeedTheirTarget(t *testing.T) {
	for name, before := range map[string]isa.Target{
		"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32":  isa.SM75,
		"mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e5m2.f32":  isa.SM86,
		"mma.sync.aligned.m16n8k16.row.col.f64.f64.f64.f64":    isa.SM89,
		"wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16": isa.SM90,
	} {
		table := isa.New()
		m := ptx.NewModule(table, before)
		forms := table.Lookup(name)
		require.NotEmpty(t, forms, name)
		addForm(t, m.Kernel("k"), forms[0])
		_, err := m.Build()
		assert.True(t, errors.Is(err, ptx.ErrTarget), "%s on %s: %v", name, before, err)
	}
}

// TestWgmmaWidths compares the widths with the manual's list.
func TestWgmmaWidths(t *testing.T) {
	assert.Len(t, isa.WgmmaN(false), 32)
	assert.Equal(t, []int{8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256}, isa.WgmmaN(true))
}
