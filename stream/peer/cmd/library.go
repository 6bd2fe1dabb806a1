//go:build peer

package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

static double call_run(void *f, int number, int width, int size, void *a, void *b, void *c, size_t n)
{
	return ((double (*)(int, int, int, void *, void *, void *, size_t))f)(number, width, size, a, b, c, n);
}

static int call_int(void *f) { return ((int (*)(void))f)(); }

static const char *call_text(void *f) { return ((const char *(*)(void))f)(); }
*/
import "C"

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/host"
)

// library is the C side, loaded at run time, so that this program needs no C
// compiler where it runs.
type library struct{ run, wake unsafe.Pointer }

// info is what a library says of itself.
type info struct {
	compiler string
	width    int // of the widest non-temporal loops, in bits; 0 if there are none
}

// spins is how long a thread of OpenMP looks for the next region before it sleeps,
// about a millisecond: no wait between a wake and the region that is timed, and
// no fight with our threads after settle.
const spins = "100000"

// environment sets OpenMP's threads to the CPUs that ours have, in the same order.
// It counts only before a library is loaded.
func environment(cpus []int) error {
	places := make([]string, len(cpus))
	for i, cpu := range cpus {
		places[i] = fmt.Sprintf("{%d}", cpu)
	}
	for key, value := range map[string]string{
		"OMP_NUM_THREADS": strconv.Itoa(len(cpus)), "OMP_PLACES": strings.Join(places, ","), "OMP_PROC_BIND": "close",
		"OMP_DYNAMIC": "false", "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": spins,
	} {
		if err := os.Setenv(key, value); err != nil {
			return err
		}
	}
	return nil
}

// load opens a library that build.sh made.
func load(path string) (*library, info, error) {
	if !strings.Contains(path, "/") {
		path = "./" + path // else the system's folders are searched
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	handle := C.dlopen(name, C.RTLD_NOW)
	if handle == nil {
		return nil, info{}, fmt.Errorf("loading the C peers: %s", C.GoString(C.dlerror()))
	}
	symbols := map[string]unsafe.Pointer{}
	for _, s := range []string{"peer_run", "peer_wake", "peer_width", "peer_compiler"} {
		symbol := C.CString(s)
		symbols[s] = C.dlsym(handle, symbol)
		C.free(unsafe.Pointer(symbol))
		if symbols[s] == nil {
			return nil, info{}, fmt.Errorf("loading the C peers: %s has no %s", path, s)
		}
	}
	about := info{C.GoString(C.call_text(symbols["peer_compiler"])), int(C.call_int(symbols["peer_width"]))}
	return &library{symbols["peer_run"], symbols["peer_wake"]}, about, nil
}

// numbers are the kernels in the library's order.
func numbers() []string {
	return []string{stream.Copy, stream.Scale, stream.Add, stream.Triad, stream.Nstream, stream.Dot}
}

// call runs a kernel: plain for width 0, else with non-temporal stores.
func (l *library) call(kernel string, width int, t stream.Type, a host.Arrays) float64 {
	return float64(C.call_run(l.run, C.int(slices.Index(numbers(), kernel)), C.int(width), C.int(t.Bytes()),
		unsafe.Pointer(&a.A[0]), unsafe.Pointer(&a.B[0]), unsafe.Pointer(&a.C[0]), C.size_t(len(a.A)/t.Bytes())))
}

// wakeThreads runs an empty region and gives its number of threads.
func (l *library) wakeThreads() int { return int(C.call_int(l.wake)) }
