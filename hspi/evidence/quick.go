package evidence

import (
	"slices"
	"strconv"
	"time"

	"github.com/gpubench/gpubench/hspi/loosejson"
)

// quick reads records in the form in which Writer writes them, several times faster
// than encoding/json. It takes only what that would read in the same way: of all
// else, such as other names, other orders, names twice, escapes in short texts, it
// says that it is not ok, and encoding/json has the word.
type quick struct {
	parser loosejson.Parser
	ok     bool
}

// record reads a line without its hash; nil where it has another form.
func (q *quick) record(line string) *Record {
	v, err := q.parser.Parse(line)
	if err != nil {
		return nil
	}
	q.ok = true
	rec := new(Record)
	q.fields(v, []string{"schema", "seq", "kind", "time", "session", "sent", "exchange", "prev"}, func(name string, v loosejson.Value) {
		switch name {
		case "schema":
			rec.Schema = q.integer(v)
		case "seq":
			rec.Seq = q.integer(v)
		case "kind":
			rec.Kind = Kind(q.text(v))
		case "time":
			rec.Time = q.time(v)
		case "session":
			rec.Session = q.text(v)
		case "sent":
			rec.Sent = q.sent(v)
		case "exchange":
			rec.Exchange = q.exchange(v)
		case "prev":
			rec.Prev = q.text(v)
		}
	})
	if !q.ok {
		return nil
	}
	return rec
}

func (q *quick) sent(v loosejson.Value) *Sent {
	s := new(Sent)
	q.fields(v, []string{"key", "attempt"}, func(name string, v loosejson.Value) {
		switch name {
		case "key":
			s.Key = q.text(v)
		case "attempt":
			s.Attempt = q.integer(v)
		}
	})
	return s
}

func (q *quick) exchange(v loosejson.Value) *Exchange {
	x := new(Exchange)
	q.fields(v, []string{"key", "attempt", "purpose", "request", "reply", "timing"}, func(name string, v loosejson.Value) {
		switch name {
		case "key":
			x.Key = q.text(v)
		case "attempt":
			x.Attempt = q.integer(v)
		case "purpose":
			x.Purpose = q.purpose(v)
		case "request":
			x.Request = q.request(v)
		case "reply":
			x.Reply = q.reply(v)
		case "timing":
			x.Timing = q.timing(v)
		}
	})
	return x
}

func (q *quick) purpose(v loosejson.Value) (p Purpose) {
	q.fields(v, []string{"series", "prompt", "repeat", "variant", "load", "length"}, func(name string, v loosejson.Value) {
		switch name {
		case "series":
			p.Series = q.text(v)
		case "prompt":
			p.Prompt = q.integer(v)
		case "repeat":
			p.Repeat = q.integer(v)
		case "variant":
			p.Variant = q.text(v)
		case "load":
			p.Load = q.integer(v)
		case "length":
			p.Length = q.integer(v)
		}
	})
	return p
}

func (q *quick) request(v loosejson.Value) (r Request) {
	q.fields(v, []string{"method", "url", "header", "body"}, func(name string, v loosejson.Value) {
		switch name {
		case "method":
			r.Method = q.text(v)
		case "url":
			r.URL = q.text(v)
		case "header":
			r.Header = q.header(v)
		case "body":
			r.Body = q.blob(v)
		}
	})
	return r
}

func (q *quick) reply(v loosejson.Value) *Reply {
	r := new(Reply)
	q.fields(v, []string{"status", "proto", "header", "body", "arrivals", "masked"}, func(name string, v loosejson.Value) {
		switch name {
		case "status":
			r.Status = q.integer(v)
		case "proto":
			r.Proto = q.text(v)
		case "header":
			r.Header = q.header(v)
		case "body":
			r.Body = q.blob(v)
		case "masked":
			r.Masked = q.integer(v)
		case "arrivals":
			r.Arrivals = q.arrivals(v)
		}
	})
	return r
}

func (q *quick) arrivals(v loosejson.Value) []Arrival {
	if q.is(v, loosejson.Array); !q.ok {
		return nil
	}
	all := make([]Arrival, 0, v.Len())
	for item := range v.All() {
		var a Arrival
		q.fields(item, []string{"end", "us"}, func(name string, v loosejson.Value) {
			switch name {
			case "end":
				a.End = q.integer(v)
			case "us":
				a.After = int64(q.integer(v))
			}
		})
		all = append(all, a)
	}
	return all
}

func (q *quick) timing(v loosejson.Value) (t Timing) {
	q.fields(v, []string{"start", "first_byte_us", "done_us", "connection", "reused", "in_flight"}, func(name string, v loosejson.Value) {
		switch name {
		case "start":
			t.Start = q.time(v)
		case "first_byte_us":
			t.FirstByte = int64(q.integer(v))
		case "done_us":
			t.Done = int64(q.integer(v))
		case "connection":
			t.Connection = q.integer(v)
		case "reused":
			q.is(v, loosejson.Bool)
			t.Reused = v.True()
		case "in_flight":
			t.InFlight = q.integer(v)
		}
	})
	return t
}

// fields reads the members of an object, which have to be some of the names, in
// their order.
func (q *quick) fields(v loosejson.Value, names []string, read func(name string, v loosejson.Value)) {
	if q.is(v, loosejson.Object); !q.ok {
		return
	}
	for name, member := range v.Members() {
		at := slices.Index(names, name)
		if at < 0 {
			q.ok = false
			return
		}
		names = names[at+1:]
		read(name, member)
	}
}

func (q *quick) is(v loosejson.Value, k loosejson.Kind) { q.ok = q.ok && v.Kind() == k }

// header reads a map of lists of texts; names come sorted, each once.
func (q *quick) header(v loosejson.Value) map[string][]string {
	q.is(v, loosejson.Object)
	h := map[string][]string{}
	last := ""
	for name, list := range v.Members() {
		q.is(list, loosejson.Array)
		q.ok = q.ok && plain(name) && name > last
		last = name
		values := make([]string, 0, 1)
		for item := range list.All() {
			values = append(values, q.text(item))
		}
		h[name] = values
	}
	return h
}

// text is a string of ASCII without escapes.
func (q *quick) text(v loosejson.Value) string {
	q.is(v, loosejson.String)
	s := v.Text()
	q.ok = q.ok && len(s)+2 == len(v.Raw()) && plain(s)
	return s
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

func (q *quick) integer(v loosejson.Value) int {
	raw := v.Raw()
	n, err := strconv.Atoi(raw)
	q.ok = q.ok && v.Kind() == loosejson.Number && err == nil && strconv.Itoa(n) == raw // -0, 007 and +1 are not JSON or not so written
	return n
}

func (q *quick) time(v loosejson.Value) (t time.Time) {
	q.is(v, loosejson.String)
	q.ok = q.ok && t.UnmarshalJSON([]byte(v.Raw())) == nil
	return t
}

func (q *quick) blob(v loosejson.Value) Blob {
	b, ok := v.AppendText([]byte{})
	q.ok = q.ok && ok
	return b
}
