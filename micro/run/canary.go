package run

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

// canary is one fixed configuration, float32 fma on all SMs, measured several
// times in a run: its drift is the card's drift.
type canary struct {
	r       *runner
	job     *micro.Job
	session micro.Session
}

const (
	canaryWarps, canaryChains, canaryUnroll, canaryIterations = 16, 8, 32, 500
	// warmUp is how long the canary runs before the first reading, so that the
	// clock has left its idle state.
	warmUp = 300 * time.Millisecond
	// canaryRounds make one reading, the median.
	canaryRounds = 5
)

func canaryJob(gpu micro.GPU) (*micro.Job, error) {
	input := make([]byte, 64)
	for i := 0; i < len(input); i += 8 {
		binary.LittleEndian.PutUint32(input[i:], math.Float32bits(0.5+float32(i)/1024))
	}
	return harness.Throughput{
		Make: harness.Register(ptx.F32, 2, func(k *ptx.Kernel, x ptx.Reg, c []ptx.Reg) {
			k.I("fma.rn.f32", x, x, c[0], c[1])
		}),
		Chains: canaryChains, Unroll: canaryUnroll, Warps: canaryWarps, CTAs: gpu.SMs, Iterations: canaryIterations,
		Input: input, InputTag: "canary", Instruction: "FFMA",
	}.Job(gpu)
}

// newCanary opens the canary; one that cannot be opened stays silent, because
// the benchmarks say better what is wrong with the device.
func (r *runner) newCanary(ctx context.Context) *canary {
	c := &canary{r: r}
	var err error
	if c.job, err = canaryJob(r.gpu); err != nil {
		return c
	}
	text, err := c.job.Text()
	if err != nil {
		return c
	}
	code, err := r.dev.Compile(ctx, micro.CanaryName, text)
	if err != nil {
		return c
	}
	hash, err := c.job.Hash()
	if err != nil {
		return c
	}
	session, err := r.dev.Open(ctx, micro.JobID{Benchmark: micro.CanaryName, Job: hash}, c.job, code)
	if err != nil {
		return c
	}
	c.session = session
	c.warm(ctx)
	return c
}

// warm keeps the chip busy until its clock has risen.
func (c *canary) warm(ctx context.Context) {
	if _, replayed := c.session.(interface{ Recorded() int }); replayed {
		return
	}
	for start := time.Now(); time.Since(start) < warmUp && ctx.Err() == nil; {
		if _, err := c.session.Run(ctx); err != nil {
			return
		}
	}
}

// sing takes one reading of the canary into the document.
func (c *canary) sing(ctx context.Context) {
	if c.session == nil || ctx.Err() != nil {
		return
	}
	m := &micro.Measured{Job: c.job}
	ctx, cancel := context.WithTimeout(ctx, c.r.opts.Timeout)
	defer cancel()
	for range canaryRounds {
		reading, err := c.session.Run(ctx)
		if err != nil {
			return
		}
		m.Readings = append(m.Readings, reading)
	}
	rates, err := harness.ThroughputRates(m, canaryWarps*32*canaryChains*canaryUnroll*canaryIterations)
	if err != nil {
		return
	}
	now := time.Now().UTC()
	c.r.doc.Canary = append(c.r.doc.Canary,
		results.Canary{When: now, Name: "fma f32, one SM", Value: results.Summarize(rates.PerSM).Median, Unit: "op/cycle/SM"},
		results.Canary{When: now, Name: "fma f32, all SMs", Value: results.Summarize(rates.Chip).Median / 1e12, Unit: "Top/s"})
	c.record(m.Readings)
}

// record keeps the raw readings, so that a replay sings too.
func (c *canary) record(readings []results.Reading) {
	hash, err := c.job.Hash()
	if err != nil {
		return
	}
	for i := range c.r.doc.Raw {
		if c.r.doc.Raw[i].Benchmark == micro.CanaryName {
			c.r.doc.Raw[i].Rounds = append(c.r.doc.Raw[i].Rounds, readings...)
			return
		}
	}
	kernel, _ := c.job.KernelHash()
	c.r.doc.Raw = append(c.r.doc.Raw, results.Raw{Benchmark: micro.CanaryName, Job: hash, Kernel: kernel, Rounds: readings})
}

func (c *canary) close() {
	if c.session != nil {
		_ = c.session.Close()
	}
}
