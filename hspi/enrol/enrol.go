// Package enrol records sessions: it finds out what an endpoint can do, asks a
// plan, gives the answers back as prompts, and leaves the evidence file. The same
// recording serves a platform that is trusted and an endpoint that is judged.
package enrol

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/hspi/probe"
)

// ErrNothing: no request of the plan was answered.
var ErrNothing = errors.New("no request of the plan was answered")

// Size is how much a session asks.
type Size string

// Sizes.
const (
	Small    Size = "small"    // a first look: 5 requests after discovery
	Quick    Size = "quick"    // prompts only: 19 requests after discovery, less than 50 with it
	Standard Size = "standard" // everything: about 110 requests after discovery
)

// Sizes are all of them.
func Sizes() []Size { return []Size{Small, Quick, Standard} }

// freshPrompts is how many prompts of a standard session other sessions lack.
const freshPrompts = 8

// Options steers a recording; those of the probe name endpoint and model.
type Options struct {
	probe.Options
	Size Size
	// Session numbers the sessions of a platform: it chooses the prompts that the
	// session does not share with others.
	Session int
	// Nonce makes the cold prompts new to the server's cache; random where empty. A
	// session that goes on keeps its own.
	Nonce string
}

// Labels of a session that are not its platform's.
const (
	// labelNonce keeps what makes the cold prompts new, so that a session that goes
	// on asks the same.
	labelNonce   = "nonce"
	labelSession = "session"
)

// Recording is what a session left.
type Recording struct {
	Path         string
	Head         string // hash of the last record
	Capabilities plan.Capabilities
	Result       probe.Result // of all plans
	// Skipped says which series the endpoint cannot answer.
	Skipped []string
}

// Record records one session in the file at path, or goes on with the one there.
// The evidence holds what was answered whatever the error; Recording is nil only
// where nothing could be begun.
func Record(ctx context.Context, path string, o Options) (*Recording, error) {
	nonce, err := o.nonce(path)
	if err != nil {
		return nil, err
	}
	o.Labels = maps.Clone(o.Labels)
	if o.Labels == nil {
		o.Labels = map[string]string{}
	}
	o.Labels[labelNonce], o.Labels[labelSession] = nonce, strconv.Itoa(o.Session)
	s, err := probe.Open(path, o.Options)
	if err != nil {
		return nil, err
	}
	rec := &Recording{Path: path}
	err = rec.ask(ctx, s, o, nonce)
	rec.Result.Spent = s.Spent()
	var closeErr error
	rec.Head, closeErr = s.Close(reason(err))
	return rec, errors.Join(err, closeErr)
}

// ask discovers, and asks the plan and then the answers.
func (rec *Recording) ask(ctx context.Context, s *probe.Session, o Options, nonce string) error {
	var err error
	if rec.Capabilities, err = s.Discover(ctx); err != nil {
		return err
	}
	po := o.plan(nonce)
	p, err := plan.Build(po, rec.Capabilities)
	if err != nil {
		return err
	}
	if err := rec.run(ctx, s, p); err != nil {
		return err
	}
	if rec.Result.Answered == 0 {
		return fmt.Errorf("%w: %w", ErrNothing, rec.Result.Failed[0].Err)
	}
	if o.Size != Standard {
		return nil
	}
	forced, err := plan.Forced(po, rec.Capabilities, rec.Result.Responses)
	if err != nil {
		return err
	}
	return rec.run(ctx, s, forced)
}

// run asks a plan and adds up how it went.
func (rec *Recording) run(ctx context.Context, s *probe.Session, p *plan.Plan) error {
	rec.Skipped = append(rec.Skipped, p.Skipped...)
	if len(p.Steps) == 0 {
		return nil
	}
	r, err := s.Run(ctx, p)
	rec.Result.Items += r.Items
	rec.Result.Answered += r.Answered
	rec.Result.Failed = append(rec.Result.Failed, r.Failed...)
	rec.Result.Responses = append(rec.Result.Responses, r.Responses...)
	return err
}

// Plans are what a session would ask of an endpoint that can do all: the plan, and
// its answers given back, of which the length is assumed.
func Plans(o Options) ([]*plan.Plan, error) {
	po := o.plan("dry-run")
	p, err := plan.Build(po, plan.Assumed())
	if err != nil || o.Size != Standard {
		return []*plan.Plan{p}, err
	}
	forced, err := plan.ForcedMost(po, plan.Assumed())
	return []*plan.Plan{p, forced}, err
}

func (o Options) plan(nonce string) plan.Options {
	p := plan.Standard(o.Model, o.Seed, nonce)
	switch o.Size {
	case Small:
		return plan.Small(o.Model, o.Seed, nonce)
	case Quick:
		return plan.Options{Model: p.Model, Seed: p.Seed, Nonce: p.Nonce, Prompts: p.Prompts, ProbeTokens: p.ProbeTokens, Repeats: 2, RepeatOf: p.RepeatOf, Echoes: p.Echoes}
	}
	p.Fresh, p.FreshSeed = freshPrompts, o.Seed+uint64(o.Session)<<32+1
	return p
}

// nonce is that of the session that the file holds, which must have the same
// number, or the wanted or a new one.
func (o Options) nonce(path string) (string, error) {
	f, err := evidence.Load(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, evidence.ErrTorn) {
		return "", err
	}
	if f != nil {
		if sessions := f.Sessions(); len(sessions) > 0 {
			labels := sessions[len(sessions)-1].Open.Labels
			if number := labels[labelSession]; number != strconv.Itoa(o.Session) {
				return "", fmt.Errorf("%s: %w: its number is %s", path, probe.ErrOtherSession, number)
			}
			return labels[labelNonce], nil
		}
	}
	if o.Nonce != "" {
		return o.Nonce, nil
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(random[:]), nil
}

// reason is how a session ended, in a line.
func reason(err error) string {
	switch {
	case err == nil:
		return "complete"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, probe.ErrBudget):
		return "budget"
	}
	return "failed: " + strings.ReplaceAll(err.Error(), "\n", "; ")
}
