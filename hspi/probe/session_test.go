package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/plan"
)

func TestAskKeepsExchangeAndTimes(t *testing.T) {
	s, path := run(t, quick(t, serve(t, behind())))
	r, err := s.Ask(t.Context(), one(t, plan.Request{Logprobs: 3}))
	require.NoError(t, err)
	require.Len(t, r.Choices[0].Positions, 2)
	require.Len(t, r.Choices[0].Positions[0].Top, 3)
	_, err = s.Ask(t.Context(), one(t, plan.Request{Logprobs: 4}))
	require.NoError(t, err)
	f := closed(t, s, path)
	require.True(t, f.Summary.Ended)
	x := exchanges(f)
	require.Len(t, x, 2)
	require.Equal(t, 1, x[0].Timing.Connection)
	require.False(t, x[0].Timing.Reused)
	require.True(t, x[1].Timing.Reused)
	require.Equal(t, 1, x[1].Timing.Connection)
	require.Positive(t, x[0].Timing.FirstByte)
	require.GreaterOrEqual(t, x[0].Timing.Done, x[0].Timing.FirstByte)
	require.Equal(t, Spent{Requests: 2, PromptTokens: 6, CompletionTokens: 4}, s.Spent())
	require.Equal(t, []string{"application/json, text/event-stream"}, x[0].Request.Header["Accept"])
}

func TestStreamsHaveArrivals(t *testing.T) {
	s, path := run(t, quick(t, serve(t, behind())))
	for _, chat := range []bool{false, true} {
		r, err := s.Ask(t.Context(), one(t, plan.Request{Logprobs: 2, Stream: true, MaxTokens: 5, Chat: chat}))
		require.NoError(t, err)
		require.Empty(t, r.Problems)
		require.True(t, r.Done)
		require.Len(t, r.Choices[0].Positions, 5)
		require.Equal(t, "length", r.Choices[0].Finish)
		require.Positive(t, r.Events[0].After)
	}
	for _, x := range exchanges(closed(t, s, path)) {
		require.NotEmpty(t, x.Reply.Arrivals)
		require.Equal(t, len(x.Reply.Body), x.Reply.Arrivals[len(x.Reply.Arrivals)-1].End)
	}
}

// Every bad input of a server ends in the error that fits, and every attempt is
// in the evidence with all bytes that came.
func TestBadInputs(t *testing.T) {
	cases := map[string]struct {
		fault    gateway.Fault
		is       error
		failure  evidence.FailureKind
		says     string
		attempts int
	}{
		"401":              {gateway.Fault{Kind: gateway.Status, Value: "401"}, ErrUnauthorized, "", "environment variable", 1},
		"402":              {gateway.Fault{Kind: gateway.Status, Value: "402"}, ErrForbidden, "", "credit", 1},
		"403":              {gateway.Fault{Kind: gateway.Status, Value: "403"}, ErrForbidden, "", "access", 1},
		"404":              {gateway.Fault{Kind: gateway.Status, Value: "404"}, ErrNotFound, "", "model's name", 1},
		"400":              {gateway.Fault{Kind: gateway.Status, Value: "400"}, ErrRefused, "", "Bad Request", 1},
		"422":              {gateway.Fault{Kind: gateway.Status, Value: "422"}, ErrRefused, "", "Unprocessable", 1},
		"429":              {gateway.Fault{Kind: gateway.RateLimit, Value: "0"}, ErrRateLimited, "", "more slowly", 3},
		"429 for an hour":  {gateway.Fault{Kind: gateway.RateLimit, Value: "3600"}, ErrRateLimited, "", "go on later", 1},
		"500":              {gateway.Fault{Kind: gateway.Status, Value: "500"}, ErrServer, "", "try again later", 3},
		"501":              {gateway.Fault{Kind: gateway.Status, Value: "501"}, ErrServer, "", "", 1},
		"503":              {gateway.Fault{Kind: gateway.Status, Value: "503"}, ErrServer, "", "loading", 3},
		"hangs":            {gateway.Fault{Kind: gateway.Hang}, nil, evidence.FailureTimeout, "more time", 3},
		"hangs in body":    {gateway.Fault{Kind: gateway.HangInBody}, nil, evidence.FailureTimeout, "more time", 2},
		"drops":            {gateway.Fault{Kind: gateway.DropConnection}, nil, evidence.FailureTruncated, "cut the answer off", 2},
		"other host":       {gateway.Fault{Kind: gateway.Redirect, Value: "http://other.invalid/v1/completions?token=x"}, nil, evidence.FailureRedirect, "http://other.invalid/v1/completions;", 1},
		"redirect loop":    {gateway.Fault{Kind: gateway.Redirect, Value: "/v1/completions"}, nil, evidence.FailureRedirect, "to itself", 1},
		"broken JSON":      {gateway.Fault{Kind: gateway.BrokenJSON}, ErrUnreadable, "", "not-json", 2},
		"cut JSON":         {gateway.Fault{Kind: gateway.CutJSON}, ErrUnreadable, "", "truncated", 2},
		"HTML":             {gateway.Fault{Kind: gateway.HTML}, ErrUnreadable, "", "not-json", 2},
		"empty body":       {gateway.Fault{Kind: gateway.EmptyBody}, ErrUnreadable, "", "empty", 2},
		"empty choices":    {gateway.Fault{Kind: gateway.EmptyChoices}, ErrUnreadable, "", "no-choices", 2},
		"error with a 200": {gateway.Fault{Kind: gateway.ErrorIn200}, ErrUnreadable, "", "upstream is overloaded", 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var status *StatusError
			var transport *TransportError
			o := quick(t, serve(t, behind(c.fault)))
			o.Retry.Attempts, o.Timeout, o.IdleTimeout = 3, 300*time.Millisecond, 100*time.Millisecond
			s, path := run(t, o)
			_, err := s.Ask(t.Context(), one(t, plan.Request{Logprobs: 3}))
			require.Error(t, err)
			require.ErrorContains(t, err, c.says)
			if c.failure != "" {
				require.ErrorAs(t, err, &transport)
				require.Equal(t, c.failure, transport.Kind)
			} else {
				require.ErrorIs(t, err, c.is)
			}
			if c.is != nil && c.is != ErrUnreadable {
				require.ErrorAs(t, err, &status)
			}
			f := closed(t, s, path)
			got := exchanges(f)
			require.Len(t, got, c.attempts)
			require.Len(t, noteCodes(f), 1, "the failure is noted")
			for i, x := range got {
				require.Equal(t, i+1, x.Attempt)
				if c.failure == evidence.FailureTruncated || name == "hangs in body" {
					require.NotEmpty(t, x.Reply.Body, "what came is kept")
				}
			}
		})
	}
}

// Strange numbers are no errors: they are observations, and stay as they came.
func TestStrangeNumbersAreKept(t *testing.T) {
	for kind, want := range map[gateway.FaultKind]struct {
		text    evidence.Number
		problem evidence.ProblemCode
	}{
		gateway.NaN:       {"NaN", evidence.ProblemNotANumber},
		gateway.Infinity:  {"-Infinity", evidence.ProblemNotANumber},
		gateway.Sentinels: {"-9999.0", evidence.ProblemSentinel},
	} {
		s, path := run(t, quick(t, serve(t, behind(gateway.Fault{Kind: kind}))))
		for _, chat := range []bool{false, true} {
			r, err := s.Ask(t.Context(), one(t, plan.Request{Logprobs: 3, Chat: chat}))
			require.NoError(t, err)
			require.True(t, r.Has(want.problem), kind)
			require.Equal(t, want.text, r.Choices[0].Positions[0].Logprob)
			require.Equal(t, want.text, r.Choices[0].Positions[0].Top[2].Logprob)
		}
		require.Len(t, exchanges(closed(t, s, path)), 2)
	}
}

func TestARetryThatSucceeds(t *testing.T) {
	s, path := run(t, quick(t, serve(t, behind(
		gateway.Fault{Kind: gateway.RateLimit, Value: "0", Count: 1},
		gateway.Fault{Kind: gateway.DropConnection, From: 1, Count: 1},
		gateway.Fault{Kind: gateway.Status, Value: "503", From: 2, Count: 1}))))
	var waits []time.Duration
	s.wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	r, err := s.Ask(t.Context(), one(t, plan.Request{Logprobs: 3}))
	require.NoError(t, err)
	require.NotEmpty(t, r.Choices)
	require.Len(t, waits, 3)
	f := closed(t, s, path)
	require.Len(t, exchanges(f), 4)
	require.Equal(t, 1, f.Summary.Answered)
	require.Len(t, f.Responses(), 1)
}

func TestRetryAfterIsRespected(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{"7": 7 * time.Second, "1.5": 1500 * time.Millisecond, "0": 0, "-3": 0, "": 0, "soon": 0,
		"Wed, 25 Nov 2026 12:00:30 GMT": 30 * time.Second, "Wed, 25 Nov 2026 11:00:00 GMT": 0, "1e300": 0} {
		require.Equal(t, want, retryAfter(map[string][]string{"Retry-After": {value}}, now), value)
	}
	s, _ := run(t, quick(t, serve(t, behind(gateway.Fault{Kind: gateway.RateLimit, Value: "9", Count: 1}))))
	var waited time.Duration
	s.wait = func(_ context.Context, d time.Duration) error { waited = d; return nil }
	_, err := s.Ask(t.Context(), one(t, plan.Request{}))
	require.NoError(t, err)
	require.Equal(t, 9*time.Second, waited)
}

func TestBackoffGrowsWithJitterFromItsSeed(t *testing.T) {
	waits := func(seed uint64) (all []time.Duration) {
		b := newBackoff(Retry{First: time.Second}.withDefaults(), seed)
		for n := range 70 {
			all = append(all, b.after(n+1, 0))
		}
		return all
	}
	got := waits(5)
	require.Equal(t, got, waits(5))
	require.NotEqual(t, got, waits(6))
	for n, d := range got {
		full := time.Minute
		if n < 6 {
			full = min(full, time.Second<<n)
		}
		require.GreaterOrEqual(t, d, full/2)
		require.LessOrEqual(t, d, full)
	}
}

// The key is in the request and nowhere else, whatever a server does with it.
func TestTheKeyIsNowhere(t *testing.T) {
	const key = "sk-0123456789+abc/DEF"
	t.Setenv("GPUBENCH_TEST_KEY", key)
	k, err := KeyFromEnv("GPUBENCH_TEST_KEY")
	require.NoError(t, err)
	var got atomic.Value
	model := behind(gateway.Fault{Kind: gateway.EchoKey, From: 1, Count: 1},
		gateway.Fault{Kind: gateway.Redirect, Value: "http://other.invalid/" + key + "?k=" + key, From: 2, Count: 1},
		gateway.Fault{Kind: gateway.Redirect, Value: "http://" + key + "@[::1", From: 3, Count: 1})
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		got.Store(q.Header.Get("Authorization"))
		w.Header().Set("X-Request-Id", q.Header.Get("Authorization"))
		w.Header().Set("Set-Cookie", "session="+key)
		model.ServeHTTP(w, q)
	}))
	var logged strings.Builder
	o := quick(t, server)
	o.Key = k
	o.Progress = func(e Event) { fmt.Fprintf(&logged, "%+v %+v %+v\n", e, e.Exchange, e.Note) }
	s, path := run(t, o)
	_, err = s.Ask(t.Context(), one(t, plan.Request{}))
	require.NoError(t, err)
	require.Equal(t, "Bearer "+key, got.Load())
	for i := range 3 {
		_, err = s.Ask(t.Context(), one(t, plan.Request{Logprobs: i + 1}))
		require.Error(t, err)
		fmt.Fprintf(&logged, "%v %+v %#v\n", err, err, err)
	}
	_, err = s.Close("failed: " + key)
	require.NoError(t, err)
	fmt.Fprintf(&logged, "%v %+v %#v %s %q %x %d\n", k, k, k, k, k, k, k)
	fmt.Fprintf(&logged, "%+v %#v\n", o, o)
	log.New(&logged, "", 0).Println(o, s.o.Key)
	require.NoError(t, DryRun(o, &plan.Plan{}).Text(&logged))
	fmt.Fprintf(&logged, "%+v %#v %+v\n", s, s.client, DryRun(o))
	text, err := k.MarshalText()
	require.NoError(t, err)
	logged.Write(text)
	for _, form := range []string{key, "sk-0123456789%2Babc", "c2stMDEyMzQ1Njc4OSthYmMvREVG", fmt.Sprintf("%x", key)} {
		require.NotContains(t, contents(t, path), form)
		require.NotContains(t, logged.String(), form)
	}
	require.NotContains(t, contents(t, path), "Authorization")
	_, err = evidence.Load(path)
	require.NoError(t, err)
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	_, err := KeyFromEnv("GPUBENCH_TEST_NO_SUCH_KEY")
	require.ErrorIs(t, err, ErrKey)
	require.ErrorContains(t, err, "GPUBENCH_TEST_NO_SUCH_KEY")
	for _, pasted := range []string{"sk-0123456789abcdef", "gsk_0123456789abcdef", strings.Repeat("A", 41)} {
		_, err = KeyFromEnv(pasted)
		require.ErrorIs(t, err, ErrKey)
		require.NotContains(t, err.Error(), pasted, "a key in place of a name is not repeated")
	}
	t.Setenv("GPUBENCH_TEST_KEY", "two words")
	_, err = KeyFromEnv("GPUBENCH_TEST_KEY")
	require.ErrorIs(t, err, ErrKey)
	require.NotContains(t, err.Error(), "two")
	k, err := KeyFromEnv("")
	require.NoError(t, err)
	require.False(t, k.set())

	t.Setenv("GPUBENCH_TEST_KEY", "sk-0123456789")
	k, err = KeyFromEnv("GPUBENCH_TEST_KEY")
	require.NoError(t, err)
	far, err := ParseEndpoint("http://example.invalid/v1")
	require.NoError(t, err)
	path := t.TempDir() + "/run.jsonl"
	_, err = Open(path, Options{Endpoint: far, Model: "m", Key: k})
	require.ErrorIs(t, err, ErrKeyInClear)
	require.NoFileExists(t, path)
}

// A redirect to another host must not take the key there; one within the host is
// followed.
func TestRedirects(t *testing.T) {
	t.Setenv("GPUBENCH_TEST_KEY", "sk-0123456789")
	k, err := KeyFromEnv("GPUBENCH_TEST_KEY")
	require.NoError(t, err)
	var visits atomic.Int64
	thief := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	model := gateway.NewModel(gateway.ModelOptions{})
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch {
		case strings.HasPrefix(q.URL.Path, "/v1/chat"):
			http.Redirect(w, q, thief.URL+q.URL.Path, http.StatusTemporaryRedirect)
		case strings.HasPrefix(q.URL.Path, "/v1/"):
			http.Redirect(w, q, "/new"+q.URL.Path+"?x=1", http.StatusMovedPermanently)
		default:
			require.Equal(t, "Bearer sk-0123456789", q.Header.Get("Authorization"))
			model.ServeHTTP(w, q)
		}
	}))
	o := quick(t, server)
	o.Key = k
	s, path := run(t, o)
	_, err = s.Ask(t.Context(), one(t, plan.Request{}))
	require.NoError(t, err)
	_, err = s.Ask(t.Context(), one(t, plan.Request{Chat: true}))
	require.ErrorContains(t, err, thief.URL)
	require.ErrorContains(t, err, "key was not sent")
	require.Zero(t, visits.Load())
	x := exchanges(closed(t, s, path))
	require.Equal(t, server.URL+"/new/v1/completions", x[0].Request.URL)
	require.Equal(t, http.StatusTemporaryRedirect, x[1].Reply.Status)
}

func TestTLSErrorsAreExplained(t *testing.T) {
	secure := httptest.NewUnstartedServer(behind())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := serve(t, behind())
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	ask := func(address string, roots *x509.CertPool) error {
		e, err := ParseEndpoint(address)
		require.NoError(t, err)
		s, path := run(t, Options{Endpoint: e, Model: "tiny", Tool: "t", RootCAs: roots, Retry: Retry{First: time.Millisecond}})
		_, err = s.Ask(t.Context(), one(t, plan.Request{}))
		x := exchanges(closed(t, s, path))
		require.Len(t, x, 1, "no use to try again")
		return err
	}
	require.NoError(t, ask(secure.URL, pool))
	for address, says := range map[string]string{
		secure.URL: "unknown authority; if the authority is your own, name its file in SSL_CERT_FILE",
		strings.Replace(plain.URL, "http:", "https:", 1):  "does not speak TLS; use http://",
		strings.Replace(secure.URL, "https:", "http:", 1): "use https://",
	} {
		err := ask(address, nil)
		require.ErrorContains(t, err, says)
	}
	err := tlsHost(t, secure, pool)
	require.ErrorContains(t, err, "the certificate is for another host")

	old, oldPool := expired(t)
	err = ask(old, oldPool)
	require.ErrorContains(t, err, "has expired or is not yet valid; check the clock of this machine")
}

// expired is the address of a server whose certificate ended yesterday, and its
// authority.
func expired(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(behind())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return server.URL, pool
}

// tlsHost asks a server under a name that its certificate does not have.
func tlsHost(t *testing.T, secure *httptest.Server, pool *x509.CertPool) error {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(secure.URL, "https://"))
	require.NoError(t, err)
	e, err := ParseEndpoint("https://localhost:" + port)
	require.NoError(t, err)
	s, _ := run(t, Options{Endpoint: e, Model: "tiny", Tool: "t", RootCAs: pool})
	_, err = s.Ask(t.Context(), one(t, plan.Request{}))
	return err
}

func TestNoServerIsExplained(t *testing.T) {
	server := httptest.NewServer(behind())
	o := quick(t, server)
	server.Close()
	o.Retry.Attempts = 2
	s, path := run(t, o)
	_, err := s.Ask(t.Context(), one(t, plan.Request{}))
	require.ErrorContains(t, err, "the connection was refused; check host and port")
	require.Len(t, exchanges(closed(t, s, path)), 2)

	o.Endpoint, err = ParseEndpoint("http://no-such-host.invalid")
	require.NoError(t, err)
	s, path = run(t, o)
	_, err = s.Ask(t.Context(), one(t, plan.Request{}))
	var transport *TransportError
	require.ErrorAs(t, err, &transport)
	require.Equal(t, evidence.FailureConnect, transport.Kind)
	require.Nil(t, exchanges(closed(t, s, path))[0].Reply)
}

func TestCancellingEndsAtOnceAndIsKept(t *testing.T) {
	s, path := run(t, quick(t, serve(t, behind(gateway.Fault{Kind: gateway.Hang}))))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := s.Ask(ctx, one(t, plan.Request{}))
	require.ErrorIs(t, err, context.Canceled)
	x := exchanges(closed(t, s, path))
	require.Len(t, x, 1)
	require.Equal(t, evidence.FailureCancelled, x[0].Failure.Kind)
}

func TestEndpoints(t *testing.T) {
	for address, want := range map[string]string{
		"https://host":                          "https://host/v1",
		"https://host/":                         "https://host/v1",
		"https://host/v1/":                      "https://host/v1",
		"https://host/v1/chat/completions":      "https://host/v1",
		"http://host:8000/api/v2/completions/ ": "http://host:8000/api/v2",
	} {
		e, err := ParseEndpoint(address)
		require.NoError(t, err, address)
		require.Equal(t, want, e.String())
	}
	for _, address := range []string{"", "host", "ftp://host", "https://", "https://user:secret@host/v1", "https://host/v1?key=secret", "http://[::1", "https://ho st/%zzsecret"} {
		_, err := ParseEndpoint(address)
		require.ErrorIs(t, err, ErrEndpoint, address)
		require.NotContains(t, err.Error(), "secret")
	}
	e, err := ParseEndpoint("http://127.0.0.1:1")
	require.NoError(t, err)
	require.True(t, e.private())
}

func TestTheEvidenceFileMustBeOfThisSession(t *testing.T) {
	server := serve(t, behind())
	o := quick(t, server)
	s, path := run(t, o)
	closed(t, s, path)
	for _, change := range []func(*Options){
		func(o *Options) { o.Model = "other" }, func(o *Options) { o.Seed = 9 }, func(o *Options) { o.Label = "x" },
		func(o *Options) { o.Endpoint.base.Host = "other" },
	} {
		other := o
		change(&other)
		_, err := Open(path, other)
		require.ErrorIs(t, err, ErrOtherSession)
	}
	_, err := Open(path, Options{Model: "tiny"})
	require.ErrorIs(t, err, ErrEndpoint)
	_, err = Open(path, Options{Endpoint: o.Endpoint})
	require.ErrorIs(t, err, ErrModel)
	_, err = Open(t.TempDir()+"/no/such/folder", o)
	require.True(t, errors.Is(err, os.ErrNotExist), err)
}
