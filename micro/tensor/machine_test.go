package tensor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

// text is a distinct PTX text, with a job that uses it.
type text struct {
	name  string
	point results.Point
	job   *micro.Job
	ptx   string
}

// texts builds every point that a target's usual GPU can do.
func texts(t *testing.T, b micro.Benchmark, target isa.Target) []text {
	t.Helper()
	gpu, err := micro.Nominal(target)
	require.NoError(t, err)
	known := map[string]bool{}
	var list []text
	for _, p := range b.Plan(gpu) {
		job, err := b.Job(gpu, p)
		if errors.Is(err, micro.ErrUnsupported) || errors.Is(err, ptx.ErrTarget) {
			continue
		}
		require.NoError(t, err, p.Key())
		s, err := job.Text()
		require.NoError(t, err, p.Key())
		if !known[s] {
			known[s] = true
			list = append(list, text{b.Name, p, job, s})
		}
	}
	return list
}

// doubtful is what ptxas says when wgmma was made serial, a fence was put in, or
// registers were spilled.
var doubtful = regexp.MustCompile(`\(C\d{4,5}\)|[1-9]\d* bytes spill|[1-9]\d* bytes stack`)

// compile gives the notes of ptxas -v and the listing of nvdisasm.
func compile(t *testing.T, text, target string) (notes, listing string, err error) {
	tool, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS")
	if err != nil {
		return "", "", err
	}
	source := filepath.Join(t.TempDir(), "kernel.ptx")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		return "", "", err
	}
	cubin := source + ".cubin"
	out, err := exec.CommandContext(t.Context(), tool, "-v", "-arch="+target, "-o", cubin, source).CombinedOutput()
	if err != nil {
		return string(out), "", err
	}
	code, err := os.ReadFile(cubin)
	if err != nil {
		return "", "", err
	}
	listing, err = ptxas.Disassemble(t.Context(), code)
	return string(out), listing, err
}

func needTools(t *testing.T) {
	for tool, variable := range map[string]string{"ptxas": "GPUBENCH_PTXAS", "nvdisasm": "GPUBENCH_NVDISASM"} {
		if _, err := ptxas.Find(tool, variable); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

var instructionLine = regexp.MustCompile(`(?m)^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?([A-Z][\w.]*)(.*?);`)

// sections lists the opcodes between clock reads.
func sections(listing string) [][]string {
	var all [][]string
	for _, m := range instructionLine.FindAllStringSubmatch(listing, -1) {
		if strings.HasPrefix(m[1], "CS2R") && strings.Contains(m[2], "SR_CLOCKLO") {
			all = append(all, nil)
			continue
		}
		if len(all) > 0 {
			all[len(all)-1] = append(all[len(all)-1], m[1])
		}
	}
	return all
}

// countIn counts opcodes that match a pattern, in the sections that have any.
func countIn(all [][]string, pattern string) []int {
	re := regexp.MustCompile("^(" + strings.ReplaceAll(pattern, ".", `\.`) + `)(\.|$)`)
	var counts []int
	for _, section := range all {
		n := 0
		for _, op := range section {
			if re.MatchString(op) {
				n++
			}
		}
		if n > 0 {
			counts = append(counts, n)
		}
	}
	return counts
}

// wanted leaves out most widths, unless GPUBENCH_ALL_FORMS is set.
func wanted(p results.Point) bool {
	shape := p.Get("shape")
	if os.Getenv("GPUBENCH_ALL_FORMS") != "" || !strings.HasPrefix(shape, "m64n") {
		return true
	}
	return strings.HasPrefix(shape, "m64n8k") || strings.HasPrefix(shape, "m64n40k") || strings.HasPrefix(shape, "m64n256k")
}

// TestMachineCode gives the kernels to the real assembler: no notes that cast
// doubt on them, and between the clock reads exactly the instructions expected.
func TestMachineCode(t *testing.T) {
	needTools(t)
	for _, b := range Benchmarks() {
		for _, target := range isa.AllTargets() {
			t.Run(b.Name+" "+target.String(), func(t *testing.T) {
				var group errgroup.Group
				group.SetLimit(runtime.NumCPU())
				var mu sync.Mutex
				n := 0
				for _, x := range texts(t, b, target) {
					if !wanted(x.point) {
						continue
					}
					n++
					group.Go(func() error {
						notes, listing, err := compile(t, x.ptx, target.String())
						mu.Lock()
						defer mu.Unlock()
						if !assert.NoError(t, err, "%s\n%s", x.point.Key(), notes) {
							return nil
						}
						assert.NotRegexp(t, doubtful, notes, x.point.Key())
						checkSections(t, x, sections(listing))
						return nil
					})
				}
				require.NoError(t, group.Wait())
				t.Logf("%d kernels", n)
			})
		}
	}
}

// checkSections compares the counts with the job's expectation.
func checkSections(t *testing.T, x text, all [][]string) {
	want := make([]int, len(x.job.Expect.Sections))
	for i, n := range x.job.Expect.Sections {
		want[i] = n * max(x.job.Expect.PerStep, 1)
	}
	got := countIn(all, x.job.Expect.Instruction)
	if len(got) == 0 && x.job.Expect.Emulated != "" {
		got = countIn(all, x.job.Expect.Emulated)
	}
	assert.Equal(t, want, got, "%s: %s|%s", x.point.Key(), x.job.Expect.Instruction, x.job.Expect.Emulated)
}
