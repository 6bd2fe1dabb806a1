// Package host measures the memory of the machine that it runs on with the
// kernels of package stream, under STREAM's rules.
//
// Kernels are assembly (AVX-512, AVX2 with FMA, SSE2), written by the generator
// in folder generate, or Go. The exponential of the AVX-512 and AVX2 softmax is
// wrong by less than one unit in the last place (TestExp measures 0.94 in float64
// and 0.98 in float32); AVX2 takes results below the smallest normal number for
// zero, and arguments must be smaller than 2^20.
package host

import (
	"github.com/gpubench/gpubench/stream"
)

//go:generate go run ./generate

// ISA is the set of vector instructions that kernels are made of.
type ISA string

// The sets of instructions, best first; Go is what the compiler makes of loops.
const (
	AVX512 ISA = "avx512"
	AVX2   ISA = "avx2"
	SSE2   ISA = "sse2"
	Go     ISA = "go"
)

// Stores says how results go to memory.
type Stores string

// Standard stores go through the caches, so hardware reads a line before it
// writes it; tuned ones go around them (non-temporal stores).
const (
	Standard Stores = "standard"
	Tuned    Stores = "tuned"
)

// part is one loop over arrays; a kernel is one part or, for softmax, several.
type part string

const (
	partCopy     part = stream.Copy
	partScale    part = stream.Scale
	partAdd      part = stream.Add
	partTriad    part = stream.Triad
	partNstream  part = stream.Nstream
	partWrite    part = stream.Write
	partDot      part = stream.Dot
	partRead     part = stream.Read
	partMax      part = "max"
	partSumExp   part = "sumexp"   // sum of exp(x - s)
	partExpScale part = "expscale" // dst = exp(x - s) t
	partExtSum   part = "extsum"   // sum of exp(x) as mantissas and exponents
	partExtScale part = "extscale" // dst = exp(x) s / 2^t
)

// reduces reports whether a part leaves a number and stores nothing.
func (p part) reduces() bool {
	switch p {
	case partDot, partRead, partMax, partSumExp, partExtSum:
		return true
	}
	return false
}

// form names one implementation of a part.
type form struct {
	isa    ISA
	part   part
	typ    stream.Type
	stores Stores
}
