package cluster

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func TestPatterns(t *testing.T) {
	want := map[string][]int{"ring": {1, 2, 3, 0}, "pair": {1, 0, 3, 2}, "broadcast": {0, 0, 0, 0}, "own": {0, 1, 2, 3}, "plain": {0, 1, 2, 3}}
	for _, p := range patterns() {
		seen := map[int]bool{}
		for r := range 4 {
			assert.Equal(t, want[p.name][r], p.target(r, 4), "%s of rank %d", p.name, r)
			seen[p.target(r, 4)] = true
		}
		assert.Equal(t, p.once, len(seen) == 4, p.name)
	}
}

func TestFlowBytes(t *testing.T) {
	f := flow{threads: 256, chains: 2}
	assert.Equal(t, 256*2*16, f.passBytes())
}

// TestWrongTargetIsCaught checks a ring's result against the pair pattern, and
// drops one access.
func TestWrongTargetIsCaught(t *testing.T) {
	for _, op := range []string{"read", "write"} {
		ring := flow{op: op, pattern: patterns()[0], size: 4, threads: 32, chains: 4}
		pair := ring
		pair.pattern = patterns()[1]
		var good, lost []byte
		for i, w := range ring.expected(verifyPasses) {
			good = binary.LittleEndian.AppendUint32(good, w)
			if i == 37 {
				w -= fillMul
			}
			lost = binary.LittleEndian.AppendUint32(lost, w)
		}
		assert.NoError(t, ring.check(good))
		assert.ErrorContains(t, pair.check(good), "elsewhere")
		assert.ErrorContains(t, ring.check(lost), "rank 1, thread 5")
	}
}

// samplesOf makes the samples of a launch: CTAs in waves that follow one another.
func samplesOf(ctas, wave int, cycles uint64) []uint64 {
	var words []uint64
	for i := range ctas {
		start := 1000 + uint64(i%7) + uint64(i/wave)*(cycles/2+5000)
		words = append(words, 500, 500+cycles, start, start+cycles/2, uint64(i%wave))
	}
	return words
}

func TestFirstWave(t *testing.T) {
	w := firstWave(samplesOf(132, 132, 20_000))
	assert.InDelta(t, 10_000, w.nanos, 1e-6)
	w.nanos = 0
	assert.Equal(t, wave{ctas: 132, sms: 132, cycles: 20_000, clockMHz: 2000, together: 0.9994}, w)
	w = firstWave(samplesOf(128, 112, 20_000))
	assert.Equal(t, 112, w.ctas)
	assert.Equal(t, 112, w.sms)
	assert.InDelta(t, 10_000, w.nanos, 1e-6, "the second wave does not count")
}

// TestBroadcastCountsReadersOfOthers has rank 0 be done in a tenth of the time.
func TestBroadcastCountsReadersOfOthers(t *testing.T) {
	f := flow{op: "read", pattern: patterns()[2], size: 4, clusters: 30}
	words := samplesOf(120, 120, 20_000)
	for i := 0; i < 120; i += 4 {
		words[i*harness.Words+3] -= 9000
	}
	assert.Equal(t, 90, f.countedCTAs())
	w := firstWave(f.counted(words))
	assert.Equal(t, 90, w.ctas)
	assert.InDelta(t, 10_000, w.nanos, 1e-6)
	f.pattern = patterns()[3]
	assert.Len(t, f.counted(words), len(words), "own is about one's own memory")
}

// TestStragglersCountOnce has eight of 120 CTAs take half as long again: they
// move less, but what the others moved stands.
func TestStragglersCountOnce(t *testing.T) {
	words := samplesOf(120, 120, 20_000)
	for i := range 8 {
		words[i*harness.Words+3] += 5000
	}
	w := firstWave(words)
	assert.InEpsilon(t, 120/(112/10_000.0+8/15_000.0), w.nanos, 1e-9)
	assert.Less(t, w.nanos, 10_300.0)
}

// TestThroughputAnalysis makes SMs that move 24 bytes a cycle at 2 GHz, of which
// clusters of 16 fill 112 at once.
func TestThroughputAnalysis(t *testing.T) {
	gpu := nominal(t, isa.SM90a)
	b := throughput()
	var measured []*micro.Measured
	for _, p := range b.Plan(gpu) {
		f, err := parseFlow(p)
		require.NoError(t, err)
		at := f.size * f.clusters
		if f.size == 16 && f.clusters > 1 {
			at = 112
		}
		rate := 24.0
		if f.chains < 4 {
			rate = 12
		}
		var words []uint64
		for _, n := range kit.Multiples() {
			words = append(words, samplesOf(f.size*f.clusters, at, 2*uint64(300+float64(n*f.iterations()*f.passBytes())/rate/2))...)
		}
		measured = append(measured, &micro.Measured{Point: p, Readings: []results.Reading{{Samples: words}, {Samples: words}}})
	}
	a, err := b.Analyse(gpu, measured)
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, row := range a.Rows {
		assert.False(t, ids[row.ID()], row.ID())
		ids[row.ID()] = true
		switch row.Unit {
		case "B/cycle/SM":
			assert.InDelta(t, 24, row.Value, 0.05, row.ID())
		case "GB/s":
			sms := 132.0
			if row.Point.Get("cluster") == "16" {
				sms = 112
			} else if row.Point.Get("cluster") == "8" {
				sms = 128
			}
			if row.Point.Get("pattern") == "broadcast" {
				size, err := sizeOf(row.Point.Get("cluster"))
				require.NoError(t, err)
				sms -= sms / float64(size) // rank 0 reads its own memory
			}
			assert.InDelta(t, 24*2*sms, row.Value, 12, row.ID())
		}
		assert.NotEqual(t, results.Flagged, row.Status, row.Reason)
	}
	require.Len(t, a.Grids, 4)
	require.Len(t, a.Grids[0].Cells, 4)
	assert.InDelta(t, 12, *a.Grids[3].Cells[0][1], 0.05)
	assert.InDelta(t, 24, *a.Grids[3].Cells[3][3], 0.05)

	measured[3].Readings[0].Samples = measured[3].Readings[0].Samples[harness.Words:]
	_, err = b.Analyse(gpu, measured)
	assert.ErrorContains(t, err, "samples")
}
