// Package feature reads what recorded answers tell of the machine that made
// them: numbers with their uncertainty, or the reason why there is none. Some
// need nothing but the answers of one endpoint ([Extract]), some compare them
// with those of another to the same prompts ([Compare]).
package feature

import (
	"fmt"
	"strings"
)

// Value is one feature. Number and Error are of no use where Missing is set.
type Value struct {
	Name string `json:"name"`
	// Number is the value in Unit, and Error its standard error, or half the
	// width of what is possible where it is no estimate; 0 where it is exact.
	Number float64 `json:"number"`
	Error  float64 `json:"error,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	// N is how many observations it rests on.
	N int `json:"n"`
	// Words says the value in words, where a number alone would not.
	Words string `json:"words,omitempty"`
	// Missing tells why there is no value: "not available, because …".
	Missing string `json:"missing,omitempty"`
}

// Available reports whether there is a value.
func (v Value) Available() bool { return v.Missing == "" }

// String is for people.
func (v Value) String() string {
	if !v.Available() {
		return fmt.Sprintf("%s: not available, because %s", v.Name, v.Missing)
	}
	return fmt.Sprintf("%s: %s (n=%d)", v.Name, v.Text(), v.N)
}

// Text is the value for people, without its name.
func (v Value) Text() string {
	switch {
	case v.Words != "":
		return v.Words
	case v.Error > 0:
		return strings.TrimSpace(fmt.Sprintf("%.4g ± %.2g %s", v.Number, v.Error, v.Unit))
	}
	return strings.TrimSpace(fmt.Sprintf("%.6g %s", v.Number, v.Unit))
}

// missing is a value that is not available.
func missing(name, format string, args ...any) Value {
	return Value{Name: name, Missing: fmt.Sprintf(format, args...)}
}

// Set is features in a fixed order.
type Set []Value

// Get is the feature of that name; one that is missing where there is none.
func (s Set) Get(name string) Value {
	for _, v := range s {
		if v.Name == name {
			return v
		}
	}
	return missing(name, "nobody looked for it")
}
