package memory

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// TestOrderIsOneCycle walks chains of many sizes: each line is met exactly once
// before the chain returns to its start.
func TestOrderIsOneCycle(t *testing.T) {
	for shift := 1; shift <= 14; shift++ {
		for eighths := 8; eighths < 16; eighths++ {
			p := permutationOf(eighths, shift, randomSeed)
			n := uint64(eighths) << shift
			require.Equal(t, n, p.lines())
			next := make([]uint64, n) // the chain as it lies in memory
			for j := range n {
				next[p.order(j)] = p.order((j + 1) % n)
			}
			seen, at := uint64(0), p.order(0)
			for {
				at = next[at]
				seen++
				if at == p.order(0) || seen > n {
					break
				}
			}
			require.Equal(t, n, seen, "%d eighths << %d", eighths, shift)
		}
	}
}

// TestOrderOfGigabytes checks a bijection that is too long to walk by its
// inverse on a sample of positions.
func TestOrderOfGigabytes(t *testing.T) {
	p := permutationOf(15, 22, randomSeed)
	require.Equal(t, uint64(15)<<29, p.lines()*lineBytes)
	for j := uint64(0); j < p.lines(); j += 10_007 {
		line := p.order(j)
		require.Less(t, line, p.lines())
		require.Equal(t, j, p.position(line))
	}
}

// position is the inverse of order.
func (p permutation) position(line uint64) uint64 {
	left, right := uint32(line%uint64(p.a)), uint32(line/uint64(p.a))
	step := uint32(roundStep)
	key := p.seed + 2*feistelRounds*step
	for range feistelRounds {
		key -= step
		right = (right + p.b - mix(left, key)%p.b) % p.b
		key -= step
		left = (left + p.a - mix(right, key)%p.a) % p.a
	}
	return uint64(left) + uint64(right)*uint64(p.a)
}

// TestOrderIsRandom checks that neighbours in the chain are strangers in memory:
// no stride dominates, and the low bits of the distance are even.
func TestOrderIsRandom(t *testing.T) {
	p := permutationOf(8, 14, randomSeed)
	strides, low := map[uint64]int{}, [8]int{}
	for j := range p.lines() {
		d := (p.order(j+1) - p.order(j)) % p.lines()
		strides[d]++
		low[d%8]++
	}
	most := 0
	for _, n := range strides {
		most = max(most, n)
	}
	assert.Less(t, most, 16, "a stride is too common")
	assert.Greater(t, len(strides), int(p.lines())/2)
	for _, n := range low {
		assert.InDelta(t, float64(p.lines())/8, float64(n), float64(p.lines())/80)
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, b := permutationOf(8, 10, 1), permutationOf(8, 10, 2)
	same := 0
	for j := range a.lines() {
		if a.order(j) == b.order(j) {
			same++
		}
	}
	assert.Less(t, same, 20)
}

// TestLostLoadIsCaught feeds the check the end of a chase that is one load short.
func TestLostLoadIsCaught(t *testing.T) {
	gpu := h200(t)
	for _, b := range []micro.Benchmark{strideLatency(), randomLatency()} {
		p := b.Plan(gpu)[3]
		job, err := b.Job(gpu, p)
		require.NoError(t, err)
		steps := walk{warm: 1, loops: 1, passes: 1}.steps()
		short := uint64((steps - 1) % warmNodes * 512)
		if b.Name == "memory/random-latency" {
			s, err := findSize(gpu, p)
			require.NoError(t, err)
			perm := s.permutation()
			short = (perm.order(uint64(walk{warm: 1, loops: 8, passes: 1}.steps()-1)) - perm.order(0)) * lineBytes
		}
		assert.ErrorContains(t, job.Check(binary.LittleEndian.AppendUint64(nil, short)), "loads were lost")
	}
}

func TestFootprints(t *testing.T) {
	gpu := h200(t)
	list := footprints(gpu)
	assert.Equal(t, uint64(2048), list[0].bytes())
	assert.Equal(t, uint64(8<<30), list[len(list)-1].bytes())
	assert.InDelta(t, 85, len(list), 12)
	perOctave := map[int]int{}
	for i, s := range list {
		if i > 0 {
			assert.Greater(t, s.bytes(), list[i-1].bytes())
		}
		perOctave[bits.Len64(s.bytes())]++
	}
	assert.Equal(t, 8, perOctave[bits.Len64(uint64(gpu.SharedPerSM))])
	assert.Equal(t, 8, perOctave[bits.Len64(uint64(gpu.L2Bytes))])
	assert.Equal(t, 4, perOctave[bits.Len64(2<<20)])
	gpu.MemoryBytes, gpu.FreeBytes = 24<<30, 23<<30
	list = footprints(gpu)
	assert.LessOrEqual(t, list[len(list)-1].bytes(), uint64(8<<30))
	assert.Greater(t, list[len(list)-1].bytes(), uint64(4<<30))
}

// chaseSamples makes the samples of a walk whose loads take so many cycles, at 2 GHz.
func chaseSamples(w walk, cycles float64) []uint64 {
	var words []uint64
	for range w.passes {
		for i := 1; i <= counts; i++ {
			c := 40 + cycles*float64(i*w.loops*unrolled)
			words = append(words, uint64(c), uint64(c/2))
		}
	}
	return words
}

func TestStrideAnalysis(t *testing.T) {
	gpu := h200(t)
	b := strideLatency()
	cycles := map[string]float64{"l1": 33, "shared": 23, "l2": 265, "dram": 650}
	var measured []*micro.Measured
	for _, p := range b.Plan(gpu) {
		s, _, err := findSpace(p)
		require.NoError(t, err)
		words := chaseSamples(s.walk, cycles[s.name])
		words[0] += 1_000_000 // a cold first pass does not count
		measured = append(measured, &micro.Measured{Point: p, Readings: []results.Reading{reading(words...), reading(words...)}})
	}
	a, err := b.Analyse(gpu, measured)
	require.NoError(t, err)
	ns := 0
	for _, row := range a.Rows {
		want := cycles[row.Point.Get("space")]
		if row.Unit == "ns" {
			want /= 2
			ns++
		}
		assert.InDelta(t, want, row.Value, 0.1, row.Point.Key())
		assert.NotEqual(t, results.Flagged, row.Status, row.Reason)
		assert.InDelta(t, 2000, row.ClockMHz, 20)
	}
	assert.Equal(t, 10, ns)

	measured[0].Readings[0].Samples = measured[0].Readings[0].Samples[1:]
	_, err = b.Analyse(gpu, measured)
	assert.ErrorContains(t, err, "samples")
}

func TestRandomAnalysis(t *testing.T) {
	gpu := h200(t)
	b := randomLatency()
	latencyAt := func(bytes uint64) float64 {
		switch {
		case bytes <= 208<<10:
			return 32
		case bytes <= 30<<20:
			return 264
		case bytes <= 60<<20:
			return 470
		}
		return 650
	}
	var measured []*micro.Measured
	for _, p := range b.Plan(gpu) {
		s, err := findSize(gpu, p)
		require.NoError(t, err)
		words := chaseSamples(randomWalk(s), latencyAt(s.bytes()))
		measured = append(measured, &micro.Measured{Point: p, Readings: []results.Reading{reading(words...)}})
	}
	a, err := b.Analyse(gpu, measured)
	require.NoError(t, err)
	found := map[string]float64{}
	for _, row := range a.Rows {
		if row.Unit == "cycles" {
			found[row.Point.Get("level")] = row.Value
		}
	}
	assert.InDelta(t, 32, found["l1"], 0.1)
	assert.InDelta(t, 264, found["l2"], 0.1)
	assert.InDelta(t, 650, found["dram"], 0.1)
	ends := map[string]float64{}
	for _, row := range a.Rows {
		if row.Unit == "B" {
			ends[row.Point.Get("level")] = row.Value
			assert.Less(t, row.Interval[0], row.Value)
			assert.Greater(t, row.Interval[1], row.Value)
			assert.Contains(t, strings.Join(row.Annotations, "; "), "another change point", "the others are named, not numbered")
		}
	}
	require.Len(t, ends, 3)
	assert.InEpsilon(t, 208<<10, ends["l1"], 0.1)
	assert.InEpsilon(t, 30<<20, ends["l2"], 0.1)
	assert.InEpsilon(t, 60<<20, ends[farLevel], 0.1)
	assert.InDelta(t, 470, found[farLevel], 0.1)
	require.Greater(t, len(a.Series), 2, "ours in cycles and ns, and published ones")
	assert.Len(t, a.Series[0].Marks, 3)
	assert.Len(t, a.Series[0].XY, len(measured))
	assert.Equal(t, "published A100 PCIe", a.Series[2].Name)
}

// TestNoFarPlateau gives a curve that climbs from the near partition to DRAM
// without a rest: there is no row of a level that is not there.
func TestNoFarPlateau(t *testing.T) {
	c := curve{bytes: []float64{40, 44, 48, 52}, cycles: []float64{320, 390, 510, 600}}
	assert.False(t, c.flat(level{low: 40, high: 52}))
	c.cycles = []float64{520, 522, 524, 530}
	assert.True(t, c.flat(level{low: 40, high: 52}))
	assert.False(t, c.flat(level{low: 60, high: 70}))
}

// TestLaps checks who makes the lap: the thread, its CTA, or the chip.
func TestLaps(t *testing.T) {
	gpu := h200(t)
	for _, c := range []struct {
		s        size
		own      bool
		launches int
	}{{size{8, 16}, false, 1}, {size{8, 17}, true, 1}, {size{8, 23}, true, 1}, {size{8, 24}, false, 2}} {
		job, err := randomJob(gpu, results.P("footprint", strconv.FormatUint(c.s.bytes(), 10)))
		require.NoError(t, err)
		require.Len(t, job.Launches, c.launches, "%d", c.s.bytes())
		args := job.Launches[len(job.Launches)-1].Args
		from, count := args[len(args)-3].Bits, args[len(args)-2].Bits
		assert.Equal(t, c.s.permutation().lines(), count)
		assert.Equal(t, c.own, from == 0, "%d", c.s.bytes())
	}
}

func TestPointsNotOfThePlan(t *testing.T) {
	gpu := h200(t)
	for _, b := range Benchmarks() {
		_, err := b.Job(gpu, results.P("op", "fly", "width", strconv.Itoa(3)))
		assert.Error(t, err, b.Name)
	}
}
