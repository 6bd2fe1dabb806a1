package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxLine bounds a record: a damaged file must not fill memory.
const maxLine = 256 << 20

// Reader reads and verifies records one by one.
type Reader struct {
	lines  *bufio.Reader
	close  func()
	prev   string
	seq    int
	line   int
	offset int64
	err    error
	quick  quick
}

// NewReader reads evidence, plain or compressed by zstd, which it knows by the
// first bytes. Close frees what decompression needs.
func NewReader(r io.Reader) (*Reader, error) {
	buffered := bufio.NewReaderSize(r, 1<<20)
	start, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	if !bytes.Equal(start, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return &Reader{lines: buffered, close: func() {}}, nil
	}
	z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("decompress evidence: %w", err)
	}
	return &Reader{lines: bufio.NewReaderSize(z, 1<<20), close: z.Close}, nil
}

// Close frees the decompressor; it does not close what is read from.
func (r *Reader) Close() { r.close() }

// Next is the next record, verified; io.EOF after the last. A record that is not
// as it was written gives a *BrokenError, a newer schema a *SchemaError; either
// ends the reading.
func (r *Reader) Next() (*Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	rec, err := r.next()
	r.err = err
	return rec, err
}

func (r *Reader) next() (*Record, error) {
	line, err := r.readLine(nil)
	if err != nil {
		return nil, err
	}
	rec, err := r.quick.parse(line)
	return rec, r.follow(rec, err, len(line))
}

// follow checks a record, or the error of its line, as the next of the chain.
func (r *Reader) follow(rec *Record, err error, length int) error {
	if err == nil {
		err = r.check(rec)
	} else if _, newer := errors.AsType[*SchemaError](err); !newer {
		err = r.broken("%v", err)
	}
	if err != nil {
		return err
	}
	r.prev, r.seq, r.offset = rec.Hash, r.seq+1, r.offset+int64(length)+1
	return nil
}

// readLine is the next line without its line feed. It may use the given memory.
func (r *Reader) readLine(line []byte) ([]byte, error) {
	for {
		part, err := r.lines.ReadSlice('\n')
		line = append(line, part...) // at once the right size for most
		switch {
		case err == nil:
			r.line++
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= maxLine:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			r.line++
			return nil, r.broken("it is longer than %d MiB", maxLine>>20)
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, io.EOF
		}
		r.line++
		torn := r.broken("it is cut off after %d bytes", len(line))
		torn.Torn = errors.Is(err, io.EOF)
		if !torn.Torn {
			torn.What = err.Error()
		}
		return nil, torn
	}
}

// parse reads a line by itself: its hash and its content. It may change the line.
func (q *quick) parse(line []byte) (*Record, error) {
	bare, hash, err := split(line)
	if err != nil {
		return nil, err
	}
	rec := q.record(string(bare))
	if rec == nil {
		rec = new(Record)
		if err := json.Unmarshal(bare, rec); err != nil {
			return nil, err
		}
	}
	rec.Hash = hash
	switch {
	case rec.Schema > SchemaVersion:
		return nil, &SchemaError{Schema: rec.Schema, Supported: SchemaVersion}
	case rec.Schema < 1:
		return nil, fmt.Errorf("schema %d does not exist", rec.Schema)
	case !rec.whole():
		return nil, fmt.Errorf("the part that kind %q names is missing", rec.Kind)
	}
	return rec, nil
}

// check looks at a record's place in the chain.
func (r *Reader) check(rec *Record) error {
	switch {
	case rec.Seq != r.seq:
		return r.broken("it says that it is record %d", rec.Seq)
	case rec.Prev != r.prev:
		return r.broken("the record before it is not the one that it was written after")
	}
	return nil
}

func (r *Reader) broken(format string, args ...any) *BrokenError {
	return &BrokenError{Line: r.line, Offset: r.offset, Seq: r.seq, What: fmt.Sprintf(format, args...)}
}

// whole reports whether the part that Kind names is there.
func (r *Record) whole() bool {
	switch r.Kind {
	case KindOpen:
		return r.Open != nil
	case KindSent:
		return r.Sent != nil
	case KindExchange:
		return r.Exchange != nil
	case KindNote:
		return r.Note != nil
	case KindEnd:
		return r.End != nil
	}
	return false
}

// Summary is what a verified file amounts to.
type Summary struct {
	Records   int
	Exchanges int
	Answered  int // exchanges with status 200 and no failure
	Sessions  []string
	// Head is the hash of the last record: kept elsewhere, it proves that nothing
	// was cut off.
	Head string
	// Ended tells that every session has its end record.
	Ended bool
}

// Verify reads all records and checks the chain. The summary counts what came
// before an error.
func Verify(src io.Reader) (Summary, error) {
	var s Summary
	r, err := NewReader(src)
	if err != nil {
		return s, err
	}
	defer r.Close()
	open := map[string]bool{}
	for {
		rec, err := r.Next()
		if err != nil {
			s.Ended = len(open) == 0 && s.Records > 0
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return s, err
		}
		s.count(rec, open)
	}
}

func (s *Summary) count(rec *Record, open map[string]bool) {
	s.Records++
	s.Head = rec.Hash
	switch rec.Kind {
	case KindOpen:
		if rec.Open.Resumes == 0 {
			s.Sessions = append(s.Sessions, rec.Session)
		}
		open[rec.Session] = true
	case KindEnd:
		delete(open, rec.Session)
	case KindExchange:
		s.Exchanges++
		if rec.Exchange.Answered() {
			s.Answered++
		}
	}
}

// Answered reports whether the exchange has a whole answer with status 200.
func (x *Exchange) Answered() bool {
	return x.Failure == nil && x.Reply != nil && x.Reply.Status == 200
}
