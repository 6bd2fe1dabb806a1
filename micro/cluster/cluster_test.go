package cluster

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func nominal(t *testing.T, target isa.Target) micro.GPU {
	gpu, err := micro.Nominal(target)
	require.NoError(t, err)
	return gpu
}

// TestKernelsComputeTheTruth runs every distinct kernel on the emulator against
// the analytic check, and shows that the check refuses other results.
func TestKernelsComputeTheTruth(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	for _, b := range Benchmarks() {
		t.Run(b.Name, func(t *testing.T) {
			known := map[string]bool{}
			for _, p := range b.Plan(gpu) {
				job, err := b.Job(gpu, p)
				require.NoError(t, err, p.Key())
				require.NoError(t, job.Valid(), p.Key())
				hash, err := job.KernelHash()
				require.NoError(t, err)
				key := hash + job.Expect.Kernel + p.Get("pattern") + p.Get("op")
				if known[key] {
					continue
				}
				known[key] = true
				result, err := backend.Expected(t.Context(), job)
				require.NoError(t, err, p.Key())
				assert.NoError(t, job.Check(result), p.Key())
				result[4]++
				assert.Error(t, job.Check(result), p.Key())
				assert.Error(t, job.Check(result[:4]), p.Key())
			}
			t.Logf("%d kernels", len(known))
		})
	}
}

// TestMachineCode looks for the loads between the clock reads of every kernel.
func TestMachineCode(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	for _, target := range []isa.Target{isa.SM90, isa.SM90a} {
		gpu := nominal(t, target)
		code := map[string][]results.MachineCode{}
		for _, b := range Benchmarks() {
			for _, p := range b.Plan(gpu) {
				job, err := b.Job(gpu, p)
				require.NoError(t, err)
				text, err := job.Text()
				require.NoError(t, err)
				if code[text] == nil {
					cubin, err := ptxas.Assemble(t.Context(), text, target.String())
					require.NoError(t, err)
					code[text], err = run.MachineCode(cubin)
					require.NoError(t, err)
				}
				proof := run.Prove(job.Expect, code[text], nil)
				assert.Equal(t, results.ProofSASS, proof.Kind, "%s %s: %s", b.Name, p.Key(), proof.Detail)
			}
		}
		t.Logf("%s: %d texts", target, len(code))
	}
}

func TestOlderGPUsAreUnsupported(t *testing.T) {
	for _, target := range []isa.Target{isa.SM80, isa.SM86, isa.SM89} {
		gpu := nominal(t, target)
		for _, b := range Benchmarks() {
			for _, p := range b.Plan(gpu) {
				_, err := b.Job(gpu, p)
				assert.True(t, errors.Is(err, micro.ErrUnsupported), "%s %s on %s: %v", b.Name, p.Key(), target, err)
			}
		}
	}
}

func TestSamplesAreSmall(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	for _, b := range Benchmarks() {
		for _, p := range b.Plan(gpu) {
			job, err := b.Job(gpu, p)
			require.NoError(t, err)
			for _, buffer := range job.Buffers {
				assert.LessOrEqual(t, buffer.Bytes/8, uint64(20_000), "%s %s: %s", b.Name, p.Key(), buffer.Name)
			}
			for _, l := range job.Launches {
				assert.Greater(t, 2*l.SharedBytes, gpu.SharedPerSM, "a CTA must have its SM to itself")
				assert.LessOrEqual(t, l.SharedBytes, gpu.SharedPerBlock)
			}
		}
	}
}

// pack makes a sample of a pair whose loads take so many cycles.
func pack(reader, target int, cycles uint64) []uint64 {
	packed := uint64(0)
	for i := range chains {
		packed |= (50 + cycles*uint64((i+1)*loops*unrolled)) << (i * cycleBits)
	}
	return []uint64{uint64(reader)<<32 | uint64(target), packed}
}

func TestSlopeOf(t *testing.T) {
	assert.InDelta(t, 181, slopeOf(pack(1, 2, 181)[1]), 1e-9)
	assert.Greater(t, uint64(1)<<cycleBits, uint64(50+chains*loops*unrolled*2000), "long latencies fit")
}

// TestLatencyAnalysis makes a chip whose SMs 2i and 2i+1 are near, and whose
// last SMs no cluster reaches.
func TestLatencyAnalysis(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	b := latency()
	var measured []*micro.Measured
	for _, p := range b.Plan(gpu) {
		size, err := sizeOf(p.Get("cluster"))
		require.NoError(t, err)
		var words []uint64
		for first := 0; first+size <= 128; first += size {
			for r := range size {
				for q := range size {
					cycles := uint64(200)
					switch {
					case r == q:
						cycles = 33
					case r/2 == q/2:
						cycles = 180
					}
					words = append(words, pack(first+r, first+q, cycles)...)
				}
				words = append(words, pack(first+r, plain, 23)...)
			}
		}
		measured = append(measured, &micro.Measured{Point: p, Readings: []results.Reading{{Samples: words}, {Samples: words}}})
	}
	a, err := b.Analyse(gpu, measured)
	require.NoError(t, err)
	values, ids := map[string]float64{}, map[string]bool{}
	for _, row := range a.Rows {
		assert.False(t, ids[row.ID()], row.ID())
		ids[row.ID()] = true
		values[row.Point.Get("cluster")+row.Point.Get("space")+" "+row.Metric] = row.Value
	}
	assert.Equal(t, 180.0, values["2remote latency"])
	assert.InDelta(t, (14*200+180)/15.0, values["16remote latency"], 1e-9, "the mean of the pairs")
	assert.Equal(t, 180.0, values["16remote least latency"])
	assert.Equal(t, 200.0, values["16remote greatest latency"])
	assert.Equal(t, 33.0, values["4own latency"])
	assert.Equal(t, 23.0, values["4own plain latency"])
	assert.NotContains(t, values, "16remote coverage", "the scheduler's choice is no figure of the GPU")
	assert.Contains(t, strings.Join(a.Rows[0].Annotations, "; "), "128 of 132 SMs read, 128 of 17292 ordered pairs met")
	require.Len(t, a.Grids, 2)
	assert.Equal(t, "H800 PCIe, cluster of 16, published", a.Grids[1].Name)
	g := a.Grids[0]
	require.Len(t, g.Cells, 132)
	assert.Nil(t, g.Cells[0][0])
	assert.Nil(t, g.Cells[131][130])
	assert.Nil(t, g.Cells[0][16], "never in one cluster")
	assert.Equal(t, 180.0, *g.Cells[0][1])
	assert.Equal(t, 200.0, *g.Cells[0][15])

	measured[0].Readings[0].Samples = measured[0].Readings[0].Samples[1:]
	_, err = b.Analyse(gpu, measured)
	assert.ErrorContains(t, err, "multiple")
}

// TestLostLoadIsCaught gives the check an end that is one load short.
func TestLostLoadIsCaught(t *testing.T) {
	var result []byte
	for i := range 6 {
		a := addressings()[0]
		if i%3 == 2 {
			a = own
		}
		end := walked() % nodes * a.stride()
		result = binary.LittleEndian.AppendUint32(result, uint32(end))
	}
	assert.NoError(t, checkEnds(result, 2, addressings()[0]))
	result[12] -= 8
	assert.ErrorContains(t, checkEnds(result, 2, addressings()[0]), "rank 1's chase through rank 0")
}
