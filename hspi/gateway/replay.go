package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// ErrNothing: evidence without a single answer cannot be replayed.
var ErrNothing = errors.New("the evidence holds no answers to replay")

// Replay is an endpoint that gives recorded answers again: the same request gets
// the answers that it got then, in their order, and the last one from then on. A
// request that was not recorded gets status 404.
type Replay struct {
	// Speed divides the recorded times; 0 answers at once.
	Speed float64

	mu      sync.Mutex
	answers map[string][]*evidence.Exchange
}

// NewReplay serves what f holds. Exchanges that failed below HTTP are left out.
func NewReplay(f *evidence.File) (*Replay, error) {
	r := &Replay{answers: map[string][]*evidence.Exchange{}}
	for _, rec := range f.Records {
		x := rec.Exchange
		if x == nil || x.Reply == nil || x.Failure != nil {
			continue
		}
		u, err := url.Parse(x.Request.URL)
		if err != nil {
			continue
		}
		key := requestKey(u.Path, x.Request.Body)
		r.answers[key] = append(r.answers[key], x)
	}
	if len(r.answers) == 0 {
		return nil, ErrNothing
	}
	return r, nil
}

// requestKey is the path from the API's name on, and the body: the base of the
// recorded endpoint may have been another.
func requestKey(path string, body []byte) string {
	for _, base := range []string{"/v1/", "/openai/"} {
		if i := strings.Index(path, base); i >= 0 {
			path = path[i+len(base)-1:]
			break
		}
	}
	return path + "\n" + string(body)
}

// ServeHTTP gives the recorded answer.
func (r *Replay) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // the client has gone
	}
	x := r.next(requestKey(q.URL.Path, body))
	if x == nil {
		refuse(w, http.StatusNotFound, "this request was not recorded")
		return
	}
	for name, values := range x.Reply.Header {
		if name != "Content-Length" && name != "Transfer-Encoding" && name != "Date" {
			w.Header()[name] = values
		}
	}
	if r.Speed > 0 && !r.wait(q, time.Duration(float64(x.Timing.Done)*float64(time.Microsecond)/r.Speed)) {
		return
	}
	w.WriteHeader(x.Reply.Status)
	_, _ = io.Copy(w, bytes.NewReader(x.Reply.Body)) // the client may have gone
}

func (r *Replay) wait(q *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-q.Context().Done():
		return false
	}
}

func (r *Replay) next(key string) *evidence.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.answers[key]
	if len(list) == 0 {
		return nil
	}
	if len(list) > 1 {
		r.answers[key] = list[1:]
	}
	return list[0]
}
