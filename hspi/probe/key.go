package probe

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// ErrKey: the API key cannot be used.
var ErrKey = errors.New("unusable API key")

// Key is an API key. It never shows in any format of package fmt or in JSON.
type Key struct {
	// secret is a pointer, because fmt prints fields of structs that hold a Key without
	// asking its methods.
	secret *string
}

// KeyFromEnv reads the key from the environment variable of that name. The zero
// Key, for endpoints that need none, is what an empty name gives. Keys shorter
// than evidence.MinSecret, such as the "EMPTY" that people give their own servers,
// are no secrets: they are not masked where a server repeats them.
func KeyFromEnv(name string) (Key, error) {
	if name == "" {
		return Key{}, nil
	}
	secret := strings.TrimSpace(os.Getenv(name))
	if secret == "" {
		return Key{}, fmt.Errorf("%w: %s is empty; it wants the name of a variable, not the key itself", ErrKey, variable(name))
	}
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
		return Key{}, fmt.Errorf("%w: %s holds characters that cannot be in a header", ErrKey, variable(name))
	}
	return Key{&secret}, nil
}

// variable names an environment variable. What does not look like the name of one
// may be a key that somebody pasted, and is not repeated.
func variable(name string) string {
	const most = 40
	other := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' }
	if len(name) > most || strings.ContainsFunc(name, other) {
		return "the environment variable of that name"
	}
	return "the environment variable " + name
}

func (k Key) set() bool { return k.secret != nil }

// reveal is the key itself, empty where there is none.
func (k Key) reveal() string {
	if k.secret == nil {
		return ""
	}
	return *k.secret
}

// mask removes the key from a text.
func (k Key) mask(text string) string { return evidence.Mask(text, k.reveal()) }

// String hides the key.
func (k Key) String() string {
	if k.set() {
		return "[API key]"
	}
	return "[no API key]"
}

// GoString hides the key.
func (k Key) GoString() string { return k.String() }

// Format hides the key, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, k.String()) } // a State keeps its own error

// MarshalText hides the key.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
