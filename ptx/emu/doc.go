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
// What it cannot show: asynchronous copies and matrix products take effect when
// they are issued, so a wait that is missing goes unnoticed; time is counted in
// operations; the order of atomics is that of the lanes. The signs of zeros that
// tensor cores return, saturation within a long K, and the lanes that hold the
// metadata of some sparse shapes are hypotheses (see package tensor and mma.go).
//
// An instruction without a model gives an error that matches ErrUnsupported,
// never a guess.
package emu
