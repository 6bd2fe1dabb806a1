package host

import (
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/stream"
)

// Options of a measurement. The zero value measures every kernel, both types and
// both ways to store, with the best instructions, on one thread per core.
type Options struct {
	Kernels []string // by name; empty is all
	Types   []stream.Type
	// Stores are the ways to store. Where none is named, kernels that have no tuned
	// form are measured in the standard one alone.
	Stores  []Stores
	ISA     ISA
	Threads int
	// Bytes is the size of one array, rounded up to whole pages; 0 is what
	// STREAM's rule asks for, and not less than DefaultBytes where memory allows.
	Bytes uint64
	// Force measures arrays that the rule calls too small, and flags the rows.
	Force bool
	// Arrays are used instead of new ones where given; Bytes is then theirs.
	Arrays *Arrays
	// Sweep adds curves of bandwidth against footprint.
	Sweep bool
	// Progress is told before each step what comes, and how much of all is done,
	// from 0 to 1; it is called on the measuring thread, outside of timed regions.
	Progress func(done float64, what string)
}

// DefaultBytes is the least default size of an array: virtual machines often
// tell of a smaller cache than the one they share.
const DefaultBytes = 256 << 20

// fill puts in what the zero values stand for.
func (o Options) fill() (Options, error) {
	if len(o.Kernels) == 0 {
		for _, k := range stream.Kernels() {
			o.Kernels = append(o.Kernels, k.Name)
		}
	}
	for _, name := range o.Kernels {
		if _, err := stream.Find(name); err != nil {
			return o, err
		}
	}
	if len(o.Types) == 0 {
		o.Types = stream.Types()
	}
	for _, t := range o.Types {
		if !slices.Contains(stream.Types(), t) {
			return o, fmt.Errorf("host: no element type %q; there are %q", t, stream.Types())
		}
	}
	if len(o.Stores) == 0 {
		o.Stores = []Stores{Standard, Tuned}
	}
	for _, s := range o.Stores {
		if s != Standard && s != Tuned {
			return o, fmt.Errorf("host: no stores %q; there are %q and %q", s, Standard, Tuned)
		}
	}
	if o.Progress == nil {
		o.Progress = func(float64, string) {}
	}
	return o, nil
}

// SizeError says that arrays are too small or too large. It matches ErrMemory
// where memory is the limit, and ErrTooSmall where STREAM's rule is.
type SizeError struct {
	Bytes uint64 // of one array, as asked for
	// Need is the least size of one array by the rule, and Elements the same in
	// elements of Type.
	Need     uint64
	Elements uint64
	Type     stream.Type
	Cache    uint64 // of the last level, all together
	// Free is the memory that three arrays must fit into; 0 if they were too small.
	Free uint64
}

func (e *SizeError) Error() string {
	if e.Free > 0 {
		return fmt.Sprintf("three arrays of %s do not fit into the %s of memory that are free", mib(e.Bytes), mib(e.Free))
	}
	return fmt.Sprintf("arrays of %s are too small: STREAM asks for %d times the %s of last-level cache, so at least %s (%d elements of %s)",
		mib(e.Bytes), stream.CacheFactor, mib(e.Cache), mib(e.Need), e.Elements, e.Type)
}

// Is tells the two kinds apart.
func (e *SizeError) Is(target error) bool {
	return target == ErrMemory && e.Free > 0 || target == ErrTooSmall && e.Free == 0
}

func mib(bytes uint64) string { return fmt.Sprintf("%.4g MiB", float64(bytes)/(1<<20)) }

// reserve is the share of free memory that is left alone.
const reserve = 16

// arrayBytes is the size of an array, and why its rows are flagged, if so.
func (m machine) arrayBytes(o Options) (bytes uint64, flag string, err error) {
	t := smallest(o.Types)
	elements := stream.LeastElements(m.CacheBytes, t)
	need := roundUp(elements * uint64(t.Bytes()))
	room := m.FreeBytes - m.FreeBytes/reserve
	switch {
	case o.Arrays != nil:
		bytes = uint64(len(o.Arrays.A))
	case o.Bytes > 0:
		bytes = roundUp(o.Bytes)
	case m.FreeBytes > 0 && 3*DefaultBytes > room:
		bytes = max(need, chunkBytes)
	default:
		bytes = max(need, DefaultBytes)
	}
	// bytes > room/3 and not 3*bytes > room: the product could wrap around.
	if o.Arrays == nil && m.FreeBytes > 0 && bytes > room/3 {
		return 0, "", &SizeError{Bytes: bytes, Free: m.FreeBytes}
	}
	if bytes < need {
		small := &SizeError{Bytes: bytes, Need: need, Elements: elements, Type: t, Cache: m.CacheBytes}
		if !o.Force {
			return 0, "", small
		}
		return bytes, small.Error(), nil
	}
	return bytes, "", nil
}

// smallest is the type with the smallest elements: the rule in elements is its.
func smallest(types []stream.Type) stream.Type {
	return slices.MinFunc(types, func(a, b stream.Type) int { return a.Bytes() - b.Bytes() })
}

func roundUp(bytes uint64) uint64 {
	if bytes > 1<<62 {
		return bytes // too large for any memory, and no reason to wrap around
	}
	return (bytes + chunkBytes - 1) / chunkBytes * chunkBytes
}
