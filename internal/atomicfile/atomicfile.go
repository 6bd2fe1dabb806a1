// Package atomicfile writes files that appear whole or not at all.
package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write has fill write a new file beside path, and renames it to path. On failure
// the new file is removed and what was at path stays. The new file has the
// permissions that the process's mask gives.
func Write(path string, fill func(*os.File) error) (err error) {
	f, err := create(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error says more
		}
	}()
	if err = errors.Join(fill(f), f.Close()); err != nil {
		return err
	}
	return rename(f.Name(), path)
}

// create makes the new file in the folder of path.
func create(path string) (*os.File, error) {
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	name := "." + filepath.Base(path) + "." + hex.EncodeToString(random[:]) + ".tmp"
	return os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// rename fails with an error that does not name the temporary file.
func rename(from, to string) error {
	err := os.Rename(from, to)
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: "rename to", Path: to, Err: link.Err}
	}
	return err
}
