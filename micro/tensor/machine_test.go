package tensor

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
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
	"github.com/gpubench/gpubench/ptx/sass"
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

// compile gives the notes of ptxas -v and the machine code.
func compile(t *testing.T, text, target string) (notes string, code []*sass.Kernel, err error) {
	tool, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS")
	if err != nil {
		return "", nil, err
	}
	source := filepath.Join(t.TempDir(), "kernel.ptx")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	cubin := source + ".cubin"
	out, err := exec.CommandContext(t.Context(), tool, "-v", "-arch="+target, "-o", cubin, source).CombinedOutput()
	if err != nil {
		return string(out), nil, err
	}
	image, err := os.ReadFile(cubin)
	if err != nil {
		return "", nil, err
	}
	code, err = sass.Read(image)
	return string(out), code, err
}

func needTools(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// countIn counts the instructions that match a pattern, in the sections that have any.
func countIn(k *sass.Kernel, pattern string) []int {
	var counts []int
	for _, section := range k.Sections() {
		if n := sass.Count(section, pattern); n > 0 {
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
// The two targets differ in what they emulate; the conformance suite does all.
func TestMachineCode(t *testing.T) {
	needTools(t)
	for _, b := range Benchmarks() {
		for _, target := range []isa.Target{isa.SM89, isa.SM90a} {
			t.Run(path.Base(b.Name)+" "+target.String(), func(t *testing.T) {
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
						notes, code, err := compile(t, x.ptx, target.String())
						mu.Lock()
						defer mu.Unlock()
						if !assert.NoError(t, err, "%s\n%s", x.point.Key(), notes) {
							return nil
						}
						assert.NotRegexp(t, doubtful, notes, x.point.Key())
						checkSections(t, x, code)
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
func checkSections(t *testing.T, x text, code []*sass.Kernel) {
	i := slices.IndexFunc(code, func(k *sass.Kernel) bool { return k.Name == x.job.Expect.Kernel })
	if !assert.GreaterOrEqual(t, i, 0, "no kernel %s", x.job.Expect.Kernel) {
		return
	}
	got := countIn(code[i], x.job.Expect.Instruction)
	if len(got) == 0 && x.job.Expect.Emulated != "" {
		got = countIn(code[i], x.job.Expect.Emulated)
	}
	if x.job.Expect.Sections[0] == 0 {
		assert.NotEmpty(t, got, x.point.Key())
		return
	}
	assert.Equal(t, x.job.Expect.Sections, got, "%s: %s or %s", x.point.Key(), x.job.Expect.Instruction, x.job.Expect.Emulated)
}
