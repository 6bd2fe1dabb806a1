//go:build cuda && linux && cgo

package cuda

//#include <stdlib.h>
//#include "shim.h"
import "C"

import (
	"errors"
	"runtime"
	"time"
	"unsafe"

	"gorgonia.org/cu"
)

// gpu is the driver for real. Devices, contexts, memory, streams and events go through cu,
// the rest through the shim.
type gpu struct {
	dev    cu.Device
	ctx    cu.CUContext
	stream cu.Stream
	events [eventCount]cu.Event
	params *paramBuffer
}

func newDriver() driver { return &gpu{} }

func (g *gpu) open(index int) error {
	var err error
	if g.dev, err = cu.GetDevice(index); err != nil {
		return cuError("cuDeviceGet", err)
	}
	if g.ctx, err = g.dev.MakeContext(cu.SchedAuto); err != nil {
		return cuError("cuCtxCreate", err)
	}
	if err := g.openStream(); err != nil {
		return errors.Join(err, g.close())
	}
	return nil
}

// openStream makes the stream a blocking one, which orders it with the plain memory calls.
func (g *gpu) openStream() error {
	var err error
	if g.stream, err = cu.MakeStream(cu.DefaultStream); err != nil {
		return cuError("cuStreamCreate", err)
	}
	for i := range g.events {
		if g.events[i], err = cu.MakeEvent(cu.DefaultEvent); err != nil {
			return cuError("cuEventCreate", err)
		}
	}
	if g.params == nil {
		g.params = newParamBuffer()
	}
	return nil
}

// close needs no more than the context: what was made in it goes with it.
func (g *gpu) close() error {
	g.params.free()
	g.params = nil
	if g.ctx == (cu.CUContext{}) {
		return nil
	}
	err := g.ctx.Destroy()
	g.stream, g.events = cu.Stream{}, [eventCount]cu.Event{}
	return cuError("cuCtxDestroy", err)
}

func (g *gpu) link(name, ptx string) (linked, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(g.ctx); err != nil {
		return linked{}, cuError("cuCtxSetCurrent", err)
	}
	defer func() { _ = cu.SetCurrentContext(cu.CUContext{}) }()

	cname, text := C.CString(name), C.CString(ptx)
	defer C.free(unsafe.Pointer(cname))
	defer C.free(unsafe.Pointer(text))
	var out C.gb_linked
	code := C.gb_link(text, C.size_t(len(ptx)+1), cname, &out) // the final NUL counts
	defer C.free(out.image)
	defer C.free(unsafe.Pointer(out.info))
	defer C.free(unsafe.Pointer(out.error))

	l := linked{infoLog: C.GoString(out.info), errorLog: C.GoString(out.error)}
	if code != 0 {
		return l, callError(C.GoString(out.step), int(code))
	}
	l.image = C.GoBytes(out.image, C.int(out.size))
	return l, nil
}

func (g *gpu) alloc(bytes uint64) (Ptr, error) {
	p, err := cu.MemAlloc(int64(bytes))
	return Ptr(p), cuError("cuMemAlloc", err)
}

func (g *gpu) free(p Ptr) error {
	return cuError("cuMemFree", cu.MemFree(cu.DevicePtr(p)))
}

func (g *gpu) write(dst Ptr, src []byte) error {
	return cuError("cuMemcpyHtoD", cu.MemcpyHtoD(cu.DevicePtr(dst), unsafe.Pointer(&src[0]), int64(len(src))))
}

func (g *gpu) read(dst []byte, src Ptr) error {
	return cuError("cuMemcpyDtoH", cu.MemcpyDtoH(unsafe.Pointer(&dst[0]), cu.DevicePtr(src), int64(len(dst))))
}

func (g *gpu) fill(dst Ptr, value byte, bytes uint64) error {
	return cuError("cuMemsetD8", cu.MemsetD8(cu.DevicePtr(dst), value, int64(bytes)))
}

func (g *gpu) copy(dst, src Ptr, bytes uint64) error {
	return cuError("cuMemcpyDtoD", cu.MemcpyDtoD(cu.DevicePtr(dst), cu.DevicePtr(src), int64(bytes)))
}

func (g *gpu) memInfo() (free, total uint64, err error) {
	f, t, err := cu.MemInfo()
	return uint64(f), uint64(t), cuError("cuMemGetInfo", err)
}

func (g *gpu) idle() (bool, error) {
	err := cuError("cuStreamQuery", g.stream.Query())
	var e *Error
	if errors.As(err, &e) && e.Code == codeNotReady {
		return false, nil
	}
	return err == nil, err
}

func (g *gpu) mark(e event) error {
	return cuError("cuEventRecord", g.events[e].Record(g.stream))
}

func (g *gpu) elapsed() (time.Duration, error) {
	ms, err := g.events[eventStart].Elapsed(g.events[eventStop])
	return time.Duration(ms * float64(time.Millisecond)), cuError("cuEventElapsedTime", err)
}
