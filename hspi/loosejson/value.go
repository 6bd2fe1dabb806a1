// Package loosejson reads JSON as servers really send it: the text of every
// number is kept, members keep their order and may repeat, NaN and Infinity are
// numbers, and what arrived of a text that was cut off can still be read.
package loosejson

import "iter"

// Kind is the type of a value.
type Kind uint8

// Kinds. Missing is the kind of the zero Value: what a lookup in vain gives.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Value is a part of a parsed text. The zero value is missing.
type Value struct {
	kind Kind
	raw  string
	sub  *parts // of an array or object that is not empty
}

// parts are what is within a value. Most values have none, so they are apart.
type parts struct {
	keys  []string // of an object, in order of arrival
	items []Value
}

// Kind is the type of the value.
func (v Value) Kind() Kind { return v.kind }

// Exists reports whether the value is there and not null.
func (v Value) Exists() bool { return v.kind > Null }

// Raw is the text of the value as it arrived: digits of a number, quotes and
// escapes of a string.
func (v Value) Raw() string { return v.raw }

// Len is the number of items or members.
func (v Value) Len() int { return len(v.Items()) }

// Items are the items of an array, or the values of an object, in order.
func (v Value) Items() []Value {
	if v.sub == nil {
		return nil
	}
	return v.sub.items
}

func (v Value) keys() []string {
	if v.sub == nil {
		return nil
	}
	return v.sub.keys
}

// Members are the members of an object in order of arrival, repeated ones too.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i, key := range v.keys() {
			if !yield(key, v.sub.items[i]) {
				return
			}
		}
	}
}

// Get is the first member of that name, and the missing value where there is none.
func (v Value) Get(key string) Value {
	for i, k := range v.keys() {
		if k == key {
			return v.sub.items[i]
		}
	}
	return Value{}
}

// Text is a string without quotes and escapes, and empty for every other kind.
// A lone surrogate becomes U+FFFD.
func (v Value) Text() string {
	if v.kind != String {
		return ""
	}
	return unquote(v.raw)
}

// True reports whether the value is the literal true.
func (v Value) True() bool { return v.kind == Bool && v.raw == "true" }
