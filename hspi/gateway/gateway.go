// Package gateway simulates endpoints: a model that is a function, recorded
// evidence that is given again, and a gateway before either that rounds, adds
// noise, caches, mixes, limits, hangs and breaks what passes, as its switches say.
// It serves tests of everything that real endpoints do wrong, and demonstrations
// that need no network.
package gateway

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
)

// Options are the switches of a gateway; the zero value passes everything on.
type Options struct {
	Seed uint64
	// Decimals rounds every logprob to so many decimals; 0 leaves them.
	Decimals int
	// Noise is the standard deviation of what is added to every logprob, in nats.
	Noise float64
	// Cache gives the first answer to a request again.
	Cache bool
	// Other answers a share of the requests instead of the backend.
	Other      http.Handler
	OtherShare float64
	// Sticky lets one connection (remote address) stay with its backend.
	Sticky bool
	// Strip removes the fields of these names wherever they are in an answer.
	Strip []string
	// Model is the name that answers have from request ModelAfter on (from 0).
	Model      string
	ModelAfter int
	// Faults happen to some requests; the first that fits a request does.
	Faults []Fault
}

// FaultKind is what goes wrong.
type FaultKind string

// Kinds of faults. Value is explained where one is used.
const (
	RateLimit      FaultKind = "rate-limit"    // 429, with Value as Retry-After
	Status         FaultKind = "status"        // Value is the status
	Hang           FaultKind = "hang"          // no answer until the client goes
	HangInBody     FaultKind = "hang-in-body"  // half of the answer, then nothing
	BrokenJSON     FaultKind = "broken-json"   // bytes in the middle are overwritten
	CutJSON        FaultKind = "cut-json"      // half of the body, ended in good order
	DropConnection FaultKind = "drop"          // half of the body, then the connection breaks
	CutStream      FaultKind = "cut-stream"    // a stream ends within an event
	Redirect       FaultKind = "redirect"      // 307 to Value
	EmptyBody      FaultKind = "empty-body"    // 200 without a body
	EmptyChoices   FaultKind = "empty-choices" // "choices": []
	HTML           FaultKind = "html"          // 200 with a page, as captive portals do
	NaN            FaultKind = "nan"           // every logprob is NaN
	Infinity       FaultKind = "infinity"      // every logprob is -Infinity
	Sentinels      FaultKind = "sentinels"     // every logprob is -9999.0
	ErrorIn200     FaultKind = "error-in-200"  // an error object with status 200
	EchoKey        FaultKind = "echo-key"      // 401 that repeats the Authorization header
)

// Fault happens to requests From, From+Every, …, Count times. POSTs are counted,
// from 0, and pages that are only read are left alone.
type Fault struct {
	Kind        FaultKind
	Value       string
	From, Every int // Every 0 means 1
	Count       int // 0: without end
}

func (f Fault) hits(n int) bool {
	every := max(f.Every, 1)
	return n >= f.From && (n-f.From)%every == 0 && (f.Count == 0 || (n-f.From)/every < f.Count)
}

// Gateway stands before a backend.
type Gateway struct {
	o       Options
	backend http.Handler

	mu     sync.Mutex
	random splitMix
	posts  int
	cache  map[[32]byte]*httptest.ResponseRecorder
	sticky map[string]http.Handler
	others int
}

// New puts a gateway before a backend.
func New(backend http.Handler, o Options) *Gateway {
	return &Gateway{o: o, backend: backend, random: splitMix(o.Seed), cache: map[[32]byte]*httptest.ResponseRecorder{}, sticky: map[string]http.Handler{}}
}

// Requests is how many POSTs came, and Others how many of them the other backend
// answered.
func (g *Gateway) Requests() (all, others int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.posts, g.others
}

// ServeHTTP passes a request on and does to it what the switches say.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // the client has gone
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	if q.Method != http.MethodPost {
		g.backend.ServeHTTP(w, q)
		return
	}
	g.mu.Lock()
	n := g.posts
	g.posts++
	g.mu.Unlock()
	for _, f := range g.o.Faults {
		if f.hits(n) {
			g.fail(f, w, q, body)
			return
		}
	}
	g.send(w, g.pass(q, body, n))
}

// pass gets the backend's answer and edits it.
func (g *Gateway) pass(q *http.Request, body []byte, n int) *httptest.ResponseRecorder {
	key := sha256.Sum256(append([]byte(q.URL.Path+"\n"), body...))
	g.mu.Lock()
	cached := g.cache[key]
	g.mu.Unlock()
	if g.o.Cache && cached != nil {
		return cached
	}
	got := httptest.NewRecorder()
	g.choose(q.RemoteAddr).ServeHTTP(got, q)
	got.Body = bytes.NewBuffer(g.edit(got.Body.Bytes(), n))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cache[key] = got
	return got
}

// choose is the backend for a connection.
func (g *Gateway) choose(remote string) http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.o.Other == nil {
		return g.backend
	}
	h := g.sticky[remote]
	if h == nil || !g.o.Sticky {
		h = g.backend
		if g.random.uniform() < g.o.OtherShare {
			h = g.o.Other
		}
		g.sticky[remote] = h
	}
	if h == g.o.Other {
		g.others++
	}
	return h
}

// edit does what the switches say to all JSON in a body, a stream's too.
func (g *Gateway) edit(body []byte, n int) []byte {
	e := editor{strip: g.o.Strip}
	if g.o.Model != "" && n >= g.o.ModelAfter {
		e.model = g.o.Model
	}
	if g.o.Decimals > 0 || g.o.Noise > 0 {
		e.number = g.number
	}
	return e.body(body)
}

// number is what a logprob becomes.
func (g *Gateway) number(text string) string {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	if g.o.Noise > 0 {
		g.mu.Lock()
		v += g.o.Noise * g.random.gauss()
		g.mu.Unlock()
	}
	if g.o.Decimals > 0 {
		return strconv.FormatFloat(v, 'f', g.o.Decimals, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func (g *Gateway) send(w http.ResponseWriter, got *httptest.ResponseRecorder) {
	copyHeader(w, got)
	w.WriteHeader(got.Code)
	_, _ = w.Write(got.Body.Bytes()) // the client may have gone
}

func copyHeader(w http.ResponseWriter, got *httptest.ResponseRecorder) {
	for name, values := range got.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
}

// fail lets a fault happen.
func (g *Gateway) fail(f Fault, w http.ResponseWriter, q *http.Request, body []byte) {
	switch f.Kind {
	case RateLimit:
		w.Header().Set("Retry-After", f.Value)
		refuse(w, http.StatusTooManyRequests, "Rate limit reached.")
	case Status:
		status, err := strconv.Atoi(f.Value)
		if err != nil {
			status = http.StatusInternalServerError
		}
		refuse(w, status, "%s", http.StatusText(status))
	case Hang:
		<-q.Context().Done()
	case Redirect:
		w.Header().Set("Location", f.Value)
		w.WriteHeader(http.StatusTemporaryRedirect)
	case EmptyBody:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>") // the client may have gone
	case ErrorIn200:
		reply(w, http.StatusOK, map[string]any{"error": map[string]any{"message": "upstream is overloaded", "code": 502}})
	case EchoKey:
		refuse(w, http.StatusUnauthorized, "Incorrect API key provided: %s.", q.Header.Get("Authorization"))
	default:
		g.damage(f, w, q, body)
	}
}

// damage answers, and breaks the answer.
func (g *Gateway) damage(f Fault, w http.ResponseWriter, q *http.Request, body []byte) {
	got := httptest.NewRecorder()
	g.backend.ServeHTTP(got, q)
	text := got.Body.Bytes()
	half := len(text) / 2
	switch f.Kind {
	case BrokenJSON:
		copy(text[half:], `}]"{[`)
	case CutJSON, CutStream:
		text = text[:half]
	case EmptyChoices:
		e := editor{empty: []string{"choices"}}
		text = e.body(text)
	case NaN, Infinity, Sentinels:
		e := editor{number: func(string) string {
			return map[FaultKind]string{NaN: "NaN", Infinity: "-Infinity", Sentinels: "-9999.0"}[f.Kind]
		}}
		text = e.body(text)
	}
	copyHeader(w, got)
	if f.Kind == HangInBody || f.Kind == DropConnection {
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		text = text[:half]
	}
	w.WriteHeader(got.Code)
	_, _ = w.Write(text) // the client may have gone
	_ = http.NewResponseController(w).Flush()
	if f.Kind == HangInBody {
		<-q.Context().Done()
	}
	// An answer shorter than its Content-Length makes net/http break the connection.
}
