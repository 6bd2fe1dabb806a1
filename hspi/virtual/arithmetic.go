// Package virtual computes platforms instead of owning them: the forward pass of a
// language model in plain Go, in which the arithmetic of the machine is a parameter.
// A virtual platform is served by package gateway on loopback, and then enrolled,
// trained and verified like any other endpoint.
//
// A machine is described by two things: how it adds products ([Dot]), and the type
// in which it keeps values between operations ([Round]). What kernels do beyond that
// (how they split sums over a length, fused attention, polynomials for exponentials)
// is not part of it: functions of one number are computed in float64 and rounded.
// A virtual GPU therefore does not repeat the digits of a real one. In float32 it is
// as near to an H200 as rounding allows (1.5e-5 nats on 180 log-probabilities); in
// bfloat16, of 120 log-probabilities of the H200 that attends step by step, none was
// the same, and they differed by 0.025 nats in the mean.
package virtual

import (
	"math"

	"github.com/gpubench/gpubench/ptx/emu/fp"
)

// Dot is how a machine adds products. It is the one thing that a new machine has to
// implement; implementations may be used from several goroutines.
type Dot interface {
	// Row makes numbers of the arithmetic's type ready to be multiplied, for many
	// products have a row in common. It may keep the slice.
	Row(values []float32) Row
	// Dot is the sum of the products of two rows of equal length, as a float32 before
	// it is rounded to the arithmetic's type.
	Dot(a, b Row) float32
}

// Row is what a Dot makes of numbers.
type Row any

// numbers is a row that is as it came; empty where another Dot made it.
func numbers(r Row) []float32 {
	v, _ := r.([]float32)
	return v
}

// Round rounds to the type in which values are kept.
type Round func(float32) float32

// Arithmetic is how a machine computes.
type Arithmetic struct {
	Name  string
	Round Round
	Dot   Dot
}

// Float32 keeps float32 as it is.
func Float32(v float32) float32 { return v }

// BFloat16 rounds to nearest, ties to even.
func BFloat16(v float32) float32 { return widen(narrow(v)) }

// narrow is the bits of a number in bfloat16.
func narrow(v float32) uint16 {
	u := math.Float32bits(v)
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

func widen(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }

// FP32 is float32 throughout, with sums in order.
func FP32() Arithmetic { return Arithmetic{"fp32", Float32, Sequential{}} }

// BF16 keeps bfloat16 and adds blocks of products in float32.
func BF16(block int) Arithmetic { return Arithmetic{"bf16", BFloat16, Blocks{block}} }

// Sequential adds one product after the other by a fused multiply-add in float32, as
// a loop on one lane does.
type Sequential struct{}

// Row implements Dot.
func (Sequential) Row(values []float32) Row { return values }

// Dot implements Dot.
//
//go:norace
func (Sequential) Dot(left, right Row) float32 {
	a, b, sum := numbers(left), numbers(right), float32(0)
	for i, x := range a[:min(len(a), len(b))] {
		product := float64(x) * float64(b[i]) // exact: 48 bits
		next := product + float64(sum)
		if math.Float64bits(next)&lost == half || math.Float64bits(next)<<1 < smallest {
			next = fp.AddOdd(product, float64(sum))
		}
		sum = float32(next)
	}
	return sum
}

// Sums that were rounded to float64 may go wrong when they are rounded again: in the
// middle between two float32, and below the normal ones.
const (
	lost     = 1<<29 - 1 // the bits of a float64 that float32 lacks
	half     = 1 << 28
	smallest = (1023 - 126) << 53 // the least normal float32 without its sign
)

// Blocks adds the products of a block one after the other in float32, and the sums
// of the blocks to each other. The products of two bfloat16 are exact in float32.
type Blocks struct {
	// Size is how many products a block has; less than 1 counts as 1.
	Size int
}

// Row implements Dot.
func (Blocks) Row(values []float32) Row { return values }

// Dot implements Dot.
//
//go:norace
func (d Blocks) Dot(left, right Row) float32 {
	a, b, total := numbers(left), numbers(right), float32(0)
	n, size := min(len(a), len(b)), max(d.Size, 1)
	for lo := 0; lo < n; lo += size {
		sum := float32(0)
		for i := lo; i < min(lo+size, n); i++ {
			sum += float32(a[i] * b[i]) // never fused
		}
		total += sum
	}
	return total
}
