// Package conformance is the one suite that every benchmark passes: its kernels
// are pure and assemble for every target that it declares, the target instruction
// stands between the clock reads, its texts are complete, and its recorded
// samples analyse to the recorded rows.
package conformance

import (
	"context"
	"errors"
	"os"
	"regexp"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/internal/ptxas"
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/micro/suite"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

func TestTexts(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range suite.All() {
		t.Run(b.Name, func(t *testing.T) {
			assert.Regexp(t, regexp.MustCompile(`^[a-z0-9]+/[a-z0-9-]+$`), b.Name)
			assert.False(t, seen[b.Name], "the name is taken")
			seen[b.Name] = true
			assert.Regexp(t, `\?$`, b.Question, "a question ends with a question mark")
			assert.NotEmpty(t, b.Method)
			assert.NotEmpty(t, b.Source)
			assert.NotEmpty(t, b.Experiment)
			assert.NotEmpty(t, b.Units)
		})
	}
}

// kernel is a distinct text with one job that uses it.
type kernel struct {
	benchmark string
	point     results.Point
	job       *micro.Job
	text      string
}

// kernels builds all points of a target twice and hands over each distinct text
// as soon as it is there; it returns their number.
func kernels(t *testing.T, target isa.Target, use func(kernel)) int {
	gpu, err := micro.Nominal(target)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, b := range suite.All() {
		points := map[string]bool{}
		for _, p := range b.Plan(gpu) {
			assert.False(t, points[p.Key()], "%s {%s} is planned twice", b.Name, p.Key())
			points[p.Key()] = true
			job, err := b.Job(gpu, p)
			if errors.Is(err, micro.ErrUnsupported) || errors.Is(err, ptx.ErrTarget) {
				continue
			}
			if !assert.NoError(t, err, "%s {%s}", b.Name, p.Key()) {
				continue
			}
			assert.NoError(t, job.Valid(), "%s {%s}", b.Name, p.Key())
			text := assertPure(t, b, gpu, p, job)
			if !known[text] {
				known[text] = true
				use(kernel{b.Name, p, job, text})
			}
		}
		assert.NotEmpty(t, points, "%s plans nothing", b.Name)
	}
	return len(known)
}

// narrowClock is %clock and %clock_hi, not %clock64.
var narrowClock = regexp.MustCompile(`%clock(;|,|_hi)`)

// assertPure builds the job again and compares.
func assertPure(t *testing.T, b micro.Benchmark, gpu micro.GPU, p results.Point, job *micro.Job) string {
	again, err := b.Job(gpu, p)
	require.NoError(t, err)
	text, err := job.Text()
	require.NoError(t, err)
	assert.NotRegexp(t, narrowClock, text, "%s {%s}: a 32-bit clock wraps in two seconds", b.Name, p.Key())
	hash, err := job.Hash()
	require.NoError(t, err)
	hashAgain, err := again.Hash()
	require.NoError(t, err)
	assert.Equal(t, hash, hashAgain, "%s {%s}: the same point gave another job", b.Name, p.Key())
	return text
}

func TestKernelsAssembleAndHoldTheirInstruction(t *testing.T) {
	if _, err := ptxas.Find("ptxas", "GPUBENCH_PTXAS"); err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	for _, target := range isa.AllTargets() {
		t.Run(target.String(), func(t *testing.T) {
			var group errgroup.Group
			group.SetLimit(runtime.NumCPU())
			n := kernels(t, target, func(k kernel) {
				group.Go(func() error {
					assert.Empty(t, assemble(k, target), "%s {%s}", k.benchmark, k.point.Key())
					return nil
				})
			})
			require.NoError(t, group.Wait())
			assert.NotZero(t, n)
			t.Logf("%d distinct kernels", n)
		})
	}
}

// assemble says what is wrong with a kernel, empty if nothing.
func assemble(k kernel, target isa.Target) string {
	cubin, err := ptxas.Assemble(context.Background(), k.text, target.String())
	if err != nil {
		return err.Error()
	}
	code, err := run.MachineCode(cubin)
	if err != nil {
		return err.Error()
	}
	if k.job.Expect.Instruction == "" {
		return ""
	}
	if proof := run.Prove(k.job.Expect, code, nil); proof.Kind != results.ProofSASS {
		return proof.Detail
	}
	return ""
}
