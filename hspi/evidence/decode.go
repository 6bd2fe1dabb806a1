package evidence

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gpubench/gpubench/hspi/loosejson"
)

// Decode reads an exchange. It never fails: see Response.Problems. It gives nil
// for a record that is no exchange.
func Decode(rec *Record) *Response { return new(decoder).decode(rec) }

func (d *decoder) decode(rec *Record) *Response {
	x := rec.Exchange
	if x == nil {
		return nil
	}
	r := &Response{Seq: rec.Seq, Session: rec.Session, Key: x.Key, Attempt: x.Attempt, Purpose: x.Purpose,
		Timing: x.Timing, Asked: d.asked(x.Request)}
	d.r = r
	if x.Reply != nil {
		r.Status, r.Header = x.Reply.Status, x.Reply.Header
		d.body(x.Reply)
	}
	if x.Failure != nil && x.Failure.Kind == FailureTruncated {
		d.problem(ProblemTruncated, "%s", x.Failure.Text)
	}
	if r.Status >= 200 && r.Status < 300 && x.Reply != nil {
		d.expectations()
	}
	return r
}

func (d *decoder) asked(q Request) Asked {
	v, _ := d.parser.Parse(string(q.Body)) // our own request: what is missing was not asked for
	a := Asked{Model: v.Get("model").Text(), Chat: v.Get("messages").Exists(), Stream: v.Get("stream").True(), Echo: v.Get("echo").True(),
		MaxTokens: number(v.Get("max_tokens")), Temperature: number(v.Get("temperature")), N: number(v.Get("n")),
		Logprobs: number(v.Get("top_logprobs"))}
	if a.MaxTokens == "" {
		a.MaxTokens = number(v.Get("max_completion_tokens"))
	}
	if l := v.Get("logprobs"); a.Logprobs == "" && l.Kind() == loosejson.Number {
		a.Logprobs = number(l)
	} else if a.Logprobs == "" && l.True() {
		a.Logprobs = "0"
	}
	return a
}

// decoder fills in a Response, and then the next.
type decoder struct {
	parser loosejson.Parser
	r      *Response
	event  int         // of the stream that is being read; -1: none
	places map[int]int // of choices, by index
}

// problem notes a problem, or counts it where it is known.
func (d *decoder) problem(code ProblemCode, format string, args ...any) {
	for i := range d.r.Problems {
		if d.r.Problems[i].Code == code {
			d.r.Problems[i].Count++
			return
		}
	}
	d.r.Problems = append(d.r.Problems, Problem{Code: code, Text: fmt.Sprintf(format, args...), Count: 1})
}

func (d *decoder) body(reply *Reply) {
	d.event = -1
	text := string(reply.Body)
	if isStream(reply, text) {
		d.stream(text, reply.Arrivals)
		return
	}
	if text == "" {
		d.problem(ProblemEmpty, "the body is empty")
		return
	}
	d.message(text)
}

// message reads one JSON value: the whole body or a part of a stream.
func (d *decoder) message(text string) {
	v, err := d.parser.Parse(text)
	if err != nil {
		d.syntax(err)
	}
	if v.Kind() != loosejson.Object {
		if err == nil {
			d.problem(ProblemNotJSON, "the answer is no JSON object: %.40q", text)
		}
		return
	}
	d.envelope(v)
	choices := v.Get("choices")
	n := 0
	for c := range choices.All() {
		d.choice(c, n, v)
		n++
	}
	if n == 0 {
		d.native(v)
	}
}

func (d *decoder) syntax(err error) {
	code := ProblemNotJSON
	if s, ok := err.(*loosejson.SyntaxError); ok && s.Truncated {
		code = ProblemTruncated
	}
	d.problem(code, "%v", err)
}

// envelope reads what is there once; later parts of a stream add to it.
func (d *decoder) envelope(v loosejson.Value) {
	r := d.r
	text(&r.ID, v.Get("id"))
	text(&r.Object, v.Get("object"))
	text(&r.Model, v.Get("model"))
	if f := v.Get("system_fingerprint"); f.Exists() {
		r.Fingerprint, r.HasFingerprint = f.Text(), true
	}
	if c := number(v.Get("created")); c != "" {
		r.Created = c
	}
	if e := v.Get("error"); e.Exists() {
		d.problem(ProblemError, "%s", ErrorText(e))
	}
	if u := v.Get("usage"); u.Kind() == loosejson.Object {
		r.Usage = &Usage{Prompt: number(u.Get("prompt_tokens")), Completion: number(u.Get("completion_tokens")),
			Total: number(u.Get("total_tokens")), Cached: number(u.Get("prompt_tokens_details").Get("cached_tokens"))}
	}
	if p := v.Get("prompt_logprobs"); p.Kind() == loosejson.Array {
		r.Prompt = d.prompt(p, v.Get("prompt_token_ids"))
	}
}

// ErrorText is what an error object of any dialect says.
func ErrorText(e loosejson.Value) string {
	if e.Kind() == loosejson.String {
		return e.Text()
	}
	for _, key := range []string{"message", "msg", "detail", "error"} {
		if s := e.Get(key); s.Kind() == loosejson.String {
			return s.Text()
		}
	}
	return e.Raw()
}

func text(to *string, v loosejson.Value) {
	if v.Kind() == loosejson.String {
		*to = v.Text()
	}
}

// number is the text of a number, or of a string where a number belongs.
func number(v loosejson.Value) Number {
	if v.Kind() == loosejson.Number || v.Kind() == loosejson.String || v.Kind() == loosejson.Null {
		return Number(v.Raw())
	}
	return ""
}

// integer is a small count or id; -1 where it is none.
func integer(v loosejson.Value) int {
	n, err := strconv.Atoi(v.Raw())
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// at is the choice of that index.
func (d *decoder) at(index int) *Choice {
	if len(d.r.Choices) == 0 {
		clear(d.places)
	}
	i, ok := d.places[index]
	if !ok {
		if d.places == nil {
			d.places = map[int]int{}
		}
		i = len(d.r.Choices)
		d.places[index] = i
		d.r.Choices = append(d.r.Choices, Choice{Index: index, Echoed: -1})
	}
	return &d.r.Choices[i]
}

// choice reads an element of choices, whole or a part in a stream.
func (d *decoder) choice(v loosejson.Value, i int, whole loosejson.Value) {
	if n := integer(v.Get("index")); n >= 0 {
		i = n
	}
	c := d.at(i)
	said := v.Get("message")
	if !said.Exists() {
		said = v.Get("delta")
	}
	if !said.Exists() {
		said = v // completions
	}
	c.Text += said.Get("content").Text() + said.Get("text").Text()
	c.Reasoning += said.Get("reasoning_content").Text() + said.Get("reasoning").Text()
	text(&c.Finish, v.Get("finish_reason"))
	ids := d.ids(v.Get("token_ids"))
	c.TokenIDs = append(c.TokenIDs, ids...)
	if p := v.Get("prompt_logprobs"); p.Kind() == loosejson.Array && d.r.Prompt == nil {
		list := v.Get("prompt_token_ids")
		if !list.Exists() {
			list = whole.Get("prompt_token_ids")
		}
		d.r.Prompt = d.prompt(p, list)
	}
	d.add(c, d.logprobs(v.Get("logprobs")), ids)
}

// add appends positions, which get their ids where the server lists those beside.
func (d *decoder) add(c *Choice, positions []Position, ids []int) {
	if len(ids) == len(positions) {
		for i := range positions {
			if positions[i].Token.ID < 0 {
				positions[i].Token.ID = ids[i]
			}
		}
	}
	c.Positions = append(c.Positions, positions...)
	if d.event >= 0 {
		d.r.Events[d.event].Tokens += len(positions)
	}
}

func (d *decoder) ids(v loosejson.Value) []int {
	n := v.Len()
	if n == 0 {
		return nil
	}
	ids := make([]int, 0, n)
	for item := range v.All() {
		ids = append(ids, integer(item))
	}
	return ids
}

// native reads answers that have no choices: Ollama's own API and llama.cpp's.
func (d *decoder) native(v loosejson.Value) {
	list := v.Get("logprobs")
	if list.Kind() != loosejson.Array {
		list = v.Get("completion_probabilities")
	}
	content := v.Get("response")
	if !content.Exists() {
		content = v.Get("content")
	}
	if !content.Exists() {
		content = v.Get("message").Get("content")
	}
	if list.Kind() != loosejson.Array && !content.Exists() {
		return
	}
	c := d.at(0)
	c.Text += content.Text()
	text(&c.Finish, v.Get("done_reason"))
	d.add(c, d.entries(list), nil)
}

// expectations compares the answer with what was asked for.
func (d *decoder) expectations() {
	r := d.r
	if len(r.Choices) == 0 {
		d.problem(ProblemNoChoices, "the answer has no choices")
		return
	}
	asked, err := strconv.Atoi(string(r.Asked.Logprobs))
	for i := range r.Choices {
		c := &r.Choices[i]
		d.echoed(c)
		if len(c.Positions) == 0 {
			if r.Asked.Logprobs != "" {
				d.problem(ProblemNoLogprobs, "choice %d has no logprobs", c.Index)
			}
			continue
		}
		for j, p := range c.Positions {
			if err == nil && len(p.Top) < asked && j >= c.Echoed {
				d.problem(ProblemFewer, "choice %d, position %d: %d alternatives, %d asked for", c.Index, j, len(p.Top), asked)
			}
		}
	}
}

// echoed finds how many positions are the prompt's.
func (d *decoder) echoed(c *Choice) {
	switch u := d.r.Usage; {
	case !d.r.Asked.Echo:
		c.Echoed = 0
	case u != nil:
		total, errTotal := strconv.Atoi(string(u.Prompt))
		fresh, errFresh := strconv.Atoi(string(u.Completion))
		switch n := len(c.Positions); {
		case errTotal != nil || total < 0 || total > n: // whatever a server says, no more than there are
		case errFresh == nil && fresh == n-total:
			c.Echoed = total
		case n == total:
			c.Echoed = n
		}
	}
}

func microseconds(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
