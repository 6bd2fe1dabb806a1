package memory

import (
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
)

// permutation is a seeded bijection of the numbers below a*b, cheap enough that
// the GPU computes it while it writes gigabytes of chain: a Feistel network on
// the pair (x mod a, x / a) whose halves are added modulo a and b, so that it is
// a bijection for any a and b.
//
// The chain visits order(0), order(1), ... and then order(0) again. Whatever
// bijection order is, that is a single cycle through all lines.
type permutation struct{ a, b, seed uint32 }

// feistelRounds are enough to make neighbours in the chain strangers in memory.
const feistelRounds = 4

// Multipliers and offsets of the round function, from MurmurHash3's finaliser
// and the golden ratio: any odd constants with well mixed bits would do.
const (
	mixA, mixB = 0x85EBCA6B, 0xC2B2AE35
	roundStep  = 0x9E3779B9
)

// lines is the number of lines of the chain.
func (p permutation) lines() uint64 { return uint64(p.a) * uint64(p.b) }

// order is the line that the chain visits at position j.
func (p permutation) order(j uint64) uint64 {
	j %= p.lines()
	left, right := uint32(j%uint64(p.a)), uint32(j/uint64(p.a))
	key := p.seed
	for range feistelRounds {
		left = (left + mix(right, key)) % p.a
		key += roundStep
		right = (right + mix(left, key)) % p.b
		key += roundStep
	}
	return uint64(left) + uint64(right)*uint64(p.a)
}

// mix is 31 bits, so that adding a number below 2^31 cannot overflow.
func mix(x, key uint32) uint32 {
	x = (x ^ key) * mixA
	x ^= x >> 15
	x *= mixB
	x ^= x >> 13
	return x >> 1
}

// linesOf splits eighths << shift lines into factors of about equal size.
func permutationOf(eighths, shift int, seed uint32) permutation {
	s := max(0, (shift-3)/2)
	return permutation{a: uint32(eighths) << s, b: 1 << (shift - s), seed: seed}
}

// emitOrder adds code for order(j), j below a*b.
func emitOrder(k *ptx.Kernel, a, b, seed, j ptx.Reg) ptx.Reg {
	left, right, key, line := k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("rem.u32", left, j, a)
	k.I("div.u32", right, j, a)
	k.I("mov.b32", key, seed)
	half := func(x, y, modulus ptx.Reg) {
		m := emitMix(k, y, key)
		k.I("add.u32", x, x, m)
		k.I("rem.u32", x, x, modulus)
		k.I("add.u32", key, key, ptx.Int(roundStep))
	}
	k.Loop(ptx.Int(feistelRounds), func(ptx.Reg) {
		half(left, right, a)
		half(right, left, b)
	})
	k.I("mad.lo.u32", line, right, a, left)
	return line
}

func emitMix(k *ptx.Kernel, x, key ptx.Reg) ptx.Reg {
	m, s := k.Reg(ptx.B32), k.Reg(ptx.B32)
	k.I("xor.b32", m, x, key)
	k.I("mul.lo.u32", m, m, ptx.Int(mixA))
	k.I("shr.u32", s, m, ptx.Int(15))
	k.I("xor.b32", m, m, s)
	k.I("mul.lo.u32", m, m, ptx.Int(mixB))
	k.I("shr.u32", s, m, ptx.Int(13))
	k.I("xor.b32", m, m, s)
	k.I("shr.u32", m, m, ptx.Int(1))
	return m
}

// permuteKernel writes the chain: the line at each position holds the address
// of the line at the next.
func permuteKernel(k *ptx.Kernel) {
	base := k.Param("base", ptx.B64)
	a, b, seed, count := k.Param("a", ptx.B32), k.Param("b", ptx.B32), k.Param("seed", ptx.B32), k.Param("count", ptx.B32)
	first, threads := kit.Thread(k)
	next, wraps := k.Reg(ptx.B32), k.Reg(ptx.Pred)
	kit.For(k, first, count, threads, func(j ptx.Reg) {
		here := lineAddress(k, base, emitOrder(k, a, b, seed, j))
		k.I("add.u32", next, j, ptx.Int(1))
		k.I("setp.eq.u32", wraps, next, count)
		k.I("selp.b32", next, ptx.Int(0), next, wraps)
		there := lineAddress(k, base, emitOrder(k, a, b, seed, next))
		k.I("st.global.u64", ptx.At(here, 0), there)
	})
	k.I("ret")
}

// touchKernel reads the lines at positions first to count of the chain, in
// about that order: a lap by all SMs at once.
func touchKernel(k *ptx.Kernel) {
	base := k.Param("base", ptx.B64)
	a, b, seed := k.Param("a", ptx.B32), k.Param("b", ptx.B32), k.Param("seed", ptx.B32)
	from, count, never := k.Param("from", ptx.B32), k.Param("count", ptx.B32), k.Param("never", ptx.B64)
	first, threads := kit.Thread(k)
	k.I("add.u32", first, first, from)
	readLines(k, base, []ptx.Reg{a, b, seed}, first, count, threads, never)
	k.I("ret")
}

// readLines reads the lines at the positions first, first + step, ... below
// count of the chain.
func readLines(k *ptx.Kernel, base ptx.Reg, order []ptx.Reg, first, count, step, never ptx.Reg) {
	acc, word := k.Reg(ptx.B64), k.Reg(ptx.B64)
	k.I("mov.b64", acc, ptx.Int(0))
	kit.For(k, first, count, step, func(j ptx.Reg) {
		k.I("ld.global.cg.u64", word, ptx.At(lineAddress(k, base, emitOrder(k, order[0], order[1], order[2], j)), 0))
		k.I("or.b64", acc, acc, word)
	})
	kit.StoreIfEqual(k, base, acc, never)
}

func lineAddress(k *ptx.Kernel, base, line ptx.Reg) ptx.Reg {
	address := k.Reg(ptx.B64)
	k.I("mad.wide.u32", address, line, ptx.Int(lineBytes), base)
	return address
}

// lineBytes is the size of a cache line on every target.
const lineBytes = 128
