package ptx_test

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// here is the line that calls it.
func here() int {
	_, _, line, _ := runtime.Caller(1)
	return line
}

// Each mistake is one error, which says what is wrong and points at the line that made it.
func TestMistakes(t *testing.T) {
	table := isa.New()
	for name, c := range map[string]struct {
		// mistake returns the line that the error must point at.
		mistake func(m *ptx.Module, k *ptx.Kernel) int
		want    string
	}{
		"unknown instruction": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u23", k.Reg(ptx.B32), ptx.Int(1), ptx.Int(2))
			return here() - 1
		}, `unknown instruction "add.u23": did you mean "add.u32"?`},
		"wrong operand type": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.F32), ptx.Int(1), ptx.Int(2))
			return here() - 1
		}, `add.u32: operand 1 is %f1, which does not fit "=r r r"`},
		"float for an integer": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), ptx.Float(1), ptx.Int(2))
			return here() - 1
		}, `operand 2 is 0d3FF0000000000000, which does not fit`},
		"special register for a register": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), ptx.Special("%tid.x"), ptx.Int(2))
			return here() - 1
		}, `operand 2 is %tid.x, which does not fit`},
		"write to an immediate": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", ptx.Int(1), ptx.Int(1), ptx.Int(2))
			return here() - 1
		}, `operand 1 is written and must be a register`},
		"wrong count": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), ptx.Int(1))
			return here() - 1
		}, `add.u32 takes 3 operands (=r r r), not 2`},
		"missing operand": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), nil, ptx.Int(1))
			return here() - 1
		}, `operand 2 is missing`},
		"vector for a scalar": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), ptx.Vec{}, ptx.Int(1))
			return here() - 1
		}, `operand 2 is {}, which does not fit`},
		"vector of the wrong width": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("ld.global.v4.u32", ptx.Vec(k.Regs(ptx.B32, 2)), ptx.At(k.Param("in", ptx.B64), 0))
			return here() - 1
		}, `operand 1 is {%r1, %r2}, which does not fit "=4r m"`},
		"immediate too large": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), ptx.Int(1<<32), ptx.Int(1))
			return here() - 1
		}, `operand 2 is 4294967296, which is more than its bits hold`},
		"zero register": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), ptx.Reg{}, ptx.Int(1))
			return here() - 1
		}, `operand 2 is an undefined register`},
		"nothing written yet": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("add.u32", k.Reg(ptx.B32), k.Reg(ptx.B32), ptx.Int(1))
			return here() - 1
		}, `add.u32 reads %r2 before anything is written to it`},
		"address not written yet": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("ld.global.u32", k.Reg(ptx.B32), ptx.At(k.Reg(ptx.B64), 0))
			return here() - 1
		}, `reads %rd1 before`},
		"accumulator not written yet": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("mov.u32", k.Reg(ptx.B32), ptx.Int(0))
			x := k.Reg(ptx.B32)
			k.I("add.u32", x, x, ptx.Int(1))
			return here() - 1
		}, `reads %r2 before`},
		"read of another kernel's register": {func(m *ptx.Module, k *ptx.Kernel) int {
			other := m.Kernel("other")
			x := other.Reg(ptx.B32)
			other.I("mov.u32", x, ptx.Int(1))
			k.I("mov.u32", k.Reg(ptx.B32), x)
			return here() - 1
		}, `%r1 belongs to kernel other`},
		"write to another kernel's register": {func(m *ptx.Module, k *ptx.Kernel) int {
			k.I("mov.u32", m.Kernel("other").Reg(ptx.B32), ptx.Int(1))
			return here() - 1
		}, `%r1 belongs to kernel other`},
		"guard not written yet": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.If(k.Reg(ptx.Pred)).I("ret")
			return here() - 1
		}, `ret reads %p1 before`},
		"guard that is no predicate": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.If(k.Param("n", ptx.B32)).I("ret")
			return here() - 1
		}, `ret is guarded by %r1, which is not a predicate`},
		"guard that is undefined": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.IfNot(ptx.Reg{}).I("ret")
			return here() - 1
		}, `ret is guarded by an undefined register`},
		"label placed twice": {func(_ *ptx.Module, k *ptx.Kernel) int {
			l := k.NewLabel("here")
			k.Place(l)
			k.Place(l)
			return here() - 1
		}, `label $k_here_0 is placed twice`},
		"label never placed": {func(_ *ptx.Module, k *ptx.Kernel) int {
			l, line := k.NewLabel("nowhere"), here()
			k.I("bra", l)
			return line
		}, `label $k_nowhere_0 was never placed`},
		"label of nobody": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("bra", ptx.Label("$away"))
			return here() - 1
		}, `label $away was not made by this kernel's NewLabel`},
		"label of nobody placed": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.Place("$away")
			return here() - 1
		}, `label $away was not made by this kernel's NewLabel`},
		"symbol of nobody": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.I("ld.shared.u32", k.Reg(ptx.B32), ptx.Mem{Symbol: "tile"})
			return here() - 1
		}, `ld.shared.u32: nothing is declared as tile`},
		"shared name twice": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.Shared("tile", 4, 4)
			k.Shared("tile", 8, 8)
			return here() - 1
		}, `k_tile is declared twice`},
		"parameter name twice": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.Param("n", ptx.B32)
			k.Param("n", ptx.B32)
			return here() - 1
		}, `k_n is declared twice`},
		"name with a blank": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.Shared("my tile", 4, 4)
			return here() - 1
		}, `"k_my tile" is not a name in PTX`},
		"alignment of three": {func(_ *ptx.Module, k *ptx.Kernel) int {
			k.Shared("tile", 4, 3)
			return here() - 1
		}, `tile of 4 bytes with alignment 3 is not possible`},
		"kernel name twice": {func(m *ptx.Module, _ *ptx.Kernel) int {
			m.Kernel("k")
			return here() - 1
		}, `the module has two kernels of this name`},
		"kernel name with a dash": {func(m *ptx.Module, _ *ptx.Kernel) int {
			m.Kernel("my-kernel")
			return here() - 1
		}, `"my-kernel" is not a name in PTX`},
	} {
		t.Run(name, func(t *testing.T) {
			m := ptx.NewModule(table, isa.SM80)
			line := c.mistake(m, m.Kernel("k"))
			text, err := m.Build()
			assert.Empty(t, text)
			checkError(t, err, line, c.want)
		})
	}
}

// checkError wants one mistake, at a line of this file.
func checkError(t *testing.T, err error, line int, want string) {
	t.Helper()
	require.ErrorContains(t, err, want)
	var at *ptx.Error
	require.ErrorAs(t, err, &at)
	assert.Equal(t, line, at.Line, err.Error())
	assert.Regexp(t, fmt.Sprintf(`^error_test\.go:%d: kernel [\w-]+: `, line), err.Error())
	assert.NotRegexp(t, regexp.MustCompile(`\n.*error_test`), err.Error(), "one mistake, one error")
}

// An instruction newer than the target is one error for the kernel, at its first use.
func TestNewerThanTarget(t *testing.T) {
	m := ptx.NewModule(isa.New(), isa.SM89)
	k := m.Kernel("k")
	k.I("barrier.cluster.arrive")
	line := here() - 1
	k.I("barrier.cluster.wait")
	_, err := m.Build()
	assert.ErrorIs(t, err, ptx.ErrTarget)
	checkError(t, err, line, "barrier.cluster.arrive needs sm_90, the module is for sm_89")
}

func TestClusterNeedsItsTarget(t *testing.T) {
	m := ptx.NewModule(isa.New(), isa.SM89)
	k := m.Kernel("k")
	line := here() - 1
	k.Cluster = [3]int{2, 1, 1}
	k.I("ret")
	_, err := m.Build()
	assert.ErrorIs(t, err, ptx.ErrTarget)
	checkError(t, err, line, "clusters need sm_90")
}

// An architecture-specific instruction is for that target alone.
func TestSpecificTarget(t *testing.T) {
	for _, target := range []isa.Target{isa.SM90, isa.Target(1005)} {
		m := ptx.NewModule(isa.New(), target)
		m.Kernel("k").I("wgmma.fence.sync.aligned")
		_, err := m.Build()
		assert.ErrorIs(t, err, ptx.ErrTarget, target.String())
	}
}

func TestMinCTAsNeedsMaxThreads(t *testing.T) {
	m := ptx.NewModule(isa.New(), isa.SM80)
	k := m.Kernel("k")
	line := here() - 1
	k.MinCTAs = 2
	_, err := m.Build()
	checkError(t, err, line, "MinCTAs needs MaxThreads")
}

// Every mistake is reported, in order.
func TestAllMistakesAreReported(t *testing.T) {
	m := ptx.NewModule(isa.New(), isa.SM80)
	k := m.Kernel("k")
	k.I("no.such")
	k.NewLabel("a")
	k.NewLabel("b")
	k.I("ret", ptx.Int(1))
	_, err := m.Build()
	require.Error(t, err)
	assert.Regexp(t, `(?s)no\.such.*ret takes 0 operands.*k_a_0 was never.*k_b_1 was never`, err.Error())
	var first *ptx.Error
	assert.True(t, errors.As(err, &first))
}

// Registers are numbered by the builder, so none can take the name of a special
// register, a mistake that assemblers report in obscure ways.
func TestRegistersAreNotSpecial(t *testing.T) {
	m := ptx.NewModule(isa.New(), isa.SM80)
	k := m.Kernel("k")
	k.Param("tid", ptx.B32)
	k.Shared("clock", 4, 4)
	for _, r := range []ptx.Type{ptx.Pred, ptx.B16, ptx.B32, ptx.B64, ptx.F32, ptx.F64} {
		k.Regs(r, 100)
	}
	k.I("ret")
	text, err := m.Build()
	require.NoError(t, err)
	names := regexp.MustCompile(`\.reg \.\w+ (%\w+)<`).FindAllStringSubmatch(text, -1)
	require.Len(t, names, 6)
	special := regexp.MustCompile(`^%(n?tid|n?ctaid|laneid|n?warpid|n?smid|gridid|clock|pm|envreg|globaltimer|lanemask|cluster|dynamic|total|is_|aggr|reserved|current)`)
	for _, n := range names {
		assert.Regexp(t, `^%(p|h|r|rd|f|fd)$`, n[1])
		assert.NotRegexp(t, special, n[1])
	}
	assert.NotRegexp(t, `%(tid|clock)`, text)
}

// TestOperandsAreTheKernels: the caller's slice may change afterwards.
func TestOperandsAreTheKernels(t *testing.T) {
	m := ptx.NewModule(isa.New(), isa.SM80)
	k := m.Kernel("k")
	operands := []ptx.Operand{k.Reg(ptx.B32), ptx.Int(1)}
	k.I("mov.u32", operands...)
	operands[1] = ptx.Int(2)
	k.I("ret")
	text, err := m.Build()
	require.NoError(t, err)
	assert.Contains(t, text, ", 1;")
	assert.NotContains(t, text, ", 2;")

	halves := k.Regs(ptx.B32, 2)
	before := halves[1]
	wide := k.Reg(ptx.B64)
	k.I("mov.b64", ptx.Vec(halves), wide)
	halves[1] = k.Reg(ptx.B32)
	assert.Equal(t, ptx.Operand(before), k.Body()[len(k.Body())-1].Operands[0].(ptx.Vec)[1], "nor does a vector's slice matter afterwards")
}
