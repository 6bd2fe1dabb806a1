package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/suite"
	"github.com/gpubench/gpubench/results"
)

// blind fails a test that opens a device, and so reads the recording.
func (s *scene) blind() {
	s.world.open = func(backend.Options) (micro.Device, error, error) {
		s.t.Error("a device was opened")
		return nil, nil, errors.New("no device in this test")
	}
}

func TestList(t *testing.T) {
	s := newScene(t)
	s.blind()
	o := s.must("list")
	for _, b := range suite.All() {
		assert.Contains(t, o.out, b.Name)
		assert.Contains(t, o.out, b.Question)
	}
	for _, x := range suite.Suites() {
		assert.Contains(t, o.out, "\n"+x.Name+" ")
	}
	o = s.must("list", "dpx/*")
	assert.Len(t, strings.Split(strings.TrimSpace(o.out), "\n"), 2, "those alone: %s", o.out)

	var all listed
	o = s.must("list", "--json")
	assertJSON(t, o.out)
	require.NoError(t, json.Unmarshal([]byte(o.out), &all))
	assert.Len(t, all.Benchmarks, len(suite.All()))
	assert.Len(t, all.Suites, len(suite.Suites()))
	for _, b := range all.Benchmarks {
		assert.NotEmpty(t, b.Units, b.Name)
	}
}

func TestExplainEveryBenchmark(t *testing.T) {
	s := newScene(t)
	s.blind()
	for _, b := range suite.All() {
		o := s.must("explain", b.Name)
		text := strings.Join(strings.Fields(o.out), " ")
		for _, want := range []string{b.Question, b.Method, b.Source, strings.Join(b.Units, ", "), "NVIDIA H200 (sm_90a)"} {
			assert.Contains(t, text, strings.Join(strings.Fields(want), " "), b.Name)
		}
		x := assertJSON(t, s.must("explain", b.Name, "--json").out).(map[string]any)
		assert.Equal(t, b.Name, x["name"])
		assert.NotZero(t, x["point_count"], b.Name)
		assert.NotEmpty(t, x["coordinates"], b.Name)
	}
}

func TestExplainPoints(t *testing.T) {
	s := newScene(t)
	s.blind()
	o := s.must("explain", "tensor/wgmma-latency", "--points", "--target", "sm_80")
	assert.Contains(t, o.out, "NVIDIA A100")
	assert.Contains(t, o.out, "(unsupported: ", "Ampere has no wgmma")
	o = s.must("explain", small, "--points")
	assert.Contains(t, o.out, "\n  fn=__vimax3_s32\n")
	assert.NotContains(t, o.out, "unsupported")
	x := assertJSON(t, s.must("explain", small, "--points", "--json").out).(map[string]any)
	assert.Len(t, x["points"], int(x["point_count"].(float64)))
}

func TestExplainPTX(t *testing.T) {
	s := newScene(t)
	s.blind()
	o := s.must("explain", small, "--point", "fn=__vimax3_s32", "--ptx")
	assert.True(t, strings.HasPrefix(o.out, "// dpx/latency {fn=__vimax3_s32}, kernel "), o.out[:80])
	for _, want := range []string{".version", ".target sm_90", "max.s32", "ret;"} {
		assert.Contains(t, o.out, want)
	}
	x := assertJSON(t, s.must("explain", small, "--point", "fn=__vimax3_s32", "--ptx", "--json").out).(map[string]any)
	code := x["code"].(map[string]any)
	_, text, _ := strings.Cut(o.out, "\n")
	assert.Equal(t, text, code["ptx"])
	assert.Equal(t, micro.HashText(text), code["kernel"])

	o = s.gpubench("explain", "tensor/wgmma-latency", "--ptx", "--target", "sm_80")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "cannot be built for sm_80")
}

// TestExplainSASSFromARecording replays a recording with machine code of one kernel.
func TestExplainSASSFromARecording(t *testing.T) {
	s := newScene(t)
	ptx := s.must("explain", small, "--point", "fn=__vimax3_s32", "--ptx")
	_, text, _ := strings.Cut(ptx.out, "\n")
	dev, err := backend.NewReplay("made here", &results.Document{
		Device: results.Device{Name: "NVIDIA H200"}, Raw: []results.Raw{{Benchmark: small}},
		Kernels: []results.Kernel{{Hash: micro.HashText(text), Code: []results.MachineCode{{
			Kernel: "measure", Registers: 16, Sections: []results.Section{{{Mnemonic: "VIMNMX3", Count: 32}}},
		}}}},
	})
	require.NoError(t, err)
	s.world.open = func(backend.Options) (micro.Device, error, error) { return dev, errors.New("there is no driver"), nil }

	o := s.must("explain", small, "--point", "fn=__vimax3_s32", "--sass")
	assert.Contains(t, o.err, "no usable GPU (there is no driver): showing what was recorded on NVIDIA H200")
	assert.Contains(t, o.out, "16 registers")
	assert.Contains(t, o.out, "section 1\n     32  VIMNMX3\n")
	assert.NotContains(t, o.out, ".version")
	assert.Contains(t, s.must("explain", small, "--point", "fn=__vimax3_s32", "--sass", "--ptx").out, ".version")
	assertJSON(t, s.must("explain", small, "--point", "fn=__vimax3_s32", "--sass", "--json").out)

	o = s.gpubench("explain", small, "--point", "fn=__vimax3_u32", "--sass")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.err, "the recording has no machine code of this kernel")
}

func TestExplainBands(t *testing.T) {
	s := newScene(t)
	recording := s.recording("made")
	s.world.open = func(o backend.Options) (micro.Device, error, error) {
		assert.Equal(t, backend.KindReplay, o.Kind)
		o.Recording = recording
		return backend.Open(o)
	}
	doc := s.read(recording)
	o := s.must("explain", small, "--bands")
	x := assertJSON(t, s.must("explain", small, "--bands", "--json").out).(map[string]any)
	n := 0
	for _, r := range doc.Rows {
		if r.Band != nil {
			b := x["bands"].([]any)[n].(map[string]any)
			assert.Equal(t, r.Band[0], b["low"])
			assert.Equal(t, r.Band[1], b["high"])
			assert.Contains(t, o.out, "\n  "+r.Point.Key()+"  ")
			n++
		}
	}
	assert.NotZero(t, n)
	assert.Len(t, x["bands"], n)
	assert.Contains(t, o.out, "with the recorded values: ")
}

func TestDoctor(t *testing.T) {
	s := newScene(t)
	found := assertJSON(t, s.must("doctor", "--json").out).([]any)
	assert.NotEmpty(t, found)
	assert.Len(t, strings.Split(strings.TrimSpace(s.must("doctor").out), "\n"), len(found))
}
