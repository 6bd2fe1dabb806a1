package evidence

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/gpubench/gpubench/internal/atomicfile"
)

// Compress verifies the evidence at from and writes the same lines, compressed
// by zstd, to the path to. It changes nothing where the evidence is broken.
func Compress(to, from string) (Summary, error) {
	src, err := os.Open(from)
	if err != nil {
		return Summary{}, err
	}
	defer func() { _ = src.Close() }() // it was only read
	sum, err := Verify(src)
	if err != nil {
		return sum, fmt.Errorf("compress %s: %w", from, err)
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return sum, err
	}
	return sum, atomicfile.Write(to, func(dst *os.File) error { return compress(dst, src) })
}

func compress(dst io.Writer, src io.Reader) error {
	r, err := NewReader(src) // the source may be compressed already
	if err != nil {
		return err
	}
	defer r.Close()
	z, err := zstd.NewWriter(dst, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return err
	}
	_, err = io.Copy(z, r.lines)
	return errors.Join(err, z.Close())
}
