//go:build cuda && linux && cgo

package cuda

//#include <stdlib.h>
//#include "shim.h"
import "C"

import "unsafe"

// paramBuffer is C memory that a launch's arguments are laid out in; one will do, because
// the driver copies them before cuLaunchKernel returns.
type paramBuffer struct {
	data  unsafe.Pointer // aligned to paramAlign
	bytes int
	ptrs  unsafe.Pointer // void *[], one for each argument
	count int
}

func newParamBuffer() *paramBuffer { return &paramBuffer{} }

func (b *paramBuffer) free() {
	if b == nil {
		return
	}
	C.free(b.data)
	C.free(b.ptrs)
	*b = paramBuffer{}
}

func (b *paramBuffer) grow(bytes, count int) {
	if bytes > b.bytes {
		C.free(b.data)
		b.data, b.bytes = C.aligned_alloc(paramAlign, C.size_t(bytes)), bytes
	}
	if count > b.count {
		C.free(b.ptrs)
		b.ptrs, b.count = C.malloc(C.size_t(count)*C.size_t(unsafe.Sizeof(b.ptrs))), count
	}
}

// fill lays the arguments out; nil when there are none.
func (b *paramBuffer) fill(args [][]byte) *unsafe.Pointer {
	if len(args) == 0 {
		return nil
	}
	offsets, total := packParams(args)
	b.grow(total, len(args))
	ptrs := unsafe.Slice((*unsafe.Pointer)(b.ptrs), len(args))
	for i, arg := range args {
		ptrs[i] = unsafe.Add(b.data, offsets[i])
		copy(unsafe.Slice((*byte)(ptrs[i]), len(arg)), arg)
	}
	return &ptrs[0]
}

func (g *gpu) launch(f handle, l Launch, args [][]byte) error {
	grid := [3]C.uint{C.uint(l.Grid[0]), C.uint(l.Grid[1]), C.uint(l.Grid[2])}
	block := [3]C.uint{C.uint(l.Block[0]), C.uint(l.Block[1]), C.uint(l.Block[2])}
	stream := C.uintptr_t(uintptr(unsafe.Pointer(g.stream.C())))
	code := C.gb_launch(C.uintptr_t(f), &grid[0], &block[0], C.uint(l.SharedBytes), stream, g.params.fill(args))
	return callError("cuLaunchKernel", int(code))
}

func (g *gpu) encodeTiled(m tensorMapCall) (TensorMap, error) {
	c := C.gb_tensor_map{
		dataType: C.int(m.dataType), rank: C.int(m.rank), global: C.uint64_t(m.global),
		interleave: C.int(m.interleave), swizzle: C.int(m.swizzle),
		promotion: C.int(m.promotion), fill: C.int(m.fill),
	}
	for i := range m.dims {
		c.dims[i], c.strides[i] = C.uint64_t(m.dims[i]), C.uint64_t(m.strides[i])
		c.box[i], c.elementStrides[i] = C.uint32_t(m.box[i]), C.uint32_t(m.elementStrides[i])
	}
	var out TensorMap
	code := C.gb_encode_tiled(&c, (*C.uchar)(&out[0]))
	return out, callError("cuTensorMapEncodeTiled", int(code))
}
