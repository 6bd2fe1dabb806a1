package ptx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/ptx/isa"
)

// Kernel is one entry point under construction. Its methods never fail at
// once: mistakes are collected, each with the caller's file and line, and
// Module.Build returns them all.
type Kernel struct {
	// Name is the entry's name.
	Name string
	// Cluster is the cluster shape in CTAs (.reqnctapercluster); zero for none.
	Cluster [3]int
	// MaxThreads bounds the CTA's threads (.maxntid), 0 for no bound; more
	// registers per thread are to be had with a small bound.
	MaxThreads int
	// MinCTAs is how many CTAs must fit an SM (.minnctapersm), 0 for no demand;
	// it needs MaxThreads.
	MinCTAs int
	// MaxRegisters bounds the registers per thread (.maxnreg), 0 for no bound.
	MaxRegisters int

	module    *Module
	made      place
	params    []Param
	shared    []SharedVar
	dynamic   Symbol
	registers map[Type]int
	defined   map[Reg]bool
	body      []Statement
	labels    map[Label]*label
	order     []Label
	symbols   map[Symbol]bool
	guard     guard
	tooNew    bool
	errs      []error
}

type label struct {
	made   place
	placed bool
}

// Param is a kernel parameter.
type Param struct {
	Name string
	// Type is B64 (pointer or integer), B32, F32 or F64; empty for raw bytes.
	Type Type
	// Bytes and Align describe a parameter of raw bytes, such as a tensor map.
	Bytes, Align int
}

// SharedVar is a static shared-memory array.
type SharedVar struct {
	Name         Symbol
	Bytes, Align int
}

type guard struct {
	pred   Reg
	negate bool
	set    bool
}

// Statement is one line of a kernel's body: an instruction, a label or a pragma.
type Statement struct {
	// Form is the instruction's entry of the table; Form.Name is empty for a label or pragma.
	Form     isa.Form
	Operands []Operand
	// Guard is the predicate of @p or @!p, undefined for none.
	Guard       Reg
	GuardNegate bool
	// Label is set for a label line, Pragma for a pragma line.
	Label  Label
	Pragma string
}

// Param declares a parameter of a register type and returns a register that holds it.
func (k *Kernel) Param(name string, t Type) Reg {
	k.declare(k.paramSymbol(name))
	k.params = append(k.params, Param{Name: name, Type: t})
	r := k.Reg(t)
	k.I("ld.param."+paramType(t), r, Mem{Symbol: Symbol(k.paramSymbol(name))})
	return r
}

// ParamBytes declares a parameter of raw bytes (a tensor map) and returns a
// register with its generic address.
func (k *Kernel) ParamBytes(name string, bytes, align int) Reg {
	k.declare(k.paramSymbol(name))
	k.checkStorage(name, bytes, align)
	k.params = append(k.params, Param{Name: name, Bytes: bytes, Align: align})
	address := k.Reg(B64)
	k.I("mov.b64", address, Symbol(k.paramSymbol(name)))
	k.I("cvta.param.u64", address, address)
	return address
}

func (k *Kernel) paramSymbol(name string) string { return k.Name + "_" + name }

func paramType(t Type) string {
	switch t {
	case B64:
		return "u64"
	case B32:
		return "u32"
	default:
		return string(t)
	}
}

// Params lists the declared parameters in order.
func (k *Kernel) Params() []Param { return k.params }

// Body is the list of statements so far, for an emulator or an analysis.
func (k *Kernel) Body() []Statement { return k.body }

// SharedVars lists the static shared variables.
func (k *Kernel) SharedVars() []SharedVar { return k.shared }

// DynamicSymbol is the name of the dynamic shared array, empty if none.
func (k *Kernel) DynamicSymbol() Symbol { return k.dynamic }

// Reg makes a fresh register.
func (k *Kernel) Reg(t Type) Reg {
	k.registers[t]++
	return Reg{typ: t, id: k.registers[t], kernel: k}
}

// Regs makes n fresh registers.
func (k *Kernel) Regs(t Type, n int) []Reg {
	regs := make([]Reg, n)
	for i := range regs {
		regs[i] = k.Reg(t)
	}
	return regs
}

// Shared declares a static shared array of bytes and returns its name.
func (k *Kernel) Shared(name string, bytes, align int) Symbol {
	s := Symbol(k.paramSymbol(name))
	k.declare(string(s))
	k.checkStorage(name, bytes, align)
	k.shared = append(k.shared, SharedVar{Name: s, Bytes: bytes, Align: align})
	return s
}

// DynamicShared names the launch's dynamic shared memory, aligned to 1024 bytes.
func (k *Kernel) DynamicShared() Symbol {
	if k.dynamic == "" {
		k.dynamic = Symbol(k.paramSymbol("dynamic"))
		k.declare(string(k.dynamic))
	}
	return k.dynamic
}

// SharedAddress returns a b32 register with the shared-space address of s.
func (k *Kernel) SharedAddress(s Symbol) Reg {
	r := k.Reg(B32)
	k.I("mov.u32", r, s)
	return r
}

// NewLabel makes a fresh label from a readable stem.
func (k *Kernel) NewLabel(stem string) Label {
	l := Label(fmt.Sprintf("$%s_%s_%d", k.Name, stem, len(k.labels)))
	k.labels[l] = &label{made: caller()}
	k.order = append(k.order, l)
	return l
}

// Place puts a label at this point of the body, once.
func (k *Kernel) Place(l Label) {
	switch known := k.labels[l]; {
	case known == nil:
		k.failf("label %s was not made by this kernel's NewLabel", l)
	case known.placed:
		k.failf("label %s is placed twice", l)
	default:
		known.placed = true
	}
	k.body = append(k.body, Statement{Label: l})
}

// Pragma adds a .pragma line.
func (k *Kernel) Pragma(text string) { k.body = append(k.body, Statement{Pragma: text}) }

// Loop runs body count times (count at least one, read once per pass); the
// loop is marked nounroll, so that the driver's compiler leaves it a loop.
func (k *Kernel) Loop(count Operand, body func(i Reg)) {
	i, more := k.Reg(B32), k.Reg(Pred)
	k.I("mov.u32", i, Int(0))
	top := k.NewLabel("loop")
	k.Place(top)
	k.Pragma("nounroll")
	body(i)
	k.I("add.u32", i, i, Int(1))
	k.I("setp.lt.u32", more, i, count)
	k.If(more).I("bra", top)
}

// Guarded issues instructions under a predicate; get one from If or IfNot.
type Guarded struct {
	k *Kernel
	g guard
}

// If guards the instruction that follows with @p.
func (k *Kernel) If(p Reg) Guarded { return Guarded{k, guard{pred: p, set: true}} }

// IfNot guards the instruction that follows with @!p.
func (k *Kernel) IfNot(p Reg) Guarded { return Guarded{k, guard{pred: p, negate: true, set: true}} }

// I adds one guarded instruction.
func (g Guarded) I(name string, operands ...Operand) {
	g.k.guard = g.g
	g.k.I(name, operands...)
	g.k.guard = guard{}
}

// I adds one instruction: the full name with all qualifiers, and its operands.
// The table of package isa says whether they fit.
func (k *Kernel) I(name string, operands ...Operand) {
	form, spec, err := k.choose(name, operands)
	if err != nil {
		k.errs = append(k.errs, k.at(err))
		return
	}
	if !k.module.target.Supports(form.Target) && !k.tooNew {
		k.tooNew = true // once is enough: the rest of its family would follow
		k.failf("%s needs %s, the module is for %s: %w", name, form.Target, k.module.target, ErrTarget)
	}
	k.checkUse(name, spec, operands)
	operands = slices.Clone(operands) // the caller may use its slices again
	for i, o := range operands {
		if v, ok := o.(Vec); ok {
			operands[i] = slices.Clone(v)
		}
	}
	k.body = append(k.body, Statement{Form: form, Operands: operands, Guard: k.guard.pred, GuardNegate: k.guard.negate})
}

// choose picks the form of the name whose operands fit.
func (k *Kernel) choose(name string, operands []Operand) (isa.Form, []isa.Operand, error) {
	forms := k.module.table.Lookup(name)
	if len(forms) == 0 {
		return isa.Form{}, nil, fmt.Errorf("unknown instruction %q: did you mean %q?", name, k.module.table.Nearest(name))
	}
	var first error
	for _, f := range forms {
		spec, err := f.Parse()
		if err == nil {
			err = fits(f, spec, operands)
		}
		if err == nil {
			return f, spec, nil
		}
		first = errors.Join(first, err)
	}
	return isa.Form{}, nil, first
}

// fits compares operands with a form.
func fits(f isa.Form, spec []isa.Operand, operands []Operand) error {
	if len(spec) != len(operands) {
		return fmt.Errorf("%s takes %d operands (%s), not %d", f.Name, len(spec), f.Operands, len(operands))
	}
	for i, want := range spec {
		if operands[i] == nil {
			return fmt.Errorf("%s: operand %d is missing", f.Name, i+1)
		}
		v, isVec := operands[i].(Vec)
		if _, isReg := operands[i].(Reg); want.Dst && !isVec && !isReg {
			return fmt.Errorf("%s: operand %d is written and must be a register", f.Name, i+1)
		}
		if isVec != (want.Width > 0) || len(v) != want.Width || !operands[i].accepts(want.Class) {
			return fmt.Errorf("%s: operand %d is %s, which does not fit %q", f.Name, i+1, operands[i].text(), f.Operands)
		}
		if n, isInt := operands[i].(Int); isInt && !n.fitsIn(want.Class) {
			return fmt.Errorf("%s: operand %d is %d, which is more than its bits hold", f.Name, i+1, n)
		}
	}
	return nil
}

// declare notes a name, which must be an identifier and new to the kernel.
func (k *Kernel) declare(name string) {
	if !identifier(name) {
		k.failf("%q is not a name in PTX", name)
	}
	if k.symbols[Symbol(name)] {
		k.failf("%s is declared twice", name)
	}
	k.symbols[Symbol(name)] = true
}

func (k *Kernel) checkStorage(name string, bytes, align int) {
	if bytes < 1 || align < 1 || align&(align-1) != 0 {
		k.failf("%s of %d bytes with alignment %d is not possible", name, bytes, align)
	}
}

// checkUse refuses registers of other kernels and registers read before any write.
func (k *Kernel) checkUse(name string, spec []isa.Operand, operands []Operand) {
	k.checkGuard(name)
	for i, o := range operands {
		k.checkNames(name, o)
		for _, r := range registersOf(o) {
			k.checkRegister(name, r, spec[i].Read)
		}
	}
	for i, o := range operands {
		if spec[i].Dst {
			for _, r := range registersOf(o) {
				k.defined[r] = true
			}
		}
	}
}

// checkGuard wants a predicate of this kernel.
func (k *Kernel) checkGuard(name string) {
	if !k.guard.set {
		return
	}
	if !k.guard.pred.accepts(isa.Pred) {
		k.failf("%s is guarded by %s, which is not a predicate", name, k.guard.pred.text())
		return
	}
	k.checkRegister(name, k.guard.pred, true)
}

// checkNames refuses labels and symbols that the kernel does not have.
func (k *Kernel) checkNames(name string, o Operand) {
	var symbol Symbol
	switch v := o.(type) {
	case Label:
		if k.labels[v] == nil {
			k.failf("%s: label %s was not made by this kernel's NewLabel", name, v)
		}
		return
	case Symbol:
		symbol = v
	case Mem:
		symbol = v.Symbol
	}
	if symbol != "" && !k.symbols[symbol] {
		k.failf("%s: nothing is declared as %s", name, symbol)
	}
}

func (k *Kernel) checkRegister(name string, r Reg, read bool) {
	switch {
	case r.kernel == nil:
	case r.kernel != k:
		k.failf("%s: %s belongs to kernel %s", name, r.text(), r.kernel.Name)
	case read && !k.defined[r]:
		k.failf("%s reads %s before anything is written to it", name, r.text())
	}
}

func registersOf(o Operand) []Reg {
	switch v := o.(type) {
	case Reg:
		return []Reg{v}
	case Vec:
		return v
	case Mem:
		return []Reg{v.Base}
	case TensorAt:
		return append([]Reg{v.Map}, v.Coords...)
	}
	return nil
}
