package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Writer appends records to a file; each is on the disk when Append returns. It
// may be used from several goroutines. Only one process at a time can have a
// Writer on a file, where the system has file locks.
type Writer struct {
	secrets [][]byte

	mu   sync.Mutex
	file *os.File
	prev string
	seq  int
	size int64 // of the whole records
	err  error // the first failure to write, which ends the writing
}

// WriterOptions steers a Writer; the zero value is the default.
type WriterOptions struct {
	// Secrets are masked wherever they would come into a record: asterisks of the
	// same length stand in bodies, headers, addresses and errors. Secrets shorter
	// than MinSecret are left alone: they would hit ordinary words.
	Secrets []string
}

// MinSecret is the least length of a secret that is masked.
const MinSecret = 8

// Create starts a new file; one that exists is ErrExists.
func Create(path string, o WriterOptions) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%w: %s", ErrExists, path)
	}
	if err != nil {
		return nil, fmt.Errorf("create evidence: %w", err)
	}
	w := newWriter(f, o)
	if err := errors.Join(lock(f), syncFolder(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("create evidence %s: %w", path, err), f.Close())
	}
	return w, nil
}

func newWriter(f *os.File, o WriterOptions) *Writer {
	w := &Writer{file: f}
	for _, s := range o.Secrets {
		if len(s) >= MinSecret {
			w.secrets = append(w.secrets, forms(s)...)
		}
	}
	return w
}

// Resume opens a file that was begun, verifies it, and goes on at its end. A
// torn last line is cut; a note with its bytes takes its place. A file that is
// broken before its end is left as it is, with a *BrokenError.
func Resume(path string, o WriterOptions) (*Writer, *File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("resume evidence: %w", err)
	}
	w := newWriter(f, o)
	had, err := w.resume()
	if err != nil {
		return nil, had, errors.Join(fmt.Errorf("resume evidence %s: %w", path, err), f.Close())
	}
	return w, had, nil
}

func (w *Writer) resume() (*File, error) {
	if err := lock(w.file); err != nil {
		return nil, err
	}
	had, err := Read(w.file)
	torn, isTorn := errors.AsType[*BrokenError](err)
	isTorn = isTorn && torn.Torn
	if err != nil && !isTorn {
		return had, err
	}
	w.prev, w.seq = had.Summary.Head, had.Summary.Records
	if w.size, err = w.file.Seek(0, io.SeekEnd); err != nil {
		return had, err
	}
	if !isTorn {
		return had, nil
	}
	return had, w.cut(torn, had)
}

// cut removes the torn line. One that lacks only its line feed gets it.
func (w *Writer) cut(torn *BrokenError, had *File) error {
	rest, err := io.ReadAll(io.NewSectionReader(w.file, torn.Offset, w.size-torn.Offset))
	if err != nil {
		return err
	}
	r := Reader{prev: w.prev, seq: w.seq}
	if rec, err := r.quick.parse(slices.Clone(rest)); err == nil && r.check(rec) == nil {
		had.Records = append(had.Records, rec)
		had.Summary.count(rec, map[string]bool{})
		w.prev, w.seq, w.size = rec.Hash, w.seq+1, w.size+1
		return w.write([]byte("\n"), w.size)
	}
	if err := w.file.Truncate(torn.Offset); err != nil {
		return err
	}
	w.size = torn.Offset
	session := ""
	if n := len(had.Records); n > 0 {
		session = had.Records[n-1].Session
	}
	rec := &Record{Kind: KindNote, Session: session, Note: &Note{Code: NoteTorn, Data: rest,
		Text: fmt.Sprintf("the last line was torn after %d bytes and was cut; the program or the machine stopped while it was written", len(rest))}}
	if err := w.Append(rec); err != nil {
		return err
	}
	had.Records = append(had.Records, rec)
	had.Summary.count(rec, map[string]bool{})
	return nil
}

// Append completes a record (schema, seq, time where it has none, prev, hash),
// writes it and waits until it is on the disk. Headers that are not to be kept are
// dropped and secrets masked, in the record itself too. After a failure to write
// nothing more is accepted, and what was written of the record is cut again.
func (w *Writer) Append(rec *Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if !rec.whole() {
		return fmt.Errorf("append evidence: the part that kind %q names is missing", rec.Kind)
	}
	w.mask(rec)
	rec.Schema, rec.Seq, rec.Prev = SchemaVersion, w.seq, w.prev
	if rec.Time.IsZero() {
		rec.Time = time.Now().UTC()
	}
	line, err := encode(rec)
	if err != nil {
		return fmt.Errorf("append evidence: %w", err)
	}
	for _, s := range w.secrets {
		if bytes.Contains(line, s) {
			return fmt.Errorf("append evidence: %w", ErrSecret)
		}
	}
	end := w.size + int64(len(line)) + 1
	if err := w.write(append(line, '\n'), end); err != nil {
		w.err = fmt.Errorf("append evidence: %w", err)
		return w.err
	}
	w.prev, w.seq, w.size = rec.Hash, w.seq+1, end
	return nil
}

// write puts text at the end of the file, which then has the given size.
func (w *Writer) write(text []byte, size int64) error {
	at := size - int64(len(text))
	_, err := w.file.WriteAt(text, at)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		return errors.Join(err, w.file.Truncate(at))
	}
	return nil
}

// Head is the hash of the last record.
func (w *Writer) Head() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.prev
}

// Close closes the file; every record is on the disk already.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf("append evidence: %w", os.ErrClosed)
	}
	return w.file.Close()
}

// syncFolder puts the name of a new file on the disk. Not every system can sync
// a folder, and the records themselves do not depend on it.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	_ = d.Sync()
	return d.Close()
}
