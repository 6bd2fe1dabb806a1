//go:build cuda && linux && cgo

package cuda

//#include <stdlib.h>
//#include "shim.h"
import "C"

import "unsafe"

func (g *gpu) loadModule(image []byte) (handle, error) {
	var h C.uintptr_t
	code := C.gb_module_load(&h, unsafe.Pointer(unsafe.SliceData(image)))
	return handle(h), callError("cuModuleLoadData", int(code))
}

func (g *gpu) unloadModule(m handle) error {
	return callError("cuModuleUnload", int(C.gb_module_unload(C.uintptr_t(m))))
}

func (g *gpu) function(m handle, name string) (handle, error) {
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	var h C.uintptr_t
	code := C.gb_function(&h, C.uintptr_t(m), cname)
	return handle(h), callError("cuModuleGetFunction", int(code))
}

func (g *gpu) functionInfo(f handle) (FunctionInfo, error) {
	var info FunctionInfo
	for _, n := range []struct {
		into      *int
		attribute C.int
	}{
		{&info.Registers, C.CU_FUNC_ATTRIBUTE_NUM_REGS},
		{&info.SharedStatic, C.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES},
		{&info.LocalBytes, C.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES},
		{&info.ConstBytes, C.CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES},
		{&info.MaxThreads, C.CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK},
	} {
		var v C.int
		code := C.gb_function_get(&v, n.attribute, C.uintptr_t(f))
		if err := callError("cuFuncGetAttribute", int(code)); err != nil {
			return info, err
		}
		*n.into = int(v)
	}
	return info, nil
}

func (g *gpu) setFunction(f handle, a functionAttribute, value int) error {
	code := C.gb_function_set(C.uintptr_t(f), C.int(a), C.int(value))
	return callError("cuFuncSetAttribute", int(code))
}

// paramSizes asks until the driver says that there is no such parameter.
func (g *gpu) paramSizes(f handle) ([]int, bool) {
	const codeInvalidValue = 1
	var sizes []int
	for i := 0; ; i++ {
		var size C.size_t
		switch int(C.gb_param_size(C.uintptr_t(f), C.size_t(i), &size)) {
		case 0:
			sizes = append(sizes, int(size))
		case codeInvalidValue:
			return sizes, true
		default:
			return nil, false
		}
	}
}
