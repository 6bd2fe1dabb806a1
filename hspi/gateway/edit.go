package gateway

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/hspi/loosejson"
)

// editor changes JSON and leaves all else of its text as it is.
type editor struct {
	strip  []string            // members to remove
	empty  []string            // arrays to empty
	model  string              // the name of the model, where not empty
	number func(string) string // what a logprob becomes; nil leaves them
}

// body edits an answer, or each event of a stream.
func (e *editor) body(body []byte) []byte {
	if !bytes.HasPrefix(body, []byte("data:")) {
		return []byte(e.text(string(body)))
	}
	lines := strings.Split(string(body), "\n")
	for i, line := range lines {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			lines[i] = "data: " + e.text(data)
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

func (e *editor) text(text string) string {
	v, err := loosejson.Parse(text)
	if err != nil {
		return text
	}
	var out strings.Builder
	e.write(&out, v, "", false)
	return out.String()
}

// write writes a value; within tells that numbers in it are logprobs.
func (e *editor) write(out *strings.Builder, v loosejson.Value, name string, within bool) {
	within = within || name == "token_logprobs" || name == "logprob"
	switch {
	case name == "model" && e.model != "" && v.Kind() == loosejson.String:
		out.WriteString(quote(e.model))
	case v.Kind() == loosejson.Array && slices.Contains(e.empty, name):
		out.WriteString("[]")
	case v.Kind() == loosejson.Array:
		out.WriteByte('[')
		for i, item := range v.Items() {
			if i > 0 {
				out.WriteByte(',')
			}
			e.write(out, item, arrayName(name), within)
		}
		out.WriteByte(']')
	case v.Kind() == loosejson.Object:
		e.object(out, v, name)
	case v.Kind() == loosejson.Number && within && e.number != nil:
		out.WriteString(e.number(v.Raw()))
	default:
		out.WriteString(v.Raw())
	}
}

// arrayName is the name under which the items of an array are known: those of
// top_logprobs are objects of text and logprob.
func arrayName(name string) string {
	if name == "top_logprobs" {
		return name
	}
	return ""
}

func (e *editor) object(out *strings.Builder, v loosejson.Value, name string) {
	out.WriteByte('{')
	first := true
	for key, item := range v.Members() {
		if slices.Contains(e.strip, key) {
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.WriteString(quote(key))
		out.WriteByte(':')
		e.write(out, item, key, name == "top_logprobs" && key != "id" && key != "rank" && item.Kind() == loosejson.Number)
	}
	out.WriteByte('}')
}

func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil { // no string gives one
		return `""`
	}
	return string(text)
}
