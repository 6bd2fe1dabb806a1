package async

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func nominal(t *testing.T, target isa.Target) micro.GPU {
	gpu, err := micro.Nominal(target)
	require.NoError(t, err)
	return gpu
}

// TestKernelsComputeTheTruth runs the small points on the emulator against the
// analytic check.
func TestKernelsComputeTheTruth(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	b := bulkLatency()
	for _, p := range b.Plan(gpu) {
		job, err := b.Job(gpu, p)
		require.NoError(t, err, p.Key())
		require.NoError(t, job.Valid(), p.Key())
		if p.Get("bytes") == "32768" || p.Get("bytes") == "65536" {
			continue // the same kernels, and long on a CPU
		}
		result, err := backend.Expected(t.Context(), job)
		require.NoError(t, err, p.Key())
		assert.NoError(t, job.Check(result), p.Key())
		result[4]++
		assert.ErrorContains(t, job.Check(result), "7 copies")
	}
}

// TestLostBytesAreCaught checks a digest that lacks one word.
func TestLostBytesAreCaught(t *testing.T) {
	c := transfer{methodBulk, fromL2, 64}
	word := uint32(2*c.stride()/4 + 3)
	lost := c.expected() - (word*kit.FillMul+kit.FillAdd)*7
	result := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, lost), 6)
	assert.ErrorContains(t, c.check(result), "digest")
	assert.Error(t, c.check(nil))
}

func TestMachineCode(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	for _, target := range []isa.Target{isa.SM90, isa.SM90a} {
		gpu := nominal(t, target)
		b := bulkLatency()
		code := map[string][]results.MachineCode{}
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
			assert.Equal(t, results.ProofSASS, proof.Kind, "%s: %s", p.Key(), proof.Detail)
		}
		assert.Len(t, code, 1)
	}
}

func TestOlderGPUsAreUnsupported(t *testing.T) {
	gpu := nominal(t, isa.SM89)
	b := bulkLatency()
	for _, p := range b.Plan(gpu) {
		_, err := b.Job(gpu, p)
		assert.True(t, errors.Is(err, micro.ErrUnsupported), err)
	}
}

func TestSourcesAreFresh(t *testing.T) {
	c := transfer{methodBulk, fromDRAM, 16}
	assert.Equal(t, uint64(passes*coldCopies*(1+2+3)*apart), c.sourceBytes())
	assert.Equal(t, 32, transfer{methodBulk, fromDRAM, maxSize}.copies(), "fewer of long ones")
	for _, size := range bulkSizes() {
		assert.LessOrEqual(t, transfer{methodSync, fromDRAM, size}.sourceBytes(), uint64(64<<20))
	}
	assert.LessOrEqual(t, transfer{methodBulk, fromL2, maxSize}.sourceBytes(), uint64(2<<20), "fits any L2")
}

// TestAnalysis makes copies of 400 cycles and a byte per 32nd of a cycle, over
// an empty round trip of 30.
func TestAnalysis(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	b := bulkLatency()
	var measured []*micro.Measured
	for _, p := range b.Plan(gpu) {
		c, err := parseTransfer(p)
		require.NoError(t, err)
		cycles := 400 + c.size/32
		if c.method == methodEmpty {
			cycles = 30
		}
		var words []uint64
		for pass := range passes {
			for i := 1; i <= chains; i++ {
				extra := 0
				if pass == 0 {
					extra = 1000 * i * i // a cold start does not count
				}
				words = append(words, uint64(20+cycles*i*c.copies()+extra))
			}
		}
		measured = append(measured, &micro.Measured{Point: p, Readings: []results.Reading{{Samples: words}, {Samples: words}}})
	}
	a, err := b.Analyse(gpu, measured)
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, row := range a.Rows {
		assert.False(t, ids[row.ID()], row.ID())
		ids[row.ID()] = true
		c, err := parseTransfer(row.Point)
		require.NoError(t, err)
		want := float64(400 + c.size/32)
		switch {
		case c.method == methodEmpty:
			want = 30
		case row.Metric != "latency":
			want -= 30
		}
		assert.InDelta(t, want, row.Value, 1e-6, row.ID())
		assert.NotEqual(t, results.Flagged, row.Status, row.Reason)
	}
	assert.Len(t, a.Rows, 1+2*16+16)
	require.Len(t, a.Series, 4)
	assert.Len(t, a.Series[0].XY, len(bulkSizes()))
	measured[2].Readings[0].Samples = nil
	_, err = b.Analyse(gpu, measured)
	assert.ErrorContains(t, err, "samples")
}
