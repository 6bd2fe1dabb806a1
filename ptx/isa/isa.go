// Package isa holds the PTX instruction table as data: the forms that the
// builder in package ptx accepts, what each operand is, the oldest PTX version
// and target that know the form, and the machine opcode it should become.
//
// Facts are from the PTX ISA manual (edition 9.1); the machine opcodes were
// read from nvdisasm's output for code assembled by ptxas 13.0.
package isa

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/internal/spelling"
)

// Class is the kind of value an operand holds.
type Class byte

// Operand classes, named by the letter that stands for them in a Form's Operands.
const (
	Pred     Class = 'p' // predicate register
	B16      Class = 'h' // 16-bit register, integer or half
	B32      Class = 'r' // 32-bit register, integer, packed halves, or immediate
	B64      Class = 'l' // 64-bit register or immediate
	F32      Class = 'f' // 32-bit float register or immediate
	F64      Class = 'd' // 64-bit float register or immediate
	Address  Class = 'm' // memory operand: [register+offset] or [symbol+offset]
	Imm      Class = 'i' // immediate only
	Label    Class = 'L' // branch target
	Special  Class = 's' // special register such as %clock64
	Symbol   Class = 'y' // name of a shared variable, whose address is taken
	TensorOp Class = 't' // [tensormap, {coordinates}] of a tensor copy
)

// Operand is one position of a form.
type Operand struct {
	Class Class
	// Dst says that the instruction writes the operand.
	Dst bool
	// Read says that the instruction reads it; an accumulator is both.
	Read bool
	// Width is the number of registers of a braced vector, 0 for a scalar.
	Width int
}

// Form is one legal spelling of an instruction.
type Form struct {
	// Name is the opcode with all qualifiers, as PTX spells it: "fma.rn.f32".
	Name string
	// Operands lists the operands in order, separated by blanks: a class letter,
	// before it a vector width, and "=" for written, "+" for read and written.
	// "=f f f f" is fma.rn.f32; "+64f l l p i i" an accumulating wgmma.
	Operands string
	// PTX is the oldest ISA version with the form, times ten: 7.8 is 78.
	PTX int
	// Target is the oldest target with the form.
	Target Target
	// SASS is the machine opcode that it becomes from Target on, as a pattern of
	// package sass ("VIADDMNMX", "IADD3|IADD"); empty where no single opcode is expected.
	SASS string
	// NativeFrom is the oldest target whose machine instruction does the whole
	// work (before it the form is emulated); zero means Target.
	NativeFrom Target
	// EmulatedFrom is the oldest target that no longer has such an instruction,
	// so that the form becomes several others; zero means none.
	EmulatedFrom Target
}

// Native reports whether a target has a machine instruction that does the
// form's whole work.
func (f Form) Native(t Target) bool {
	return t.Supports(f.Target) && t >= f.NativeFrom && (f.EmulatedFrom == 0 || t < f.EmulatedFrom)
}

// Parse splits the Operands text.
func (f Form) Parse() ([]Operand, error) {
	var ops []Operand
	for _, field := range strings.Fields(f.Operands) {
		op, err := parseOperand(field)
		if err != nil {
			return nil, fmt.Errorf("form %s: %w", f.Name, err)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

func parseOperand(s string) (Operand, error) {
	op := Operand{Read: true}
	rest := s
	switch rest[0] {
	case '=':
		op.Dst, op.Read, rest = true, false, rest[1:]
	case '+':
		op.Dst, rest = true, rest[1:]
	}
	for rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		op.Width = op.Width*10 + int(rest[0]-'0')
		rest = rest[1:]
	}
	if len(rest) != 1 || !strings.ContainsRune("phrlfdmiLsyt", rune(rest[0])) {
		return Operand{}, fmt.Errorf("operand %q is not [=+][width]class", s)
	}
	op.Class = Class(rest[0])
	return op, nil
}

// Table finds forms by name. Build one with New; it is immutable after.
type Table struct {
	forms map[string][]Form
	names []string
}

// New builds the table of all forms of this package.
func New() *Table {
	t := &Table{forms: map[string][]Form{}}
	for _, family := range families() {
		for _, f := range family {
			if _, known := t.forms[f.Name]; !known {
				t.names = append(t.names, f.Name)
			}
			t.forms[f.Name] = append(t.forms[f.Name], f)
		}
	}
	slices.Sort(t.names)
	return t
}

// families lists the tables of this package, one file each.
func families() [][]Form {
	return [][]Form{
		controlForms(), scalarForms(), halfForms(), dpxForms(), memoryForms(),
		mmaForms(), wgmmaForms(), clusterForms(), asyncForms(),
	}
}

// Lookup finds the forms with a full name: several where PTX overloads it, such
// as mov.b64 between registers and from a pair of 32-bit registers.
func (t *Table) Lookup(name string) []Form { return t.forms[name] }

// Names lists all form names in order.
func (t *Table) Names() []string { return slices.Clone(t.names) }

// Nearest returns the known name closest to a misspelt one, by edit distance;
// one with the same opcode is closer: "fma.f32" lacks a rounding, it is no "max.f32".
func (t *Table) Nearest(name string) string {
	opcode, _, _ := strings.Cut(name, ".")
	best, bestDist := "", 1<<30
	for _, n := range t.names {
		d := spelling.Distance(name, n)
		if other, _, _ := strings.Cut(n, "."); other != opcode {
			d += len(".rn.")
		}
		if d < bestDist {
			best, bestDist = n, d
		}
	}
	return best
}
