package run

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/micro"
)

// plan lists the points of every benchmark and builds their jobs, which is pure
// and so runs on all cores.
func (r *runner) plan() {
	r.tell("")
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for _, p := range r.plans {
		for _, at := range p.Plan(r.gpu) {
			m := &point{Measured: micro.Measured{Point: at}}
			p.points = append(p.points, m)
			group.Go(func() error { m.Err = r.build(p, m); return nil })
		}
	}
	_ = group.Wait() // the points keep their errors
}

func (r *runner) build(p *plan, m *point) error {
	job, err := p.Job(r.gpu, m.Point)
	if err != nil {
		return err
	}
	if err := job.Valid(); err != nil {
		return fmt.Errorf("job of %s {%s}: %w", p.Name, m.Point.Key(), err)
	}
	hash, err := job.Hash()
	kernel, kernelErr := job.KernelHash()
	if err := errors.Join(err, kernelErr); err != nil {
		return err
	}
	m.Job, m.hash, m.kernel = job, hash, kernel
	m.rounds, m.retries = p.Rounds, retries
	if m.rounds == 0 {
		m.rounds = micro.DefaultRounds
	}
	if r.opts.Rounds > 0 {
		m.rounds = r.opts.Rounds
	}
	return nil
}
