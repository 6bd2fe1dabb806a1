package memory

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/results"
)

func TestOnChipBytes(t *testing.T) {
	o := onChip{op: opRead, width: 16, warps: 4, ctas: 1, shared: true}
	assert.Equal(t, 4*32*16*16, o.passBytes())
	o.op = opCopy // half the accesses read, half write
	assert.Equal(t, 4*32*16*16, o.passBytes())
	assert.Equal(t, accesses/2, o.perPass())
}

// TestOnChipLostAccessIsCaught drops one access of one thread.
func TestOnChipLostAccessIsCaught(t *testing.T) {
	for _, op := range []string{opRead, opWrite, opCopy} {
		for _, w := range widths() {
			o := onChip{op: op, width: w, warps: 1, ctas: 1, shared: true}
			var good, bad []byte
			for i, v := range o.expected(verifyPasses) {
				good = binary.LittleEndian.AppendUint32(good, v)
				if i == 7 {
					v -= (uint32(7*w/4)*fillMul + fillAdd) // the word of access 0
				}
				bad = binary.LittleEndian.AppendUint32(bad, v)
			}
			assert.NoError(t, o.check(good))
			assert.ErrorContains(t, o.check(bad), "thread 7")
			assert.Error(t, o.check(good[:8]))
		}
	}
}

// TestOnChipAnalysis makes samples of an SM that moves 128 bytes a cycle once it
// has 8 warps, and that runs at 1.5 GHz.
func TestOnChipAnalysis(t *testing.T) {
	gpu := h200(t)
	b := sharedBandwidth()
	var measured []*micro.Measured
	for _, p := range b.Plan(gpu) {
		o, err := parseOnChip(p, true)
		require.NoError(t, err)
		rate := min(128, 16*float64(o.warps))
		var words []uint64
		for _, n := range kit.Multiples() {
			cycles := 100 + float64(n*o.iterations()*o.passBytes())/rate
			for sm := range o.ctas {
				words = append(words, 1000, 1000+uint64(cycles), 5000, 5000+uint64(cycles/1.5), uint64(sm))
			}
		}
		measured = append(measured, &micro.Measured{Point: p, Readings: []results.Reading{reading(words...), reading(words...)}})
	}
	a, err := b.Analyse(gpu, measured)
	require.NoError(t, err)
	require.Len(t, a.Rows, 3*3*3)
	ids := map[string]bool{}
	for _, row := range a.Rows {
		assert.False(t, ids[row.ID()], row.ID())
		ids[row.ID()] = true
		switch row.Unit {
		case "B/cycle/SM":
			assert.InDelta(t, 128, row.Value, 0.1)
			assert.InDelta(t, 100, row.Peak.Percent, 0.1)
		case "warps":
			assert.Equal(t, 8.0, row.Value)
		case "GB/s":
			assert.InDelta(t, 128*132*1.5, row.Value, 30)
			assert.InDelta(t, 100, row.Peak.Percent, 0.2)
		}
		assert.NotEqual(t, results.Flagged, row.Status, row.Reason)
	}
	require.Len(t, a.Grids, 3)
	assert.Len(t, a.Grids[0].Cells, 3)
	assert.InDelta(t, 16, *a.Grids[0].Cells[0][0], 0.1)
	assert.Equal(t, harness.Words*3, len(measured[0].Readings[0].Samples))
}

func TestStreamBytes(t *testing.T) {
	s := streamJob{stream: stream{op: opTriad, width: 16, unroll: 2}, grid: 10, tiles: 30, iterations: 1, onward: true}
	assert.Equal(t, uint64(512*2*16), s.tile())
	assert.Equal(t, float64(3*10*512*2*16), s.launchBytes())
	s.op = opRead
	assert.Equal(t, float64(10*512*2*16), s.launchBytes())
}

// TestStreamMeetsEachByteOnce checks that the launches of a DRAM round are a
// third, the rest and all of the arrays, and that the untimed one lies where the
// first timed one does not.
func TestStreamMeetsEachByteOnce(t *testing.T) {
	gpu := h200(t)
	for _, p := range dramPlan(gpu) {
		s, err := dramPoint(gpu, p)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, s.arrayBytes(), 4*uint64(gpu.L2Bytes), p.Key())
		assert.LessOrEqual(t, s.arrayBytes()*s.arrays(), uint64(dramBytes), p.Key())
		assert.GreaterOrEqual(t, s.launchBytes(), 5e9, "a launch of more than a millisecond")
		launches := s.launches()
		require.Len(t, launches, streamLaunches)
		var from, to []uint64
		for _, l := range launches {
			offset := uint64(0)
			for _, arg := range l.Args[2:5] {
				offset = max(offset, arg.Offset)
			}
			from = append(from, offset)
			to = append(to, offset+l.Args[5].Bits*uint64(l.Grid[0])*s.tile())
		}
		end, part := s.arrayBytes(), s.arrayBytes()/parts
		assert.Equal(t, []uint64{2 * part, 0, part, 0}, from, p.Key())
		assert.Equal(t, []uint64{part, end, end}, to[1:], p.Key())
		assert.LessOrEqual(t, to[0], end, p.Key())
	}
}

func TestL2FootprintsFit(t *testing.T) {
	gpu := h200(t)
	for _, p := range l2Plan(gpu) {
		s, err := l2Point(gpu, p)
		require.NoError(t, err)
		assert.LessOrEqual(t, s.arrayBytes()*s.arrays(), uint64(gpu.L2Bytes)/2, p.Key())
		assert.Greater(t, s.arrayBytes()*s.arrays(), uint64(gpu.L2Bytes)/10, p.Key())
		assert.Less(t, s.grid, s.tiles, "no two CTAs meet a tile at the same time")
		assert.Equal(t, uint64(l2Tile), s.tile())
	}
}

// TestStreamLostAccessIsCaught drops one word from what the kernel would leave.
func TestStreamLostAccessIsCaught(t *testing.T) {
	for _, op := range []string{opRead, opWrite, opCopy, opTriad} {
		s := streamJob{stream: stream{op: op, width: 8, unroll: 1}}.verifying()
		want := s.expected()
		assert.NoError(t, s.check(binary.LittleEndian.AppendUint32(nil, want)))
		word := uint32(5)
		lost := want - (word*wordMul + wordAdd)
		assert.ErrorContains(t, s.check(binary.LittleEndian.AppendUint32(nil, lost)), "lost")
		assert.Error(t, s.check(nil))
	}
}

// TestStreamAnalysis makes samples of a chip that moves 4 TB/s.
func TestStreamAnalysis(t *testing.T) {
	gpu := h200(t)
	for _, c := range []struct {
		b    micro.Benchmark
		read pointReader
	}{{dramBandwidth(), dramPoint}, {l2Bandwidth(), l2Point}} {
		var measured []*micro.Measured
		for _, p := range c.b.Plan(gpu) {
			s, err := c.read(gpu, p)
			require.NoError(t, err)
			rate := 4000.0 // bytes a nanosecond
			if p.Get("unroll") == "1" || p.Get("share") == "1/2" {
				rate = 2000
			}
			words := make([]uint64, streamWords*streamLaunches)
			for _, n := range kit.Multiples() {
				at := words[streamWords*n:]
				at[0], at[1] = 7_000_000, 7_000_000+uint64(3000+float64(n)*s.launchBytes()/rate)
				at[2], at[3], at[4], at[5] = 100, 17_100, 50_000, 60_000
			}
			r := reading(words...)
			r.ElapsedNS = s.roundBytes()/rate*1.01 + 20_000
			measured = append(measured, &micro.Measured{Point: p, Readings: []results.Reading{r, r, r}})
		}
		a, err := c.b.Analyse(gpu, measured)
		require.NoError(t, err)
		ids := map[string]bool{}
		for _, row := range a.Rows {
			assert.False(t, ids[row.ID()], row.ID())
			ids[row.ID()] = true
			assert.InDelta(t, 4000, row.Value, 5, row.ID())
			assert.Equal(t, 1700.0, row.ClockMHz)
			assert.True(t, row.HigherIsBetter)
		}
		require.Len(t, a.Grids, 1)
		assert.GreaterOrEqual(t, len(a.Grids[0].Cells), len(a.Rows))
		assert.Len(t, a.Grids[0].YLabels, len(a.Grids[0].Cells))
	}
}

// TestPlateauLeavesOutWhatIsNotLinear has a lucky cell and one with a wild round.
func TestPlateauLeavesOutWhatIsNotLinear(t *testing.T) {
	cell := func(warps int, rate, r2 float64) onChipCell {
		return onChipCell{warps: warps, rates: harness.Rates{PerSM: []float64{rate}, WorstR2: r2}}
	}
	flat := plateau([]onChipCell{cell(4, 100, 1), cell(8, 129, 0.998), cell(16, 127.9, 1), cell(32, 128, 1)})
	require.Len(t, flat, 2)
	assert.Equal(t, 16, flat[0].warps)
	assert.Len(t, plateau([]onChipCell{cell(8, 129, 0.998)}), 1)
}
