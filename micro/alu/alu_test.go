package alu

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func gpu(target isa.Target) micro.GPU {
	g := micro.GPU{Arch: target, Spec: arch.Lookup(target, "NVIDIA H200"), Table: isa.New()}
	g.SMs = 132
	return g
}

func TestTableIsConsistent(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range table() {
		name := in.Op + " " + in.Type
		assert.False(t, seen[name], "%s is there twice", name)
		seen[name] = true
		assert.NotEmpty(t, in.SASS, name)
		assert.LessOrEqual(t, len(in.Operands), 4, name)
		assert.Zero(t, in.unroll(in.Chains)%len(in.Steps), "%s: the loop body must hold whole turns of the steps", name)
		if in.Published != "" {
			assert.NotEmpty(t, published.Find(published.Query{Benchmark: "PTX instruction cycles (independent)", Instruction: in.Published}), name)
		}
	}
	for _, want := range []string{"fma f16", "fma f16x2", "fma bf16x2", "fma f32", "fma f64", "add s32", "mad.lo s32", "add s64", "ex2 f32", "tanh f32"} {
		assert.True(t, seen[want], want)
	}
}

func TestEveryPointBuilds(t *testing.T) {
	for _, target := range isa.AllTargets() {
		g := gpu(target)
		for _, b := range Benchmarks() {
			for _, p := range b.Plan(g) {
				job, err := b.Job(g, p)
				if target.Base() < isa.SM90 && (p.Get("type") == "bf16" || p.Get("type") == "bf16x2") && !strings.HasPrefix(p.Get("op"), "fma") {
					require.ErrorIs(t, err, ptx.ErrTarget, p.Key())
					continue
				}
				require.NoError(t, err, "%s %s %s", target, b.Name, p.Key())
				assert.Len(t, job.Verify, 1)
				assert.Equal(t, 32, job.Verify[0].Block[0], "one warp verifies")
			}
		}
	}
}

// ofTheTable are the benchmarks whose points are the table's instructions.
func ofTheTable() []micro.Benchmark { return []micro.Benchmark{latency(), throughput()} }

func TestUnknownPointsAreErrors(t *testing.T) {
	for _, b := range ofTheTable() {
		_, err := b.Job(gpu(isa.SM90a), results.P("op", "frobnicate", "type", "f32"))
		require.ErrorContains(t, err, "frobnicate")
	}
	_, err := throughputJob(gpu(isa.SM90a), results.P("op", "fma", "type", "f32", "chains", "many", "warps", "1"))
	require.Error(t, err)
}

// code is what the machine code of a job would show if every section had the
// wanted count times scale.
func code(job *micro.Job, mnemonic string, scale float64) []results.MachineCode {
	c := results.MachineCode{Kernel: job.Expect.Kernel}
	for _, n := range job.Expect.Sections {
		c.Sections = append(c.Sections, results.Section{{Mnemonic: mnemonic, Count: int(float64(n) * scale)}, {Mnemonic: "STS", Count: 1}})
	}
	return []results.MachineCode{c}
}

// TestFoldedChainsAreFound is the trap of a chain that the assembler halved.
func TestFoldedChainsAreFound(t *testing.T) {
	g := gpu(isa.SM90a)
	for _, b := range Benchmarks() {
		for _, p := range b.Plan(g) {
			if p.Get("op") != "fma" || p.Get("type") != "f32" {
				continue
			}
			job, err := b.Job(g, p)
			require.NoError(t, err)
			assert.Equal(t, results.ProofSASS, run.Prove(job.Expect, code(job, "FFMA", 1), nil).Kind, p.Key())
			assert.Equal(t, results.ProofNone, run.Prove(job.Expect, code(job, "FFMA", 0.5), nil).Kind, p.Key())
			assert.Equal(t, results.ProofNone, run.Prove(job.Expect, code(job, "FADD", 1), nil).Kind, p.Key())
		}
	}
}

// TestModelsAgreeWithTheEmulator runs the special functions' chains.
func TestModelsAgreeWithTheEmulator(t *testing.T) {
	g := gpu(isa.SM90a)
	checked := 0
	for _, in := range table() {
		if in.Model.Step == nil {
			continue
		}
		for _, b := range ofTheTable() {
			job, err := b.Job(g, results.P("op", in.Op, "type", in.Type, "on", oneSM, "chains", "4", "warps", "8"))
			require.NoError(t, err)
			result, err := backend.Expected(context.Background(), job)
			require.NoError(t, err)
			require.NoError(t, job.Check(result), "%s %s", b.Name, in.Op)
			result[3] ^= 0x15 // in the exponent
			require.Error(t, job.Check(result), "%s %s must notice a wrong word", b.Name, in.Op)
			checked++
		}
	}
	assert.Equal(t, 16, checked)
}

// samples are those of a kernel whose first launch takes so many cycles at 2 GHz.
func samples(m *micro.Job, cycles, launches uint64) []uint64 {
	var s []uint64
	for n := uint64(1); n <= 3; n++ {
		c := 100 + n*cycles
		if launches > 1 { // compact words of so many CTAs
			s = append(s, c*launches, c*launches/2, 9000, 9000+c/2, launches)
			continue
		}
		s = append(s, 50, 50+c, 9000, 9000+c/2, 3)
	}
	return s
}

// synthetic measures every throughput point of an instruction at a rate in steps.
func synthetic(t *testing.T, g micro.GPU, op, typ, mnemonic string, rate func(warps int) float64) micro.Analysis {
	t.Helper()
	var measured []*micro.Measured
	for _, p := range throughputPlan() {
		if p.Get("op") != op || p.Get("type") != typ {
			continue
		}
		_, c, err := configuration(g, p)
		require.NoError(t, err)
		job, err := c.Job(g)
		require.NoError(t, err)
		cycles := uint64(c.Work() / rate(c.Warps))
		measured = append(measured, &micro.Measured{
			Point: p, Job: job, Code: code(job, mnemonic, 1),
			Readings: []results.Reading{{Samples: samples(job, cycles, uint64(c.CTAs))}},
		})
	}
	a, err := throughputAnalysis(g, measured)
	require.NoError(t, err)
	return a
}

func TestThroughputAnalysis(t *testing.T) {
	g := gpu(isa.SM90a)
	a := synthetic(t, g, "fma", "f32", "FFMA", func(warps int) float64 { return min(128, 16*float64(warps)) })
	require.Len(t, a.Rows, 2)
	require.Len(t, a.Grids, 1)
	sm, chip := a.Rows[0], a.Rows[1]
	assert.Equal(t, "op=fma type=f32", sm.Point.Key())
	assert.InEpsilon(t, 128, sm.Value, 0.001)
	assert.InEpsilon(t, 100, sm.Peak.Percent, 0.001)
	assert.Equal(t, results.OK, sm.Status, sm.Reason)
	assert.Equal(t, "TFLOP/s", chip.Unit)
	assert.InEpsilon(t, 2*128*132*2e9/1e12, chip.Value, 0.001)
	assert.InEpsilon(t, 100, chip.Peak.Percent, 0.01)
	assert.Equal(t, results.OK, chip.Status, chip.Reason)
}

func TestPackedHalvesCountTwice(t *testing.T) {
	a := synthetic(t, gpu(isa.SM90a), "fma", "f16x2", "HFMA2", func(warps int) float64 { return min(128, 16*float64(warps)) })
	assert.InEpsilon(t, 256, a.Rows[0].Value, 0.001)
	assert.InEpsilon(t, 100, a.Rows[0].Peak.Percent, 0.001)
	assert.InEpsilon(t, 4*128*132*2e9/1e12, a.Rows[1].Value, 0.001)
}

func TestRisingRateIsNotAPeak(t *testing.T) {
	a := synthetic(t, gpu(isa.SM90a), "popc", "b32", "POPC", func(warps int) float64 { return float64(warps) / 4 })
	assert.Equal(t, results.Flagged, a.Rows[0].Status)
	assert.Contains(t, a.Rows[0].Reason, "not saturated")
}

// TestAdditionsOnTwoPipes: the bound follows what the assembler chose.
func TestAdditionsOnTwoPipes(t *testing.T) {
	g := gpu(isa.SM90a)
	in, err := lookup(results.P("op", "add", "type", "s32"))
	require.NoError(t, err)
	m := &micro.Measured{Job: &micro.Job{Expect: micro.Expect{Kernel: "throughput"}}}
	peak, _ := in.peak(g, m)
	assert.InDelta(t, 128, peak, 0, "both pipes, as nothing is known")
	m.Code = []results.MachineCode{{Kernel: "throughput", Sections: []results.Section{{{Mnemonic: "IADD3", Count: 300}, {Mnemonic: "IMAD.IADD", Count: 100}}}}}
	peak, _ = in.peak(g, m)
	assert.InDelta(t, 64*4.0/3, peak, 1e-9, "the adder is the bottleneck")
	m.Code[0].Sections[0] = results.Section{{Mnemonic: "IADD3", Count: 400}}
	peak, _ = in.peak(g, m)
	assert.InDelta(t, 64, peak, 1e-9)
}

func TestLatencyAnalysis(t *testing.T) {
	g := gpu(isa.SM90a)
	var s []uint64
	for range 9 {
		for _, n := range harness.Lengths() {
			s = append(s, uint64(4*n+30))
		}
	}
	m := &micro.Measured{Point: results.P("op", "fma", "type", "f32"), Readings: []results.Reading{{Samples: s}}}
	broken := &micro.Measured{Point: results.P("op", "add", "type", "f32"), Readings: []results.Reading{{Samples: s[:3]}}}
	a, err := latencyAnalysis(g, []*micro.Measured{m, broken})
	require.NoError(t, err)
	require.Len(t, a.Rows, 2)
	assert.InDelta(t, 4, a.Rows[0].Value, 1e-12)
	assert.Equal(t, &[2]float64{3.95, 4.05}, a.Rows[0].Band)
	assert.NotEmpty(t, a.Rows[0].Row.Published)
	assert.Equal(t, results.Failed, a.Rows[1].Status, "one broken reading must not cost the others")
}

func TestBitsOfHalves(t *testing.T) {
	for _, c := range []struct {
		typ  string
		v    float64
		want uint64
	}{
		{"f16", 1.25, 0x3d003d00}, {"f16x2", -1.25, 0xbd00bd00}, {"f16", 0.5, 0x38003800}, {"f16", 2, 0x40004000},
		{"bf16", 1.25, 0x3fa03fa0}, {"f32", 1, 0x3f800000}, {"f64", 1, 0x3ff0000000000000}, {"s32", 77, 77},
	} {
		assert.Equal(t, c.want, instruction{Type: c.typ}.bits(c.v), "%s %g", c.typ, c.v)
	}
}

// rated are the two rows of a type's fma at so many steps per cycle, and those
// of the form with two sources.
func rated(t *testing.T, three, two float64) []micro.Row {
	t.Helper()
	g := gpu(isa.SM90a)
	rows := synthetic(t, g, "fma", "f64", "DFMA", func(int) float64 { return three }).Rows
	if two > 0 {
		rows = append(rows, synthetic(t, g, twoSources, "f64", "DFMA", func(int) float64 { return two }).Rows...)
	}
	for i := range rows {
		rows[i].Status, rows[i].Reason = results.OK, ""
	}
	explain(rows)
	return rows
}

func TestRowsBelowThePeakSayWhy(t *testing.T) {
	row := rated(t, 57, 64)[0]
	assert.Equal(t, results.OK, row.Status, row.Reason)
	assert.Contains(t, row.Annotations[len(row.Annotations)-1], "three different source registers")

	row = rated(t, 57, 57)[0]
	assert.Equal(t, results.Flagged, row.Status, "two sources are no faster: that is not the reason")
	assert.Contains(t, row.Reason, "why is not known")
	assert.Equal(t, results.Flagged, rated(t, 57, 0)[0].Status)
	assert.Equal(t, results.OK, rated(t, 63.9, 0)[0].Status)
}

// TestTheChipIsComparedWithItsOwnConfiguration and not with the best of one SM.
func TestTheChipIsComparedWithItsOwnConfiguration(t *testing.T) {
	a := synthetic(t, gpu(isa.SM90a), "fma", "f32", "FFMA", func(warps int) float64 {
		if warps == 8 {
			return 127
		}
		return 100
	})
	assert.InEpsilon(t, 127, a.Rows[0].Value, 0.001)
	assert.NotContains(t, a.Rows[1].Reason, "one SM's rate gives")
}
