package emu

import (
	"fmt"
	"slices"
	"sort"

	"github.com/gpubench/gpubench/ptx"
)

// Memory is the global memory of one device. It is not safe for concurrent use.
type Memory struct {
	blocks []*block // by address
	next   uint64
	// now is the device's time in steps, what %globaltimer reads.
	now uint64
	// programs keeps the kernels that were decoded.
	programs map[*ptx.Kernel]*program
	// last is the allocation of the last access.
	last *block
}

// block is one allocation; its pages come into being when they are written.
type block struct {
	name  string
	base  uint64
	bytes uint64
	pages [][]byte
}

const (
	// Global addresses start here; the windows of the other spaces lie above.
	globalBase = 0x7000_0000_0000
	pageBits   = 16
	pageBytes  = 1 << pageBits
	// guardBytes separates allocations, so that an overrun is found.
	guardBytes = 1 << 21
)

// zeroPage is what untouched pages read as; it is never written.
var zeroPage [pageBytes]byte

// NewMemory makes an empty device memory.
func NewMemory() *Memory { return &Memory{next: globalBase} }

// Alloc makes an allocation of zeros, aligned to 2 MiB. The name appears in no
// result, it is for the reader of a dump.
func (m *Memory) Alloc(name string, bytes uint64) (uint64, error) {
	if bytes == 0 || bytes > 1<<40 {
		return 0, fmt.Errorf("allocate %d bytes for %s: %w", bytes, name, ErrBounds)
	}
	b := &block{name: name, base: m.next, bytes: bytes, pages: make([][]byte, (bytes+pageBytes-1)/pageBytes)}
	m.blocks = append(m.blocks, b)
	m.next = (b.base + bytes + 2*guardBytes - 1) &^ (guardBytes - 1)
	return b.base, nil
}

// Free gives an allocation back.
func (m *Memory) Free(address uint64) error {
	i := slices.IndexFunc(m.blocks, func(b *block) bool { return b.base == address })
	if i < 0 {
		return fmt.Errorf("free %#x: %w", address, ErrBounds)
	}
	m.blocks = slices.Delete(m.blocks, i, i+1)
	m.last = nil
	return nil
}

// Write copies data to an address.
func (m *Memory) Write(address uint64, data []byte) error { return m.copyPages(address, data, true) }

// Read copies from an address to data.
func (m *Memory) Read(address uint64, data []byte) error { return m.copyPages(address, data, false) }

func (m *Memory) copyPages(address uint64, data []byte, write bool) error {
	for len(data) > 0 {
		n := min(uint64(len(data)), pageBytes-(address-globalBase)&(pageBytes-1))
		span, err := m.span(address, n, write)
		if err != nil {
			return fmt.Errorf("%d bytes at %#x: %w", len(data), address, err)
		}
		if write {
			copy(span, data)
		} else {
			copy(data, span)
		}
		address, data = address+n, data[n:]
	}
	return nil
}

// find gives the allocation that holds an address, nil if none.
func (m *Memory) find(address uint64) *block {
	i := sort.Search(len(m.blocks), func(i int) bool { return m.blocks[i].base > address })
	if i == 0 {
		return nil
	}
	if b := m.blocks[i-1]; address-b.base < b.bytes {
		return b
	}
	return nil
}

// span gives n bytes at an address, which must not cross a page.
func (m *Memory) span(address, n uint64, write bool) ([]byte, error) {
	b := m.last
	if b == nil || address-b.base >= b.bytes {
		if b = m.find(address); b == nil {
			return nil, ErrBounds
		}
		m.last = b
	}
	return b.span(address, n, write)
}

func (b *block) span(address, n uint64, write bool) ([]byte, error) {
	offset := address - b.base
	if offset >= b.bytes || n > b.bytes-offset {
		return nil, ErrBounds
	}
	page, at := offset>>pageBits, offset&(pageBytes-1)
	if at+n > pageBytes {
		return nil, ErrAlign
	}
	if b.pages[page] == nil {
		if !write {
			return zeroPage[at : at+n], nil
		}
		b.pages[page] = make([]byte, pageBytes)
	}
	return b.pages[page][at : at+n], nil
}
