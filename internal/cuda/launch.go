package cuda

import (
	"errors"
	"fmt"
)

// maxParamBytes is the most that a kernel's parameters can take together (CUDA 12.1, sm_70).
const maxParamBytes = 32764

// paramAlign suits every parameter; a tensor map needs it.
const paramAlign = 64

// Launch starts the kernel on the device's stream and does not wait. Each argument is the
// little-endian bytes of one kernel parameter, in order; a TensorMap is one too.
func (d *Device) Launch(f *Function, l Launch, args [][]byte) error {
	if f.dev != d {
		return fmt.Errorf("kernel %s: it belongs to another device", f.name)
	}
	if err := errors.Join(l.check(), f.checkArgs(args)); err != nil {
		return fmt.Errorf("launch %s: %w", f.name, err)
	}
	return f.do(func() error { return d.drv.launch(f.h, l, args) })
}

func (l Launch) check() error {
	for i := range l.Grid {
		if l.Grid[i] == 0 || l.Block[i] == 0 {
			return fmt.Errorf("grid %v, block %v: every dimension must be at least 1", l.Grid, l.Block)
		}
	}
	return nil
}

// checkArgs matters: the driver reads as many bytes as the kernel declares, whatever it was
// given.
func (f *Function) checkArgs(args [][]byte) error {
	total := 0
	for i, a := range args {
		if len(a) == 0 {
			return fmt.Errorf("argument %d is empty", i)
		}
		total += len(a)
	}
	if total > maxParamBytes {
		return fmt.Errorf("%d bytes of arguments, and the most is %d", total, maxParamBytes)
	}
	if !f.paramsOK {
		return nil
	}
	if len(args) != len(f.params) {
		return fmt.Errorf("%d arguments for %d parameters", len(args), len(f.params))
	}
	for i, size := range f.params {
		if len(args[i]) != size {
			return fmt.Errorf("argument %d has %d bytes, and the parameter %d", i, len(args[i]), size)
		}
	}
	return nil
}

// packParams says where each argument goes in one buffer, and how long that is.
func packParams(args [][]byte) (offsets []int, total int) {
	offsets = make([]int, len(args))
	for i, a := range args {
		offsets[i] = total
		total += (len(a) + paramAlign - 1) / paramAlign * paramAlign
	}
	return offsets, total
}
