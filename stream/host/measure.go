package host

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// Result is what a measurement came to.
type Result struct {
	CPU        results.CPU
	CPUs       []int  // that threads were bound to, in the threads' order
	ArrayBytes uint64 // of each of the three arrays
	HugeBytes  uint64 // of the three together that lay in huge pages; 0 if not known
	TickNS     float64
	Timings    []Timing
	Rows       []results.Row
	Series     []results.Series
	Raw        []results.Raw
}

// Timing is all that was seen of one kernel in one form.
type Timing struct {
	Kernel stream.Kernel
	Type   stream.Type
	ISA    ISA
	Stores Stores
	Bytes  uint64 // of an array
	// NS holds every trial's time in nanoseconds, the first one too.
	NS []uint64
	// HalfNS and FullNS are the best times of the first half of the arrays and of
	// all, taken in turn afterwards.
	HalfNS, FullNS uint64
	Check          results.Check
	// Err says why there are no times.
	Err error
}

// Measure runs STREAM on this machine as the options say. It takes the calling
// goroutine's thread for the time, and other goroutines that work meanwhile
// disturb it. An error matches ErrISA, ErrThreads, ErrMemory, ErrTooSmall (both
// *SizeError) or stream.ErrUnknownKernel where the options cannot be met. When
// ctx ends, what was measured until then is returned with its error.
func Measure(ctx context.Context, o Options) (*Result, error) {
	strict := len(o.Stores) > 0
	o, err := o.fill()
	if err != nil {
		return nil, err
	}
	s, err := newSession(o)
	if err != nil {
		return nil, err
	}
	s.strict = strict
	err = errors.Join(s.measure(ctx), s.close())
	return s.result(), err
}

// session is a measurement on its way.
type session struct {
	Options
	strict  bool // stores were asked for by name
	machine machine
	isa     ISA
	team    *Team
	memory  *Memory // nil if the arrays are somebody else's
	arrays  Arrays
	flag    string // why all rows are flagged
	tick    time.Duration
	huge    uint64
	timings []Timing
	series  []results.Series
	cpus    []int
	done    int
	steps   int
}

// newSession checks all that can be checked, and takes threads and memory.
func newSession(o Options) (*session, error) {
	s := &session{Options: o}
	var err error
	if s.machine, err = thisMachine(); err != nil {
		return nil, err
	}
	if s.isa, err = choose(o.ISA); err != nil {
		return nil, err
	}
	if s.cpus, err = s.machine.pickCPUs(o.Threads); err != nil {
		return nil, err
	}
	bytes, flag, err := s.machine.arrayBytes(o)
	if err != nil {
		return nil, err
	}
	s.flag = flag
	if err := s.takeMemory(bytes); err != nil {
		return nil, err
	}
	if s.team, err = NewTeam(s.cpus); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.tick = tick()
	s.steps = len(s.Types) * len(s.Stores) * len(s.groups())
	if s.Sweep {
		s.steps += len(s.Types) * len(s.Stores)
	}
	return s, nil
}

func (s *session) takeMemory(bytes uint64) (err error) {
	if s.Arrays != nil {
		s.arrays = *s.Arrays
		return s.arrays.check(8)
	}
	if s.memory, err = NewMemory(bytes); err != nil {
		return err
	}
	s.arrays = s.memory.Arrays()
	return nil
}

func (s *session) close() error {
	var errs []error
	if s.team != nil {
		errs = append(errs, s.team.Close())
	}
	if s.memory != nil {
		errs = append(errs, s.memory.Close())
	}
	return errors.Join(errs...)
}

// groups divides the kernels: each group is a loop of trials on fresh arrays.
// STREAM's own four are a group in its order, so they are timed as it times them.
func (s *session) groups() [][]stream.Kernel {
	var all [][]stream.Kernel
	for _, names := range [][]string{
		{stream.Copy, stream.Scale, stream.Add, stream.Triad},
		{stream.Dot, stream.Nstream, stream.Read, stream.Write},
		{stream.Softmax2, stream.Softmax3},
	} {
		var g []stream.Kernel
		for _, k := range stream.Kernels() {
			if slices.Contains(names, k.Name) && slices.Contains(s.Kernels, k.Name) {
				g = append(g, k)
			}
		}
		if len(g) > 0 {
			all = append(all, g)
		}
	}
	return all
}

func (s *session) measure(ctx context.Context) error {
	for _, t := range s.Types {
		for _, st := range s.Stores {
			for _, g := range s.groups() {
				s.announce(fmt.Sprintf("%s, %s, %s stores", g[0].Name, t, st))
				if err := s.group(ctx, g, t, st); err != nil {
					return err
				}
			}
		}
	}
	s.huge = hugeBytes(s.arrays)
	if s.Sweep {
		return s.sweep(ctx)
	}
	return nil
}

func (s *session) announce(what string) {
	s.Progress(float64(s.done)/float64(s.steps), what)
	s.done++
}

// group measures kernels in turn, trial by trial, and checks what they left.
func (s *session) group(ctx context.Context, kernels []stream.Kernel, t stream.Type, st Stores) error {
	var run []*trials
	for _, k := range kernels {
		isa := s.isaOf(k, t)
		if !s.strict && !Offers(k, t, isa, st) {
			continue
		}
		timing := Timing{Kernel: k, Type: t, ISA: isa, Stores: st, Bytes: uint64(len(s.arrays.A))}
		loop, half, err := s.loops(k, t, isa, st)
		if err != nil {
			timing.Err = err
			s.timings = append(s.timings, timing)
			continue
		}
		timing.NS = make([]uint64, stream.Trials)
		run = append(run, &trials{Timing: timing, loop: loop, half: half})
	}
	if len(run) == 0 {
		return nil
	}
	set := newSetting(s.team, s.arrays, run[0].Kernel.Name, t)
	set.start()
	if err := s.repeat(ctx, run); err != nil {
		return err
	}
	set.check(run)
	for _, r := range run {
		r.scale()
		s.timings = append(s.timings, r.Timing)
	}
	return nil
}

// isaOf is the isa of a kernel: Go's where there is none of it in a better one.
func (s *session) isaOf(k stream.Kernel, t stream.Type) ISA {
	if Offers(k, t, s.isa, Standard) {
		return s.isa
	}
	return Go
}

// loops makes a kernel ready on the arrays, and on the first half of them.
func (s *session) loops(k stream.Kernel, t stream.Type, isa ISA, st Stores) (full, half *Loop, err error) {
	if full, err = NewLoop(s.team, s.arrays, k, t, isa, st); err != nil {
		return nil, nil, err
	}
	bytes := max(uint64(len(s.arrays.A))/2/chunkBytes*chunkBytes, uint64(t.Bytes()))
	half, err = NewLoop(s.team, s.arrays.first(bytes), k, t, isa, st)
	return full, half, err
}

// trials is a timing and what it is taken of.
type trials struct {
	Timing
	loop, half *Loop
}

// repeat runs the trials of all kernels, in turn. The garbage collector is off
// meanwhile, and between two trials the context is looked at.
func (s *session) repeat(ctx context.Context, run []*trials) error {
	defer quiet()()
	for i := range stream.Trials {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.team.Wake()
		for _, r := range run {
			r.NS[i] = r.loop.time()
		}
	}
	s.team.Park()
	return nil
}

// quiet switches the garbage collector off, after a last collection, and returns
// what switches it on again.
func quiet() func() {
	runtime.GC()
	before := debug.SetGCPercent(-1)
	return func() { debug.SetGCPercent(before) }
}

// time runs the loop once and gives the nanoseconds.
func (l *Loop) time() uint64 {
	begin := time.Now()
	l.Run()
	return uint64(time.Since(begin))
}

// scaleTrials is how often half and all are run in turn; the best of each counts.
const scaleTrials = 4

// scale runs the kernel on half of the arrays and on all, to see the time scale.
func (r *trials) scale() {
	r.HalfNS, r.FullNS = r.half.time(), r.loop.time()
	for range scaleTrials - 1 {
		r.HalfNS = min(r.HalfNS, r.half.time())
		r.FullNS = min(r.FullNS, r.loop.time())
	}
}

// tick is the smallest step that the clock was seen to make.
func tick() time.Duration {
	least := time.Duration(0)
	for range 1000 {
		begin := time.Now()
		step := time.Duration(0)
		for step <= 0 {
			step = time.Since(begin)
		}
		if least == 0 || step < least {
			least = step
		}
	}
	return least
}
