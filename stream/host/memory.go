package host

import (
	"errors"
	"fmt"
	"unsafe"
)

// hugePage is the alignment of arrays: the size of a huge page on amd64 and arm64.
const hugePage = 2 << 20

// ErrMemory marks arrays that the memory cannot hold.
var ErrMemory = errors.New("not enough memory")

// ErrTooSmall marks arrays that STREAM's rule forbids.
var ErrTooSmall = errors.New("arrays too small")

// Arrays are STREAM's three, of equal size. They may be anywhere; kernels work on
// them without a look at their contents.
type Arrays struct{ A, B, C []byte }

// check wants three equal arrays of whole elements.
func (a Arrays) check(size int) error {
	if len(a.A) == 0 || len(a.A) != len(a.B) || len(a.A) != len(a.C) {
		return fmt.Errorf("host: arrays of %d, %d and %d bytes: must be equal and not empty", len(a.A), len(a.B), len(a.C))
	}
	for _, s := range [][]byte{a.A, a.B, a.C} {
		if len(s)%size != 0 || uintptr(unsafe.Pointer(&s[0]))%uintptr(size) != 0 {
			return fmt.Errorf("host: an array of %d bytes at %p does not hold elements of %d bytes", len(s), &s[0], size)
		}
	}
	return nil
}

// first gives arrays of the first bytes of these.
func (a Arrays) first(bytes uint64) Arrays {
	return Arrays{a.A[:bytes], a.B[:bytes], a.C[:bytes]}
}

// Memory is a mapping outside of the Go heap with room for three arrays.
type Memory struct {
	mapping []byte
	start   int // of the first array: huge pages are aligned
	stride  int
	bytes   int
}

// NewMemory maps three arrays of the given size, aligned to huge pages, which it
// asks for where the system has them. Nothing is touched yet: who writes first
// decides on which node a page lies. Close it after use.
func NewMemory(bytes uint64) (*Memory, error) {
	stride := (bytes + hugePage - 1) / hugePage * hugePage
	mapping, err := mapMemory(3*stride + hugePage)
	if err != nil {
		return nil, fmt.Errorf("%w: mapping three arrays of %d bytes: %w", ErrMemory, bytes, err)
	}
	start := -uintptr(unsafe.Pointer(&mapping[0])) % hugePage
	return &Memory{mapping, int(start), int(stride), int(bytes)}, nil
}

// Arrays are the three; they must not be used after Close.
func (m *Memory) Arrays() Arrays {
	at := func(i int) []byte {
		from := m.start + i*m.stride
		return m.mapping[from : from+m.bytes : from+m.bytes]
	}
	return Arrays{at(0), at(1), at(2)}
}

// Close gives the memory back.
func (m *Memory) Close() error {
	if m.mapping == nil {
		return nil
	}
	err := unmapMemory(m.mapping)
	m.mapping = nil
	return err
}
