package probe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// Result is how a plan went.
type Result struct {
	Items    int
	Answered int // those of earlier parts of the session included
	Failed   []ItemError
	Spent    Spent
	// Responses are the answers, in the order of the plan.
	Responses []*evidence.Response
}

// ItemError is an item that was not answered.
type ItemError struct {
	Key string
	Err error
}

// ErrStopped: the endpoint failed so often in a row that the rest of the plan
// was not asked.
var ErrStopped = errors.New("the endpoint does not answer any more")

// failuresInARow is after how many failed steps a run stops.
const failuresInARow = 3

// Run asks a plan, step by step. Items that fail are in the result, and the run
// goes on; it stops, with an error, where going on is no use: the context ended,
// the budget is spent, the key or model is refused, certificates or redirects are
// wrong, or several steps in a row failed. What was answered is in the evidence
// and in the result in any case.
func (s *Session) Run(ctx context.Context, p *plan.Plan) (*Result, error) {
	res := &Result{Items: len(p.Items())}
	if err := s.note(&evidence.Note{Code: evidence.NotePlan, Text: fmt.Sprintf("a plan of %d requests", res.Items),
		Values: map[string]string{"hash": p.Hash(), "items": strconv.Itoa(res.Items)}}); err != nil {
		return res, err
	}
	inARow := 0
	for _, step := range p.Steps {
		failed := len(res.Failed)
		if err := s.step(ctx, step, res); err != nil {
			res.Spent = s.meter.total()
			return res, s.stop(err)
		}
		if !dead(res.Failed[failed:]) {
			inARow = 0
			continue
		}
		if inARow++; inARow == failuresInARow {
			res.Spent = s.meter.total()
			return res, s.stop(fmt.Errorf("%w: %w", ErrStopped, res.Failed[len(res.Failed)-1].Err))
		}
	}
	res.Spent = s.meter.total()
	return res, nil
}

// dead reports whether failures tell of an endpoint that answers nothing; a
// refusal is an answer.
func dead(failed []ItemError) bool {
	for _, f := range failed {
		if !errors.Is(f.Err, ErrRefused) {
			return true
		}
	}
	return false
}

// stop keeps the reason for which the rest of a plan was not asked.
func (s *Session) stop(err error) error {
	if errors.Is(err, ErrBudget) {
		return errors.Join(err, s.note(&evidence.Note{Code: evidence.NoteBudget, Text: err.Error()}))
	}
	return err
}

// settle is how long fillers get to start generating before the others leave.
const settle = 30 * time.Millisecond

// step asks its items at the same time, fillers first.
func (s *Session) step(ctx context.Context, step plan.Step, res *Result) error {
	outcomes := make([]outcome, len(step))
	var all sync.WaitGroup
	ask := func(i int, left func()) {
		all.Go(func() {
			r, err := s.ask(ctx, step[i], left)
			outcomes[i] = outcome{r, err}
		})
	}
	if err := s.load(ctx, step, ask); err != nil {
		all.Wait()
		return err
	}
	for i, item := range step {
		if !item.Filler {
			ask(i, func() {})
		}
	}
	all.Wait()
	var err error
	for i, o := range outcomes {
		err = errors.Join(err, res.take(step[i], o))
	}
	return err
}

// load starts the fillers of a step and waits until they are out.
func (s *Session) load(ctx context.Context, step plan.Step, ask func(int, func())) error {
	var out []chan struct{}
	for i, item := range step {
		if item.Filler {
			left := make(chan struct{})
			out = append(out, left)
			ask(i, sync.OnceFunc(func() { close(left) }))
		}
	}
	if len(out) == 0 {
		return nil
	}
	for _, left := range out {
		select {
		case <-left:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return sleep(ctx, settle)
}

type outcome struct {
	response *evidence.Response
	err      error
}

// take counts an outcome; the error is one that ends the run.
func (r *Result) take(item plan.Item, o outcome) error {
	if o.err == nil {
		r.Answered++
		r.Responses = append(r.Responses, o.response)
		return nil
	}
	if fatal(o.err) {
		return o.err
	}
	r.Failed = append(r.Failed, ItemError{item.Key, o.err})
	return nil
}

// fatal reports whether the next request would fail for the same reason.
func fatal(err error) bool {
	for _, kind := range []error{context.Canceled, context.DeadlineExceeded, ErrBudget, ErrUnauthorized, ErrForbidden, ErrNotFound, ErrRateLimited,
		ErrRedirected, evidence.ErrSecret} {
		if errors.Is(err, kind) {
			return true
		}
	}
	var transport *TransportError
	if errors.As(err, &transport) {
		return transport.Kind == evidence.FailureTLS || transport.Kind == evidence.FailureRedirect || transport.Kind == evidence.FailureConnect
	}
	var status *StatusError
	return !errors.As(err, &status) && !errors.Is(err, ErrUnreadable) // such as a full disk
}
