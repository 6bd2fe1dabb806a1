package emu

import (
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// program is a decoded kernel: operations on numbered slots.
type program struct {
	kernel *ptx.Kernel
	target isa.Target
	// statements is the length of the body that was decoded; a kernel that grew
	// since is decoded again.
	statements int
	ops        []op
	slots      int
	preds      int
	consts     []constant
	params     map[ptx.Symbol]int
	sizes      []int // of the parameters, in order
	offsets    []int
	paramBytes int
	shared     map[ptx.Symbol]uint32
	// dynamicAt is where the launch's dynamic shared memory starts.
	dynamicAt uint32
}

// constant is a slot that holds an immediate in all lanes.
type constant struct {
	slot  int
	value uint64
}

// step executes an operation for the lanes of mask, never empty.
type step func(w *warp, mask uint32) error

// opKind says how the warp's loop treats an operation.
type opKind uint8

const (
	plain    opKind = iota // straight-line
	branch                 // to target
	leave                  // ret, exit
	together               // .sync: the member lanes must have met here
	blocking               // may stop the lanes: see warp.block and warp.retry
)

// op is a decoded statement.
type op struct {
	kind      opKind
	negate    bool
	pred      int // guard, -1 for none
	target    int // of a branch
	members   int // slot of the member mask of a together op, -1 for all lanes
	statement int
	run       step
}

// The shared window of a CTA starts with a reserved part, as on sm_90, so that
// address 0 is nothing's.
const sharedReserved = 1024

// decoder turns statements into operations.
type decoder struct {
	p      *program
	slotOf map[ptx.Reg]int
	predOf map[ptx.Reg]int
	values map[uint64]int
	labels map[ptx.Label]int
	// phaseSlot is the slot of clusterPhase plus one, 0 if there is none.
	phaseSlot int
	engines   map[shape]engine
}

// decode makes the program of a kernel.
func decode(m *ptx.Module, k *ptx.Kernel) (*program, error) {
	body := k.Body()
	p := &program{kernel: k, target: m.Target(), statements: len(body), params: map[ptx.Symbol]int{}, shared: map[ptx.Symbol]uint32{}}
	d := &decoder{p: p, slotOf: map[ptx.Reg]int{}, predOf: map[ptx.Reg]int{}, values: map[uint64]int{}, labels: map[ptx.Label]int{}}
	d.layout()
	n := 0
	for _, s := range body {
		if s.Label != "" {
			d.labels[s.Label] = n
		} else if s.Form.Name != "" {
			n++
		}
	}
	p.ops = make([]op, 0, n+1)
	for i, s := range body {
		if s.Form.Name == "" {
			continue
		}
		o, err := d.statement(s)
		if err != nil {
			return nil, &Fault{Kernel: k.Name, Statement: i, Instruction: s.Form.Name, Lane: -1, Err: err}
		}
		o.statement = i
		p.ops = append(p.ops, o)
	}
	p.ops = append(p.ops, op{kind: leave, pred: -1, statement: len(body)})
	return p, nil
}

// layout places parameters and shared variables.
func (d *decoder) layout() {
	p, at := d.p, 0
	for _, param := range p.kernel.Params() {
		size, align := param.Bytes, param.Align
		if param.Type != "" {
			size = widthOf(string(param.Type)) / 8
			align = size
		}
		at = roundUp(at, max(align, 1))
		p.params[ptx.Symbol(p.kernel.Name+"_"+param.Name)] = at
		p.sizes = append(p.sizes, size)
		p.offsets = append(p.offsets, at)
		at += size
	}
	p.paramBytes = at
	at = sharedReserved
	for _, v := range p.kernel.SharedVars() {
		at = roundUp(at, max(v.Align, 1))
		p.shared[v.Name] = uint32(at)
		at += v.Bytes
	}
	p.dynamicAt = uint32(roundUp(at, 1024))
	if s := p.kernel.DynamicSymbol(); s != "" {
		p.shared[s] = p.dynamicAt
	} else {
		p.dynamicAt = uint32(at)
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// instr is a statement while it is decoded.
type instr struct {
	name     string
	op       string   // up to the first dot
	q        []string // the qualifiers after it
	operands []ptx.Operand
	spec     []isa.Operand
}

func (in *instr) has(qualifier string) bool {
	for _, q := range in.q {
		if q == qualifier {
			return true
		}
	}
	return false
}

// oneOf gives the first qualifier that is among the names, or the empty string.
func (in *instr) oneOf(names ...string) string {
	for _, q := range in.q {
		for _, n := range names {
			if q == n {
				return q
			}
		}
	}
	return ""
}

// types lists the qualifiers that name types.
func (in *instr) types() []string {
	var types []string
	for _, q := range in.q {
		if widthOf(q) > 0 {
			types = append(types, q)
		}
	}
	return types
}

// typ is the last type: what the operands are.
func (in *instr) typ() string {
	t := in.types()
	if len(t) == 0 {
		return ""
	}
	return t[len(t)-1]
}

// widthOf is the number of bits of a type's name, 0 if it is none.
func widthOf(t string) int {
	switch t {
	case "pred":
		return 1
	case "u8", "s8", "b8", "e4m3", "e5m2":
		return 8
	case "u16", "s16", "b16", "f16", "bf16", "e4m3x2", "e5m2x2":
		return 16
	case "u32", "s32", "b32", "f32", "f16x2", "bf16x2", "s16x2", "u16x2", "tf32":
		return 32
	case "u64", "s64", "b64", "f64":
		return 64
	case "b128":
		return 128
	}
	return 0
}

func (d *decoder) statement(s ptx.Statement) (op, error) {
	spec, err := s.Form.Parse()
	if err != nil {
		return op{}, err
	}
	// A sink that the form's name ends with ("elect.sync _|") is no qualifier.
	name, _, _ := strings.Cut(s.Form.Name, " ")
	parts := strings.Split(name, ".")
	in := &instr{name: s.Form.Name, op: parts[0], q: parts[1:], operands: s.Operands, spec: spec}
	o := op{pred: -1, negate: s.GuardNegate, members: -1}
	if s.Guard.Type() == ptx.Pred {
		o.pred = d.predicate(s.Guard)
	}
	err = d.decodeInto(&o, in)
	return o, err
}

// reg is the slot of a register.
func (d *decoder) reg(r ptx.Reg) int {
	slot, known := d.slotOf[r]
	if !known {
		slot = d.p.slots
		d.p.slots++
		d.slotOf[r] = slot
	}
	return slot
}

func (d *decoder) predicate(r ptx.Reg) int {
	i, known := d.predOf[r]
	if !known {
		i = d.p.preds
		d.p.preds++
		d.predOf[r] = i
	}
	return i
}

// constant is a slot that holds a value.
func (d *decoder) constant(v uint64) int {
	slot, known := d.values[v]
	if !known {
		slot = d.p.slots
		d.p.slots++
		d.values[v] = slot
		d.p.consts = append(d.p.consts, constant{slot, v})
	}
	return slot
}

// scratch is a slot of the decoder's own.
func (d *decoder) scratch() int {
	d.p.slots++
	return d.p.slots - 1
}

// src is the slot of operand i, an immediate turned into a constant of the operand's class.
func (d *decoder) src(in *instr, i int) (int, error) {
	if i >= len(in.operands) {
		return 0, unsupportedf("%s with %d operands", in.name, len(in.operands))
	}
	switch v := in.operands[i].(type) {
	case ptx.Reg:
		if v.Type() != ptx.Pred {
			return d.reg(v), nil
		}
	case ptx.Int:
		return d.constant(truncate(uint64(v), classWidth(in.spec[i].Class))), nil
	case ptx.Float:
		return d.constant(floatBits(float64(v), in.spec[i].Class)), nil
	case ptx.Symbol:
		address, err := d.symbol(v)
		return d.constant(address), err
	}
	return 0, unsupportedf("%s: operand %d", in.name, i+1)
}

// symbol is the address of a shared variable or parameter in its own space.
func (d *decoder) symbol(s ptx.Symbol) (uint64, error) {
	if at, ok := d.p.shared[s]; ok {
		return uint64(at), nil
	}
	if at, ok := d.p.params[s]; ok {
		return uint64(at), nil
	}
	return 0, illegalf("symbol %s is not declared", s)
}

// srcs are the slots of operands i and on.
func (d *decoder) srcs(in *instr, first, n int) ([]int, error) {
	slots := make([]int, n)
	for j := range slots {
		var err error
		if slots[j], err = d.src(in, first+j); err != nil {
			return nil, err
		}
	}
	return slots, nil
}

// vec is the slots of operand i, a vector or a single register.
func (d *decoder) vec(in *instr, i int) ([]int, error) {
	if i < len(in.operands) {
		if v, ok := in.operands[i].(ptx.Vec); ok {
			slots := make([]int, len(v))
			for j, r := range v {
				slots[j] = d.reg(r)
			}
			return slots, nil
		}
	}
	slot, err := d.src(in, i)
	return []int{slot}, err
}

// pred is the predicate number of operand i.
func (d *decoder) pred(in *instr, i int) (int, error) {
	if i < len(in.operands) {
		if r, ok := in.operands[i].(ptx.Reg); ok && r.Type() == ptx.Pred {
			return d.predicate(r), nil
		}
	}
	return 0, unsupportedf("%s: operand %d is no predicate", in.name, i+1)
}

// imm is the value of an immediate operand.
func (d *decoder) imm(in *instr, i int) (int64, error) {
	if i < len(in.operands) {
		if v, ok := in.operands[i].(ptx.Int); ok {
			return int64(v), nil
		}
	}
	return 0, unsupportedf("%s: operand %d is no immediate", in.name, i+1)
}

// isPred reports whether operand i is a predicate register.
func (in *instr) isPred(i int) bool {
	if i >= len(in.operands) {
		return false
	}
	r, ok := in.operands[i].(ptx.Reg)
	return ok && r.Type() == ptx.Pred
}

// regWidth is the width of the register at operand i; of a vector, of its elements.
func (in *instr) regWidth(i int) int {
	switch v := in.operands[i].(type) {
	case ptx.Reg:
		return widthOf(string(v.Type()))
	case ptx.Vec:
		return widthOf(string(v[0].Type()))
	}
	return classWidth(in.spec[i].Class)
}

func classWidth(c isa.Class) int {
	switch c {
	case isa.B16:
		return 16
	case isa.B32, isa.F32:
		return 32
	}
	return 64
}

func truncate(v uint64, width int) uint64 {
	if width >= 64 {
		return v
	}
	return v & (1<<width - 1)
}

// programOf decodes a kernel, once per device memory.
func (m *Memory) programOf(module *ptx.Module, name string) (*program, error) {
	for _, k := range module.Kernels() {
		if k.Name != name {
			continue
		}
		if p := m.programs[k]; p != nil && p.statements == len(k.Body()) {
			return p, nil
		}
		p, err := decode(module, k)
		if err != nil {
			return nil, err
		}
		if m.programs == nil {
			m.programs = map[*ptx.Kernel]*program{}
		}
		m.programs[k] = p
		return p, nil
	}
	return nil, fmt.Errorf("kernel %q is not in the module: %w", name, ErrLaunch)
}

// Approximate reports whether a kernel uses special functions (.approx), whose
// last bits the hardware and this emulator need not share: the emulator rounds
// them correctly, the hardware is within the error that PTX documents (one or
// two units in the last place of f32, and 2^-11 relative for tanh).
func Approximate(m *ptx.Module, kernel string) bool {
	for _, k := range m.Kernels() {
		if k.Name != kernel {
			continue
		}
		for _, s := range k.Body() {
			if strings.Contains(s.Form.Name, ".approx") || strings.HasPrefix(s.Form.Name, "div.full") {
				return true
			}
		}
	}
	return false
}
