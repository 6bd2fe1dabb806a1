package published

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryFigureReads(t *testing.T) {
	list, err := parseFigures(figuresText)
	require.NoError(t, err)
	assert.Len(t, list, 893)
	for _, f := range list {
		assert.NotEmpty(t, f.GPU)
		assert.NotEmpty(t, f.Source)
		assert.NotEmpty(t, f.Unit)
		assert.NotEmpty(t, f.columns[0])
		assert.False(t, math.IsNaN(f.Value) || math.IsInf(f.Value, 0))
	}
}

func TestDamagedFiguresAreRefused(t *testing.T) {
	line := "DPX,,,,,,,,latency,A100,1,cycles,false,somebody,"
	for name, text := range map[string]string{
		"empty": "", "header": "a,b\n", "ragged": header + "\na,b\n",
		"value":     header + "\nDPX,,,,,,,,latency,A100,one,cycles,false,somebody,\n",
		"secondary": header + "\nDPX,,,,,,,,latency,A100,1,cycles,perhaps,somebody,\n",
		"quote":     header + "\n\"" + line,
	} {
		_, err := parseFigures(text)
		assert.Error(t, err, name)
	}
	list, err := parseFigures(header + "\n" + line + "\n")
	require.NoError(t, err)
	assert.Equal(t, 1.0, list[0].Value)
}

func TestFindOrdersByGPU(t *testing.T) {
	found := Find(Query{Benchmark: "L1 latency (p-chase)"})
	require.Len(t, found, 3)
	assert.Equal(t, []string{"A100 PCIe", "RTX 4090", "H800 PCIe"}, []string{found[0].GPU, found[1].GPU, found[2].GPU})
	assert.Equal(t, 40.7, found[2].Value)
	assert.Equal(t, "cycles", found[2].Unit)
	assert.True(t, found[2].Secondary)
	assert.Equal(t, "arXiv:2402.13499v1, Table IV", found[2].Source)

	found = Find(Query{Benchmark: "global latency"})
	ranks := make([]int, len(found))
	for i, p := range found {
		ranks[i] = rank(p.GPU)
	}
	assert.IsNonDecreasing(t, ranks)
	assert.Equal(t, "A100", found[0].GPU)
	assert.Equal(t, 6, ranks[len(ranks)-1], "GPUs that are not in the order come last")
}

func TestFindMatchesEveryColumn(t *testing.T) {
	q := Query{Benchmark: "wgmma throughput", Instruction: "wgmma.mma_async", Shape: "m64n256k16", In: "f16", Acc: "f32",
		Operand: "SS", Sparsity: "dense", Parameter: "N=256; init=random", Metric: "throughput"}
	found := Find(q)
	require.Len(t, found, 1)
	assert.Equal(t, 665.4, found[0].Value)
	for _, change := range []func(*Query){
		func(q *Query) { q.Benchmark = "x" }, func(q *Query) { q.Instruction = "x" }, func(q *Query) { q.Shape = "x" },
		func(q *Query) { q.In = "x" }, func(q *Query) { q.Acc = "x" }, func(q *Query) { q.Operand = "x" },
		func(q *Query) { q.Sparsity = "x" }, func(q *Query) { q.Parameter = "x" }, func(q *Query) { q.Metric = "x" },
	} {
		other := q
		change(&other)
		assert.Empty(t, Find(other), other)
	}
}

func TestFindNothing(t *testing.T) {
	assert.Empty(t, Find(Query{}))
	assert.Empty(t, Find(Query{Scale: 2, Unit: "GB/s"}))
}

func TestFindScales(t *testing.T) {
	q := Query{Benchmark: "TMA global->shared throughput", Instruction: "cp.async.bulk (non-tensor)", Parameter: "blocks=228; load_KB=16; total=4GiB"}
	plain := Find(q)
	require.Len(t, plain, 1)
	assert.Equal(t, "GiB/s", plain[0].Unit)
	q.Scale, q.Unit = 1.073741824, "GB/s"
	scaled := Find(q)
	assert.InEpsilon(t, 1806.802246*1.073741824, scaled[0].Value, 1e-12)
	assert.Equal(t, "GB/s", scaled[0].Unit)
	assert.Equal(t, plain, Find(Query{Benchmark: q.Benchmark, Instruction: q.Instruction, Parameter: q.Parameter}), "the table is not changed")
}

func TestKnownErrorsAreNoted(t *testing.T) {
	dpx := func(fn, metric string) string {
		for _, p := range Find(Query{Benchmark: "DPX", Instruction: fn, Metric: metric}) {
			if p.GPU == "H800 PCIe" {
				return p.Note
			}
		}
		return "not found"
	}
	assert.Contains(t, dpx("__vimax_s32_relu", "latency"), "deleted loop")                                        // 2.02
	assert.Contains(t, dpx("__vimax_s32_relu", "throughput_per_SM"), "deleted loop")                              // 72.6
	assert.Contains(t, dpx("__vimax_s32_relu", "throughput_whole_GPU"), "deleted loop")                           // 8179
	assert.Contains(t, dpx("__vimax3_s16x2", "latency"), "clock overhead")                                        // 4.02
	assert.Contains(t, dpx("__vimax3_s16x2", "throughput_per_SM"), "clock overhead")                              // 58.8
	assert.Equal(t, "H800 PCIe with 114 SMs", dpx("__vimax3_s16x2", "throughput_whole_GPU"))                      // 6537
	assert.Contains(t, Find(Query{Benchmark: "TMA global->shared throughput"})[0].Note, "divides by 1024^3")      // GiB/s
	assert.Contains(t, Find(Query{Benchmark: "wgmma completion latency", Shape: "m64n64k16"})[0].Note, "issue")   // 32
	assert.Contains(t, Find(Query{Benchmark: "L1 latency (p-chase)"})[0].Note, "style of the chase")              // 43
	assert.Contains(t, Find(Query{Benchmark: "global latency"})[0].Note, "L2 hit")                                // 290
	assert.Contains(t, Find(Query{Instruction: "sqrt.approx.f32"})[0].Note, `published as "2-18"`)                // a range
	assert.Empty(t, Find(Query{Benchmark: "wgmma completion latency", Shape: "m64n8k16", Operand: "SS"})[0].Note) // 18 is a latency
}

func TestRandomLatency(t *testing.T) {
	_, err := parseCurves(randomLatencyText)
	require.NoError(t, err)
	list := RandomLatency()
	require.Len(t, list, 4)
	names := []string{}
	for _, s := range list {
		names = append(names, s.Name)
		for i, p := range s.XY[1:] {
			assert.Greater(t, p.X, s.XY[i].X, s.Name)
			assert.Greater(t, p.Y, 30.0)
		}
	}
	assert.Equal(t, []string{"A100 PCIe, published", "RTX 4090, published", "H800 PCIe, published", "H800 PCIe, TMA cp.async.bulk 16B, published"}, names)
	assert.Equal(t, []int{189, 204, 189, 189}, []int{len(list[0].XY), len(list[1].XY), len(list[2].XY), len(list[3].XY)})
	assert.Equal(t, 2048.0, list[0].XY[0].X)
	assert.Equal(t, 32.7, list[0].XY[0].Y)
	list[0].XY[0].Y = 0
	assert.Equal(t, 32.7, RandomLatency()[0].XY[0].Y, "the caller owns the result")
}

func TestDSMPairs(t *testing.T) {
	_, err := parsePairs(dsmPairsText)
	require.NoError(t, err)
	list := DSMPairs()
	require.Len(t, list, 15)
	for i, g := range list {
		require.Len(t, g.XLabels, i+2)
		require.Len(t, g.Cells, i+2)
		for y, line := range g.Cells {
			require.Len(t, line, i+2)
			for x, v := range line {
				if x == y {
					assert.InDelta(t, 33, *v, 1, "a block's own shared memory")
				} else {
					assert.Greater(t, *v, 150.0)
				}
			}
		}
	}
	assert.Equal(t, []string{"110", "111"}, list[0].YLabels)
	assert.Equal(t, 181.0, *list[0].Cells[0][1])
}

func TestDamagedSeriesAreRefused(t *testing.T) {
	for _, text := range []string{"a,b\n", "a,b,1 2,1\n", "a,b,x,1\n", "a,b,1,x\n", "\"a"} {
		_, err := parseCurves(text)
		assert.Error(t, err, text)
	}
	for _, text := range []string{"a,b\n", "a,1 2,1 2 3\n", "a,1,x\n", "a,,\n", "\"a"} {
		_, err := parsePairs(text)
		assert.Error(t, err, text)
	}
}
