// Package probe asks an OpenAI-compatible endpoint and keeps what it answers as
// evidence. It finds out what the endpoint can do, does a plan within a budget,
// tries again where that may help, and goes on after an interruption without
// asking twice. Nothing that goes wrong is lost: it is an exchange with a failure,
// a note, or both, and a typed error for the caller.
package probe

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// ErrKeyInClear: the key would go over a network without TLS.
var ErrKeyInClear = errors.New("the key would be sent without encryption: use https://, or leave the key away")

// ErrModel: no model is named.
var ErrModel = errors.New("the name of the model is missing")

// ErrOtherSession: the evidence file belongs to another endpoint, model or seed.
var ErrOtherSession = errors.New("the evidence file is of another session")

// Options steers a Session. Endpoint, Model and Tool are needed; all else has
// defaults.
type Options struct {
	Endpoint Endpoint
	Model    string
	Key      Key
	Tool     string // "gpubench 0.3.0": the User-Agent, and in the evidence
	Seed     uint64 // of the plan, and of the jitter of waits
	// Label and Labels describe a platform that is trusted, where one is enrolled.
	Label  string
	Labels map[string]string

	Budget Budget
	Price  Price
	// Rate is the most requests in a second; 0 does not limit.
	Rate  float64
	Retry Retry
	// Timeout bounds one exchange, IdleTimeout the time without a byte; 0 means 2
	// minutes and 1 minute.
	Timeout, IdleTimeout time.Duration
	// RootCAs are the authorities of certificates; nil means the system's.
	RootCAs *x509.CertPool
	// Progress hears of every exchange and note; it must not block. May be nil.
	Progress func(Event)
}

// Event is one step of a run, for people who watch.
type Event struct {
	Key      string
	Exchange *evidence.Exchange // nil for a note
	Note     *evidence.Note
	// Wait is how long the session waits before it asks again; 0: it does not.
	Wait  time.Duration
	Spent Spent
}

// Session asks one endpoint and writes one evidence file. Its methods may be
// used from several goroutines, but for Close.
type Session struct {
	o       Options
	id      string
	client  *client
	writer  *evidence.Writer
	meter   *meter
	limiter *limiter
	backoff *backoff
	wait    waiter
	watch   *watch

	mu       sync.Mutex
	answers  map[string]*evidence.Exchange // final ones by key: not to be asked again
	attempts map[string]int
	answered int
	asked    int
}

// Open starts a session with a new evidence file at path, or goes on with the
// one that is there if it is of the same endpoint, model and seed.
func Open(path string, o Options) (*Session, error) {
	switch {
	case o.Endpoint.base.Host == "":
		return nil, fmt.Errorf("%w: none is given", ErrEndpoint)
	case o.Model == "":
		return nil, ErrModel
	case o.Key.set() && !o.Endpoint.private():
		return nil, ErrKeyInClear
	}
	s := newSession(o)
	w, err := evidence.Create(path, evidence.WriterOptions{Secrets: []string{o.Key.reveal()}})
	if errors.Is(err, evidence.ErrExists) {
		if err := s.resume(path); err != nil {
			return nil, err
		}
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.writer = w
	if s.id, err = newID(); err == nil {
		err = s.open(0)
	}
	if err != nil {
		return nil, errors.Join(err, w.Close(), os.Remove(path))
	}
	return s, nil
}

func newSession(o Options) *Session {
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = min(time.Minute, o.Timeout)
	}
	o.Retry = o.Retry.withDefaults()
	s := &Session{o: o, client: newClient(o.Endpoint, o.Key, o), meter: newMeter(o.Budget, o.Price), backoff: newBackoff(o.Retry, o.Seed),
		wait: sleep, watch: newWatch(), answers: map[string]*evidence.Exchange{}, attempts: map[string]int{}}
	s.limiter = &limiter{wait: sleep}
	if o.Rate > 0 {
		s.limiter.interval = time.Duration(float64(time.Second) / o.Rate)
	}
	return s
}

func newID() (string, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(random[:]), nil
}

// ID names the session in the evidence.
func (s *Session) ID() string { return s.id }

// Spent is what the session has used, earlier parts included.
func (s *Session) Spent() Spent { return s.meter.total() }

func (s *Session) open(resumes int) error {
	return s.append(&evidence.Record{Kind: evidence.KindOpen, Open: &evidence.Open{Tool: s.o.Tool, Endpoint: s.o.Endpoint.String(), Model: s.o.Model,
		Seed: s.o.Seed, Label: s.o.Label, Labels: s.o.Labels, Resumes: resumes}})
}

func (s *Session) append(rec *evidence.Record) error {
	rec.Session = s.id
	return s.writer.Append(rec)
}

// note keeps an observation.
func (s *Session) note(n *evidence.Note) error {
	err := s.append(&evidence.Record{Kind: evidence.KindNote, Note: n})
	s.tell(Event{Key: n.Key, Note: n})
	return err
}

func (s *Session) tell(e Event) {
	if s.o.Progress != nil {
		e.Spent = s.meter.total()
		s.o.Progress(e)
	}
}

// Close ends the session with a reason, such as "complete", and gives the head
// of the evidence's chain.
func (s *Session) Close(reason string) (head string, err error) {
	s.client.close()
	s.mu.Lock()
	end := &evidence.End{Reason: reason, Answered: s.answered, Asked: s.asked}
	s.mu.Unlock()
	err = s.append(&evidence.Record{Kind: evidence.KindEnd, End: end})
	return s.writer.Head(), errors.Join(err, s.writer.Close())
}

// Ask asks for an item, unless its answer is in the evidence already, and gives
// the decoded answer. Where it fails the error tells why: a *TransportError, a
// *StatusError, ErrUnreadable, ErrBudget, or the context's; the answer is then
// nil or what could be read of it.
func (s *Session) Ask(ctx context.Context, item plan.Item) (*evidence.Response, error) {
	return s.ask(ctx, item, func() {})
}

// ask calls left when the request is out, or will not be.
func (s *Session) ask(ctx context.Context, item plan.Item, left func()) (*evidence.Response, error) {
	defer left()
	if x := s.known(item.Key); x != nil {
		return s.result(x)
	}
	var had tries
	for {
		x, err := s.attempt(ctx, item, left)
		if err != nil {
			return nil, err
		}
		r, err := s.result(x)
		wait, more := s.next(ctx, x, err, had.count(x))
		if !more {
			return r, s.finish(ctx, x, r, err)
		}
		s.tell(Event{Key: item.Key, Exchange: x, Wait: wait})
		if err := s.wait(ctx, wait); err != nil {
			return r, err
		}
	}
}

func (s *Session) known(key string) *evidence.Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[key]
}

// attempt sends the item once: budget, rate, a record that it leaves, the
// exchange, a record of that.
func (s *Session) attempt(ctx context.Context, item plan.Item, left func()) (*evidence.Exchange, error) {
	if err := s.limiter.take(ctx); err != nil {
		return nil, err
	}
	reserved, err := s.meter.reserve(item)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.attempts[item.Key]++
	s.asked++
	attempt := s.attempts[item.Key]
	s.mu.Unlock()
	if err := s.append(&evidence.Record{Kind: evidence.KindSent, Sent: &evidence.Sent{Key: item.Key, Attempt: attempt}}); err != nil {
		return nil, err
	}
	x := s.client.do(ctx, item, left)
	x.Attempt = attempt
	rec := &evidence.Record{Kind: evidence.KindExchange, Exchange: x}
	if err := s.append(rec); err != nil {
		return nil, err
	}
	s.meter.book(reserved, x, evidence.Decode(rec), item.PromptBytes)
	return x, nil
}

// result is what an exchange amounts to.
func (s *Session) result(x *evidence.Exchange) (*evidence.Response, error) {
	r := evidence.Decode(&evidence.Record{Kind: evidence.KindExchange, Session: s.id, Exchange: x})
	switch {
	case x.Failure != nil && x.Failure.Kind == evidence.FailureCancelled:
		return r, context.Canceled
	case x.Failure != nil:
		return r, transportError(x.Failure)
	case x.Reply.Status != http.StatusOK:
		e := statusError(x.Reply, time.Now())
		e.Message = s.o.Key.mask(e.Message)
		return r, e
	case x.Request.Method == http.MethodGet:
		return r, nil // pages have forms of their own
	}
	return r, unreadable(r)
}

// tries counts attempts that failed, and those of them that were served, and so
// paid for.
type tries struct{ failed, paid int }

// mostPaid is how many answers to one request are paid for and useless before it
// is given up.
const mostPaid = 2

func (t *tries) count(x *evidence.Exchange) tries {
	t.failed++
	if x.Reply != nil && x.Reply.Status == http.StatusOK {
		t.paid++
	}
	return *t
}

// next decides whether to try again, and when.
func (s *Session) next(ctx context.Context, x *evidence.Exchange, err error, had tries) (time.Duration, bool) {
	if err == nil || ctx.Err() != nil || had.failed >= s.o.Retry.Attempts || had.paid >= mostPaid {
		return 0, false
	}
	if !again(x) && !errors.Is(err, ErrUnreadable) {
		return 0, false
	}
	if x.Request.Method == http.MethodGet && x.Failure != nil && x.Failure.Kind != evidence.FailureConnect {
		return 0, false // a page is not worth a second wait
	}
	var status *StatusError
	asked := time.Duration(0)
	if errors.As(err, &status) {
		asked = status.RetryAfter
	}
	if asked > s.o.Retry.Patience {
		return 0, false
	}
	return s.backoff.after(had.failed, asked), true
}

// finish keeps what a final exchange tells.
func (s *Session) finish(ctx context.Context, x *evidence.Exchange, r *evidence.Response, err error) error {
	s.tell(Event{Key: x.Key, Exchange: x})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	if err == nil {
		s.answered++
	}
	if final(x, err) {
		s.answers[x.Key] = x
	}
	s.mu.Unlock()
	if err != nil && x.Purpose.Series == plan.SeriesDiscover {
		return err // a refusal is what discovery is for; it makes its own note
	}
	if err != nil {
		return errors.Join(err, s.note(&evidence.Note{Code: noteFor(err), Key: x.Key, Text: err.Error()}))
	}
	if x.Request.Method == http.MethodGet {
		return nil
	}
	for _, n := range s.watch.see(r) {
		if noteErr := s.note(n); noteErr != nil {
			return noteErr
		}
	}
	return nil
}

// final reports whether asking again would be no use: an answer, or a refusal
// that stays one.
func final(x *evidence.Exchange, err error) bool {
	if err == nil {
		return true
	}
	var status *StatusError
	if !errors.As(err, &status) {
		return false
	}
	switch {
	case errors.Is(err, ErrUnauthorized), errors.Is(err, ErrForbidden), errors.Is(err, ErrRedirected):
		return false // another key or address may do
	}
	return !again(x)
}

func noteFor(err error) evidence.NoteCode {
	switch {
	case errors.Is(err, ErrRateLimited):
		return evidence.NoteRateLimited
	case errors.Is(err, ErrRefused):
		return evidence.NoteRefused
	}
	return evidence.NoteGaveUp
}
