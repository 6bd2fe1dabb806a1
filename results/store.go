package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gpubench/gpubench/internal/atomicfile"
)

// Read reads the document in a file, plain or compressed by zstd, whatever the
// file's name. A file that is not there gives an fs.ErrNotExist, a damaged one a
// *CorruptError, one of a newer gpubench a *SchemaError.
func Read(path string) (*Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read document: %w", err)
	}
	defer f.Close()
	d, err := Decode(f)
	if err == nil {
		return d, nil
	}
	if corrupt, ok := errors.AsType[*CorruptError](err); ok {
		corrupt.Path = path
		return nil, corrupt
	}
	if schema, ok := errors.AsType[*SchemaError](err); ok {
		schema.Path = path
		return nil, schema
	}
	return nil, fmt.Errorf("cannot read document %s: %w", path, err)
}

// Write stores the document in a file: compressed by zstd where the name ends in
// .zst, as plain JSON otherwise. The file appears whole or not at all: it is
// written beside its place, flushed to the disk, and renamed; on failure the
// half-written file is removed, what was there before stays, and the error is a
// *WriteError. A path that exists and is no regular file, such as /dev/stdout,
// is written to as it is. The document is only read.
func Write(path string, d *Document) error {
	var err error
	if info, e := os.Stat(path); e == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = writeDevice(path, d)
	} else {
		err = writeAtomic(path, d, info)
	}
	if err != nil {
		return &WriteError{Path: path, Fix: fix(err), Err: err}
	}
	return nil
}

func writeDevice(path string, d *Document) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(encodeFor(path, f, d), f.Close())
}

// writeAtomic writes beside the path and renames; old is the file that is replaced, or nil.
func writeAtomic(path string, d *Document, old fs.FileInfo) error {
	if target, e := filepath.EvalSymlinks(path); e == nil {
		path = target // a link stays a link
	}
	if err := atomicfile.Write(path, func(f *os.File) error { return fill(f, path, d, old) }); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// fill writes the document and flushes it to the disk.
func fill(f *os.File, path string, d *Document, old fs.FileInfo) error {
	if err := encodeFor(path, f, d); err != nil {
		return err
	}
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	return f.Sync()
}

// encodeFor encodes as the path's extension asks.
func encodeFor(path string, w io.Writer, d *Document) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	encode := Encode
	if strings.HasSuffix(path, ".zst") {
		encode = EncodeZstd
	}
	if err := encode(buffered, d); err != nil {
		return err
	}
	return buffered.Flush()
}

// syncDir makes the rename last. Not every file system can; the document is
// whole either way, so a failure is not one of Write.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
