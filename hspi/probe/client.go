package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// maxBody is the most that is kept of one answer.
const maxBody = 64 << 20

// maxHops is how often a redirect within one host is followed.
const maxHops = 3

// client sends one request at a time and keeps all that comes back.
type client struct {
	endpoint Endpoint
	key      Key
	agent    string
	timeout  time.Duration // of a whole exchange
	idle     time.Duration // without a byte
	http     *http.Client

	inFlight    atomic.Int64
	mu          sync.Mutex
	connections map[string]int // numbers by local and remote address
	connected   int            // how many there were
}

func newClient(e Endpoint, k Key, o Options) *client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DisableCompression:  true, // evidence holds the bytes that arrived
		MaxIdleConnsPerHost: 64,
		TLSClientConfig:     &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 15 * time.Second,
		ForceAttemptHTTP2:   true,
	}
	return &client{endpoint: e, key: k, agent: o.Tool, timeout: o.Timeout, idle: o.IdleTimeout, connections: map[string]int{},
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// do makes one attempt. Whatever goes wrong is in the exchange. It calls left
// when the request is out.
func (c *client) do(ctx context.Context, item plan.Item, left func()) *evidence.Exchange {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	if item.Reconnect {
		c.http.CloseIdleConnections()
	}
	x := &evidence.Exchange{Key: item.Key, Purpose: item.Purpose, Request: evidence.Request{Method: method(item), Body: item.Body}}
	x.Timing.InFlight = int(c.inFlight.Add(1)) - 1
	defer c.inFlight.Add(-1)
	began := time.Now()
	x.Timing.Start = began.UTC()
	err := c.follow(ctx, item, x, began, left)
	x.Timing.Done = time.Since(began).Microseconds()
	if err != nil && x.Failure == nil {
		kind, text := classify(ctx, err)
		x.Failure = &evidence.Failure{Kind: kind, Text: c.key.mask(text)}
	}
	return x
}

func method(item plan.Item) string {
	if item.Body == nil {
		return http.MethodGet
	}
	return http.MethodPost
}

// follow sends the request, and again to where a redirect within the host points.
func (c *client) follow(ctx context.Context, item plan.Item, x *evidence.Exchange, began time.Time, left func()) error {
	target := c.endpoint.url(item.Path)
	for range maxHops {
		next, err := c.send(ctx, target, x, began, left)
		if next == "" || err != nil {
			return err
		}
		target = next
	}
	return &redirectError{to: "itself, again and again"}
}

// send makes one HTTP request; next is where a redirect within the host points.
func (c *client) send(ctx context.Context, target string, x *evidence.Exchange, began time.Time, left func()) (next string, err error) {
	t := new(traced)
	defer func() { t.copyTo(&x.Timing) }()
	ctx, cancel := context.WithCancelCause(c.trace(ctx, t, began, left))
	defer cancel(nil)
	q, err := http.NewRequestWithContext(ctx, x.Request.Method, target, bytes.NewReader(x.Request.Body))
	if err != nil {
		return "", err
	}
	x.Request.URL = target
	q.Header.Set("Accept", "application/json, text/event-stream")
	q.Header.Set("User-Agent", c.agent)
	if x.Request.Body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	x.Request.Header = evidence.KeepHeaders(q.Header.Clone())
	if c.key.set() {
		q.Header.Set("Authorization", "Bearer "+c.key.reveal())
	}
	// An idle timer, because a server may stop in the middle and keep the connection.
	watch := time.AfterFunc(c.idle, func() { cancel(errTimeout) })
	defer watch.Stop()
	reply, err := c.http.Do(q)
	if err != nil {
		return "", causeOf(ctx, err)
	}
	defer func() { _ = reply.Body.Close() }() // all that is wanted was read
	x.Reply = &evidence.Reply{Status: reply.StatusCode, Proto: reply.Proto, Header: evidence.KeepHeaders(reply.Header.Clone())}
	err = read(reply, x.Reply, began, func() { watch.Reset(c.idle) })
	if err != nil {
		return "", causeOf(ctx, err)
	}
	return c.redirect(reply, target)
}

// causeOf prefers the reason for which a context ended.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		return cause
	}
	return err
}

// read keeps the body, and for streams when each piece came.
func read(from *http.Response, to *evidence.Reply, began time.Time, alive func()) error {
	stream := strings.HasPrefix(from.Header.Get("Content-Type"), "text/event-stream")
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Body.Read(buffer)
		if n > 0 {
			alive()
			to.Body = append(to.Body, buffer[:n]...)
			if stream {
				to.Arrivals = append(to.Arrivals, evidence.Arrival{End: len(to.Body), After: time.Since(began).Microseconds()})
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(to.Body) > maxBody:
			return errTooLarge
		}
	}
}

// redirect decides on a redirect: within the host it is followed, the key with
// it; elsewhere it is not.
func (c *client) redirect(reply *http.Response, from string) (next string, err error) {
	if reply.StatusCode < 300 || reply.StatusCode >= 400 || reply.Header.Get("Location") == "" {
		return "", nil
	}
	to, err := reply.Location()
	if err != nil {
		return "", &redirectError{to: "an address that cannot be read"}
	}
	if !c.endpoint.sameOrigin(to) {
		return "", &redirectError{to: (&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String()}
	}
	to.RawQuery, to.Fragment, to.User = "", "", nil
	if to.String() == from {
		return "", &redirectError{to: "itself"}
	}
	return to.String(), nil
}

// traced is what happens to a request below HTTP. The transport may report after
// the request has failed, so it has a lock of its own.
type traced struct {
	mu        sync.Mutex
	number    int
	reused    bool
	firstByte int64
}

func (t *traced) copyTo(to *evidence.Timing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	to.Connection, to.Reused, to.FirstByte = t.number, t.reused, t.firstByte
}

// trace notes the connection, the time of the first byte, and that the request is out.
func (c *client) trace(ctx context.Context, t *traced, began time.Time, left func()) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.number, t.reused = c.connection(info), info.Reused
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { left() },
		GotFirstResponseByte: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.firstByte = time.Since(began).Microseconds()
		},
	})
}

// connection is the number of a connection, from 1.
func (c *client) connection(info httptrace.GotConnInfo) int {
	id := info.Conn.LocalAddr().String() + " " + info.Conn.RemoteAddr().String()
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.connections[id]; ok && info.Reused {
		return n
	}
	c.connected++
	c.connections[id] = c.connected
	return c.connected
}
