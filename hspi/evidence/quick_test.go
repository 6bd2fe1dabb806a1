package evidence

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// whole is an exchange with all that an answered one may have.
func whole() *Record {
	rec := exchange("forced/0/0/639c", "{\"a\": \"\\u00e9 \\\" \\\\ \xc3\xa9\", \"b\": [-0.5]}\r\n\t\x7f")
	at := time.Date(2026, 11, 25, 2, 7, 33, 831856791, time.UTC)
	rec.Schema, rec.Seq, rec.Prev, rec.Time = 1, 44, "abc", at
	x := rec.Exchange
	x.Purpose = Purpose{Series: "load", Prompt: 2, Repeat: 1, Variant: "load=7", Load: 7, Length: 96}
	x.Request.Header = map[string][]string{"Accept": {"a", "b"}, "User-Agent": {}}
	x.Reply.Header = map[string][]string{"Content-Type": {"application/json"}}
	x.Reply.Arrivals, x.Reply.Masked = []Arrival{{1, 2}, {30, 40}}, 3
	x.Timing = Timing{Start: at, FirstByte: 5, Done: 6, Connection: 1, Reused: true, InFlight: 2}
	return rec
}

// bare is a record's JSON without the hash.
func bare(t testing.TB, rec *Record) string {
	t.Helper()
	line, err := encode(rec)
	require.NoError(t, err)
	text, _, err := split(line)
	require.NoError(t, err)
	return string(text)
}

// same fails where a line is read in another way than by encoding/json, and reports
// whether it was read at all.
func same(t *testing.T, line string) bool {
	t.Helper()
	got := new(quick).record(line)
	if got == nil {
		return false
	}
	want := new(Record)
	require.NoError(t, json.Unmarshal([]byte(line), want), line)
	require.Equal(t, want, got, line)
	return true
}

func TestQuickReadsWhatIsWritten(t *testing.T) {
	sent := &Record{Schema: 1, Seq: 3, Kind: KindSent, Session: "s", Sent: &Sent{Key: "k", Attempt: 2}, Prev: "x"}
	empty := exchange("k", "")
	unanswered := exchange("k", "")
	unanswered.Exchange.Reply = nil
	for _, rec := range []*Record{sent, whole(), empty, unanswered, exchange("k", "\u2028<&>\x00")} {
		require.True(t, same(t, bare(t, rec)))
	}
}

// Whatever is not as the writer writes it is left to encoding/json, or read alike.
func TestQuickReadsNothingInAnotherWay(t *testing.T) {
	line := bare(t, whole())
	for old, odd := range map[string][]string{
		`"seq":44`: {`"seq":-0`, `"seq":044`, `"seq":+44`, `"seq":44.0`, `"seq":4e1`, `"seq":"44"`, `"seq":null`, `"seq":NaN`, `"seq":99999999999999999999`,
			`"Seq":44`, `"seq" : 44 `, `"seq":44,"seq":45`, `"other":1`, `"s\u0065q":44`, `"seq":44,`, `"seq":44,"seq":true`, `"seq":-7`, `"seq":9223372036854775807`},
		`"kind":"exchange"`: {`"kind":"exch\u0061nge"`, "\"kind\":\"\xff\"", `"kind":"é"`, `"kind":"a` + "\n" + `"`, `"kind":"\q"`, `"kind":5`, `"kind":""`, `"kind":"\u0000"`},
		`"reused":true`:     {`"reused":false`, `"reused":null`, `"reused":1`, `"reused":"true"`},
		`"body":"{`:         {`"body":"\q{`, `"body":"` + "\x01" + `{`, `"body":"\u12`, `"body":"\ud83d\ude00\ud83d{`, "\"body\":\"\xff\xfe{", `"body":{"base64":"AAEC"},"x":"`, `"body":null,"y":"`, `"body":"\/\b\f{`},
		`"Accept":["a","b"]`: {`"Accept":[]`, `"Accept":null`, `"Accept":["é"]`, `"Accept":"a"`, `"Accept":["a"],"Accept":["b"]`, `"A\u0063cept":["a"]`, `"Z":["a"]`,
			`"Accept":[1]`, `"Accept":[null]`},
		`"arrivals":[{"end":1,"us":2}`:              {`"arrivals":[null`, `"arrivals":[{}`, `"arrivals":[{"us":2,"end":1}`, `"arrivals":[{"end":1.5}`, `"arrivals":[{"end":1,"us":2,"us":3}`},
		`"time":"2026-11-25T02:07:33.831856791Z"`:   {`"time":"2026-11-25T02:07:33+01:00"`, `"time":"2026-11-25"`, `"time":""`, `"time":null`, `"time":5`, `"time":"2026-11-25T02:07:33.8\u00315Z"`},
		`"start":"2026-11-25T02:07:33.831856791Z",`: {"", `"start":"0001-01-01T00:00:00Z",`},
		`"purpose":{`: {`"purpose":null,"p":{`, `"purpose":[],"p":{`, `"purpose":{"series":"x",`, `"purpose":{"prompt":1,`},
		`}`:           {`} x`, `}}`, `]`, ``},
	} {
		require.Contains(t, line, old)
		for _, to := range odd {
			same(t, strings.Replace(line, old, to, 1))
		}
	}
	require.False(t, same(t, ""))
	require.False(t, same(t, "[]"))
	for cut := range line {
		require.False(t, same(t, line[:cut]), cut)
	}
}

func FuzzQuick(f *testing.F) {
	f.Add(bare(f, whole()))
	f.Fuzz(func(t *testing.T, line string) { same(t, line) })
}
