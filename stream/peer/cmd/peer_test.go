//go:build peer

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/host"
)

// TestPeers builds the library, checks every kernel in every form against ours,
// and takes a few quads of small arrays.
func TestPeers(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	out, err := exec.Command("../build.sh", t.TempDir()).CombinedOutput()
	require.NoError(t, err, string(out))
	cpus, err := host.CPUs(0)
	require.NoError(t, err)
	require.NoError(t, environment(cpus))
	lib, about, err := load(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	assert.Contains(t, about.compiler, "gcc")
	b := &bench{lib: lib, quads: 3, most: 3}
	b.team, err = host.NewTeam(cpus)
	require.NoError(t, err)
	defer b.team.Close()
	assert.Equal(t, len(cpus), lib.wakeThreads())
	for _, kernel := range numbers() {
		for _, typ := range stream.Types() {
			assert.NoError(t, b.check(kernel, 0, typ))
			if kernel == stream.Nstream || kernel == stream.Dot {
				continue
			}
			for width := about.width; width >= 256; width -= 256 {
				assert.NoError(t, b.check(kernel, width, typ))
			}
		}
	}
	assert.Error(t, b.check(stream.Dot, 512, stream.F64), "there is no such form, so nothing like our sum is left")

	memory, err := host.NewMemory(1 << 20)
	require.NoError(t, err)
	defer memory.Close()
	b.arrays = memory.Arrays()
	doc := document{}
	require.NoError(t, b.all(&doc, []string{stream.Copy, stream.Dot}, stream.F64, about.width))
	assert.GreaterOrEqual(t, len(doc.Rows), 4)
	for _, r := range doc.Rows {
		if r.Status == results.OK {
			assert.Positive(t, r.Value)
		} else {
			assert.NotEmpty(t, r.Reason)
		}
	}
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	_, _, err := load(filepath.Join(t.TempDir(), "none.so"))
	assert.ErrorContains(t, err, "none.so")
}

func TestParseStat(t *testing.T) {
	busy, stolen, err := parseStat("cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3\n")
	require.NoError(t, err)
	assert.Equal(t, 1630*time.Millisecond, busy)
	assert.Equal(t, 80*time.Millisecond, stolen)
	for _, bad := range []string{"", "cpu 1 2", "cpu a b c d e f g h i"} {
		_, _, err := parseStat(bad)
		assert.Error(t, err, bad)
	}
}

func TestLoud(t *testing.T) {
	const timed = 100 * time.Millisecond
	assert.False(t, noise{waited: time.Millisecond / 2, busy: 210 * time.Millisecond, own: 200 * time.Millisecond}.loud(timed))
	assert.True(t, noise{waited: 2 * time.Millisecond}.loud(timed))
	assert.True(t, noise{stolen: tick}.loud(timed))
	assert.True(t, noise{busy: 240 * time.Millisecond, own: 200 * time.Millisecond}.loud(timed))
}

func TestRow(t *testing.T) {
	c := comparison{ref: "r", variant: "v", speeds: []float64{1, 1.1, 1.2, 0.9, 1, 1.3}, took: []float64{1, 2, 3, 2, 2, 2}, loud: 4}
	copyKernel, err := stream.Find(stream.Copy)
	require.NoError(t, err)
	r := c.row(copyKernel, stream.F64, 2, 8)
	assert.InDelta(t, 1.05, r.Value, 1e-12)
	assert.Equal(t, [2]float64{0.9, 1.3}, *r.Interval)
	assert.Contains(t, fmt.Sprint(r.Annotations), "4 more were discarded")
	assert.Contains(t, fmt.Sprint(r.Annotations), "8.00 GB/s")
	c.speeds = nil
	assert.Equal(t, results.Skipped, c.row(copyKernel, stream.F64, 2, 8).Status)
}
