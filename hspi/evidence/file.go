package evidence

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// File is evidence that was read and verified.
type File struct {
	Summary Summary
	Records []*Record
}

// Load reads and verifies a file, plain or compressed. With ErrTorn or
// ErrBroken the file holds what came before.
func Load(path string) (*File, error) {
	src, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }() // it was only read
	f, err := Read(src)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return f, err
}

// Read is Load for what is no file.
func Read(src io.Reader) (*File, error) {
	r, err := NewReader(src)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, open, lines := new(File), map[string]bool{}, make([][]byte, someLines)
	for err == nil {
		err = f.readSome(r, lines, open)
	}
	f.Summary.Ended = len(open) == 0 && f.Summary.Records > 0
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return f, err
}

// someLines is how many lines are in memory at a time beside their records.
const someLines = 256

// readSome reads some lines, parses them on all processors, and follows the
// chain through them. It uses the memory of the lines before.
func (f *File) readSome(r *Reader, lines [][]byte, open map[string]bool) error {
	var end error
	first, n := r.line, 0
	for ; n < len(lines); n++ {
		if lines[n], end = r.readLine(lines[n][:0]); end != nil {
			break
		}
	}
	lines = lines[:n]
	last := r.line
	records, errs := make([]*Record, len(lines)), make([]error, len(lines))
	parallel(len(lines), func() func(int) {
		q := new(quick)
		return func(i int) { records[i], errs[i] = q.parse(lines[i]) }
	})
	for i, rec := range records {
		r.line = first + i + 1
		if err := r.follow(rec, errs[i], len(lines[i])); err != nil {
			return err
		}
		f.Summary.count(rec, open)
		f.Records = append(f.Records, rec)
	}
	r.line = last
	if torn, ok := errors.AsType[*BrokenError](end); ok { // made before the lines were followed
		torn.Offset, torn.Seq = r.offset, r.seq
	}
	return end
}

// parallel does all of 0 to n-1 on all processors; each has a worker of its own,
// which takes the next one as soon as it is done with one.
func parallel(n int, worker func() func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		all.Go(func() {
			do := worker()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// Responses decodes the answers, in order: exchanges with status 200 that are
// neither failed nor broken. Pages that were only read (GET) are left out.
func (f *File) Responses() []*Response {
	decoded := make([]*Response, len(f.Records))
	parallel(len(f.Records), func() func(int) {
		d := new(decoder)
		return func(i int) {
			rec := f.Records[i]
			if rec.Kind == KindExchange && rec.Exchange.Answered() && rec.Exchange.Request.Method != http.MethodGet {
				decoded[i] = d.decode(rec)
			}
		}
	})
	var all []*Response
	for _, r := range decoded {
		if r != nil && r.Broken() == nil {
			all = append(all, r)
		}
	}
	return all
}

// Sessions are the open records of the sessions, in order; a session that was
// resumed counts once.
func (f *File) Sessions() []*Record {
	var all []*Record
	for _, rec := range f.Records {
		if rec.Kind == KindOpen && rec.Open.Resumes == 0 {
			all = append(all, rec)
		}
	}
	return all
}

// Notes are the observations, in order.
func (f *File) Notes() []*Record {
	var all []*Record
	for _, rec := range f.Records {
		if rec.Kind == KindNote {
			all = append(all, rec)
		}
	}
	return all
}
