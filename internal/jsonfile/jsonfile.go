// Package jsonfile keeps one JSON document in a file, plain or compressed by zstd.
package jsonfile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/gpubench/gpubench/internal/atomicfile"
)

// most bounds what is read of a document: a damaged file must not fill memory.
const most = 512 << 20

// magic is how a zstd frame begins (RFC 8878).
const magic = "\x28\xb5\x2f\xfd"

// Save writes v, compressed where the path ends in .zst. The file appears whole or
// not at all.
func Save(path string, v any) error {
	return atomicfile.Write(path, func(f *os.File) error {
		if !strings.HasSuffix(path, ".zst") {
			return json.NewEncoder(f).Encode(v)
		}
		z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
		if err != nil {
			return err
		}
		return errors.Join(json.NewEncoder(z).Encode(v), z.Close())
	})
}

// Load opens a file for read, whose errors it gives the file's name.
func Load[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	f, err := os.Open(path)
	if err != nil {
		var none T
		return none, err
	}
	defer func() { _ = f.Close() }() // it was only read
	v, err := read(f)
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// Read decodes the document of r into v, whether or not it is compressed.
func Read(r io.Reader, v any) error {
	buffered := bufio.NewReader(r)
	var src io.Reader = buffered
	if start, err := buffered.Peek(len(magic)); err == nil && string(start) == magic {
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		defer z.Close()
		src = z
	}
	return json.NewDecoder(io.LimitReader(src, most)).Decode(v)
}
