package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// MaxDocumentBytes is the greatest size, decompressed, of a document that is
// read: 2 GiB. It keeps a hostile or damaged compressed file from filling memory.
const MaxDocumentBytes = 2 << 30

// Decode reads a document, plain or compressed by zstd, which it recognises by
// the first bytes. Damage gives a *CorruptError, a newer schema a *SchemaError;
// errors of the reader itself are passed on. Fields that this version does not
// know are ignored.
func Decode(r io.Reader) (*Document, error) {
	text, err := readText(r)
	if err != nil {
		return nil, err
	}
	if err := checkSchema(text); err != nil {
		return nil, err
	}
	d := new(Document)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, corruptJSON(err, text)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// readText reads and, where needed, decompresses all of it.
func readText(r io.Reader) ([]byte, error) {
	buffered := bufio.NewReader(r)
	start, err := buffered.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(start, zstdMagic) {
		return limited(buffered)
	}
	z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxDocumentBytes))
	if err != nil {
		return nil, fmt.Errorf("decompress document: %w", err)
	}
	defer z.Close()
	text, err := limited(z)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return nil, &CorruptError{Offset: int64(len(text)), What: "damaged or cut off zstd data (" + err.Error() + ")", Err: err}
	}
	return text, err
}

// limited reads all, up to MaxDocumentBytes.
func limited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxDocumentBytes+1))
	if err == nil && len(text) > MaxDocumentBytes {
		return nil, &CorruptError{Offset: MaxDocumentBytes, What: "more than 2 GiB of text"}
	}
	return text, err
}

// checkSchema looks at the version alone, so that a newer document is known as
// newer whatever else changed in it.
func checkSchema(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return &CorruptError{Offset: 0, What: "empty file"}
	}
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return corruptJSON(err, text)
	}
	switch {
	case head.Schema == nil:
		return &CorruptError{Offset: -1, What: `it has no field "schema"`}
	case *head.Schema < 1:
		return &CorruptError{Offset: -1, What: fmt.Sprintf("schema %d does not exist", *head.Schema)}
	case *head.Schema > SchemaVersion:
		return &SchemaError{Schema: *head.Schema, Supported: SchemaVersion}
	}
	return nil
}

// corruptJSON says where the JSON decoder stopped and why.
func corruptJSON(err error, text []byte) error {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		what := s.Error()
		if s.Offset >= int64(len(text)) {
			what = "it is cut off (" + what + ")"
		}
		return &CorruptError{Offset: s.Offset, What: what, Err: err}
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what := fmt.Sprintf("field %q holds a %s, not a %s", t.Field, t.Value, t.Type)
		if t.Field == "" {
			what = fmt.Sprintf("it holds a %s, not an object", t.Value)
		}
		return &CorruptError{Offset: t.Offset, What: what, Err: err}
	}
	return &CorruptError{Offset: -1, What: err.Error(), Err: err}
}
