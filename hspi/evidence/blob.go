package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/gpubench/gpubench/hspi/loosejson"
)

// Blob is bytes. In JSON they are a string where they are UTF-8, which keeps
// bodies readable, and {"base64": "…"} where they are not.
type Blob []byte

type encodedBlob struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON writes the bytes so that exactly they come back.
func (b Blob) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(b) {
		return json.Marshal(encodedBlob{b})
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(string(b))
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads either form.
func (b *Blob) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		var e encodedBlob
		if err := json.Unmarshal(text, &e); err != nil {
			return fmt.Errorf("base64 of a body: %w", err)
		}
		*b = e.Base64
		return nil
	}
	// A body is most of a record, and loosejson is faster than another Unmarshal.
	v, err := loosejson.Parse(string(text))
	if err == nil && v.Kind() != loosejson.String {
		err = fmt.Errorf("a body is a string, not %.20s", text)
	}
	*b = Blob(v.Text())
	return err
}
