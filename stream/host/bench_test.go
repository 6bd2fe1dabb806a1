package host

import (
	"testing"

	"github.com/gpubench/gpubench/stream"
)

// BenchmarkKernel runs every form of every kernel on all cores; MB/s counts bytes
// as STREAM does. Arrays of 64 MiB: set against each other, not against the rule.
func BenchmarkKernel(b *testing.B) {
	m, err := thisMachine()
	if err != nil {
		b.Fatal(err)
	}
	cpus, err := m.pickCPUs(0)
	if err != nil {
		b.Fatal(err)
	}
	a := testArrays(b, 64<<20)
	for _, k := range stream.Kernels() {
		for _, typ := range stream.Types() {
			for _, isa := range ISAs() {
				for _, st := range []Stores{Standard, Tuned} {
					if Offers(k, typ, isa, st) {
						b.Run(k.Name+"/"+string(typ)+"/"+string(isa)+"/"+string(st), func(b *testing.B) {
							benchmark(b, cpus, a, k, typ, isa, st)
						})
					}
				}
			}
		}
	}
}

// benchmark makes its own team: every benchmark has its own goroutine, and a team
// belongs to the one that made it.
func benchmark(b *testing.B, cpus []int, a Arrays, k stream.Kernel, typ stream.Type, isa ISA, st Stores) {
	team, err := NewTeam(cpus)
	if err != nil {
		b.Fatal(err)
	}
	defer team.Close()
	l, err := NewLoop(team, a, k, typ, isa, st)
	if err != nil {
		b.Fatal(err)
	}
	newSetting(team, a, k.Name, typ).start()
	b.SetBytes(int64(len(a.A) / typ.Bytes() * k.Bytes(typ)))
	b.ReportAllocs()
	for b.Loop() {
		l.Run()
	}
}
