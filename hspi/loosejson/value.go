// Package loosejson reads JSON as servers really send it: the text of every
// number is kept, members keep their order and may repeat, NaN and Infinity are
// numbers, and what arrived of a text that was cut off can still be read.
package loosejson

import (
	"iter"
	"strings"
)

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
	doc *document // nil: missing
	at  uint32    // its node
}

// document is a parsed text: the values in order of arrival, what is within a value
// after it; names are values too, before their members. Nodes hold no pointers: the
// garbage collector has nothing to follow in what is most of a reading.
type document struct {
	text  string
	nodes []node
}

// node is a value in its text.
type node struct {
	start, end uint32 // of the text
	next       uint32 // the node after all that is within
	kind       Kind
	escaped    bool // a string with a backslash
}

func (v Value) node() *node { return &v.doc.nodes[v.at] }

// Kind is the type of the value.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Missing
	}
	return v.node().kind
}

// Exists reports whether the value is there and not null.
func (v Value) Exists() bool { return v.Kind() > Null }

// Raw is the text of the value as it arrived: digits of a number, quotes and
// escapes of a string.
func (v Value) Raw() string {
	if v.doc == nil {
		return ""
	}
	n := v.node()
	return v.doc.text[n.start:n.end]
}

// All are the items of an array, or the values of an object, in order.
func (v Value) All() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		kind := v.Kind()
		if kind < Array {
			return
		}
		for at, end := v.at+1, v.node().next; at < end; at = v.doc.nodes[at].next {
			if kind == Object {
				at++ // past the name
			}
			if !yield(Value{v.doc, at}) {
				return
			}
		}
	}
}

// Len is the number of items or members. It counts them.
func (v Value) Len() int {
	n := 0
	for range v.All() {
		n++
	}
	return n
}

// Items are those of All.
func (v Value) Items() []Value {
	var items []Value
	if n := v.Len(); n > 0 {
		items = make([]Value, 0, n)
	}
	for item := range v.All() {
		items = append(items, item)
	}
	return items
}

// Members are the members of an object in order of arrival, repeated ones too.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for at, end := v.at+1, v.node().next; at < end; at = v.doc.nodes[at].next {
			name := Value{v.doc, at}
			at++
			if !yield(name.Text(), Value{v.doc, at}) {
				return
			}
		}
	}
}

// Get is the first member of that name, and the missing value where there is none.
func (v Value) Get(key string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	for at, end := v.at+1, v.node().next; at < end; at = v.doc.nodes[at].next {
		name := Value{v.doc, at}
		at++
		if name.Text() == key {
			return Value{v.doc, at}
		}
	}
	return Value{}
}

// Text is a string without quotes and escapes, and empty for every other kind.
// A lone surrogate becomes U+FFFD.
func (v Value) Text() string {
	if v.Kind() != String {
		return ""
	}
	n := v.node()
	inner := v.doc.text[n.start+1 : n.end-1]
	if !n.escaped {
		return inner
	}
	return unquote(inner)
}

// True reports whether the value is the literal true.
func (v Value) True() bool { return v.Kind() == Bool && strings.HasPrefix(v.Raw(), "t") }
