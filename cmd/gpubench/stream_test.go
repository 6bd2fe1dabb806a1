package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

func TestStreamBadInput(t *testing.T) {
	s := newScene(t)
	out := s.path("out")
	for name, tt := range map[string]struct {
		args []string
		says []string
	}{
		"target":        {[]string{"--target", "moon"}, []string{"host, gpu or all"}},
		"kernel":        {[]string{"--kernel", "copy,trid"}, []string{`"trid"`, "triad"}},
		"type":          {[]string{"--type", "f16"}, []string{"f64 or f32"}},
		"size":          {[]string{"--size", "big"}, []string{"512MiB"}},
		"no size":       {[]string{"--size", "0"}, []string{"512MiB"}},
		"too small":     {[]string{"--target", "host", "--size", "4KiB"}, []string{"too small", "at least"}},
		"too large":     {[]string{"--target", "host", "--size", "1000TB"}, []string{"do not fit", "free"}},
		"small on GPU":  {[]string{"--target", "gpu", "--size", "1MiB"}, []string{"too small", "--size", "--force"}},
		"large on GPU":  {[]string{"--target", "gpu", "--size", "900GB"}, []string{"too large", "--size"}},
		"isa":           {[]string{"--target", "host", "--isa", "mmx"}, []string{"mmx"}},
		"many threads":  {[]string{"--target", "host", "--threads", "4096"}, []string{"4096"}},
		"few threads":   {[]string{"--threads", "-1"}, []string{"1 or more"}},
		"an argument":   {[]string{"triad"}, []string{"one argument too many"}},
		"stores":        {[]string{"--target", "host", "--stores", "magic"}, []string{"magic", "tuned"}},
		"negative card": {[]string{"--gpu", "-1"}, []string{"counted from 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.gpubench(append([]string{"stream", "--no-report", "--out", out}, tt.args...)...)
			assert.Equal(t, exitUsage, o.code, o.err)
			for _, says := range tt.says {
				assert.Contains(t, o.err, says)
			}
		})
	}
}

// tinyHost measures the host alone, on arrays that are too small.
func tinyHost(out string) []string {
	return []string{"stream", "--target", "host", "--size", "64KiB", "--force", "--kernel", "triad", "--type", "f64", "--out", out}
}

func TestStreamOnTheHost(t *testing.T) {
	s := newScene(t)
	o := s.must(tinyHost(s.path("out"))...)
	assert.Contains(t, o.out, "Function         Best Rate GB/s")
	assert.Contains(t, o.out, "triad:")
	assert.Contains(t, o.out, stream.Variant)
	assert.FileExists(t, filepath.Join(s.path("out"), "report.html"))
	doc := s.read(filepath.Join(s.path("out"), documentName))
	assert.Equal(t, "host", doc.Backend)
	assert.NotNil(t, doc.Host.CPU)
	for _, r := range doc.Rows {
		assert.Equal(t, results.Flagged, r.Status)
		assert.True(t, r.Correct.OK)
	}
	assert.NotEmpty(t, doc.Raw)
	assert.NotEmpty(t, doc.Series)
}

func TestStreamAllWithoutAGPUIsTheHost(t *testing.T) {
	s := newScene(t)
	args := append(tinyHost(s.path("out")), "--json", "--no-report", "--quiet")
	args[2] = targetAll
	o := s.must(args...)
	assert.Contains(t, o.err, "the host alone is measured")
	assert.True(t, strings.HasPrefix(o.out, "{"), "the document and nothing else")
}

// TestStreamReplaysTheGPU shows the recorded run, and says so.
func TestStreamReplaysTheGPU(t *testing.T) {
	s := newScene(t)
	o := s.must("stream", "--target", "gpu", "--kernel", "copy,read,write", "--type", "f64", "--no-report", "--quiet", "--out", s.path("out"))
	assert.Contains(t, o.out, "RECORDING")
	assert.Contains(t, o.out, "NVIDIA H200, arrays of 2048 MiB, f64")
	assert.Contains(t, o.out, "copy:")
	assert.NotContains(t, o.out, "triad:")
	assert.Contains(t, o.out, "bound by")
}

func TestStreamInterrupted(t *testing.T) {
	s := newScene(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.ctx = ctx
	o := s.gpubench(tinyHost(s.path("out"))...)
	assert.Equal(t, exitInterrupted, o.code, o.err)
	require.FileExists(t, filepath.Join(s.path("out"), documentName))
	assert.Equal(t, results.Interrupted, s.read(filepath.Join(s.path("out"), documentName)).State)
}
