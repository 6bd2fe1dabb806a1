// Package emu runs the kernels of package ptx on the CPU, bit for bit: it is the
// judge of what a benchmark's kernel computes, before and after a GPU ran it.
//
// A kernel is decoded once into a list of operations on register slots; warps
// run in lock-step with a set of diverged groups each, CTAs and clusters share
// memory as on the device, and every schedule is deterministic. Floating point
// follows IEEE 754 where PTX promises it; the tensor cores follow the measured
// model of package tensor. The special functions (.approx) are the exception:
// see Approximate.
//
// An instruction without a model gives an error that matches ErrUnsupported,
// never a guess.
package emu
