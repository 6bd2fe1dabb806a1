package memory

import (
	"errors"
	"fmt"
	"os"
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

func h200(t *testing.T) micro.GPU {
	gpu, err := micro.Nominal(isa.SM90a)
	require.NoError(t, err)
	return gpu
}

// verified runs a job's Setup and Verify on the emulator.
func verified(t *testing.T, job *micro.Job) []byte {
	result, err := backend.Expected(t.Context(), job)
	require.NoError(t, err)
	return result
}

// small is a GPU whose levels are so small that the emulator can fill them.
func small(t *testing.T) micro.GPU {
	gpu := h200(t)
	gpu.SMs, gpu.L2Bytes, gpu.MemoryBytes, gpu.FreeBytes = 1, 256<<10, 15<<20, 15<<20
	return gpu
}

// TestKernelsComputeTheTruth runs every distinct kernel on the emulator and
// checks its result against the analytic one: two judges that know nothing of each other.
func TestKernelsComputeTheTruth(t *testing.T) {
	gpu := small(t)
	for _, b := range Benchmarks() {
		t.Run(b.Name, func(t *testing.T) {
			known := map[string]bool{}
			for _, p := range b.Plan(gpu) {
				job, err := b.Job(gpu, p)
				if errors.Is(err, micro.ErrUnsupported) {
					continue
				}
				require.NoError(t, err, p.Key())
				require.NoError(t, job.Valid(), p.Key())
				hash, err := job.KernelHash()
				require.NoError(t, err)
				key := fmt.Sprint(hash, job.Expect.Kernel)
				if b.Name != "memory/random-latency" && known[key] || job.Footprint() > 16<<20 {
					continue
				}
				known[key] = true
				result := verified(t, job)
				assert.NoError(t, job.Check(result), p.Key())
				result[0]++
				assert.Error(t, job.Check(result), "%s: a wrong result passes", p.Key())
			}
			assert.NotEmpty(t, known)
			t.Logf("%d kernels", len(known))
		})
	}
}

// TestMachineCode assembles every distinct kernel for every target and looks for
// the loads or stores between its clock reads: none dead, none extra, of the right width.
func TestMachineCode(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	for _, target := range isa.AllTargets() {
		t.Run(target.String(), func(t *testing.T) {
			t.Parallel()
			gpu, err := micro.Nominal(target)
			require.NoError(t, err)
			code := map[string][]results.MachineCode{}
			proven := map[string]bool{}
			for _, b := range Benchmarks() {
				for _, p := range b.Plan(gpu) {
					job, err := b.Job(gpu, p)
					if errors.Is(err, micro.ErrUnsupported) {
						continue
					}
					require.NoError(t, err)
					text, err := job.Text()
					require.NoError(t, err)
					if code[text] == nil {
						cubin, err := ptxas.Assemble(t.Context(), text, target.String())
						require.NoError(t, err)
						code[text], err = run.MachineCode(cubin)
						require.NoError(t, err)
					}
					key := text + job.Expect.Kernel
					if proven[key] {
						continue
					}
					proven[key] = true
					proof := run.Prove(job.Expect, code[text], nil)
					assert.Equal(t, results.ProofSASS, proof.Kind, "%s %s: %s", b.Name, p.Key(), proof.Detail)
				}
			}
			t.Logf("%d texts, %d kernels", len(code), len(proven))
		})
	}
}

// TestJobsFitTheDevice checks the footprints on GPUs from 24 GB up.
func TestJobsFitTheDevice(t *testing.T) {
	for _, target := range isa.AllTargets() {
		gpu, err := micro.Nominal(target)
		require.NoError(t, err)
		for _, b := range Benchmarks() {
			points := b.Plan(gpu)
			made := 0
			for _, p := range points {
				job, err := b.Job(gpu, p)
				if errors.Is(err, micro.ErrUnsupported) {
					continue
				}
				require.NoError(t, err, "%s %s", b.Name, p.Key())
				made++
				assert.LessOrEqual(t, job.Footprint(), gpu.MemoryBytes/3+5*uint64(gpu.L2Bytes), "%s %s", b.Name, p.Key())
				samples := uint64(0)
				for _, buffer := range job.Buffers {
					if buffer.Name == job.Samples {
						samples = buffer.Bytes / 8
					}
				}
				assert.LessOrEqual(t, samples, uint64(4000), "%s %s", b.Name, p.Key())
			}
			assert.GreaterOrEqual(t, made, len(points)*9/10, "%s on %s", b.Name, gpu.Name)
			t.Logf("%s %s: %d of %d points", gpu.Name, b.Name, made, len(points))
		}
	}
}

// reading makes one round of samples.
func reading(words ...uint64) results.Reading { return results.Reading{Samples: words} }
