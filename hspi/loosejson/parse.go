package loosejson

import "fmt"

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
func Parse(text string) (Value, error) {
	p := parser{text: text}
	v := p.value(0)
	if p.err == nil {
		if p.space(); p.at < len(text) {
			p.fail("more text after the value")
		}
	}
	if p.err != nil {
		return v, p.err
	}
	return v, nil
}

type parser struct {
	text string
	at   int
	err  *SyntaxError
	// What is read of arrays and objects that are still open, innermost last.
	items []Value
	keys  []string
	// Room that finished values are cut from: few large pieces of memory instead
	// of many small ones.
	itemRoom []Value
	keyRoom  []string
	partRoom []parts
}

// room is how many values or names are allocated at once.
const room = 128

// take moves the tail of stack into memory of its own.
func take[T any](stack, free *[]T, from int) []T {
	n := len(*stack) - from
	if n == 0 {
		return nil
	}
	if n > len(*free) {
		*free = make([]T, max(n, room))
	}
	out := (*free)[:n:n]
	*free = (*free)[n:]
	copy(out, (*stack)[from:])
	*stack = (*stack)[:from]
	return out
}

func (p *parser) parts(keys []string, items []Value) *parts {
	if len(items) == 0 {
		return nil
	}
	if len(p.partRoom) == 0 {
		p.partRoom = make([]parts, room/4)
	}
	made := &p.partRoom[0]
	p.partRoom = p.partRoom[1:]
	made.keys, made.items = keys, items
	return made
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{Offset: p.at, What: fmt.Sprintf(format, args...)}
	}
}

func (p *parser) truncated() {
	if p.err == nil {
		p.err = &SyntaxError{Offset: len(p.text), Truncated: true, What: "the text ends too early"}
	}
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
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
	if p.at == len(p.text) {
		p.truncated()
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(depth int) Value {
	if depth > maxDepth {
		p.fail("nested deeper than %d", maxDepth)
		return Value{}
	}
	switch c := p.peek(); {
	case p.err != nil:
		return Value{}
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.str()
	}
	return p.word(depth)
}

func (p *parser) array(depth int) Value {
	v, start := Value{kind: Array}, p.at
	p.at++
	if p.peek() == ']' {
		p.at++
		v.raw = p.text[start:p.at]
		return v
	}
	from := len(p.items)
	for p.err == nil {
		if item := p.value(depth + 1); item.kind != Missing {
			p.items = append(p.items, item)
		}
		if p.next(']') {
			break
		}
	}
	v.sub = p.parts(nil, take(&p.items, &p.itemRoom, from))
	v.raw = p.text[start:p.at]
	return v
}

func (p *parser) object(depth int) Value {
	v, start := Value{kind: Object}, p.at
	p.at++
	if p.peek() == '}' {
		p.at++
		v.raw = p.text[start:p.at]
		return v
	}
	from, fromKey := len(p.items), len(p.keys)
	for p.err == nil {
		key := p.key()
		if p.err != nil {
			break
		}
		if item := p.value(depth + 1); item.kind != Missing {
			p.keys, p.items = append(p.keys, key), append(p.items, item)
		}
		if p.next('}') {
			break
		}
	}
	v.sub = p.parts(take(&p.keys, &p.keyRoom, fromKey), take(&p.items, &p.itemRoom, from))
	v.raw = p.text[start:p.at]
	return v
}

// key reads a name and its colon.
func (p *parser) key() string {
	if c := p.peek(); p.err == nil && c != '"' {
		p.fail("a name was expected, not %q", c)
	}
	if p.err != nil {
		return ""
	}
	key := p.str()
	if c := p.peek(); p.err == nil && c != ':' {
		p.fail("a colon was expected, not %q", c)
	}
	if p.err != nil {
		return ""
	}
	p.at++
	return key.Text()
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
func (p *parser) str() Value {
	start := p.at
	for i := start + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '"':
			p.at = i + 1
			return Value{kind: String, raw: p.text[start:p.at]}
		}
	}
	p.truncated()
	return Value{}
}

// word reads a number or a literal. One that touches the end of a text may be
// cut off: "-0.1" of "-0.125" would be another number, so it is missing unless
// it is the whole text.
func (p *parser) word(depth int) Value {
	end := p.at
	for end < len(p.text) && !delimiter(p.text[end]) {
		end++
	}
	if depth > 0 && end == len(p.text) {
		p.truncated()
		return Value{}
	}
	word := p.text[p.at:end]
	kind := wordKind(word)
	if kind == Missing {
		p.fail("%.20q is no value", word)
		return Value{}
	}
	p.at = end
	return Value{kind: kind, raw: word}
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
