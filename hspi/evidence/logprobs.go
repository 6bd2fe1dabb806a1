package evidence

import (
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/hspi/loosejson"
)

// logprobs reads the field of that name, in the form of chat (a list content) or
// of completions (parallel lists). Servers use either with either API.
func (d *decoder) logprobs(v loosejson.Value) []Position {
	if v.Kind() == loosejson.Array {
		return d.entries(v)
	}
	if content := v.Get("content"); content.Kind() == loosejson.Array {
		return d.entries(content)
	}
	if v.Get("tokens").Kind() == loosejson.Array || v.Get("token_logprobs").Kind() == loosejson.Array {
		return d.parallel(v)
	}
	return nil
}

// entries reads a list of {token, logprob, top_logprobs}.
func (d *decoder) entries(list loosejson.Value) []Position {
	positions := make([]Position, 0, list.Len())
	for v := range list.All() {
		p := Position{Token: token(v), Logprob: d.logprob(v), Event: d.event}
		top := v.Get("top_logprobs")
		if !top.Exists() {
			top = v.Get("top_probs")
		}
		p.Top = d.top(top)
		positions = append(positions, p)
	}
	return positions
}

// top reads alternatives: a list of entries, or an object of text and logprob.
func (d *decoder) top(v loosejson.Value) []Alternative {
	n := v.Len()
	if n == 0 {
		return nil
	}
	top := make([]Alternative, 0, n)
	if v.Kind() == loosejson.Array {
		for item := range v.All() {
			top = append(top, Alternative{Token: token(item), Logprob: d.logprob(item), Rank: number(item.Get("rank"))})
		}
		return top
	}
	for key, item := range v.Members() {
		if item.Kind() == loosejson.Object { // {"text": {"logprob": …}}
			top = append(top, Alternative{Token: named(key), Logprob: d.logprob(item), Rank: number(item.Get("rank"))})
			continue
		}
		top = append(top, Alternative{Token: named(key), Logprob: d.check(number(item))})
	}
	return top
}

// parallel reads {tokens, token_logprobs, top_logprobs, text_offset}. The first
// logprob of an echoed prompt is null.
func (d *decoder) parallel(v loosejson.Value) []Position {
	tokens, logprobs := v.Get("tokens").Items(), v.Get("token_logprobs").Items()
	tops, offsets := v.Get("top_logprobs").Items(), v.Get("text_offset").Items()
	n := min(len(tokens), len(logprobs))
	if len(tokens) != len(logprobs) {
		d.problem(ProblemUnequalCounts, "%d tokens and %d logprobs", len(tokens), len(logprobs))
	}
	if len(tops) > 0 && len(tops) != n {
		d.problem(ProblemUnequalCounts, "%d tokens and %d lists of alternatives", n, len(tops))
	}
	positions := make([]Position, n)
	for i := range positions {
		positions[i] = Position{Token: named(tokens[i].Text()), Logprob: d.check(number(logprobs[i])), Event: d.event}
		if i < len(tops) {
			positions[i].Top = d.top(tops[i])
		}
		if i < len(offsets) {
			positions[i].TextOffset = number(offsets[i])
		}
	}
	return positions
}

// prompt reads vLLM's prompt_logprobs: null or an object of id and
// {logprob, rank, decoded_token} for each token. The token of the prompt is the
// one with its id, and the first entry where the ids are not told.
func (d *decoder) prompt(list, ids loosejson.Value) []Position {
	positions := make([]Position, 0, list.Len())
	known := d.ids(ids)
	for v := range list.All() {
		p := Position{Token: Token{ID: -1}, Event: d.event}
		if i := len(positions); i < len(known) {
			p.Token.ID = known[i]
		}
		if n := v.Len(); n > 0 && v.Kind() == loosejson.Object {
			p.Top = make([]Alternative, 0, n)
		}
		for key, item := range v.Members() {
			t := Token{Text: item.Get("decoded_token").Text(), ID: -1}
			if id, err := strconv.Atoi(key); err == nil {
				t.ID = id
			}
			p.Top = append(p.Top, Alternative{Token: t, Logprob: d.logprob(item), Rank: number(item.Get("rank"))})
		}
		for j, a := range p.Top {
			if a.Token.ID == p.Token.ID || (p.Token.ID < 0 && j == 0) {
				p.Token, p.Logprob = a.Token, a.Logprob
				break
			}
		}
		positions = append(positions, p)
	}
	return positions
}

// token reads the token of an entry.
func token(v loosejson.Value) Token {
	t := Token{ID: -1}
	name := v.Get("token")
	if name.Kind() == loosejson.Number { // an id where the text belongs
		t.ID = integer(name)
	} else {
		t = named(name.Text())
	}
	if id := v.Get("id"); id.Kind() == loosejson.Number {
		t.ID = integer(id)
	} else if id := v.Get("token_id"); id.Kind() == loosejson.Number {
		t.ID = integer(id)
	}
	if b := v.Get("bytes"); b.Kind() == loosejson.Array {
		t.Bytes = make([]byte, 0, b.Len())
		for item := range b.All() {
			t.Bytes = append(t.Bytes, byte(integer(item)))
		}
	}
	return t
}

// named is a token of that text, or of that id where the text is vLLM's "token_id:N".
func named(text string) Token {
	if digits, ok := strings.CutPrefix(text, "token_id:"); ok {
		if id, err := strconv.Atoi(digits); err == nil {
			return Token{ID: id}
		}
	}
	return Token{Text: text, ID: -1}
}

func (d *decoder) logprob(v loosejson.Value) Number {
	return d.check(number(v.Get("logprob")))
}

// check notes what is wrong with a logprob.
func (d *decoder) check(n Number) Number {
	if n == "" || ordinary(string(n)) {
		return n
	}
	switch n.Class() {
	case NaN, Infinite, Malformed:
		d.problem(ProblemNotANumber, "%.40s", n)
	case Sentinel:
		d.problem(ProblemSentinel, "%.40s", n)
	case Finite:
		if v, err := n.Float(); err == nil && v > 0 {
			d.problem(ProblemPositive, "%.40s", n)
		}
	}
	return n
}

// ordinary knows most numbers, those from -0 to -99 without an exponent, quickly.
func ordinary(s string) bool {
	return len(s) > 4 && s[0] == '-' && (s[2] == '.' || s[3] == '.') && strings.IndexByte(s, 'e') < 0 && strings.IndexByte(s, 'E') < 0
}
