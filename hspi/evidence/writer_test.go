package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func exchange(key, body string) *Record {
	return &Record{Kind: KindExchange, Session: "s1", Exchange: &Exchange{Key: key, Attempt: 1,
		Purpose: Purpose{Series: "probe", Prompt: 3},
		Request: Request{Method: "POST", URL: "http://localhost:1/v1/completions", Body: Blob(`{"model":"m"}`)},
		Reply:   &Reply{Status: 200, Proto: "HTTP/1.1", Body: Blob(body)}}}
}

func written(t *testing.T, records ...*Record) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, WriterOptions{})
	require.NoError(t, err)
	for _, rec := range records {
		require.NoError(t, w.Append(rec))
	}
	require.NoError(t, w.Close())
	return path
}

func three() []*Record {
	return []*Record{
		{Kind: KindOpen, Session: "s1", Open: &Open{Tool: "test", Endpoint: "http://localhost:1/v1", Model: "m"}},
		exchange("a", `{"choices":[{"text":"<é>\u0041 &"}]}`),
		{Kind: KindEnd, Session: "s1", End: &End{Reason: "complete", Answered: 1, Asked: 1}},
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	bodies := []string{"", "plain", "{\"a\":\"\\u003c<&\u2028\"}\r\n", "\xff\xfe\x00binary", "\ufffd", "\x00\x01\x1f\x7f", "\"\\"}
	var records []*Record
	for _, b := range bodies {
		records = append(records, exchange("k", b))
	}
	path := written(t, records...)
	f, err := Load(path)
	require.NoError(t, err)
	require.Len(t, f.Records, len(bodies))
	for i, b := range bodies {
		require.Equal(t, b, string(f.Records[i].Exchange.Reply.Body))
		require.Equal(t, i, f.Records[i].Seq)
	}
	require.Equal(t, records[len(records)-1].Hash, f.Summary.Head)
}

// The check that the package's documentation promises to third parties.
func TestTheChainAsDocumented(t *testing.T) {
	text, err := os.ReadFile(written(t, three()...))
	require.NoError(t, err)
	previous := ""
	for _, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		body := string(line[:len(line)-75]) + "}"
		hash := string(line[len(line)-66 : len(line)-2])
		sum := sha256.Sum256([]byte(body))
		require.Equal(t, hash, hex.EncodeToString(sum[:]))
		var rec struct{ Prev string }
		require.NoError(t, json.Unmarshal([]byte(body), &rec))
		require.Equal(t, previous, rec.Prev)
		require.True(t, json.Valid(line))
		previous = hash
	}
}

func TestEveryChangeIsFoundAtItsRecord(t *testing.T) {
	whole, err := os.ReadFile(written(t, three()...))
	require.NoError(t, err)
	lines := strings.SplitAfter(string(whole), "\n")[:3]
	forged := func(line string) string { // changed, with a hash that fits
		bare := strings.Replace(line[:len(line)-76]+"}", "complete", "budget!!", 1)
		sum := sha256.Sum256([]byte(bare))
		return bare[:len(bare)-1] + `,"hash":"` + hex.EncodeToString(sum[:]) + "\"}\n"
	}
	cases := map[string]struct {
		text string
		line int
		what string
	}{
		"digit changed":        {lines[0] + strings.Replace(lines[1], "200", "201", 1) + lines[2], 2, "hash does not fit"},
		"hash changed":         {lines[0] + lines[1] + strings.Replace(lines[2], `"}`, `0"}`, 1), 3, "does not end in a hash"},
		"removed":              {lines[0] + lines[2], 2, "says that it is record 2"},
		"first removed":        {lines[1] + lines[2], 1, "says that it is record 1"},
		"repeated":             {lines[0] + lines[1] + lines[1] + lines[2], 3, "says that it is record 1"},
		"swapped":              {lines[0] + lines[2] + lines[1], 2, "says that it is record 2"},
		"rewritten with hash":  {forged(strings.Replace(lines[0], "test", "text", 1)) + lines[1] + lines[2], 2, "record before it"},
		"empty line":           {lines[0] + "\n" + lines[1] + lines[2], 2, "does not end in a hash"},
		"not evidence at all":  {"{\"schema\":1}\n", 1, "does not end in a hash"},
		"another file's start": {"{}\n" + lines[1], 1, "does not end in a hash"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(strings.NewReader(c.text))
			require.ErrorIs(t, err, ErrBroken)
			require.NotErrorIs(t, err, ErrTorn)
			broken, ok := errors.AsType[*BrokenError](err)
			require.True(t, ok)
			require.Equal(t, c.line, broken.Line, broken)
			require.Contains(t, broken.What, c.what)
		})
	}
	// What a chain cannot know by itself, the head tells.
	full, err := Verify(bytes.NewReader(whole))
	require.NoError(t, err)
	require.True(t, full.Ended)
	cut, err := Verify(strings.NewReader(lines[0] + lines[1]))
	require.NoError(t, err)
	require.NotEqual(t, full.Head, cut.Head)
	require.False(t, cut.Ended)
	forgedEnd, err := Verify(strings.NewReader(lines[0] + lines[1] + forged(lines[2])))
	require.NoError(t, err)
	require.NotEqual(t, full.Head, forgedEnd.Head)
}

func TestANewerSchemaIsSaid(t *testing.T) {
	line, err := encode(&Record{Schema: 2, Kind: KindEnd, End: &End{}})
	require.NoError(t, err)
	_, err = Verify(bytes.NewReader(append(line, '\n')))
	newer, ok := errors.AsType[*SchemaError](err)
	require.True(t, ok, err)
	require.Equal(t, 2, newer.Schema)
}

// Cut within the last line: the rest goes on, the chain holds, and the torn bytes are
// kept. Times make the line longer or shorter, so the cuts stop before its last byte:
// a line that is whole is another test's.
func TestResumeAfterATornLine(t *testing.T) {
	whole, err := os.ReadFile(written(t, three()...))
	require.NoError(t, err)
	lastLine := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := lastLine; cut < len(whole)-1; cut += 13 {
		path := filepath.Join(t.TempDir(), "torn.jsonl")
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o666))
		if cut > lastLine {
			_, err := Load(path)
			require.ErrorIs(t, err, ErrTorn)
		}
		w, had, err := Resume(path, WriterOptions{})
		require.NoError(t, err)
		require.NoError(t, w.Append(exchange("b", "after")))
		require.NoError(t, w.Close())
		f, err := Load(path)
		require.NoError(t, err)
		require.Equal(t, len(had.Records)+1, len(f.Records))
		notes := f.Notes()
		if cut == lastLine {
			require.Empty(t, notes)
			continue
		}
		require.Len(t, notes, 1)
		require.Equal(t, NoteTorn, notes[0].Note.Code)
		require.Equal(t, string(whole[lastLine:cut]), string(notes[0].Note.Data))
	}
}

func TestALineThatLacksItsLineFeedIsKept(t *testing.T) {
	path := written(t, three()...)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, whole[:len(whole)-1], 0o666))
	w, had, err := Resume(path, WriterOptions{})
	require.NoError(t, err)
	require.Len(t, had.Records, 3)
	require.NoError(t, w.Append(exchange("b", "after")))
	require.NoError(t, w.Close())
	f, err := Load(path)
	require.NoError(t, err)
	require.Len(t, f.Records, 4)
	require.Empty(t, f.Notes())
}

func TestResumeLeavesBrokenEvidenceAlone(t *testing.T) {
	path := written(t, three()...)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	bad := bytes.Replace(whole, []byte(`"status":200`), []byte(`"status":500`), 1)
	require.NoError(t, os.WriteFile(path, bad, 0o666))
	_, _, err = Resume(path, WriterOptions{})
	require.ErrorIs(t, err, ErrBroken)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, bad, after)
}

func TestOneWriterAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, WriterOptions{})
	require.NoError(t, err)
	_, _, err = Resume(path, WriterOptions{})
	require.ErrorIs(t, err, ErrLocked)
	_, err = Create(path, WriterOptions{})
	require.ErrorIs(t, err, ErrExists)
	require.NoError(t, w.Close())
	again, _, err := Resume(path, WriterOptions{})
	require.NoError(t, err)
	require.NoError(t, again.Close())
	require.ErrorIs(t, again.Append(exchange("x", "")), os.ErrClosed)
}

func TestManyGoroutinesOneChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, WriterOptions{})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if err := w.Append(exchange("k", "body")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, w.Close())
	f, err := Load(path)
	require.NoError(t, err)
	require.Len(t, f.Records, 40)
}

func TestSecretsAreMasked(t *testing.T) {
	const key = "sk-very+secret/0123456789"
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, WriterOptions{Secrets: []string{key, "short"}})
	require.NoError(t, err)
	body := `{"error":"Incorrect key: ` + key + `, short, sk-very%2Bsecret%2F0123456789, c2stdmVyeStzZWNyZXQvMDEyMzQ1Njc4OQ=="}`
	rec := exchange("k", body)
	rec.Exchange.Request.Header = map[string][]string{"Authorization": {"Bearer " + key}, "Accept": {"application/json"}}
	rec.Exchange.Reply.Header = map[string][]string{"Set-Cookie": {"session=1"}, "x-request-id": {"req-" + key}}
	rec.Exchange.Reply.Body = Blob(body)
	rec.Exchange.Failure = &Failure{Kind: FailureOther, Text: "dial " + key}
	require.NoError(t, w.Append(rec))
	require.NoError(t, w.Append(&Record{Kind: KindNote, Note: &Note{Code: NoteRefused, Text: key, Data: Blob("\xff" + key), Values: map[string]string{"a": key}}}))
	require.NoError(t, w.Append(&Record{Kind: KindEnd, End: &End{Reason: "failed: " + key}}))
	require.NoError(t, w.Append(&Record{Kind: KindOpen, Open: &Open{Endpoint: "http://x/?k=" + key}}))
	require.ErrorIs(t, w.Append(&Record{Kind: KindOpen, Open: &Open{Label: key}}), ErrSecret)
	require.NoError(t, w.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, form := range []string{key, "sk-very%2Bsecret", "c2stdmVyeStzZWNyZXQ", "Authorization", "Cookie"} {
		require.NotContains(t, string(text), form)
	}
	f, err := Load(path)
	require.NoError(t, err)
	got := f.Records[0].Exchange.Reply
	require.Len(t, got.Body, len(body), "offsets stay right")
	require.Equal(t, len(key)+len("sk-very%2Bsecret%2F0123456789")+len("c2stdmVyeStzZWNyZXQvMDEyMzQ1Njc4OQ=="), got.Masked)
	require.Contains(t, string(got.Body), "short")
	require.Equal(t, []string{"application/json"}, f.Records[0].Exchange.Request.Header["Accept"])
	require.Equal(t, "dial "+strings.Repeat("*", len(key)), f.Records[0].Exchange.Failure.Text)
	require.Equal(t, "at "+strings.Repeat("*", len(key)), Mask("at "+key, key))
}

func TestCompressKeepsTheChain(t *testing.T) {
	path := written(t, three()...)
	to := filepath.Join(t.TempDir(), "run.jsonl.zst")
	sum, err := Compress(to, path)
	require.NoError(t, err)
	f, err := Load(to)
	require.NoError(t, err)
	require.Equal(t, sum.Head, f.Summary.Head)
	require.Len(t, f.Records, 3)
	again := filepath.Join(t.TempDir(), "again.zst")
	_, err = Compress(again, to)
	require.NoError(t, err)

	z, err := os.ReadFile(to)
	require.NoError(t, err)
	_, err = Read(bytes.NewReader(z[:len(z)-20]))
	require.Error(t, err)

	_, err = Compress(filepath.Join(t.TempDir(), "x"), "no such file")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAppendRefusesWhatIsNoRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, WriterOptions{})
	require.NoError(t, err)
	require.ErrorContains(t, w.Append(&Record{Kind: KindNote}), "missing")
	require.ErrorContains(t, w.Append(&Record{Kind: "other"}), "missing")
	require.NoError(t, w.Append(exchange("k", "")), "the writer goes on")
	require.NoError(t, w.Close())
}
