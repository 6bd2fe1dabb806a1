package harness_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/internal/arch"
	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/alu"
	"github.com/gpubench/gpubench/micro/dpx"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// control is an instruction with what the compiler tells the scheduler.
type control struct {
	text string
	// stall is cycles to the next instruction, waits the set of scoreboards to
	// wait for first, and sets whether it sets one.
	stall, waits int
	sets         bool
}

var (
	firstHalf  = regexp.MustCompile(`^\s*/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;\s*/\* 0x[0-9a-f]{16} \*/`)
	secondHalf = regexp.MustCompile(`^\s*/\* 0x([0-9a-f]{16}) \*/`)
)

// controls reads nvdisasm's listing.
func controls(t *testing.T, listing string) []control {
	t.Helper()
	var list []control
	for line := range strings.Lines(listing) {
		if m := firstHalf.FindStringSubmatch(line); m != nil {
			list = append(list, control{text: m[1]})
		} else if m := secondHalf.FindStringSubmatch(line); m != nil && len(list) > 0 {
			bits, err := strconv.ParseUint(m[1], 16, 64)
			require.NoError(t, err)
			last := &list[len(list)-1]
			last.stall, last.waits = int(bits>>41&15), int(bits>>52&63)
			last.sets = bits>>46&7 != 7
		}
	}
	return list
}

// timedSections are the stretches between the first and second clock read, the
// third and fourth, and so on, each with the read that ends it.
func timedSections(list []control) [][]control {
	var sections [][]control
	start := -1
	for i, c := range list {
		if !strings.Contains(c.text, "SR_CLOCK") {
			continue
		}
		if start < 0 {
			start = i
			continue
		}
		sections = append(sections, list[start:i+1])
		start = -1
	}
	return sections
}

// static is the time of a section in which no wait lasts: the stalls of all
// but the read that ends it; and how many instructions wait.
func static(section []control) (stalls, waits int) {
	for i, c := range section {
		if i < len(section)-1 {
			stalls += c.stall
		}
		if i > 0 && c.waits != 0 {
			waits++
		}
	}
	return stalls, waits
}

// TestTimedSectionsDifferInTheirStepsOnly: what surrounds the steps must cost
// the same at every length, or the slope is not the latency. The read that ends
// a section must wait for nothing: the wait for a store that has not yet read
// its register once cost ten cycles in three sections of four.
func TestTimedSectionsDifferInTheirStepsOnly(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	for _, target := range []isa.Target{isa.SM80, isa.SM89, isa.SM90a} {
		gpu := micro.GPU{Arch: target, Spec: arch.Lookup(target, ""), Table: isa.New()}
		gpu.SMs = 4
		for _, b := range append(alu.Benchmarks(), dpx.Benchmarks()...) {
			if b.Name != "alu/latency" && (b.Name != "dpx/latency" || target != isa.SM90a) {
				continue
			}
			for _, p := range b.Plan(gpu) {
				job, err := b.Job(gpu, p)
				if err != nil || len(job.Expect.Sections) != len(harness.Lengths()) {
					continue // not on this target, or the spread over the SMs
				}
				t.Run(fmt.Sprint(target, " ", b.Name, " ", p.Key()), func(t *testing.T) {
					t.Parallel()
					sameAround(t, gpu, b, &micro.Measured{Point: p, Job: job})
				})
			}
		}
	}
}

// sameAround also analyses the stalls as if they had been measured: a fixed
// latency is what the compiler counts on, so it must lie in the row's band.
func sameAround(t *testing.T, gpu micro.GPU, b micro.Benchmark, m *micro.Measured) {
	t.Helper()
	text, err := m.Job.Text()
	require.NoError(t, err)
	cubin, err := ptxas.Assemble(t.Context(), text, gpu.Arch.String())
	require.NoError(t, err)
	listing, err := ptxas.Disassemble(t.Context(), cubin)
	require.NoError(t, err)
	sections := timedSections(controls(t, listing))
	require.Len(t, sections, len(m.Job.Expect.Sections))
	var stalls, waits []int
	for _, s := range sections {
		st, w := static(s)
		stalls, waits = append(stalls, st), append(waits, w)
		assert.Zero(t, s[len(s)-1].waits, "the clock read that ends a section waits")
	}
	last := len(waits) - 1
	if waits[last] > waits[last-1]+1 {
		return // steps of variable latency: stalls say little
	}
	var samples []uint64
	for range 9 {
		for _, n := range stalls {
			samples = append(samples, uint64(n))
		}
	}
	m.Readings = []results.Reading{{Samples: samples}}
	a, err := b.Analyse(gpu, []*micro.Measured{m})
	require.NoError(t, err)
	require.Len(t, a.Rows, 1)
	row := a.Rows[0]
	t.Logf("%s %s %s: %.3f cycles, stalls %v, waits %v, %v", gpu.Arch, b.Name, m.Point.Key(), row.Value, stalls, waits, row.Annotations)
	if row.Band != nil {
		assert.GreaterOrEqual(t, row.Value, row.Band[0])
		assert.LessOrEqual(t, row.Value, row.Band[1])
		assert.Equal(t, results.OK, row.Status, row.Reason)
	}
}
