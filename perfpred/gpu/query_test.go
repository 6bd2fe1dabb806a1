package gpu

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseQuery(t *testing.T) {
	for text, want := range map[string]string{
		"wgmma":                                    "tensor/wgmma-throughput{shape=m64n256k16 in=f16 acc=f32 a=ss sparse=no fill=zeros groups=1 on=all SMs} chip throughput",
		"wgmma/m64n8k32/s8/rs":                     "tensor/wgmma-throughput{shape=m64n8k32 in=s8 acc=s32 a=rs sparse=no fill=zeros groups=1 on=all SMs} chip throughput",
		"wgmma/fp8/random":                         "tensor/wgmma-throughput{shape=m64n256k32 in=e4m3 acc=f32 a=ss sparse=no fill=random groups=1 on=all SMs} chip throughput",
		"wgmma{in=f16} throughput":                 "tensor/wgmma-throughput{shape=m64n256k16 in=f16 acc=f32 a=ss sparse=no fill=zeros groups=1} throughput",
		"mma/tf32":                                 "tensor/mma-throughput{shape=m16n8k8 in=tf32 acc=f32 sparse=no fill=zeros on=all SMs} chip throughput",
		"mma{sparse=yes}":                          "tensor/mma-throughput{shape=m16n8k32 in=f16 acc=f32 sparse=yes fill=zeros on=all SMs} chip throughput",
		"dram":                                     "memory/dram-bandwidth{op=read width=16} bandwidth",
		"memory/dram-bandwidth{op=copy width=4}":   "memory/dram-bandwidth{op=copy width=4} bandwidth",
		"memory/random-latency/l2":                 "memory/random-latency{level=l2} latency",
		"mlperf/resnet50/server":                   "mlperf{model=resnet50 scenario=server} chip throughput",
		"gemm/4096x4096x512/bf16":                  "tensor/gemm{size=4096x4096x512 in=bf16 acc=f32} chip throughput",
		"dpx/__vimax3_s32":                         "dpx/throughput{fn=__vimax3_s32} chip throughput",
		"alu/latency{op=fma type=f32 on=all SMs} ": "alu/latency{op=fma type=f32 on=all SMs} latency",
	} {
		q, err := ParseQuery(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, q.String(), text)
		again, err := ParseQuery(q.String())
		require.NoError(t, err, want)
		assert.Equal(t, q, again, "%s, read again", text)
	}
}

func TestParseQueryErrors(t *testing.T) {
	_, err := ParseQuery("wgma/f16")
	var unknown *ErrUnknownBenchmark
	require.True(t, errors.As(err, &unknown))
	assert.Equal(t, "tensor/wgmma-throughput", unknown.Nearest[0])
	for _, text := range []string{"dram/width=", "dram/colour=red", "wgmma{in=f16", "wgmma/in=f17", "mma/frobnicate"} {
		_, err := ParseQuery(text)
		assert.ErrorIs(t, err, ErrBadPoint, text)
	}
	_, err = ParseQuery("dram{} saturation")
	assert.ErrorIs(t, err, ErrNotPredicted)
}

// The predictor must read every row of a document as its own query, in its unit.
func TestQueriesOfARun(t *testing.T) {
	s := lookup(t, "H200")
	n := 0
	for _, r := range recording(t).Rows {
		q := Query{Benchmark: r.Benchmark, Point: r.Point, Metric: r.Metric}
		if !predictable(s, q) {
			continue
		}
		n++
		again, err := ParseQuery(q.String())
		require.NoError(t, err)
		assert.Equal(t, q.String(), again.String())
		p, err := formulate(s, q)
		require.NoError(t, err)
		assert.Equal(t, r.Unit, p.unit, q.String())
	}
	assert.Greater(t, n, 1000)
}
