package cuda

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Device is one GPU with a context and one stream of its own. Its methods may be called from
// any goroutine; the driver sees them one after another, except for Compile.
type Device struct {
	exec  *executor
	drv   driver
	attrs Attributes

	// life is held for reading while a compilation uses the context, and for writing while
	// the context is made or destroyed.
	life       sync.RWMutex
	generation int  // counts contexts; only touched on the thread
	hung       bool // a wait was given up while work ran; only touched on the thread
	closed     bool // under life

	// patience is how long Reset and Close wait for work that a wait has given up.
	patience time.Duration
}

// Open makes a context on the GPU with that index, from 0.
func Open(index int) (*Device, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	version, err := DriverVersion()
	if err != nil {
		return nil, err
	}
	if err := CheckDriver(version); err != nil {
		return nil, err
	}
	count, err := DeviceCount()
	if err != nil {
		return nil, err
	}
	if err := checkIndex(index, count); err != nil {
		return nil, err
	}
	return openWith(newDriver(), index)
}

func checkIndex(index, count int) error {
	switch {
	case index >= 0 && index < count:
		return nil
	case count == 0:
		return fmt.Errorf("%w: index %d, and the driver shows none", ErrNoDevice, index)
	case count == 1:
		return fmt.Errorf("%w: index %d, and the driver shows one, with index 0", ErrNoDevice, index)
	}
	return fmt.Errorf("%w: index %d, and the driver shows %d, with indices 0 to %d", ErrNoDevice, index, count, count-1)
}

func openWith(drv driver, index int) (*Device, error) {
	d := &Device{exec: newExecutor(), drv: drv, patience: 5 * time.Second}
	err := d.exec.do(func() error {
		if err := drv.open(index); err != nil {
			return fmt.Errorf("open device %d: %w", index, err)
		}
		var err error
		if d.attrs, err = drv.attributes(); err != nil {
			return errors.Join(fmt.Errorf("describe device %d: %w", index, err), drv.close())
		}
		d.attrs.Index = index
		return nil
	})
	if err != nil {
		d.exec.close()
		return nil, err
	}
	return d, nil
}

// Attributes describes the GPU as it was when the device was opened.
func (d *Device) Attributes() Attributes { return d.attrs }

// Close destroys the context with everything in it, after the compilations that still run.
// A second Close does nothing. With a kernel that never ends it returns ErrBusy and leaves
// the context to the end of the process, because the driver would wait for ever.
func (d *Device) Close() error {
	d.life.Lock()
	defer d.life.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	err := d.exec.do(func() error {
		if err := d.settle(); err != nil {
			return fmt.Errorf("close device %d: %w", d.attrs.Index, err)
		}
		return d.drv.close()
	})
	d.exec.close()
	return err
}

// Reset destroys the context and makes a fresh one. After a fault the driver may refuse that to
// the whole process (an H200 with driver 580 does, after an illegal address): then the error
// matches ErrFault, and only another process can go on.
// Every module, function and address from before is invalid afterwards. With a kernel that
// never ends it returns ErrBusy: only the end of the process stops that.
func (d *Device) Reset() error {
	d.life.Lock()
	defer d.life.Unlock()
	return d.exec.do(func() error {
		if err := d.settle(); err != nil {
			return fmt.Errorf("reset device %d: %w", d.attrs.Index, err)
		}
		d.generation++
		// A context that faulted reports the fault once more when it is destroyed.
		if err := d.drv.close(); err != nil && !errors.Is(err, ErrFault) {
			return fmt.Errorf("reset device %d: %w", d.attrs.Index, err)
		}
		if err := d.drv.open(d.attrs.Index); err != nil {
			return fmt.Errorf("reset device %d: %w", d.attrs.Index, err)
		}
		return nil
	})
}

// Do runs f on the device's thread. Calls of this device inside f then go to the driver at
// once, without a change of threads (some microseconds each). f must not wait for another
// goroutine that calls the device.
func (d *Device) Do(f func() error) error { return d.exec.do(f) }

// call runs f on the thread, for calls that the driver orders after the work on the device:
// behind a kernel that never ends they would never return.
func (d *Device) call(f func() error) error {
	return d.exec.do(func() error {
		if err := d.recover(); err != nil {
			return err
		}
		return f()
	})
}

// recover looks whether the work that a wait gave up has ended meanwhile.
func (d *Device) recover() error {
	if !d.hung {
		return nil
	}
	idle, err := d.drv.idle()
	if err == nil && !idle {
		return ErrBusy
	}
	d.hung = false
	return err
}

// settle gives the work that a wait gave up its last chance to end. A fault is an end too.
func (d *Device) settle() error {
	if !d.hung {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	if err := d.wait(ctx); errors.Is(err, ErrBusy) {
		return err
	}
	d.hung = false
	return nil
}

// Synchronize waits until everything launched has ended, and returns the fault if there was
// one. When ctx ends first it returns ctx's error and ErrBusy, and the work goes on; until
// it ends, calls that would wait for it return ErrBusy.
func (d *Device) Synchronize(ctx context.Context) error {
	return d.exec.do(func() error { return d.wait(ctx) })
}

// wait polls, so that a kernel that never ends does not take the thread with it.
func (d *Device) wait(ctx context.Context) error {
	const spin, longest = 2 * time.Millisecond, time.Millisecond
	pause := 20 * time.Microsecond
	start := time.Now()
	for {
		idle, err := d.drv.idle()
		if idle || err != nil {
			d.hung = false
			return err
		}
		if err := ctx.Err(); err != nil {
			d.hung = true
			return fmt.Errorf("%w after %v: %w", ErrBusy, time.Since(start).Round(time.Millisecond), err)
		}
		if time.Since(start) > spin {
			time.Sleep(pause)
			pause = min(2*pause, longest)
		}
	}
}

// Elapsed is the device's time between the start and the end of what run launches, from CUDA
// events (resolution about 0.5 microseconds). It waits for earlier work first. run is called
// on the device's thread, as by Do. When ctx ends first, see Synchronize.
func (d *Device) Elapsed(ctx context.Context, run func() error) (time.Duration, error) {
	var elapsed time.Duration
	err := d.exec.do(func() error {
		if err := d.wait(ctx); err != nil {
			return err
		}
		if err := d.drv.mark(eventStart); err != nil {
			return err
		}
		runErr := run()
		if err := errors.Join(runErr, d.drv.mark(eventStop)); err != nil {
			return err
		}
		if err := d.wait(ctx); err != nil {
			return err
		}
		var err error
		elapsed, err = d.drv.elapsed()
		return err
	})
	return elapsed, err
}
