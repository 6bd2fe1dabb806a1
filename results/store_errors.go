package results

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// ErrCorrupt is matched by errors of documents that cannot be read as such; the
// error itself is a *CorruptError.
var ErrCorrupt = errors.New("corrupt document")

// CorruptError says where and why a document is not one.
type CorruptError struct {
	// Path is the file, empty where the document came from a stream.
	Path string
	// Offset counts bytes from the start of the (decompressed) document; -1 where
	// the defect has no place, such as a missing field.
	Offset int64
	// What is wrong, in a few words.
	What string
	Err  error
}

func (e *CorruptError) Error() string {
	name := e.Path
	if name == "" {
		name = "document"
	}
	if e.Offset < 0 {
		return fmt.Sprintf("%s is not a readable gpubench document: %s", name, e.What)
	}
	return fmt.Sprintf("%s is not a readable gpubench document: %s at byte %d", name, e.What, e.Offset)
}

// Unwrap gives the decoder's error.
func (e *CorruptError) Unwrap() error { return e.Err }

// Is matches ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// SchemaError says that a document was written by a newer gpubench.
type SchemaError struct {
	// Path is the file, empty where the document came from a stream.
	Path string
	// Schema is the document's version; Supported is the newest that this package reads.
	Schema, Supported int
}

func (e *SchemaError) Error() string {
	s := fmt.Sprintf("written by a newer gpubench (schema %d, this reads up to %d): update gpubench", e.Schema, e.Supported)
	if e.Path != "" {
		return e.Path + ": " + s
	}
	return s
}

// WriteError says why a document could not be stored and what to do about it.
// The document that was to be written is untouched, as is a file that was there before.
type WriteError struct {
	Path string
	// Fix is what the person can do.
	Fix string
	Err error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("cannot write %s: %v; %s", e.Path, cause(e.Err), e.Fix)
}

// Unwrap gives the error of the file system.
func (e *WriteError) Unwrap() error { return e.Err }

// cause strips the name of the temporary file, which means nothing to a reader.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// fix tells what a person can do about an error of the file system.
func fix(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space there or write to another folder"
	case errors.Is(err, syscall.EFBIG):
		return "raise the file size limit (ulimit -f), write a .json.zst, or write to another folder"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only: write to another folder"
	case errors.Is(err, fs.ErrPermission):
		return "make the folder writable or write to another one"
	case errors.Is(err, fs.ErrNotExist):
		return "create the folder first"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist):
		return "give the name of a file in a folder"
	}
	return "write to another folder"
}
