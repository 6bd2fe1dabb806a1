package probe

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/loosejson"
)

// Errors that callers tell apart; a *StatusError is one of them where it fits.
var (
	ErrUnauthorized = errors.New("the key is not accepted")               // 401
	ErrForbidden    = errors.New("the key does not allow this")           // 402, 403
	ErrNotFound     = errors.New("no such address or model")              // 404, 410
	ErrRefused      = errors.New("the request was refused")               // other 4xx
	ErrRateLimited  = errors.New("the endpoint's rate limit is met")      // 429
	ErrServer       = errors.New("the server failed")                     // 5xx
	ErrUnreadable   = errors.New("the answer cannot be read")             // 200 with a body that is broken or empty
	ErrRedirected   = errors.New("redirected to an address not followed") // 3xx
)

// StatusError is an answer with a status that is not 200.
type StatusError struct {
	Status int
	// Message is what the server says, shortened, without the key.
	Message string
	// Advice says what the user can do.
	Advice string
	// RetryAfter is how long the server asks to wait; 0 where it does not say.
	RetryAfter time.Duration
	kind       error
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%v: status %d", e.kind, e.Status)
	if e.Message != "" {
		text += fmt.Sprintf(" (%s)", e.Message)
	}
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

// Unwrap is the kind of error, such as ErrUnauthorized.
func (e *StatusError) Unwrap() error { return e.kind }

// statusError explains a reply that is not 200.
func statusError(r *evidence.Reply, now time.Time) *StatusError {
	e := &StatusError{Status: r.Status, Message: serverMessage(r), RetryAfter: retryAfter(r.Header, now)}
	switch s := r.Status; {
	case s == http.StatusUnauthorized:
		e.kind, e.Advice = ErrUnauthorized, "check the environment variable with the key, and that it belongs to this endpoint"
	case s == http.StatusForbidden || s == http.StatusPaymentRequired:
		e.kind, e.Advice = ErrForbidden, "the account may lack credit, or access to this model or region"
	case s == http.StatusNotFound || s == http.StatusGone || s == http.StatusMethodNotAllowed:
		e.kind, e.Advice = ErrNotFound, "check the model's name and the end of the address, often /v1"
	case s == http.StatusTooManyRequests:
		e.kind, e.Advice = ErrRateLimited, "ask more slowly, or go on later: what was answered is not asked again"
	case s >= 500:
		e.kind, e.Advice = ErrServer, "the server is overloaded, still loading or broken; try again later"
	case s >= 300 && s < 400:
		e.kind = ErrRedirected
	default:
		e.kind = ErrRefused
		if strings.Contains(e.Message, "HTTP request to an HTTPS server") {
			e.Advice = "use https://"
		}
	}
	return e
}

// serverMessage is what an error body of any dialect says.
func serverMessage(r *evidence.Reply) string {
	v, err := loosejson.Parse(string(r.Body))
	text := strings.TrimSpace(string(r.Body))
	if err == nil && v.Kind() == loosejson.Object {
		if inner := v.Get("error"); inner.Exists() {
			v = inner
		}
		text = evidence.ErrorText(v)
	} else if strings.HasPrefix(text, "<") {
		return "an HTML page"
	}
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// retryAfter reads the header of that name, in seconds or as an HTTP date.
func retryAfter(h map[string][]string, now time.Time) time.Duration {
	value := first(h, "Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

func first(h map[string][]string, name string) string {
	if v := h[http.CanonicalHeaderKey(name)]; len(v) > 0 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

// unreadable is the error for a 200 whose body is no answer; nil for a good one.
func unreadable(r *evidence.Response) error {
	if p := r.Broken(); p != nil {
		return fmt.Errorf("%w: %s: %s", ErrUnreadable, p.Code, p.Text)
	}
	return nil
}
