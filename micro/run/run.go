// Package run measures benchmarks on a device and makes a document of it. It is
// the only place where a benchmark meets a device.
//
// A run goes through phases: plan (pure), compile (parallel), measure
// (interleaved rounds in seeded random order), analyse (pure) and gates. Whatever
// ends it early, the document holds everything that was measured until then.
package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// Options of a run.
type Options struct {
	// Seed orders the rounds; it goes into the document.
	Seed uint64
	// Rounds overrides the benchmarks' number of rounds; 0 keeps theirs.
	Rounds int
	// Timeout bounds one round or verification of one point; 0 means DefaultTimeout.
	Timeout time.Duration
	// Expected computes the truth for a job whose judge is the emulator.
	Expected func(context.Context, *micro.Job) ([]byte, error)
	// Approximate reports whether a job's result is only known within a tolerance.
	Approximate func(*micro.Job) bool
	// Progress is told what happens; nil for nobody. Calls come from one goroutine at a time.
	Progress func(Progress)
}

// DefaultTimeout is far above what any round takes, so that only a kernel that hangs meets it.
const DefaultTimeout = 20 * time.Second

// Progress is one step of a run.
type Progress struct {
	// Phase is "plan", "compile", "measure" or "analyse".
	Phase string
	// Benchmark is what is being measured.
	Benchmark string
	// Done and Total count modules when compiling and rounds when measuring.
	Done, Total int
}

// runner is the state of one run.
type runner struct {
	dev   micro.Device
	gpu   micro.GPU
	opts  Options
	rng   *rand.Rand
	doc   *results.Document
	plans []*plan
	judge *judge
	done  Progress
	stale int
	// lost is why the device is of no more use in this process.
	lost error
}

// plan is one benchmark with its points.
type plan struct {
	micro.Benchmark
	points []*point
}

// point is a measurement in the making.
type point struct {
	micro.Measured
	hash     string // of the job
	kernel   string // of the PTX text
	code     micro.Code
	session  micro.Session
	result   []byte
	verified bool
	rounds   int  // still to run
	fault    bool // Err took the device with it
	retries  int  // rounds that may be added
}

// ErrDeviceLost says that a kernel faulted and that the driver has no way back in
// this process: the document holds what was measured until then, and the rest
// can be measured in another process.
var ErrDeviceLost = errors.New("the device is lost to this process after a fault")

// Run measures the benchmarks. The document is never nil; when ctx ends before
// the run does, it is marked interrupted. The error is for what makes the whole
// run pointless, or ErrDeviceLost; troubles of single points are rows.
func Run(ctx context.Context, dev micro.Device, benchmarks []micro.Benchmark, opts Options) (*results.Document, error) {
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	r := &runner{dev: dev, opts: opts, rng: rand.New(rand.NewPCG(opts.Seed, 0x6d69_6372_6f))}
	r.doc = &results.Document{
		Schema: results.SchemaVersion, Seed: opts.Seed, Started: time.Now().UTC(), State: results.Complete,
		Backend: dev.Backend(), Device: dev.Describe(), Host: host(),
	}
	var err error
	if r.gpu, err = micro.NewGPU(r.doc.Device); err != nil {
		return r.doc, err
	}
	r.judge = newJudge(opts)
	for _, b := range benchmarks {
		r.plans = append(r.plans, &plan{Benchmark: b})
	}
	r.phase("plan", r.plan)
	r.phase("compile", func() { r.compile(ctx) })
	r.phase("measure", func() { r.measure(ctx) })
	r.phase("analyse", func() { r.analyse(ctx) })
	if ctx.Err() != nil || r.lost != nil {
		r.doc.State = results.Interrupted
	}
	r.finish()
	if r.lost != nil && ctx.Err() == nil {
		return r.doc, fmt.Errorf("%w: %w", ErrDeviceLost, r.lost)
	}
	return r.doc, nil
}

func (r *runner) phase(name string, work func()) {
	r.done = Progress{Phase: name}
	start := time.Now()
	work()
	r.doc.Phases = append(r.doc.Phases, results.Phase{Name: name, Seconds: time.Since(start).Seconds()})
}

func (r *runner) tell(benchmark string) {
	r.done.Benchmark = benchmark
	if r.opts.Progress != nil {
		r.opts.Progress(r.done)
	}
}

func (r *runner) finish() {
	if t, ok := r.dev.(interface{ Telemetry() []results.Sensors }); ok {
		r.doc.Telemetry = t.Telemetry()
	}
	if o, ok := r.dev.(interface{ Origin() results.Origin }); ok {
		origin := o.Origin()
		origin.Stale = r.stale
		r.doc.Recording = &origin
	}
	r.doc.Finished = time.Now().UTC()
}

func host() results.Host {
	return results.Host{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Kernel: kernelRelease()}
}
