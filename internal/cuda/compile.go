package cuda

import (
	"context"
	"time"
)

// Compile makes machine code for this device from PTX, with the driver's own compiler. It
// may be called from many goroutines; the compilations run at the same time. The target is
// the one that the PTX names and goes into error messages only: the driver compiles for the
// device of the context, which also holds for the targets with an "a", such as sm_90a.
//
// PTX that is refused is a *CompileError. When ctx ends first its error is returned at once;
// the driver cannot be interrupted, so the compilation itself goes on to its end unheard.
func (d *Device) Compile(ctx context.Context, name, ptx, target string) (Cubin, error) {
	if err := ctx.Err(); err != nil {
		return Cubin{}, err
	}
	type outcome struct {
		cubin Cubin
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		c, err := d.compile(name, ptx, target)
		done <- outcome{c, err}
	}()
	select {
	case o := <-done:
		return o.cubin, o.err
	case <-ctx.Done():
		return Cubin{}, ctx.Err()
	}
}

func (d *Device) compile(name, ptx, target string) (Cubin, error) {
	d.life.RLock() // the context must outlive the compilation
	defer d.life.RUnlock()
	if d.closed {
		return Cubin{}, ErrClosed
	}
	start := time.Now()
	out, err := d.drv.link(name, ptx)
	if err != nil {
		return Cubin{}, &CompileError{Name: name, Target: target, PTX: ptx, Log: out.errorLog, Err: err}
	}
	return Cubin{Image: out.image, InfoLog: out.infoLog, Elapsed: time.Since(start)}, nil
}
