package host

import (
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/stream"
)

// Loop is a kernel made ready: a team, arrays, and the code that was chosen.
type Loop struct {
	Kernel stream.Kernel
	Type   stream.Type
	ISA    ISA
	Stores Stores
	team   *Team
	steps  []*pass
	// Sum is what the last Run of a reduction came to.
	Sum float64
	// repeat is how often each thread does its piece before it meets the others.
	repeat int
}

// pass is one part done by all workers; after takes in what it came to.
type pass struct {
	works []work
	task  func(worker int)
	after func(*pass)
}

// NewLoop prepares a kernel for the arrays. Where the isa has no tuned form of it
// the error matches ErrNoForm; one that the CPU lacks matches ErrISA.
func NewLoop(t *Team, a Arrays, k stream.Kernel, typ stream.Type, isa ISA, stores Stores) (*Loop, error) {
	isa, err := choose(isa)
	if err != nil {
		return nil, err
	}
	if err := a.check(typ.Bytes()); err != nil {
		return nil, err
	}
	l := &Loop{Kernel: k, Type: typ, ISA: isa, Stores: stores, team: t, repeat: 1}
	uses, err := parts(k, a)
	if err != nil {
		return nil, err
	}
	if !Offers(k, typ, isa, stores) {
		return nil, fmt.Errorf("%w: %s of %s with %s stores in %s", ErrNoForm, k.Name, typ, stores, isa)
	}
	for _, u := range uses {
		l.steps = append(l.steps, l.pass(u))
	}
	l.connect()
	return l, nil
}

// Offers reports whether there is such a form of a kernel on this machine.
// Kernels that store nothing, or read what they write, have no tuned form, and
// softmax has none in SSE2.
func Offers(k stream.Kernel, typ stream.Type, isa ISA, stores Stores) bool {
	parts, err := parts(k, Arrays{})
	if err != nil || !has(isa) {
		return false
	}
	return !slices.ContainsFunc(parts, func(u use) bool {
		return !form{isa, u.part, typ, stores}.exists() && !(stores == Tuned && u.part.reduces() && len(parts) > 1)
	})
}

// parts lists what a kernel does to the arrays.
func parts(k stream.Kernel, a Arrays) ([]use, error) {
	switch k.Name {
	case stream.Copy:
		return []use{{partCopy, a.C, a.A, nil}}, nil
	case stream.Scale:
		return []use{{partScale, a.B, a.C, nil}}, nil
	case stream.Add:
		return []use{{partAdd, a.C, a.A, a.B}}, nil
	case stream.Triad:
		return []use{{partTriad, a.A, a.B, a.C}}, nil
	case stream.Nstream:
		return []use{{partNstream, a.A, a.B, a.C}}, nil
	case stream.Write:
		return []use{{partWrite, a.C, nil, nil}}, nil
	case stream.Dot:
		return []use{{partDot, nil, a.A, a.B}}, nil
	case stream.Read:
		return []use{{partRead, nil, a.A, nil}}, nil
	case stream.Softmax2:
		return []use{{partExtSum, nil, a.A, nil}, {partExtScale, a.B, a.A, nil}}, nil
	case stream.Softmax3:
		return []use{{partMax, nil, a.A, nil}, {partSumExp, nil, a.A, nil}, {partExpScale, a.B, a.A, nil}}, nil
	}
	return nil, fmt.Errorf("%w: %q", stream.ErrUnknownKernel, k.Name)
}

// pass divides a part among the workers.
func (l *Loop) pass(u use) *pass {
	f := form{l.ISA, u.part, l.Type, l.Stores}
	if u.part.reduces() {
		f.stores = Standard // it stores nothing
	}
	p := &pass{works: make([]work, l.team.Size())}
	for i := range p.works {
		from, to := chunk(uint64(max(len(u.dst), len(u.x))), l.team.Size(), i)
		p.works[i].set(f, u, from, to)
		p.works[i].scalars(stream.Q, 0)
	}
	p.task = func(worker int) {
		for range l.repeat {
			p.works[worker].run()
		}
	}
	return p
}

// chunkBytes divides where one worker's piece ends and the next one's begins.
const chunkBytes = 4096

// chunk is the bytes that worker i of so many owns of n.
func chunk(n uint64, workers, i int) (from, to uint64) {
	blocks := (n + chunkBytes - 1) / chunkBytes
	at := func(i int) uint64 { return min(n, blocks*uint64(i)/uint64(workers)*chunkBytes) }
	return at(i), at(i + 1)
}

// connect says what becomes of the results of each pass.
func (l *Loop) connect() {
	last := l.steps[len(l.steps)-1]
	switch l.Kernel.Name {
	case stream.Dot, stream.Read:
		last.after = func(p *pass) { l.Sum = p.sum() }
	case stream.Softmax3:
		middle := l.steps[1]
		l.steps[0].after = func(p *pass) { middle.scalars(p.max(), 0) }
		middle.after = func(p *pass) { last.scalars(p.works[0].s, 1/p.sum()) }
	case stream.Softmax2:
		l.steps[0].after = func(p *pass) {
			sum := p.extended()
			last.scalars(1/sum.m, sum.e)
		}
	}
}

// Run executes the kernel once on all threads.
func (l *Loop) Run() {
	for _, p := range l.steps {
		l.team.Do(p.task)
		if p.after != nil {
			p.after(p)
		}
	}
}

func (p *pass) scalars(s, t float64) {
	for i := range p.works {
		p.works[i].scalars(s, t)
	}
}

func (p *pass) sum() float64 {
	sum := 0.0
	for i := range p.works {
		sum += p.works[i].sum
	}
	return sum
}

func (p *pass) max() float64 {
	m := p.works[0].max
	for i := range p.works {
		m = max(m, p.works[i].max)
	}
	return m
}

func (p *pass) extended() extended {
	var sum extended
	for i := range p.works {
		sum = sum.add(p.works[i].ext)
	}
	return sum.normal()
}
