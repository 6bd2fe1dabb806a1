package loosejson

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote removes escapes. An unknown escape stays as it is.
func unquote(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i >= 0 {
		b = append(b, s[:i]...)
		r, size := escape(s[i:])
		if size == 0 {
			b, s = append(b, s[i]), s[i+1:]
		} else {
			b, s = utf8.AppendRune(b, r), s[i+size:]
		}
		i = strings.IndexByte(s, '\\')
	}
	return string(append(b, s...))
}

// escape is the rune of the escape that s starts with, and its length; 0 where
// it is none.
func escape(s string) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, s[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hex4(s[6:]); ok {
		if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
			return whole, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 32)
	return rune(n), err == nil
}

// AppendText appends what Text gives. ok is false, and what was appended of no use,
// for what is no string, and where RFC 8259 has no such string: control characters
// as they are, and escapes that do not exist.
func (v Value) AppendText(to []byte) (out []byte, ok bool) {
	if v.Kind() != String {
		return to, false
	}
	n := v.node()
	s := v.doc.text[n.start+1 : n.end-1]
	to = slices.Grow(to, len(s))
	room := to[len(to):cap(to)]
	used := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '\\' {
			room[used] = c
			i, used = i+1, used+1
			continue
		}
		if c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') { // most of them
			room[used] = s[i+1]
			i, used = i+2, used+1
			continue
		}
		r, size := escape(s[i:])
		if c < ' ' || size == 0 {
			return to, false
		}
		used += utf8.EncodeRune(room[used:], r) // an escape is longer than its rune
		i += size
	}
	return to[:len(to)+used], true
}
