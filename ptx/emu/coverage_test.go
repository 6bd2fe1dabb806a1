package emu

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// TestEveryFormIsModelled decodes every form of the instruction table. Copies
// through a tensor map, which only a driver can make, are the exception.
func TestEveryFormIsModelled(t *testing.T) {
	n := 0
	for _, name := range table.Names() {
		for _, f := range table.Lookup(name) {
			if strings.Contains(name, ".tensor.") || strings.Contains(f.Operands, "t") {
				continue
			}
			n++
			err := decodeForm(t, f)
			if errors.Is(err, ErrIllegal) {
				continue // this test's operands, not the form
			}
			require.NoErrorf(t, err, "%s %s", f.Name, f.Operands)
		}
	}
	require.Greater(t, n, 1500)
}

// decodeForm decodes one form with operands that fit its classes.
func decodeForm(t *testing.T, f isa.Form) error {
	t.Helper()
	target := f.Target
	m := ptx.NewModule(table, target)
	k := m.Kernel("form")
	word := k.SharedAddress(k.Shared("s", 64, 16))
	spec, err := f.Parse()
	require.NoError(t, err)
	types := map[isa.Class]ptx.Type{isa.Pred: ptx.Pred, isa.B16: ptx.B16, isa.B32: ptx.B32, isa.B64: ptx.B64, isa.F32: ptx.F32, isa.F64: ptx.F64}
	var operands []ptx.Operand
	for _, o := range spec {
		typ, isReg := types[o.Class]
		switch {
		case isReg && o.Width > 0:
			operands = append(operands, ptx.Vec(k.Regs(typ, o.Width)))
		case isReg:
			operands = append(operands, k.Reg(typ))
		case o.Class == isa.Address:
			operands = append(operands, ptx.At(word, 0))
		case o.Class == isa.Imm:
			operands = append(operands, ptx.Int(1))
		case o.Class == isa.Special:
			operands = append(operands, ptx.Special("%clock64"))
		case o.Class == isa.Label:
			operands = append(operands, ptx.Label("nowhere"))
		case o.Class == isa.Symbol:
			operands = append(operands, k.SharedVars()[0].Name)
		default:
			t.Fatalf("%s: class %c", f.Name, o.Class)
		}
	}
	p := &program{kernel: k, target: target, params: map[ptx.Symbol]int{}, shared: map[ptx.Symbol]uint32{}}
	d := &decoder{p: p, slotOf: map[ptx.Reg]int{}, predOf: map[ptx.Reg]int{}, values: map[uint64]int{}, labels: map[ptx.Label]int{}}
	d.layout()
	o, err := d.statement(ptx.Statement{Form: f, Operands: operands})
	if err == nil && o.run == nil && o.kind != branch && o.kind != leave {
		t.Errorf("%s decodes to nothing", f.Name)
	}
	return err
}
