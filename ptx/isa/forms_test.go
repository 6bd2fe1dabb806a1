package isa_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/ptx/sass"
)

// batch is the number of forms that share a module; ptxas takes longer to start
// than to assemble one of them.
const batch = 48

// everything asks for all forms and targets; otherwise a test takes each form's
// oldest target and the newest, and a few widths of wgmma.
func everything() bool {
	return os.Getenv("CI") != "" || os.Getenv("GPUBENCH_ALL_FORMS") != ""
}

func needPtxas(t *testing.T) {
	t.Helper()
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); errors.Is(err, ptxas.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
}

// group is what forms must share to be assembled together: a module's PTX
// version follows from the newest of its forms.
type group struct {
	target isa.Target
	ptx    int
}

// groups sorts the table's forms by the targets to assemble them for.
func groups(table *isa.Table) map[group][]isa.Form {
	list := map[group][]isa.Form{}
	for _, name := range table.Names() {
		if !everything() && !sampleWidth(name) {
			continue
		}
		for _, f := range table.Lookup(name) {
			for _, target := range targetsOf(f) {
				g := group{target, max(f.PTX, target.PTX())}
				list[g] = append(list[g], f)
			}
		}
	}
	return list
}

func sampleWidth(name string) bool {
	return !strings.HasPrefix(name, "wgmma.mma_async") || regexp.MustCompile(`m64n(8|24|256)k`).MatchString(name)
}

func targetsOf(f isa.Form) []isa.Target {
	var targets []isa.Target
	for _, t := range isa.AllTargets() {
		if t.Supports(f.Target) {
			targets = append(targets, t)
		}
	}
	if len(targets) > 2 && !everything() {
		return []isa.Target{targets[0], targets[len(targets)-1]}
	}
	return targets
}

// TestEveryForm assembles every form, at the PTX version and for the targets
// that it declares, and looks for the declared machine opcode in the code.
func TestEveryForm(t *testing.T) {
	needPtxas(t)
	table := isa.New()
	for g, forms := range groups(table) {
		for part := range slices.Chunk(forms, batch) {
			t.Run(fmt.Sprintf("%s/ptx%d/%s", g.target, g.ptx, part[0].Name), func(t *testing.T) {
				t.Parallel()
				assemble(t, table, g, part)
			})
		}
	}
}

// assemble checks the forms together, and halves them until the culprit is alone.
func assemble(t *testing.T, table *isa.Table, g group, forms []isa.Form) {
	t.Helper()
	text, samples, err := module(table, g.target, forms)
	if err != nil {
		t.Errorf("build: %v", err)
		return
	}
	if version := fmt.Sprintf(".version %d.%d\n", g.ptx/10, g.ptx%10); !strings.HasPrefix(text, version) {
		t.Errorf("a module of %s wants %s, the test expects %s", forms[0].Name, text[:13], version)
	}
	cubin, err := ptxas.Assemble(context.Background(), text, g.target.String())
	switch {
	case err == nil:
		checkCode(t, g.target, cubin, samples)
	case len(forms) == 1:
		t.Errorf("%s (%s), PTX %d: %v", forms[0].Name, forms[0].Operands, g.ptx, err)
	default:
		assemble(t, table, g, forms[:len(forms)/2])
		assemble(t, table, g, forms[len(forms)/2:])
	}
}

// noProof are forms that the generic kernel cannot show in machine code, with the reason.
func noProof(f isa.Form, target isa.Target) string {
	switch {
	case f.SASS == "":
		return "no single opcode is declared"
	case !f.Native(target):
		return "emulated on this target"
	}
	return ""
}

// checkCode looks for each form's opcode in its kernel, beyond what the loads
// and stores around it need.
func checkCode(t *testing.T, target isa.Target, cubin []byte, samples []*sample) {
	t.Helper()
	kernels, err := sass.Read(cubin)
	require.NoError(t, err)
	byName := map[string]*sass.Kernel{}
	for _, k := range kernels {
		byName[k.Name] = k
		for _, i := range k.Code {
			if strings.Contains(i.Mnemonic, "?") {
				t.Errorf("package sass does not know %s at %#x of %s, for %s", i.Mnemonic, i.Offset, k.Name, target)
			}
		}
	}
	for _, s := range samples {
		if noProof(s.form, target) != "" {
			continue
		}
		k := byName[s.k.Name]
		around := s.loads*b2i(sass.Match(s.form.SASS, "LDG")) + s.stores*b2i(sass.Match(s.form.SASS, "STG"))
		if sass.Count(k.Code, s.form.SASS) <= around {
			t.Errorf("%s (%s) on %s: no %s in\n%s", s.form.Name, s.form.Operands, target, s.form.SASS, k.Listing())
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

var errorLine = regexp.MustCompile(`, line (\d+); error`)

// TestFormsNeedTheirTarget gives every form to the assembler for the target
// just below the one declared: it must refuse each.
func TestFormsNeedTheirTarget(t *testing.T) {
	needPtxas(t)
	table := isa.New()
	below := map[isa.Target]isa.Target{isa.SM86: isa.SM80, isa.SM89: isa.SM86, isa.SM90: isa.SM89, isa.SM90a: isa.SM90}
	list := map[group][]isa.Form{}
	for _, name := range table.Names() {
		for _, f := range table.Lookup(name) {
			if _, ok := below[f.Target]; ok && sampleWidth(name) {
				g := group{f.Target, f.PTX}
				list[g] = append(list[g], f)
			}
		}
	}
	require.NotEmpty(t, list)
	for g, forms := range list {
		for part := range slices.Chunk(forms, batch) {
			t.Run(fmt.Sprintf("%s/ptx%d/%s", g.target, g.ptx, part[0].Name), func(t *testing.T) {
				t.Parallel()
				text, samples, err := module(table, g.target, part)
				require.NoError(t, err)
				older := below[g.target].String()
				text = strings.Replace(text, ".target "+g.target.String()+"\n", ".target "+older+"\n", 1)
				_, err = ptxas.Assemble(context.Background(), text, older)
				require.Error(t, err)
				refused := refusedLines(err.Error())
				lines := instructionLines(text, samples)
				for _, s := range samples {
					if lines[s] == 0 || !refused[lines[s]] {
						t.Errorf("%s (%s) is declared for %s, but ptxas takes it for %s", s.form.Name, s.form.Operands, g.target, older)
					}
				}
			})
		}
	}
}

func refusedLines(message string) map[int]bool {
	lines := map[int]bool{}
	for _, m := range errorLine.FindAllStringSubmatch(message, -1) {
		n, _ := strconv.Atoi(m[1]) // the pattern takes digits only
		lines[n] = true
	}
	return lines
}

// instructionLines finds the line of each sample's instruction in the module's
// text: the last in its kernel that begins with the form's name.
func instructionLines(text string, samples []*sample) map[*sample]int {
	byName := map[string]*sample{}
	for _, s := range samples {
		byName[s.k.Name] = s
	}
	lines := map[*sample]int{}
	var current *sample
	n := 0
	for line := range strings.Lines(text) {
		n++
		if name, ok := strings.CutPrefix(line, ".visible .entry "); ok {
			current = byName[strings.TrimRight(name, "(\n")]
		}
		if current != nil && strings.HasPrefix(line, "\t"+current.form.Name) {
			lines[current] = n
		}
	}
	return lines
}

// module makes one kernel for each form.
func module(table *isa.Table, target isa.Target, forms []isa.Form) (string, []*sample, error) {
	m := ptx.NewModule(table, target)
	var samples []*sample
	for i, f := range forms {
		s := &sample{k: m.Kernel(fmt.Sprintf("form%d", i)), form: f}
		if err := s.write(); err != nil {
			return "", nil, err
		}
		samples = append(samples, s)
	}
	text, err := m.Build()
	return text, samples, err
}

// sample is a kernel with one instruction of a form: operands from memory,
// results stored, so that nothing can fold.
type sample struct {
	k             *ptx.Kernel
	form          isa.Form
	in, out       ptx.Reg
	shared        ptx.Reg
	loads, stores int
	addresses     int
	after         []func()
}

var registerTypes = map[isa.Class]ptx.Type{
	isa.Pred: ptx.Pred, isa.B16: ptx.B16, isa.B32: ptx.B32, isa.B64: ptx.B64, isa.F32: ptx.F32, isa.F64: ptx.F64,
}

func (s *sample) write() error {
	spec, err := s.form.Parse()
	if err != nil {
		return err
	}
	k := s.k
	k.MaxThreads = 128
	s.in, s.out = k.Param("in", ptx.B64), k.Param("out", ptx.B64)
	s.shared = k.SharedAddress(k.Shared("tile", 4096, 128))
	operands := make([]ptx.Operand, len(spec))
	for i, o := range spec {
		operands[i] = s.operand(o, i, spec)
	}
	k.I(s.form.Name, operands...)
	for _, f := range s.after {
		f()
	}
	for i, o := range operands {
		if spec[i].Dst {
			s.store(o)
		}
	}
	if strings.HasPrefix(s.form.Name, "wgmma.mma_async") {
		k.I("wgmma.commit_group.sync.aligned")
		k.I("wgmma.wait_group.sync.aligned", ptx.Int(0))
	}
	k.I("ret")
	return nil
}

// operand makes a fresh operand of the right class.
func (s *sample) operand(o isa.Operand, position int, spec []isa.Operand) ptx.Operand {
	switch o.Class {
	case isa.Address:
		s.addresses++
		return s.address(s.addresses - 1)
	case isa.Imm:
		return ptx.Int(s.immediate(position, spec))
	case isa.Label:
		l := s.k.NewLabel("target")
		s.after = append(s.after, func() { s.k.Place(l) })
		return l
	case isa.Special:
		if spec[0].Class == isa.B64 {
			return ptx.Special("%clock64")
		}
		return ptx.Special("%tid.x")
	case isa.Symbol:
		return s.k.Shared("named", 16, 16)
	case isa.TensorOp:
		return ptx.TensorAt{Map: s.load(ptx.B64), Coords: s.vector(ptx.B32, s.dimensions())}
	}
	t := registerTypes[o.Class]
	switch {
	case position == 1 && s.acrossLanes():
		return s.lane() // a value that all lanes load from one address would make the shuffle a move
	case o.Width > 0 && !o.Read:
		return ptx.Vec(s.k.Regs(t, o.Width))
	case o.Width > 0:
		return s.vector(t, o.Width)
	case !o.Read:
		return s.k.Reg(t)
	}
	return s.load(t)
}

func (s *sample) acrossLanes() bool {
	return strings.HasPrefix(s.form.Name, "shfl.") || strings.HasPrefix(s.form.Name, "redux.")
}

func (s *sample) lane() ptx.Reg {
	r := s.k.Reg(ptx.B32)
	s.k.I("mov.u32", r, ptx.Special("%laneid"))
	return r
}

func (s *sample) dimensions() int {
	_, rest, _ := strings.Cut(s.form.Name, "tensor.")
	return int(rest[0] - '0')
}

// load makes a register with a value from memory; a volatile load, so that no
// two are taken for one.
func (s *sample) load(t ptx.Type) ptx.Reg {
	r := s.k.Reg(t)
	if t == ptx.Pred {
		s.k.I("setp.ne.u32", r, s.load(ptx.B32), s.load(ptx.B32))
		return r
	}
	s.k.I("ld.volatile.global."+string(t), r, ptx.At(s.in, 16*s.loads))
	s.loads++
	return r
}

// vector loads registers; of a wide accumulator only the first.
func (s *sample) vector(t ptx.Type, n int) ptx.Vec {
	v := ptx.Vec{s.load(t)}
	for len(v) < n {
		if n <= 16 {
			v = append(v, s.load(t))
			continue
		}
		r := s.k.Reg(t)
		s.k.I("mov."+string(t), r, v[0])
		v = append(v, r)
	}
	return v
}

func (s *sample) store(o ptx.Operand) {
	switch v := o.(type) {
	case ptx.Vec:
		for i, r := range v {
			if len(v) <= 16 || i == 0 || i == len(v)-1 {
				s.store(r)
			}
		}
	case ptx.Reg:
		if v.Type() == ptx.Pred {
			r := s.k.Reg(ptx.B32)
			s.k.I("selp.b32", r, s.load(ptx.B32), s.load(ptx.B32), v)
			v = r
		}
		s.k.I("st.volatile.global."+string(v.Type()), ptx.At(s.out, 16*s.stores), v)
		s.stores++
	}
}

// immediate is a legal value for the position.
func (s *sample) immediate(position int, spec []isa.Operand) int64 {
	name := s.form.Name
	switch {
	case strings.HasPrefix(name, "cp.async.c") && strings.HasSuffix(name, ".shared.global"):
		return 16
	case strings.HasPrefix(name, "lop3."):
		return 0x96
	case strings.HasPrefix(name, "wgmma.mma_async"):
		for i, o := range spec {
			if o.Class == isa.Pred && (position == i+1 || position == i+2) {
				return 1 // the scales; transpositions are zero
			}
		}
	case strings.HasPrefix(name, "setmaxnreg."):
		return 40
	}
	return 0
}

// address makes the n-th memory operand of the form, in the state space that it wants.
func (s *sample) address(n int) ptx.Operand {
	name := s.form.Name
	_, rest, _ := strings.Cut(name, ".")
	generic := !strings.Contains(rest, ".") // "ld.u32": the address of global memory is a generic one
	global := strings.Contains(name, "global") || generic
	switch {
	case strings.HasPrefix(name, "ld.param."):
		return ptx.Mem{Symbol: ptx.Symbol(s.k.Name + "_in")}
	case strings.HasPrefix(name, "cp.async.c") && strings.HasSuffix(name, ".shared.global"),
		strings.HasPrefix(name, "cp.async.bulk.shared::") && strings.Contains(name, ".global"):
		global = n == 1
	case strings.HasPrefix(name, "cp.async.bulk.global"), strings.HasPrefix(name, "cp.reduce.async.bulk.global"):
		global = n == 0
	case strings.HasPrefix(name, "cp.async.bulk.tensor."):
		global = false
	case name == "prefetch.tensormap":
		global = true
	}
	if global {
		return ptx.At(s.in, 1024)
	}
	return ptx.At(s.shared, 128*n)
}
