package evidence

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// tenThousand is evidence with 10,000 answers of eight tokens with 20
// alternatives each, in the form of chat: what one analysis is to take.
func tenThousand(b *testing.B) []byte {
	b.Helper()
	var file bytes.Buffer
	prev := ""
	for n := range 10_000 {
		rec := exchange("key", chatBody(n))
		rec.Schema, rec.Seq, rec.Prev = SchemaVersion, n, prev
		rec.Exchange.Request.Body = Blob(`{"model":"m","messages":[],"logprobs":true,"top_logprobs":20}`)
		line, err := encode(rec)
		if err != nil {
			b.Fatal(err)
		}
		file.Write(append(line, '\n'))
		prev = rec.Hash
	}
	return file.Bytes()
}

// chatBody is an answer of eight tokens with 20 alternatives each.
func chatBody(n int) string {
	var positions []string
	for p := range 8 {
		var top []string
		for k := range 20 {
			top = append(top, fmt.Sprintf(`{"token":" word","logprob":-%d.%016d,"bytes":[32,119,111,114,100]}`, k, n*7919+p*31+k))
		}
		positions = append(positions, fmt.Sprintf(`{"token":" word","logprob":-0.25,"bytes":[32,119,111,114,100],"top_logprobs":[%s]}`, strings.Join(top, ",")))
	}
	return `{"id":"x","model":"m","choices":[{"index":0,"message":{"content":"x"},"logprobs":{"content":[` + strings.Join(positions, ",") + `]}}]}`
}

// BenchmarkReadAndDecode is what comes before every analysis.
func BenchmarkReadAndDecode(b *testing.B) {
	text := tenThousand(b)
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	for b.Loop() {
		f, err := Read(bytes.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		if n := len(f.Responses()); n != 10_000 {
			b.Fatal(n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	body := chatBody(1)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if r := decoded(`{"messages":[],"logprobs":true,"top_logprobs":20}`, body); len(r.Problems) > 0 {
			b.Fatal(r.Problems)
		}
	}
}
