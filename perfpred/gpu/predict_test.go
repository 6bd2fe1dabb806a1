package gpu

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
)

// The H800 PCIe has the units and the memory of the H100 PCIe; the figures are those
// of arXiv:2402.13499 and 2501.12084.
func TestPredictAgainstPublishedFigures(t *testing.T) {
	m := model(t)
	for text, want := range map[string]float64{
		"dram/mix": 1861.5, "wgmma{acc=f32}": 728.5, "wgmma/fp8{acc=f16}": 1448.4, "wgmma/tf32/random": 357.1,
		"wgmma{shape=m64n8k16 acc=f32}": 158.2, "mma{acc=f16}": 494.4, "memory/random-latency/dram": 658.7, "alu/latency{op=fma type=f64}": 8.04,
	} {
		p, err := m.Predict("h100-pcie", query(t, text), nil)
		require.NoError(t, err, text)
		assert.InEpsilon(t, want, p.Value, 0.06, text)
		assert.True(t, p.Low <= want && want <= p.High, "%s: %v outside [%v, %v]", text, want, p.Low, p.High)
		assert.NotEmpty(t, p.Nearest)
		assert.NotEmpty(t, p.Sheet)
	}
}

// A utilisation is a share: no prediction lies above its ceiling or is not a number.
func TestPredictionsStayBelowTheirCeilings(t *testing.T) {
	m := model(t)
	sheets, err := sheet.All()
	require.NoError(t, err)
	rows := sources(t)
	answered := 0
	for _, s := range sheets {
		for i := 0; i < len(rows); i += 23 {
			p, err := m.predict(s, rows[i].Query, nil)
			if err != nil {
				var unsupported *ErrUnsupported
				assert.True(t, errors.As(err, &unsupported) || errors.Is(err, ErrNoCeiling) || errors.Is(err, ErrNothingKnown), "%v", err)
				continue
			}
			answered++
			ok := p.Low > 0 && p.Low <= p.Value && p.Value <= p.High && !math.IsInf(p.High, 0) && p.Unit != ""
			assert.True(t, ok, "%+v", p)
			assert.LessOrEqual(t, p.Utilisation, 1.0)
		}
	}
	assert.Greater(t, answered, 1000)
}

func TestPredictSaysWhereItIsOut(t *testing.T) {
	m := model(t)
	near, err := m.Predict("h100-sxm", query(t, "mma"), nil)
	require.NoError(t, err)
	assert.Empty(t, near.Widened)
	far, err := m.Predict("b200", query(t, "mma"), nil)
	require.NoError(t, err)
	assert.Contains(t, far.Widened, "blackwell")
	assert.Greater(t, far.High/far.Low, near.High/near.Low)
	once, err := m.Predict("h100-sxm", query(t, "gemm"), nil)
	require.NoError(t, err)
	assert.Contains(t, once.Widened, "one GPU only")

	_, err = m.Predict("a100-sxm-80gb", query(t, "mma/fp8"), nil)
	var unsupported *ErrUnsupported
	assert.True(t, errors.As(err, &unsupported))
	_, err = m.Predict("b201", query(t, "dram"), nil)
	var unknown *sheet.ErrUnknownGPU
	require.True(t, errors.As(err, &unknown))
	assert.Equal(t, "B200", unknown.Nearest[0])
	_, err = m.Predict("v100-sxm2", query(t, "l2"), nil)
	assert.ErrorIs(t, err, ErrNothingKnown)
}

func TestProbeScalesTheCeilings(t *testing.T) {
	m := model(t)
	doc := recording(t)
	probe, err := m.Probe(doc)
	require.NoError(t, err)
	assert.InDelta(t, 1, probe.Tensor, 0.1)
	assert.InDelta(t, 1, probe.DRAM, 0.1)

	half := &Probe{Tensor: 0.5, DRAM: 0.25}
	for text, want := range map[string]float64{"wgmma": 0.5, "dram": 0.25, "wgmma{} throughput": 1, "memory/shared-bandwidth": 1, "mlperf/bert-99": 0.5} {
		plain, err := m.Predict("h200", query(t, text), nil)
		require.NoError(t, err)
		scaled, err := m.Predict("h200", query(t, text), half)
		require.NoError(t, err)
		assert.InEpsilon(t, want, scaled.Value/plain.Value, 1e-9, text)
		assert.Equal(t, want < 1, scaled.Ceilings[0].Measured, text)
	}

	slow := *doc
	slow.Rows = nil
	for _, r := range doc.Rows {
		if r.Benchmark == "memory/dram-bandwidth" {
			r.Value /= 100
			slow.Rows = append(slow.Rows, r)
		}
	}
	_, err = m.Probe(&slow)
	assert.ErrorIs(t, err, ErrProbe)
	slow.Rows = nil
	_, err = m.Probe(&slow)
	assert.ErrorIs(t, err, ErrProbe)
}

func TestExplain(t *testing.T) {
	m := model(t)
	list, err := m.Explain("h100-pcie", query(t, "mlperf/bert-99"))
	require.NoError(t, err)
	var score float64
	for i, c := range list {
		score += c.Effect
		if i > 0 {
			assert.GreaterOrEqual(t, math.Abs(list[i-1].Effect), math.Abs(c.Effect))
		}
	}
	p, err := m.Predict("h100-pcie", query(t, "mlperf/bert-99"), nil)
	require.NoError(t, err)
	assert.InDelta(t, p.Utilisation, 1/(1+math.Exp(-score)), 1e-12)
	_, err = m.Explain("v100-sxm2", query(t, "l2"))
	assert.ErrorIs(t, err, ErrNothingKnown)
}

func TestCheck(t *testing.T) {
	m := model(t)
	doc := recording(t)
	v, err := m.Check(doc)
	require.NoError(t, err)
	assert.True(t, v.Normal, "%d of %d worse", v.Worse, v.Compared)
	assert.Greater(t, v.Compared, 1000)

	sick := *doc
	sick.Rows = nil
	for _, r := range doc.Rows {
		if r.Benchmark == "memory/dram-bandwidth" {
			r.Value *= 0.6
		}
		if r.Benchmark == "memory/random-latency" && r.Metric == latency {
			r.Value *= 2
		}
		if strings.HasPrefix(r.Benchmark, "memory/dram") || strings.HasPrefix(r.Benchmark, "memory/random") {
			sick.Rows = append(sick.Rows, r)
		}
	}
	v, err = m.Check(&sick)
	require.NoError(t, err)
	assert.False(t, v.Normal)
	assert.Zero(t, v.Better)
	assert.Equal(t, 15, v.Worse, "11 bandwidths and 4 latencies")
	for i, f := range v.Outside {
		assert.True(t, f.Worse)
		assert.Greater(t, f.Off, 1.0)
		if i > 0 {
			assert.GreaterOrEqual(t, v.Outside[i-1].Off, f.Off)
		}
	}

	sick.Device.Name = "NVIDIA H999"
	var unknown *sheet.ErrUnknownGPU
	_, err = m.Check(&sick)
	assert.True(t, errors.As(err, &unknown))
}

func TestUntrustedRowsAreLeftOut(t *testing.T) {
	row := results.Row{Benchmark: "memory/dram-bandwidth", Point: results.P("op", "read", "width", "16"), Metric: bandwidth, Value: 4000, Status: results.OK}
	doc := &results.Document{Device: results.Device{Name: "NVIDIA H200"}}
	for _, change := range []func(*results.Row){
		func(*results.Row) {},
		func(r *results.Row) { r.Status = results.Throttled },
		func(r *results.Row) { r.Value = 0 },
		func(r *results.Row) { r.Proof.Emulated = true },
		func(r *results.Row) { r.Metric = "saturation" },
		func(r *results.Row) { r.Benchmark = "memory/of-the-future" },
	} {
		r := row
		change(&r)
		doc.Rows = append(doc.Rows, r)
	}
	rows, err := FromDocument(doc, "test")
	require.NoError(t, err)
	assert.Len(t, rows, 1)
}

func TestModelFile(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, model(t).Write(&b))
	assert.Equal(t, embedded, b.String(), "a model that is read and written again is the same")
	for text, want := range map[string]error{
		strings.Replace(embedded, `"version": 1`, `"version": 2`, 1):                                            ErrModelVersion,
		strings.Replace(embedded, format, "something else", 1):                                                  ErrNotAModel,
		embedded[:len(embedded)/2]:                                                                              ErrNotAModel,
		`{"format":"` + format + `","version":1}`:                                                               ErrNotAModel,
		`{"format":"` + format + `","version":1,"classes":{"tensor":{"coefficients":{"a":1},"gpus":["H200"]}}}`: ErrNotAModel,
	} {
		_, err := Read(strings.NewReader(text))
		assert.ErrorIs(t, err, want)
	}
}

func BenchmarkPredict(b *testing.B) {
	for b.Loop() {
		m, err := Default()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Predict("h100-pcie", query(b, "wgmma"), nil); err != nil {
			b.Fatal(err)
		}
	}
}
