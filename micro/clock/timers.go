package clock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/results"
)

func timers() micro.Benchmark {
	return micro.Benchmark{
		Name:     "clock/timers",
		Question: "How far can the clock, the nanosecond timer and the device's events be trusted, and do they agree?",
		Method: "Clock reads: 33 reads of %clock64 in a row, one warp; the cost of a read is the slope of the time over 4 to 32 of them. Tick: one thread reads %globaltimer nine " +
			"times in a row, again and again, and keeps the differences that are not zero; the tick is the smallest. Agreement: one thread spins for 4, 8 and 16 ms by %globaltimer, between two device events; the slope of " +
			"the time between the events over the time that the thread saw is free of what launches cost. The SM clock is the cycles of a spin over its nanoseconds by each of the two, " +
			"with NVML's reading beside it. Both timers may run from one oscillator, so an error that they share does not show; timers that differ by more than 0.2 % flag their rows, " +
			"since every row in units of time carries that uncertainty.",
		Source:     "PTX ISA, special registers %clock64 and %globaltimer; CUDA driver API, cuEventElapsedTime (resolution about 0.5 µs)",
		Experiment: "+",
		Units:      []string{"cycles", "ns", "ns/ns", "MHz", "MHz/MHz"},
		Rounds:     9,
		Plan:       timersPlan,
		Job:        timersJob,
		Analyse:    timersAnalyse,
	}
}

// What a point measures: also the names of the kernels.
const (
	measureReads = "reads"
	measureTick  = "tick"
	measureSpin  = "spin"
)

const (
	// reads of the clock that follow a first one.
	reads = 32
	// passes through them a launch; the first fills the instruction cache and is not used.
	passes = 5
	// steps of %globaltimer that are kept, and the differences after which a timer that stands still is given up.
	steps, budget = 64, 1 << 16
	// burst is the number of differences between reads of %globaltimer in a row.
	burst = 8
	// tickHead and spinWords are the words of those kernels, less the steps.
	tickHead, spinWords = 5, 4
	// checkSpin is how long the verifying launch spins, in nanoseconds.
	checkSpin = 20_000
)

// spins are in milliseconds: long beside the resolution of an event.
func spins() []int { return []int{4, 8, 16} }

func timersPlan(micro.GPU) []results.Point {
	points := []results.Point{results.P("measure", measureReads), results.P("measure", measureTick)}
	for _, ms := range spins() {
		points = append(points, results.P("measure", measureSpin, "ms", strconv.Itoa(ms)))
	}
	return points
}

// timersJob makes the job of a point. Each kernel writes to one buffer, the
// verifying launch to the result in the layout of the samples.
func timersJob(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	var words int
	var round, verify micro.Arg
	var check func([]uint64) error
	switch measure := p.Get("measure"); measure {
	case measureReads:
		words, round, verify, check = passes*(reads+1), micro.U64(passes), micro.U64(passes), checkReads
	case measureTick:
		words, round, verify, check = tickHead+steps, micro.U64(steps), micro.U64(steps), checkTick
	case measureSpin:
		ms, err := strconv.Atoi(p.Get("ms"))
		if err != nil || ms < 1 {
			return nil, fmt.Errorf("point {%s} of clock/timers: the spin must be a number of milliseconds", p.Key())
		}
		words, round, verify, check = spinWords, micro.U64(uint64(ms)*1e6), micro.U64(checkSpin), checkSpun
	default:
		return nil, fmt.Errorf("point {%s} is not one of clock/timers", p.Key())
	}
	launch := func(buffer string, arg micro.Arg) []micro.Launch {
		return []micro.Launch{{Kernel: p.Get("measure"), Grid: micro.Dim(1), Block: micro.Dim(1), Args: []micro.Arg{micro.Ptr(buffer, 0), arg}}}
	}
	job := &micro.Job{
		Module:  timersModule(gpu),
		Buffers: []micro.Buffer{{Name: "samples", Bytes: uint64(8 * words)}, {Name: "result", Bytes: uint64(8 * words)}},
		Verify:  launch("result", verify), Launches: launch("samples", round),
		Samples: "samples", Result: "result", CheckedBy: micro.ByAnalytic,
		Check:  func(result []byte) error { return checkWords(result, words, check) },
		Expect: expect(p.Get("measure")),
	}
	if _, err := job.Text(); err != nil {
		return nil, fmt.Errorf("build timer kernels: %w", err)
	}
	return job, nil
}

// expect is the reads of %globaltimer between the reads of the clock. A row of
// clock reads has nothing between them, which readsProof looks for.
func expect(measure string) micro.Expect {
	if measure == measureReads {
		return micro.Expect{Kernel: measure}
	}
	between := 1
	if measure == measureTick {
		between = burst + 1
	}
	return micro.Expect{Kernel: measure, Instruction: "CS2R", Sections: []int{between}}
}

// timersModule holds all kernels, so that all points share one text.
func timersModule(gpu micro.GPU) *ptx.Module {
	m := ptx.NewModule(gpu.Table, gpu.Arch)
	readsKernel(m.Kernel(measureReads))
	tickKernel(m.Kernel(measureTick))
	spinKernel(m.Kernel(measureSpin))
	return m
}

// readsKernel writes, pass by pass, what the clock said at so many reads in a
// row. It writes them as they are: arithmetic on them would have the compiler
// put moves to other registers among the reads.
func readsKernel(k *ptx.Kernel) {
	out, count := k.Param("out", ptx.B64), k.Param("passes", ptx.B64)
	times, t := k.Reg(ptx.B32), k.Regs(ptx.B64, reads+1)
	k.I("cvt.u32.u64", times, count)
	k.Loop(times, func(ptx.Reg) {
		for _, r := range t {
			k.I("mov.u64", r, ptx.Special("%clock64"))
		}
		for i, r := range t {
			k.I("st.volatile.global.u64", ptx.At(out, 8*i), r)
		}
		k.I("add.u64", out, out, ptx.Int(8*(reads+1)))
	})
	k.I("ret")
}

// tickKernel reads %globaltimer burst by burst until it was seen to step often
// enough. It writes differences between reads in a row, cycles, steps, nanoseconds
// and steps backwards, and after these each step. A burst goes through shared
// memory: what the compiler can do with the values at once it puts among the reads.
func tickKernel(k *ptx.Kernel) {
	out, want := k.Param("out", ptx.B64), k.Param("steps", ptx.B64)
	sink := k.SharedAddress(k.Shared("burst", 8*(burst+1), 8))
	slot, polls, found, back := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B64)
	first, last, times := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Regs(ptx.B64, burst+1)
	start, stop := k.Reg(ptx.B64), k.Reg(ptx.B64)
	more, left := k.Reg(ptx.Pred), k.Reg(ptx.Pred)
	k.I("add.u64", slot, out, ptx.Int(8*tickHead))
	for _, r := range []ptx.Reg{polls, found, back} {
		k.I("mov.u64", r, ptx.Int(0))
	}
	k.I("mov.u64", first, ptx.Special("%globaltimer"))
	k.I("mov.u64", start, ptx.Special("%clock64"))
	again := k.NewLabel("again")
	k.Place(again)
	k.Pragma("nounroll")
	for _, r := range times {
		k.I("mov.u64", r, ptx.Special("%globaltimer"))
	}
	for i, r := range times {
		k.I("st.volatile.shared.u64", ptx.At(sink, 8*i), r)
	}
	k.I("mov.u64", last, times[burst])
	keepSteps(k, sink, slot, found, back, want)
	k.I("add.u64", polls, polls, ptx.Int(burst))
	k.I("setp.lt.u64", more, found, want)
	k.I("setp.lt.u64", left, polls, ptx.Int(budget))
	k.I("and.pred", more, more, left)
	k.If(more).I("bra", again)
	k.I("mov.u64", stop, ptx.Special("%clock64"))
	k.I("sub.u64", stop, stop, start)
	k.I("sub.u64", last, last, first)
	store(k, out, polls, stop, found, last, back)
	k.I("ret")
}

// keepSteps appends what differs between reads of a burst, while there is room.
func keepSteps(k *ptx.Kernel, sink, slot, found, back, want ptx.Reg) {
	at, now, before, step := k.Reg(ptx.B32), k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B64)
	stepped, room, backwards := k.Reg(ptx.Pred), k.Reg(ptx.Pred), k.Reg(ptx.Pred)
	k.I("mov.b32", at, sink)
	k.Loop(ptx.Int(burst), func(ptx.Reg) {
		k.I("ld.volatile.shared.u64", before, ptx.At(at, 0))
		k.I("ld.volatile.shared.u64", now, ptx.At(at, 8))
		k.I("sub.u64", step, now, before)
		k.I("setp.lt.u64", backwards, now, before)
		k.I("setp.ne.u64", stepped, now, before)
		k.I("setp.lt.u64", room, found, want)
		k.I("and.pred", stepped, stepped, room)
		k.If(stepped).I("st.global.u64", ptx.At(slot, 0), step)
		k.If(stepped).I("add.u64", slot, slot, ptx.Int(8))
		k.If(stepped).I("add.u64", found, found, ptx.Int(1))
		k.If(backwards).I("add.u64", back, back, ptx.Int(1))
		k.I("add.u32", at, at, ptx.Int(8))
	})
}

// spinKernel polls %globaltimer until so many nanoseconds are over. It writes
// cycles, nanoseconds, polls, and how often a timer went backwards.
func spinKernel(k *ptx.Kernel) {
	out, want := k.Param("out", ptx.B64), k.Param("nanoseconds", ptx.B64)
	first, last, now, gone := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B64)
	start, before, tick := k.Reg(ptx.B64), k.Reg(ptx.B64), k.Reg(ptx.B64)
	polls, back := k.Reg(ptx.B64), k.Reg(ptx.B64)
	backwards, earlier, more := k.Reg(ptx.Pred), k.Reg(ptx.Pred), k.Reg(ptx.Pred)
	k.I("mov.u64", polls, ptx.Int(0))
	k.I("mov.u64", back, ptx.Int(0))
	k.I("mov.u64", first, ptx.Special("%globaltimer"))
	k.I("mov.u64", start, ptx.Special("%clock64"))
	k.I("mov.u64", last, first)
	k.I("mov.u64", before, start)
	poll := k.NewLabel("poll")
	k.Place(poll)
	k.Pragma("nounroll")
	k.I("mov.u64", now, ptx.Special("%globaltimer")) // in this order, as before the loop: what lies between the reads cancels
	k.I("mov.u64", tick, ptx.Special("%clock64"))
	k.I("add.u64", polls, polls, ptx.Int(1))
	k.I("setp.lt.u64", backwards, now, last)
	k.I("setp.lt.u64", earlier, tick, before)
	k.If(backwards).I("add.u64", back, back, ptx.Int(1))
	k.If(earlier).I("add.u64", back, back, ptx.Int(1))
	k.I("mov.u64", last, now)
	k.I("mov.u64", before, tick)
	k.I("sub.u64", gone, now, first)
	k.I("setp.lt.u64", more, gone, want)
	k.If(more).I("bra", poll)
	k.I("sub.u64", tick, tick, start)
	store(k, out, tick, gone, polls, back)
	k.I("ret")
}

// store writes words side by side.
func store(k *ptx.Kernel, out ptx.Reg, words ...ptx.Reg) {
	for i, w := range words {
		k.I("st.global.u64", ptx.At(out, 8*i), w)
	}
}

// checkWords gives a check the words of a result.
func checkWords(result []byte, want int, check func([]uint64) error) error {
	if len(result) != 8*want {
		return fmt.Errorf("the result has %d bytes, not %d", len(result), 8*want)
	}
	words := make([]uint64, want)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(result[8*i:])
	}
	return check(words)
}

var (
	errBackwards = errors.New("a timer went backwards")
	errStill     = errors.New("a timer stood still")
)

// checkReads wants every read of a pass, and every pass, to be later than the one before.
func checkReads(words []uint64) error {
	for i := 1; i < len(words); i++ {
		switch {
		case words[i] < words[i-1]:
			return fmt.Errorf("read %d of the clock: %w", i, errBackwards)
		case words[i] == words[i-1]:
			return fmt.Errorf("read %d of the clock: %w", i, errStill)
		}
	}
	return nil
}

// checkTick wants steps forward that all lie in the time that passed.
func checkTick(words []uint64) error {
	polls, cycles, found, nanos, back := words[0], words[1], words[2], words[3], words[4]
	switch {
	case back > 0:
		return fmt.Errorf("%%globaltimer, %d times: %w", back, errBackwards)
	case found != steps || cycles == 0:
		return fmt.Errorf("%%globaltimer stepped %d times in %d reads and %d cycles, expected %d: %w", found, polls, cycles, steps, errStill)
	}
	sum := uint64(0)
	for _, step := range words[tickHead:] {
		sum += step
	}
	if sum > nanos {
		return fmt.Errorf("the steps of %%globaltimer add up to %d ns, but only %d ns passed", sum, nanos)
	}
	return nil
}

// checkSpun wants a spin that ended after the time asked for.
func checkSpun(words []uint64) error {
	cycles, nanos, polls, back := words[0], words[1], words[2], words[3]
	switch {
	case back > 0:
		return fmt.Errorf("%d times in %d polls: %w", back, polls, errBackwards)
	case cycles == 0 || polls == 0:
		return fmt.Errorf("%d cycles in %d polls: %w", cycles, polls, errStill)
	case nanos < checkSpin:
		return fmt.Errorf("the spin ended after %d ns, before the %d ns that it was to last", nanos, checkSpin)
	}
	return nil
}
