package hspitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Chain writes records as one evidence file of one session, with the chain that
// the documentation of package evidence describes.
func Chain(t testing.TB, records []*evidence.Record) []byte {
	t.Helper()
	const session = "one"
	var file bytes.Buffer
	prev := ""
	for i, rec := range records {
		line := *rec
		line.Schema, line.Seq, line.Prev, line.Session = evidence.SchemaVersion, i, prev, session
		var body bytes.Buffer
		e := json.NewEncoder(&body)
		e.SetEscapeHTML(false)
		require.NoError(t, e.Encode(&line))
		bare := bytes.TrimSuffix(body.Bytes(), []byte("\n"))
		sum := sha256.Sum256(bare)
		prev = hex.EncodeToString(sum[:])
		file.Write(bare[:len(bare)-1])
		file.WriteString(`,"hash":"` + prev + "\"}\n")
	}
	return file.Bytes()
}

// Many is one evidence file with so many real answers: the sessions one after the
// other, from the first again when they are not enough.
func Many(t testing.TB, sessions []Recording, answers int) []byte {
	t.Helper()
	require.NotEmpty(t, sessions)
	all := []*evidence.Record{{Kind: evidence.KindOpen, Open: &evidence.Open{Tool: "test", Model: "lab"}}}
	for n := 0; ; {
		for _, s := range sessions {
			for _, rec := range s.File.Records {
				if rec.Kind != evidence.KindExchange && rec.Kind != evidence.KindSent {
					continue
				}
				all = append(all, rec)
				if rec.Kind == evidence.KindExchange && rec.Exchange.Answered() && rec.Exchange.Request.Method != http.MethodGet {
					if n++; n == answers {
						return Chain(t, append(all, &evidence.Record{Kind: evidence.KindEnd, End: &evidence.End{Reason: "complete"}}))
					}
				}
			}
		}
	}
}
