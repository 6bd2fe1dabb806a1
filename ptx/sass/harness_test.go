package sass_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// step is a scalar instruction as the harness measures it.
type step struct {
	name     string
	register ptx.Type
	operands int
	code     func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg)
	pattern  string
	perStep  int
}

func steps() []step {
	one := func(name string) func(*ptx.Kernel, ptx.Reg, []ptx.Reg) {
		return func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg) {
			operands := []ptx.Operand{x, x}
			for _, r := range c {
				operands = append(operands, r)
			}
			k.I(name, operands...)
		}
	}
	return []step{
		{"fma.rn.f32", ptx.F32, 2, one("fma.rn.f32"), "FFMA", 1},
		{"add.rn.f32", ptx.F32, 1, one("add.rn.f32"), "FADD", 1},
		{"add.rn.f64", ptx.F64, 1, one("add.rn.f64"), "DADD", 1},
		{"mad.lo.u32", ptx.B32, 2, one("mad.lo.u32"), "IMAD", 1},
		{"rsqrt.approx.ftz.f32", ptx.F32, 0, one("rsqrt.approx.ftz.f32"), "MUFU.RSQ", 1},
		{"min and max", ptx.B32, 2, func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg) {
			k.I("max.s32", x, x, c[0])
			k.I("xor.b32", x, x, c[1])
		}, "IMNMX|VIMNMX", 1},
		{"add and xor", ptx.B32, 2, func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg) {
			k.I("add.s32", x, x, c[0])
			k.I("xor.b32", x, x, c[1])
		}, "IADD3|IADD|IMAD.IADD|VIADD", 1},
		{"add of 64 bits", ptx.B64, 2, func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg) {
			k.I("add.u64", x, x, c[0])
			k.I("xor.b64", x, x, c[1])
		}, "IADD3|IMAD.X|IADD", 2},
	}
}

// The proof must hold for kernels as the harness makes them, for every target.
func TestProveHarnessKernels(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); errors.Is(err, ptxas.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	table := isa.New()
	for _, s := range steps() {
		for _, target := range isa.AllTargets() {
			t.Run(s.name+"/"+target.String(), func(t *testing.T) {
				t.Parallel()
				gpu := micro.GPU{Arch: target, Table: table}
				maker := harness.Register(s.register, s.operands, s.code)
				input := make([]byte, 256)
				latency, err := harness.Latency{Make: maker, Input: input, Instruction: s.pattern, PerStep: s.perStep}.Job(gpu)
				require.NoError(t, err)
				prove(t, latency, target)
				throughput, err := harness.Throughput{
					Make: maker, Input: input, Instruction: s.pattern, PerStep: s.perStep,
					Chains: 4, Unroll: 16, Warps: 8, CTAs: 1, Iterations: 100,
				}.Job(gpu)
				require.NoError(t, err)
				prove(t, throughput, target)
			})
		}
	}
}

func prove(t *testing.T, job *micro.Job, target isa.Target) {
	t.Helper()
	text, err := job.Text()
	require.NoError(t, err)
	cubin, err := ptxas.Assemble(context.Background(), text, target.String())
	require.NoError(t, err)
	code, err := run.MachineCode(cubin)
	require.NoError(t, err)
	require.Len(t, code, 1)
	proof := run.Prove(job.Expect, code, nil)
	assert.Equal(t, results.ProofSASS, proof.Kind, proof.Detail)
	other := job.Expect
	other.Instruction = "HMMA"
	assert.Equal(t, results.ProofNone, run.Prove(other, code, nil).Kind)
}

// A chain that the compiler folds must not be proven: x+c+c is one machine instruction.
func TestFoldedChainIsNotProven(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); errors.Is(err, ptxas.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	maker := harness.Register(ptx.B32, 1, func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg) { k.I("add.s32", x, x, c[0]) })
	job, err := harness.Latency{Make: maker, Instruction: "IADD3|IADD|IMAD.IADD"}.Job(micro.GPU{Arch: isa.SM90a, Table: isa.New()})
	require.NoError(t, err)
	text, err := job.Text()
	require.NoError(t, err)
	cubin, err := ptxas.Assemble(context.Background(), text, "sm_90a")
	require.NoError(t, err)
	code, err := run.MachineCode(cubin)
	require.NoError(t, err)
	proof := run.Prove(job.Expect, code, nil)
	assert.Equal(t, results.ProofNone, proof.Kind)
	assert.Contains(t, proof.Detail, "expected [")
}
