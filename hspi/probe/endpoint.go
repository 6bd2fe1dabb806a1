package probe

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/gpubench/gpubench/hspi/plan"
)

// ErrEndpoint: an address that cannot be an endpoint, or must not be one.
var ErrEndpoint = errors.New("unusable endpoint")

// Endpoint is the base of an OpenAI-compatible API, such as https://host/v1.
type Endpoint struct{ base url.URL }

// ParseEndpoint reads an address. What people copy is understood: with or without
// a slash at the end or the path of one of the APIs. An address without a path
// gets /v1. Users, passwords and queries are refused: they would go into evidence.
func ParseEndpoint(address string) (Endpoint, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return Endpoint{}, fmt.Errorf("%w: it cannot be read as a URL", ErrEndpoint) // err would repeat a password
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Endpoint{}, fmt.Errorf("%w: it must begin with http:// or https://", ErrEndpoint)
	case u.Host == "":
		return Endpoint{}, fmt.Errorf("%w: it names no host", ErrEndpoint)
	case u.User != nil:
		return Endpoint{}, fmt.Errorf("%w: it holds a user name or password; put the key into the environment instead", ErrEndpoint)
	case u.RawQuery != "" || u.Fragment != "":
		return Endpoint{}, fmt.Errorf("%w: it has a query or fragment, which may hold a key", ErrEndpoint)
	}
	path := strings.TrimRight(u.Path, "/")
	for _, api := range []string{plan.ChatPath, plan.CompletionsPath} {
		path = strings.TrimSuffix(path, api)
	}
	if path == "" {
		path = "/v1"
	}
	return Endpoint{url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}}, nil
}

// String is the address of the base.
func (e Endpoint) String() string { return e.base.String() }

// url is the address of a path below the base; one that begins with two slashes
// is below the host.
func (e Endpoint) url(path string) string {
	u := e.base
	if below, ok := strings.CutPrefix(path, "//"); ok {
		u.Path = "/" + below
	} else {
		u.Path += path
	}
	return u.String()
}

// private reports whether a key stays private on the way there: TLS, or this machine.
func (e Endpoint) private() bool {
	host := e.base.Hostname()
	ip := net.ParseIP(host)
	return e.base.Scheme == "https" || host == "localhost" || (ip != nil && ip.IsLoopback())
}

// sameOrigin reports whether an address has the scheme and host of the endpoint.
func (e Endpoint) sameOrigin(u *url.URL) bool {
	return u.Scheme == e.base.Scheme && strings.EqualFold(u.Host, e.base.Host)
}
