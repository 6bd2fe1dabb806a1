package dpx

import (
	"context"
	"encoding/binary"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/published"
)

func gpu(target isa.Target) micro.GPU {
	g := micro.GPU{Arch: target, Spec: arch.Lookup(target, "NVIDIA H200"), Table: isa.New()}
	g.SMs = 132
	return g
}

func TestAllFunctionsAreThere(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range functions() {
		assert.False(t, seen[f.Name()], f.Name())
		seen[f.Name()] = true
	}
	assert.Len(t, seen, 36)
	for _, name := range []string{"__viaddmax_s16x2_relu", "__viaddmin_u32", "__vimax3_u16x2", "__vimin3_s32_relu", "__vimin_s16x2_relu", "__vibmax_s32", "__vibmin_u16x2"} {
		assert.True(t, seen[name], name)
	}
	_, err := lookup("__viaddmean_s32")
	require.ErrorContains(t, err, "viaddmean")
}

func TestPublishedFiguresAreFound(t *testing.T) {
	for _, metric := range []string{"latency", "throughput_per_SM", "throughput_whole_GPU"} {
		found := 0
		for _, f := range functions() {
			found += len(published.Find(published.Query{Benchmark: "DPX", Instruction: f.Name(), Metric: metric}))
		}
		assert.Equal(t, 3*14, found, "%s: 14 functions on three GPUs", metric)
	}
}

func TestEveryPointBuilds(t *testing.T) {
	for _, target := range isa.AllTargets() {
		g := gpu(target)
		for _, b := range Benchmarks() {
			texts := map[string]bool{}
			for _, p := range b.Plan(g) {
				job, err := b.Job(g, p)
				require.NoError(t, err, "%s %s %s", target, b.Name, p.Key())
				hash, err := job.KernelHash()
				require.NoError(t, err)
				texts[hash] = true
			}
			assert.LessOrEqual(t, len(texts), 36, "points that differ in their launch share a text")
		}
	}
}

// reference is a function's value in Go, and whether it is the first operand,
// for the half of interest.
func (f function) reference(a, b, c uint32, half int) (uint32, bool) {
	if !f.packed() {
		return f.scalar(a, b, c, 32)
	}
	low, lowFirst := f.scalar(a&0xffff, b&0xffff, c&0xffff, 16)
	high, highFirst := f.scalar(a>>16, b>>16, c>>16, 16)
	return high<<16 | low, [2]bool{lowFirst, highFirst}[half]
}

func (f function) scalar(a, b, c uint32, width int) (uint32, bool) {
	value := func(x uint32) int64 {
		if f.Type[0] == 's' {
			return int64(int32(x<<(32-width)) >> (32 - width))
		}
		return int64(x)
	}
	pick := func(x, y uint32) uint32 {
		if (value(x) >= value(y)) == (f.Op == "max") || value(x) == value(y) {
			return x
		}
		return y
	}
	mask := uint32(1<<width - 1)
	var r uint32
	first := false
	switch f.Kind {
	case addMax:
		r = pick((a+b)&mask, c)
	case three:
		r = pick(pick(a, b), c)
	default:
		r = pick(a, b)
		first = value(r) == value(a)
	}
	if f.Relu && value(r) < 0 {
		r = 0
	}
	return r, first
}

// chain is the word that the script's chain leaves after so many steps.
func (f function) chain(x, y uint32, operands [4]uint32, steps int) uint32 {
	a, b, c, d := operands[0], operands[1], operands[2], operands[3]
	for i := range steps {
		odd := i%2 == 1
		switch {
		case f.Kind == addMax, f.Kind == three && !odd:
			x, _ = f.reference(x, a, b, 0)
		case f.Kind == three:
			x, _ = f.reference(x, c, d, 0)
		case f.Kind == two && !odd:
			x, _ = f.reference(x, y, 0, 0)
		case f.Kind == two:
			y, _ = f.reference(y, x, 0, 0)
		default:
			other := [2]uint32{a, b}[i%2]
			var first bool
			x, first = f.reference(x, other, 0, i%2)
			if first {
				y *= 0x01000193
			}
		}
	}
	if f.Kind == two || f.Kind == withBit {
		return bits.RotateLeft32(x, 1) ^ y
	}
	return x
}

// TestChainsComputeTheFunctions compares the native kernels and those for
// targets without the instructions, on the emulator, with the functions in Go.
func TestChainsComputeTheFunctions(t *testing.T) {
	in := input()
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(in[8*i:]) }
	operands := [4]uint32{at(harness.StartWords), at(harness.StartWords + 1), at(harness.StartWords + 2), at(harness.StartWords + 3)}
	for _, f := range functions() {
		for _, target := range []isa.Target{isa.SM90, isa.SM80} {
			native, emulated := f.instruction()
			for _, lengths := range [][]int{{1, 2}, {2, 3}, {16, 96}} {
				job, err := harness.Latency{
					Make: f.script(target).Maker(), Lengths: lengths, Input: in, Instruction: native, Emulated: emulated,
				}.Job(gpu(target))
				require.NoError(t, err)
				result, err := backend.Expected(context.Background(), job)
				require.NoError(t, err)
				for lane := range 32 {
					want := f.chain(at(lane), at(lane+harness.MaxChains), operands, lengths[1])
					require.Equal(t, want, binary.LittleEndian.Uint32(result[4*lane:]), "%s on %s, lane %d, %d steps", f.Name(), target, lane, lengths[1])
				}
			}
		}
	}
}

func code(job *micro.Job, mnemonic string, scale float64) []results.MachineCode {
	c := results.MachineCode{Kernel: job.Expect.Kernel}
	for _, n := range job.Expect.Sections {
		c.Sections = append(c.Sections, results.Section{{Mnemonic: mnemonic, Count: int(float64(n) * scale)}})
	}
	return []results.MachineCode{c}
}

// TestTwoCycleLatencyIsNotProven is the trap of an idempotent maximum: two
// steps joined in one three-way instruction.
func TestTwoCycleLatencyIsNotProven(t *testing.T) {
	g := gpu(isa.SM90a)
	job, err := latencyJob(g, results.P("fn", "__vimax_s32_relu"))
	require.NoError(t, err)
	assert.Equal(t, results.ProofSASS, run.Prove(job.Expect, code(job, "VIMNMX.RELU", 1), nil).Kind)
	assert.Equal(t, results.ProofNone, run.Prove(job.Expect, code(job, "VIMNMX3.RELU", 0.5), nil).Kind)
	assert.Equal(t, results.ProofNone, run.Prove(job.Expect, code(job, "VIMNMX.RELU", 0.5), nil).Kind)
}

// TestEmulatedIsNotSoldAsNative: before Hopper the proof says so.
func TestEmulatedIsNotSoldAsNative(t *testing.T) {
	job, err := latencyJob(gpu(isa.SM80), results.P("fn", "__viaddmax_s16x2"))
	require.NoError(t, err)
	proof := run.Prove(job.Expect, code(job, "IMNMX", 1), nil)
	assert.Equal(t, results.ProofSASS, proof.Kind)
	assert.True(t, proof.Emulated)
}

func TestBlockCounts(t *testing.T) {
	counts := blockCounts(132)
	assert.Subset(t, counts, []int{1, 66, 131, 132, 133, 198, 263, 264})
	assert.IsIncreasing(t, counts)
	assert.Equal(t, []int{1, 2}, blockCounts(1))
}

func TestThroughputAnalysis(t *testing.T) {
	g := gpu(isa.SM90a)
	var measured []*micro.Measured
	for _, p := range throughputPlan(g) {
		_, c, err := configuration(g, p)
		require.NoError(t, err)
		job, err := c.Job(g)
		require.NoError(t, err)
		cycles := uint64(c.Work() / min(64, 8*float64(c.Warps)))
		waves := uint64((c.CTAs + 131) / 132)
		var s []uint64
		for n := uint64(1); n <= 3; n++ {
			took := 100 + n*cycles
			if c.CTAs == 1 {
				s = append(s, 0, took, 9000, 9000+took/2, 0)
				continue
			}
			all := took * uint64(c.CTAs)
			s = append(s, all, all/2, 9000, 9000+waves*took/2, uint64(min(c.CTAs, 132)))
		}
		measured = append(measured, &micro.Measured{Point: p, Job: job, Code: code(job, "VIMNMX", 1), Readings: []results.Reading{{Samples: s}}})
	}
	a, err := throughputAnalysis(g, measured)
	require.NoError(t, err)
	assert.Len(t, a.Rows, 72)
	for _, row := range a.Rows {
		f, err := lookup(row.Point.Get("fn"))
		require.NoError(t, err)
		assert.Equal(t, results.OK, row.Status, "%s: %s", row.Point.Key(), row.Reason)
		want := 100.0
		if f.Kind == withBit && !f.packed() {
			want = 200 // the made-up rate is above what the comparison allows
		}
		assert.InEpsilon(t, want, row.Peak.Percent, 0.01, row.Point.Key())
	}
	require.Len(t, a.Series, 1)
	full, half := a.Series[0], 0.0
	for _, xy := range full.XY {
		switch xy.X {
		case 66:
			half = xy.Y
		case 132:
			assert.InEpsilon(t, 2*half, xy.Y, 0.01)
		case 133:
			assert.Less(t, xy.Y, 1.1*half, "one CTA too many doubles the time")
		}
	}
}
