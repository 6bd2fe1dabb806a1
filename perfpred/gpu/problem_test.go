package gpu

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ceilings(t *testing.T, gpu, text string) (problem, Ceiling) {
	t.Helper()
	p, err := formulate(lookup(t, gpu), query(t, text))
	require.NoError(t, err, text)
	return p, p.least()
}

func TestCeilings(t *testing.T) {
	for _, c := range []struct {
		gpu, query string
		bound      Bound
		value      float64
	}{
		{"h100-pcie", "dram", BoundDRAM, 2039},
		{"h100-pcie", "wgmma", BoundTensor, 756},
		{"h100-pcie", "wgmma{sparse=yes a=rs}", BoundTensor, 1512},
		{"h200", "wgmma{shape=m64n256k16} throughput", BoundTensor, 4096},
		{"h200", "wgmma{shape=m64n8k16} throughput", BoundShared, 16384. / 18},
		{"h200", "wgmma{shape=m64n8k16 a=rs} throughput", BoundIssue, 16384. / 13},
		{"rtx 4090", "mma{acc=f32}", BoundTensor, 165.2},
		{"rtx 4090", "mma{acc=f16}", BoundTensor, 330.3},
		{"a100-sxm-80gb", "alu{op=fma type=f64}", BoundVector, 9.7459},
		{"a100-sxm-80gb", "gemm/16x16384x16384/f16", BoundDRAM, 2 * 16 * 16384 * 16384 / (2*16*16384*2. + 16384*16384*2) * 2039 / 1000},
		{"l4", "memory/shared-bandwidth", BoundShared, 128},
	} {
		_, top := ceilings(t, c.gpu, c.query)
		assert.Equal(t, c.bound, top.Bound, "%s on %s", c.query, c.gpu)
		assert.InEpsilon(t, c.value, top.Value, 1e-4, "%s on %s", c.query, c.gpu)
	}
}

func TestUnsupported(t *testing.T) {
	for query1, gpu := range map[string]string{
		"wgmma": "rtx 4090", "mma/fp8": "a100-sxm-80gb", "cluster": "l4", "async/bulk-latency": "a30", "mma{sparse=yes}": "t4",
		"mma/tf32": "v100-sxm2", "tensor/mma-latency{shape=m16n8k32 in=e4m3 acc=f32}": "rtx 3090",
	} {
		_, err := formulate(lookup(t, gpu), query(t, query1))
		var unsupported *ErrUnsupported
		require.True(t, errors.As(err, &unsupported), "%s on %s: %v", query1, gpu, err)
		assert.Equal(t, lookup(t, gpu).Name, unsupported.GPU)
		assert.NotEmpty(t, unsupported.Why)
	}
	for query1, gpu := range map[string]string{"alu{op=ex2 type=f32}": "b200", "memory/random-latency": "mi300x", "dpx": "t4"} {
		_, err := formulate(lookup(t, gpu), query(t, query1))
		assert.ErrorIs(t, err, ErrNoCeiling, query1)
	}
	for _, text := range []string{"gemm/size=0x1x1", "mlperf/model=alexnet", "mlperf/resnet50/scenario=singlestream", "wgmma/shape=big", "llm/batch=1"} {
		_, err := formulate(lookup(t, "h200"), query(t, text))
		assert.ErrorIs(t, err, ErrBadPoint, text)
	}
}

// The three ceilings of a wgmma explain every dense rate that was measured on one SM.
func TestCeilingsExplainTheRecordedRun(t *testing.T) {
	rows, err := FromDocument(recording(t), "test")
	require.NoError(t, err)
	s := lookup(t, "h200")
	n := 0
	for _, r := range rows {
		if r.Query.Benchmark != "tensor/wgmma-throughput" || r.Query.Metric != perSM || r.Query.Point.Get("sparse") == "yes" {
			continue
		}
		p, err := formulate(s, r.Query)
		require.NoError(t, err)
		u := p.rate(r.Value) / p.least().Value
		assert.InDelta(t, 1, u, 0.01, r.Query.String())
		n++
	}
	assert.Greater(t, n, 100)
}

func TestIssueInterval(t *testing.T) {
	p, _ := ceilings(t, "h200", "wgmma{shape=m64n256k16} issue interval")
	assert.Equal(t, "cycles", p.unit)
	assert.InDelta(t, 128, p.value(p.least().Value), 1e-9)
	assert.InDelta(t, 4096, p.rate(128), 1e-9)
	q, _ := ceilings(t, "h200", "memory/random-latency{level=l2} time")
	assert.InDelta(t, 141.4, q.value(280), 0.1)
	assert.InDelta(t, 280, q.rate(q.value(280)), 1e-9)
}

func TestNumbersAreRatios(t *testing.T) {
	var f features
	f.number("a", 2, 1)
	f.number("unknown", 0, 1)
	require.Len(t, f, 1)
	assert.InDelta(t, math.Ln2, f[0].value, 1e-15)
}
