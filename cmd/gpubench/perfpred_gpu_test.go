package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
)

func TestPredictOnAGPU(t *testing.T) {
	s := newScene(t)
	o := s.must("perfpred", "predict", "--gpu", "h100-pcie", "--bench", "wgmma/f16,memory/dram-bandwidth", "--why")
	for _, says := range []string{"on H100 PCIe", "TFLOP/s", "GB/s", "bound by", "nearest known", "(intercept)"} {
		assert.Contains(t, o.out, says)
	}
	o = s.must("perfpred", "predict", "--gpu", "h100-pcie", "--bench", "memory/dram-bandwidth", "--json")
	var answers []struct{ Value, Low, High float64 }
	require.NoError(t, json.Unmarshal([]byte(o.out), &answers))
	require.Len(t, answers, 1)
	a := answers[0]
	assert.True(t, a.Low < a.Value && a.Value < a.High)
	assert.InEpsilon(t, 1850, a.Value, 0.15, "published for the same chip: 1861.5 GB/s")
}

func TestPredictOnAGPUBadInput(t *testing.T) {
	s := newScene(t)
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"unknown GPU":     {[]string{"--gpu", "h1000", "--bench", "wgmma/f16"}, "nearest are"},
		"no benchmark":    {[]string{"--gpu", "h100-pcie"}, "--bench is missing"},
		"unknown":         {[]string{"--gpu", "h100-pcie", "--bench", "frob/f16"}, "frob"},
		"not on that GPU": {[]string{"--gpu", "a100-sxm-80gb", "--bench", "wgmma/f16"}, "does not support wgmma"},
		"a model too":     {[]string{"model.json", "--gpu", "h100-pcie", "--bench", "wgmma/f16"}, "one argument too many"},
		"no model":        {nil, "MODEL is missing"},
		"no probe":        {[]string{"--gpu", "h100-pcie", "--bench", "wgmma/f16", "--probe", s.path("none.json")}, "none.json"},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.gpubench(append([]string{"perfpred", "predict"}, tt.args...)...)
			assert.Equal(t, exitUsage, o.code, o.err)
			assert.Contains(t, o.err, tt.says)
		})
	}
}

// TestCheckACard asks about the recorded card, which the model was trained on, and
// about one at half the bandwidth.
func TestCheckACard(t *testing.T) {
	s := newScene(t)
	s.must("run", "memory/dram-bandwidth", "--no-report", "--quiet", "--out", s.path("card"))
	path := filepath.Join(s.path("card"), documentName)
	assert.Contains(t, s.must("perfpred", "check", path).out, "H200 SXM: normal")

	doc := s.read(path)
	for i := range doc.Rows {
		doc.Rows[i].Value /= 2
	}
	slow := s.path("slow.json")
	require.NoError(t, results.Write(slow, doc))
	o := s.must("perfpred", "check", slow)
	assert.Contains(t, o.out, "not normal")
	assert.Contains(t, o.out, "worse")

	doc.Device.Name = "A Card That Nobody Makes"
	require.NoError(t, results.Write(slow, doc))
	o = s.gpubench("perfpred", "check", slow)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.err, "nearest are")
}
