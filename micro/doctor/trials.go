package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx/isa"
)

// trials opens the GPU and runs a small kernel for each capability.
func (e *examination) trials() {
	var dev micro.Device
	if !e.skip("gpu opens") {
		var err error
		if dev, err = e.sys.open(e.opts.GPU); err != nil {
			e.block("gpu opens", No, "%v", err)
		} else {
			defer func() { _ = dev.Close() }() // the program's end would do
			e.add("gpu opens", Yes, "a context was made")
		}
	}
	e.compiler(dev)
	for _, t := range trials() {
		e.try(dev, t)
	}
	e.tensorMaps()
	e.parallel(dev)
}

// compiler tries the driver's own compiler, on which everything after it depends.
func (e *examination) compiler(dev micro.Device) {
	const name = "compiler"
	if e.skip(name) {
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.opts.Timeout)
	defer cancel()
	code, err := dev.Compile(ctx, "probe", launchText)
	switch {
	case err == nil:
		e.add(name, Yes, "the driver made %d bytes of machine code in %v", len(code.Image), code.Elapsed.Round(time.Millisecond))
	case e.interrupted(err):
		e.add(name, Unknown, "%v", err)
	default:
		e.block(name, No, "%v (is libnvidia-ptxjitcompiler.so.1 there?)", err)
	}
}

func (e *examination) try(dev micro.Device, t trial) {
	if e.skip(t.name) {
		return
	}
	have := isa.TargetOf(e.chosen.Major, e.chosen.Minor)
	if !have.Supports(t.target) {
		e.add(t.name, No, "needs %s, and the GPU is %s", t.target, have)
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.opts.Timeout)
	defer cancel()
	got, err := t.run(ctx, dev)
	switch {
	case err != nil && e.interrupted(err):
		e.add(t.name, Unknown, "%v", err)
	case err != nil:
		e.add(t.name, No, "%v", err)
	case got != t.want:
		e.add(t.name, No, "the kernel gave %d instead of %d", got, t.want)
	default:
		e.add(t.name, Yes, "a kernel ran and gave %d, as it should", got)
	}
	if errors.Is(err, micro.ErrFault) {
		e.revive(dev)
	}
}

// revive makes a fresh context after a fault; without one there is nothing left to try.
func (e *examination) revive(dev micro.Device) {
	if err := dev.Reset(); err != nil {
		e.blocked = fmt.Sprintf("the GPU did not come back after a fault: %v", err)
	}
}

// run gives the number that the kernel wrote.
func (t trial) run(ctx context.Context, dev micro.Device) (uint32, error) {
	code, err := dev.Compile(ctx, t.name, t.text)
	if err != nil {
		return 0, err
	}
	session, err := dev.Open(ctx, micro.JobID{Benchmark: "doctor", Point: t.name}, t.job(), code)
	if err != nil {
		return 0, err
	}
	defer func() { _ = session.Close() }() // a failed trial has its own error
	out, err := session.Verify(ctx)
	if err != nil {
		return 0, err
	}
	if len(out) != 4 {
		return 0, fmt.Errorf("the kernel's result has %d bytes instead of 4", len(out))
	}
	return binary.LittleEndian.Uint32(out), nil
}

// tensorMaps is the driver's word: a copy by tensor map needs a map that it encodes.
func (e *examination) tensorMaps() {
	const name = "tensor maps (TMA)"
	if e.skip(name) {
		return
	}
	if e.chosen.TensorMap {
		e.add(name, Yes, "the driver says so; not tried")
		return
	}
	e.add(name, No, "the driver says that the GPU has none")
}

// compilations is how many kernels the trial of the parallel compiler makes.
const compilations = 4

// parallel compiles kernels one by one and then others at once: a compiler that takes a lock
// makes the suite's cold start as many times longer as there are cores.
func (e *examination) parallel(dev micro.Device) {
	const name = "compiler runs in parallel"
	if e.skip(name) {
		return
	}
	if runtime.GOMAXPROCS(0) < 2 {
		e.add(name, Unknown, "this machine gives us one core")
		return
	}
	single, err := e.compileAll(dev, 0, 1)
	if err != nil {
		e.add(name, Unknown, "%v", err)
		return
	}
	at, err := e.compileAll(dev, compilations, compilations)
	if err != nil {
		e.add(name, Unknown, "%v", err)
		return
	}
	// Perfect is the number of kernels, or of cores; half of that is parallel enough.
	gain := single.Seconds() / at.Seconds()
	perfect := float64(min(compilations, runtime.GOMAXPROCS(0)))
	answer := Unknown
	switch {
	case gain >= (1+perfect)/2:
		answer = Yes
	case gain < 1.2:
		answer = No
	}
	e.add(name, answer, "%d kernels took %v one by one, and %d others %v at once",
		compilations, single.Round(time.Millisecond), compilations, at.Round(time.Millisecond))
}

func (e *examination) compileAll(dev micro.Device, first, limit int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(e.ctx, e.opts.Timeout)
	defer cancel()
	var texts [compilations]string
	for i := range texts {
		texts[i] = longText(first + i)
	}
	var g errgroup.Group
	g.SetLimit(limit)
	start := time.Now()
	for _, text := range texts {
		g.Go(func() error {
			_, err := dev.Compile(ctx, "probe", text)
			return err
		})
	}
	err := g.Wait()
	return time.Since(start), err
}
