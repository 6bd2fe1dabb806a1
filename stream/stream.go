// Package stream says what STREAM is here, for hosts and GPUs alike: the
// kernels, the bytes that count, the start values, the size that the rules ask
// for, and what the arrays must hold at the end.
//
// The rules are those of J. D. McCalpin's STREAM 5.10 (stream.c); Dot and
// Nstream are BabelStream's; the softmax pair is of M. Dukhan and A. Ablavatski,
// "The Two-Pass Softmax Algorithm", arXiv 2001.04438. By STREAM's licence
// results of this program are "based on a variant of the STREAM benchmark code".
package stream

import (
	"errors"
	"fmt"
	"slices"
)

// Variant is the line that STREAM's licence asks for beside its results.
const Variant = "based on a variant of the STREAM benchmark code"

// Type is an element type.
type Type string

// Element types.
const (
	F64 Type = "f64"
	F32 Type = "f32"
)

// Types lists the element types.
func Types() []Type { return []Type{F64, F32} }

// Bytes is the size of an element.
func (t Type) Bytes() int {
	if t == F32 {
		return 4
	}
	return 8
}

// Kernel is one of the loops.
type Kernel struct {
	// Name is lower case: "copy", "triad", "softmax-2pass".
	Name string
	// Formula says what it does to the arrays a, b and c.
	Formula string
	// Reads and Writes count how often an element of an array is read and written
	// by the program; lines that hardware reads before it writes them do not count.
	Reads, Writes int
}

// Bytes is what one element of one trial counts.
func (k Kernel) Bytes(t Type) int { return (k.Reads + k.Writes) * t.Bytes() }

// Names of the kernels.
const (
	Copy     = "copy"
	Scale    = "scale"
	Add      = "add"
	Triad    = "triad"
	Dot      = "dot"
	Nstream  = "nstream"
	Read     = "read"
	Write    = "write"
	Softmax2 = "softmax-2pass"
	Softmax3 = "softmax-3pass"
)

// Kernels lists all kernels; the first four are STREAM's own, in its order.
func Kernels() []Kernel {
	return []Kernel{
		{Copy, "c = a", 1, 1},
		{Scale, "b = q c", 1, 1},
		{Add, "c = a + b", 2, 1},
		{Triad, "a = b + q c", 2, 1},
		{Dot, "sum of a b", 2, 0},
		{Nstream, "a = a + b + q c", 3, 1},
		{Read, "sum of a", 1, 0},
		{Write, "c = q", 0, 1},
		{Softmax2, "b = softmax(a), maximum and sum in one pass", 2, 1},
		{Softmax3, "b = softmax(a), maximum and sum in a pass each", 3, 1},
	}
}

// Q is the scalar of Scale, Triad, Nstream and Write.
const Q = 3

// Trials of a measurement; the first is not counted.
const Trials = 10

// Metrics of a row: the best of the trials that count, which is what STREAM
// reports, and their median, which has an interval.
const (
	MetricBest   = "best bandwidth"
	MetricMedian = "median bandwidth"
)

// ErrUnknownKernel marks a kernel name that there is not.
var ErrUnknownKernel = errors.New("no such STREAM kernel")

// Find finds a kernel by its name.
func Find(name string) (Kernel, error) {
	all := Kernels()
	i := slices.IndexFunc(all, func(k Kernel) bool { return k.Name == name })
	if i < 0 {
		return Kernel{}, fmt.Errorf("%w: %q", ErrUnknownKernel, name)
	}
	return all[i], nil
}

// CacheFactor is how many times the last-level caches an array must be (STREAM's
// rule 1a): less would measure the caches.
const CacheFactor = 4

// LeastElements is the smallest array that the rules allow on a machine whose
// last-level caches have cacheBytes together.
func LeastElements(cacheBytes uint64, t Type) uint64 {
	size := uint64(t.Bytes())
	return (CacheFactor*cacheBytes + size - 1) / size
}
