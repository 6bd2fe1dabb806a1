package main

import (
	"github.com/mmcloughlin/avo/reg"
)

// unroll is the number of vectors in a round of a loop with stores, and sums the
// number of accumulators of a reduction.
const (
	unroll = 4
	sums   = 8
	// ahead is how far in front reductions prefetch, in bytes.
	ahead = 1024
)

// linear writes STREAM's kernels and their relatives.
func (m machine) linear() entries {
	var all entries
	for _, nt := range []bool{true, false} {
		for _, k := range m.storing() {
			all = append(all, k.write(m, nt))
		}
	}
	all = append(all, nstream.write(m, false))
	return append(all, m.reduction("Dot", "x", "y"), m.reduction("Read", "x"))
}

// storing is a kernel that loads, computes and stores vector by vector: in turn,
// because groups of loads and then of stores were measured to be slower.
type storing struct {
	part, doc string
	arrays    []string
	scalar    bool
	value     func(f frame, s reg.VecVirtual, i int) reg.VecVirtual
}

func (m machine) storing() []storing {
	return []storing{
		{"Copy", "is dst = x.", []string{"dst", "x"}, false, func(f frame, _ reg.VecVirtual, i int) reg.VecVirtual {
			return m.load(f.at("x", i))
		}},
		{"Scale", "is dst = s x.", []string{"dst", "x"}, true, func(f frame, s reg.VecVirtual, i int) reg.VecVirtual {
			v := m.load(f.at("x", i))
			m.mul(s, v)
			return v
		}},
		{"Add", "is dst = x + y.", []string{"dst", "x", "y"}, false, func(f frame, _ reg.VecVirtual, i int) reg.VecVirtual {
			v := m.load(f.at("x", i))
			m.add(f.at("y", i), v)
			return v
		}},
		{"Triad", "is dst = x + s y.", []string{"dst", "x", "y"}, true, triad},
		{"Write", "is dst = s.", []string{"dst"}, true, func(_ frame, s reg.VecVirtual, _ int) reg.VecVirtual { return s }},
	}
}

func triad(f frame, s reg.VecVirtual, i int) reg.VecVirtual {
	v := f.load(f.at("y", i))
	f.scaleAdd(s, f.at("x", i), v)
	return v
}

// nstream reads what it writes, so there is no form that goes around the caches.
var nstream = storing{"Nstream", "is dst = dst + x + s y.", []string{"dst", "x", "y"}, true,
	func(f frame, s reg.VecVirtual, i int) reg.VecVirtual {
		v := triad(f, s, i)
		f.add(f.at("dst", i), v)
		return v
	}}

func (k storing) write(m machine, nt bool) entry {
	name := m.name(k.part, nt)
	f := m.begin(name, k.doc, k.arrays...)
	var s reg.VecVirtual
	if k.scalar {
		s = f.scalar("s")
	}
	f.loop(unroll, func(i int) { m.store(k.value(f, s, i), f.at("dst", i), nt) })
	f.end(nt)
	return entry{m.isa, "part" + k.part, m.typ(), nt, name}
}

// reduction writes the sum of x, or of x y; its lanes go to out.
func (m machine) reduction(part string, arrays ...string) entry {
	name := m.name(part, false)
	f := m.begin(name, "leaves sums in the lanes of the first vector of out.", arrays...)
	acc := make([]reg.VecVirtual, sums)
	for i := range acc {
		acc[i] = m.zero()
	}
	f.loop(sums, func(i int) {
		f.prefetch(i, arrays)
		if len(arrays) == 1 {
			m.add(f.at("x", i), acc[i])
			return
		}
		m.addProduct(m.load(f.at("x", i)), f.at("y", i), acc[i])
	})
	m.fold(acc, func(x, acc reg.VecVirtual) { m.add(x, acc) })
	m.store(acc[0], f.out(0), false)
	f.end(false)
	return entry{m.isa, "part" + part, m.typ(), false, name}
}

// prefetch asks for the lines ahead of the i-th vector, once a line.
func (f frame) prefetch(i int, arrays []string) {
	if i*f.width%64 != 0 {
		return
	}
	for _, a := range arrays {
		f.PREFETCHNTA(f.at(a, i).Offset(ahead))
	}
}

// fold combines all vectors into the first, as a tree.
func (m machine) fold(acc []reg.VecVirtual, combine func(x reg.VecVirtual, acc reg.VecVirtual)) {
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := range n {
			combine(acc[i+n], acc[i])
		}
	}
}
