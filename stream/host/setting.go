package host

import (
	"github.com/gpubench/gpubench/stream"
)

// setting is what the arrays hold before a group of kernels, and how to see
// whether they hold the right thing afterwards.
type setting struct {
	team   *Team
	arrays Arrays
	typ    stream.Type
	soft   *logits // for softmax; nil for all others
}

func newSetting(team *Team, a Arrays, kernel string, t stream.Type) *setting {
	set := &setting{team: team, arrays: a, typ: t}
	if kernel == stream.Softmax2 || kernel == stream.Softmax3 {
		set.soft = newLogits(t)
	}
	return set
}

func (s *setting) start() {
	if s.soft != nil {
		s.soft.fill(s.team, s.arrays)
		return
	}
	Start(s.team, s.arrays, s.typ)
}

// check judges each of the kernels that ran in turn stream.Trials times.
func (s *setting) check(run []*trials) {
	if s.soft != nil {
		for _, r := range run {
			if len(run) > 1 {
				r.loop.Run() // the other one writes the same array
			}
			r.Check = s.soft.check(s.team, s.arrays, r.ISA)
		}
		return
	}
	want := startValues(s.typ)
	for range stream.Trials {
		for _, r := range run {
			if sum, ok := want.sum(r.Kernel.Name, uint64(len(s.arrays.A)/s.typ.Bytes())); ok {
				r.Check = checkSum(r.loop.Sum, sum, s.typ, r.ISA)
			}
			want.step(r.Kernel.Name)
		}
	}
	arrays := checkArrays(s.team, s.arrays, s.typ, want)
	for _, r := range run {
		if r.Kernel.Writes > 0 {
			r.Check = arrays
		}
	}
}
