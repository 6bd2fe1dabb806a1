package loosejson

import (
	"fmt"
	"math"
)

// maxDepth bounds nesting: a hostile reply must not exhaust the stack.
const maxDepth = 256

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // bytes
	// Truncated tells that the text ended too early, and was fine until then.
	Truncated bool
	What      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("JSON at byte %d: %s", e.Offset, e.What)
}

// Parse reads one value. Where the text is damaged or cut off, the value holds
// what was complete before that place, and the error is a *SyntaxError.
func Parse(text string) (Value, error) { return new(Parser).Parse(text) }

// Parser parses one text after the other in the same memory. The zero value is
// ready.
type Parser struct{ p parser }

// Parse is the function Parse; the values of the text before are of no use any more.
func (r *Parser) Parse(text string) (Value, error) {
	p := &r.p
	p.doc.text, p.doc.nodes, p.at, p.err = text, p.doc.nodes[:0], 0, nil
	if len(text) > maxText {
		p.fail("%d bytes of text, more than %d", len(text), maxText)
		return Value{}, p.err
	}
	if cap(p.doc.nodes) == 0 {
		p.doc.nodes = make([]node, 0, 16+len(text)/12) // about as many as a list of logprobs has
	}
	found := p.value(0)
	if p.err == nil {
		if p.space(); p.at < len(text) {
			p.fail("more text after the value")
		}
	}
	v := Value{}
	if found {
		v.doc = &p.doc
	}
	if p.err != nil {
		return v, p.err
	}
	return v, nil
}

// maxText is what nodes can count.
const maxText = math.MaxUint32

type parser struct {
	doc document
	at  int
	err *SyntaxError
}

// open adds a node that starts here and is not complete yet.
func (p *parser) open(kind Kind) int {
	n := len(p.doc.nodes)
	p.doc.nodes = append(p.doc.nodes, node{kind: kind, start: uint32(p.at)})
	return n
}

// close ends it here.
func (p *parser) close(n int) {
	p.doc.nodes[n].end, p.doc.nodes[n].next = uint32(p.at), uint32(len(p.doc.nodes))
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{Offset: p.at, What: fmt.Sprintf(format, args...)}
	}
}

func (p *parser) truncated() {
	if p.err == nil {
		p.err = &SyntaxError{Offset: len(p.doc.text), Truncated: true, What: "the text ends too early"}
	}
}

func (p *parser) space() {
	for p.at < len(p.doc.text) {
		switch p.doc.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek is the next byte after white space; 0 at the end, which is an error.
func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.doc.text) {
		p.truncated()
		return 0
	}
	return p.doc.text[p.at]
}

// value reads a value, and reports whether there is one; else it leaves no node.
func (p *parser) value(depth int) bool {
	if depth > maxDepth {
		p.fail("nested deeper than %d", maxDepth)
		return false
	}
	switch c := p.peek(); {
	case p.err != nil:
		return false
	case c == '{':
		p.object(depth)
		return true
	case c == '[':
		p.array(depth)
		return true
	case c == '"':
		return p.str()
	}
	return p.word(depth)
}

func (p *parser) array(depth int) {
	n := p.open(Array)
	defer p.close(n)
	p.at++
	if p.peek() == ']' {
		p.at++
		return
	}
	for p.err == nil {
		p.value(depth + 1)
		if p.next(']') {
			return
		}
	}
}

func (p *parser) object(depth int) {
	n := p.open(Object)
	defer p.close(n)
	p.at++
	if p.peek() == '}' {
		p.at++
		return
	}
	for p.err == nil {
		name := len(p.doc.nodes)
		if !p.key() || !p.value(depth+1) {
			p.doc.nodes = p.doc.nodes[:name] // a name alone is no member
			return
		}
		if p.next('}') {
			return
		}
	}
}

// key reads a name and its colon.
func (p *parser) key() bool {
	if c := p.peek(); p.err == nil && c != '"' {
		p.fail("a name was expected, not %q", c)
	}
	if p.err != nil || !p.str() {
		return false
	}
	if c := p.peek(); p.err == nil && c != ':' {
		p.fail("a colon was expected, not %q", c)
	}
	if p.err != nil {
		return false
	}
	p.at++
	return true
}

// next reads a comma, or the end of an array or object, which it reports.
func (p *parser) next(end byte) bool {
	c := p.peek()
	switch {
	case p.err != nil:
		return true
	case c == end:
		p.at++
		return true
	case c != ',':
		p.fail("a comma or %q was expected, not %q", end, c)
		return true
	}
	p.at++
	return false
}

// str reads a string; one that is cut off is missing.
func (p *parser) str() bool {
	text, escaped := p.doc.text, false
	for i := p.at + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			n := p.open(String)
			p.doc.nodes[n].escaped = escaped
			p.at = i + 1
			p.close(n)
			return true
		}
	}
	p.truncated()
	return false
}

// word reads a number or a literal. One that touches the end of a text may be
// cut off: "-0.1" of "-0.125" would be another number, so it is missing unless
// it is the whole text.
func (p *parser) word(depth int) bool {
	text := p.doc.text
	end := plainNumber(text, p.at)
	kind := Number
	if end == p.at || end == len(text) || !delimiter(text[end]) {
		for end < len(text) && !delimiter(text[end]) {
			end++
		}
		if depth > 0 && end == len(text) {
			p.truncated()
			return false
		}
		kind = wordKind(text[p.at:end])
	}
	if kind == Missing {
		p.fail("%.20q is no value", text[p.at:end])
		return false
	}
	n := p.open(kind)
	p.at = end
	p.close(n)
	return true
}

// plainNumber is where a number of the form -12.34 ends that starts at a place; the
// place itself where there is none.
func plainNumber(text string, at int) int {
	i := at
	if i < len(text) && text[i] == '-' {
		i++
	}
	first := i
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	if i == first {
		return at
	}
	if i < len(text) && text[i] == '.' {
		for i++; i < len(text) && text[i]-'0' <= 9; {
			i++
		}
	}
	return i
}

func delimiter(c byte) bool {
	switch c {
	case ',', ']', '}', ':', ' ', '\t', '\n', '\r', '"', '[', '{':
		return true
	}
	return false
}

func wordKind(word string) Kind {
	switch word {
	case "null":
		return Null
	case "true", "false":
		return Bool
	case "NaN", "-NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "-inf":
		return Number
	}
	if isNumber(word) {
		return Number
	}
	return Missing
}

// isNumber accepts the numbers of JSON, and leading zeros and plus signs too.
func isNumber(word string) bool {
	rest, mantissa := digits(sign(word))
	if rest != "" && rest[0] == '.' {
		var fraction int
		rest, fraction = digits(rest[1:])
		mantissa += fraction
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		var exponent int
		if rest, exponent = digits(sign(rest[1:])); exponent == 0 {
			return false
		}
	}
	return mantissa > 0 && rest == ""
}

func sign(s string) string {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:]
	}
	return s
}

// digits is s without the digits that it starts with, and their number.
func digits(s string) (string, int) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[n:], n
}
