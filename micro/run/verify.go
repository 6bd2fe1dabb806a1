package run

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// judge compares the results of kernels with the truth, beside the measurements.
type judge struct {
	opts  Options
	work  sync.WaitGroup
	slots chan struct{}
	mu    sync.Mutex
	known map[string]*truth // by job hash
}

// truth is an emulated result, computed once a job.
type truth struct {
	once   sync.Once
	result []byte
	err    error
}

func newJudge(opts Options) *judge {
	return &judge{opts: opts, slots: make(chan struct{}, max(1, runtime.NumCPU()-1)), known: map[string]*truth{}}
}

// submit starts the comparison of a point's result; Correct is set after wait.
func (j *judge) submit(ctx context.Context, p *point) {
	p.verified = true
	j.work.Go(func() {
		j.slots <- struct{}{}
		defer func() { <-j.slots }()
		p.Correct = j.check(ctx, p)
	})
}

func (j *judge) wait() { j.work.Wait() }

func (j *judge) check(ctx context.Context, p *point) results.Check {
	by := p.Job.CheckedBy
	if p.Job.Check != nil {
		if err := p.Job.Check(p.result); err != nil {
			return results.Check{By: by, Detail: err.Error()}
		}
		return results.Check{By: by, OK: true}
	}
	if j.opts.Expected == nil {
		return results.Check{By: "none", Detail: "no emulator was given"}
	}
	want, err := j.expected(ctx, p)
	if err != nil {
		return results.Check{By: "none", Detail: "emulator: " + err.Error()}
	}
	if j.opts.Approximate != nil && j.opts.Approximate(p.Job) {
		return compareApproximately(p.result, want)
	}
	if !bytes.Equal(p.result, want) {
		return results.Check{By: by, Detail: difference(p.result, want)}
	}
	return results.Check{By: by, OK: true}
}

func (j *judge) expected(ctx context.Context, p *point) ([]byte, error) {
	j.mu.Lock()
	t := j.known[p.hash]
	if t == nil {
		t = &truth{}
		j.known[p.hash] = t
	}
	j.mu.Unlock()
	t.once.Do(func() { t.result, t.err = j.opts.Expected(ctx, p.Job) })
	return t.result, t.err
}

// difference describes the first word that differs.
func difference(got, want []byte) string {
	if len(got) != len(want) {
		return fmt.Sprintf("the result has %d bytes, expected %d", len(got), len(want))
	}
	wrong, first := 0, -1
	for i := 0; i+4 <= len(got); i += 4 {
		if !bytes.Equal(got[i:i+4], want[i:i+4]) {
			wrong++
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return "the last bytes differ"
	}
	return fmt.Sprintf("%d of %d words are wrong, the first is word %d: %#08x, expected %#08x", wrong, len(got)/4, first/4,
		binary.LittleEndian.Uint32(got[first:]), binary.LittleEndian.Uint32(want[first:]))
}

// tolerance of results that went through special functions, whose last bits PTX does not promise.
const tolerance = 1e-3

// compareApproximately compares float32 words within the tolerance.
func compareApproximately(got, want []byte) results.Check {
	c := results.Check{By: micro.ByEmulator}
	if len(got) != len(want) {
		c.Detail = difference(got, want)
		return c
	}
	worst := 0.0
	for i := 0; i+4 <= len(got); i += 4 {
		g := float64(math.Float32frombits(binary.LittleEndian.Uint32(got[i:])))
		w := float64(math.Float32frombits(binary.LittleEndian.Uint32(want[i:])))
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		d := math.Abs(g-w) / max(math.Abs(w), 1)
		if !(d <= worst) {
			worst = d
		}
	}
	c.OK = worst <= tolerance
	c.Detail = fmt.Sprintf("within %.1e of the correctly rounded value", worst)
	return c
}

// verify runs a point's verification on the device and hands the result to the judge.
func (r *runner) verify(ctx context.Context, p *point) error {
	if p.verified || len(p.Job.Verify) == 0 {
		if !p.verified {
			p.verified, p.Correct = true, results.Check{By: "none", Detail: "the kernel has no result to check"}
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	result, err := p.session.Verify(ctx)
	if errors.Is(err, micro.ErrNotRecorded) {
		p.verified, p.Correct = true, results.Check{By: "none", Detail: "the recording has no result"}
		return nil
	}
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	p.result = result
	r.judge.submit(context.WithoutCancel(ctx), p)
	return nil
}
