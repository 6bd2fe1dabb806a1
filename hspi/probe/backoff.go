package probe

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Retry says how often and after what time to try again.
type Retry struct {
	// Attempts is the most for one request, the first included; 0 means 5. A 200
	// that cannot be read is tried once more only, for it may have to be paid for.
	Attempts int
	// First is the wait after the first failure; it doubles up to Most. 0 means 1 s and 60 s.
	First, Most time.Duration
	// Patience is the longest Retry-After that is waited for; 0 means 5 minutes.
	Patience time.Duration
}

func (r Retry) withDefaults() Retry {
	defaults := Retry{Attempts: 5, First: time.Second, Most: time.Minute, Patience: 5 * time.Minute}
	if r.Attempts <= 0 {
		r.Attempts = defaults.Attempts
	}
	if r.First <= 0 {
		r.First = defaults.First
	}
	if r.Most <= 0 {
		r.Most = max(defaults.Most, r.First)
	}
	if r.Patience <= 0 {
		r.Patience = defaults.Patience
	}
	return r
}

// backoff draws waits: between half and all of an exponentially growing time, so
// that clients that failed together do not come back together.
type backoff struct {
	retry  Retry
	mu     sync.Mutex
	random *rand.Rand
}

func newBackoff(r Retry, seed uint64) *backoff {
	return &backoff{retry: r, random: rand.New(rand.NewPCG(seed, 0x6261636b6f6666))}
}

// after is how long to wait after the n-th failure, from 1, at least what the
// server asked for.
func (b *backoff) after(n int, asked time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.retry.Most
	if shift := n - 1; shift < 30 && b.retry.First<<shift < full {
		full = b.retry.First << shift
	}
	return max(full/2+time.Duration(b.random.Int64N(int64(full/2)+1)), asked)
}

// again reports whether another attempt may help.
func again(x *evidence.Exchange) bool {
	if f := x.Failure; f != nil {
		switch f.Kind {
		case evidence.FailureConnect, evidence.FailureTimeout, evidence.FailureTruncated, evidence.FailureOther:
			return true
		}
		return false
	}
	switch s := x.Reply.Status; s {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	default:
		return s >= 500
	}
}
