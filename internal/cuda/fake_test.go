package cuda

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// fake is a GPU whose memory is a slice and whose one kernel, "run", takes a pointer and a
// tensor map. It insists on the device's thread and on an open context.
type fake struct {
	t         *testing.T
	thread    int
	opened    bool
	opens     int
	mem       []byte
	launches  [][][]byte
	busyFor   int           // answers of idle before it is
	forever   bool          // idle never is
	fault     error         // what every call in this context returns
	linkGate  chan struct{} // when not nil, link waits for it
	linking   atomic.Int32
	linkErr   error
	sets      map[functionAttribute]int
	oldDriver bool
	marks     []event
}

var errIllegal = &Error{"cuStreamQuery", 700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}

func openFake(t *testing.T) (*Device, *fake) {
	t.Helper()
	f := &fake{t: t}
	d, err := openWith(f, 2)
	if err != nil {
		t.Fatal(err)
	}
	d.patience = 5 * time.Millisecond
	t.Cleanup(func() { _ = d.Close() })
	return d, f
}

// call is the start of each driver call.
func (f *fake) call() error {
	if threadID() != f.thread {
		f.t.Error("a driver call on a foreign thread")
	}
	if !f.opened {
		f.t.Error("a driver call without a context")
	}
	return f.fault
}

func (f *fake) open(index int) error {
	if index > 2 {
		return &Error{Op: "cuDeviceGet", Code: codeInvalidDevice}
	}
	f.thread, f.opened, f.fault = threadID(), true, nil
	f.opens++
	f.mem = make([]byte, 1<<16)
	f.sets = map[functionAttribute]int{}
	return nil
}

func (f *fake) close() error {
	err := f.call()
	f.opened = false
	return err
}

func (f *fake) attributes() (Attributes, error) {
	return Attributes{Name: "Fake", SMs: 132}, f.call()
}

func (f *fake) link(name, ptx string) (linked, error) {
	f.linking.Add(1)
	if f.linkGate != nil {
		<-f.linkGate
	}
	if f.linkErr != nil {
		return linked{errorLog: "ptxas application ptx input, line 1; error   : no"}, f.linkErr
	}
	return linked{image: []byte(name + ptx), infoLog: "info"}, nil
}

func (f *fake) loadModule([]byte) (handle, error) { return 1, f.call() }
func (f *fake) unloadModule(handle) error         { return f.call() }

func (f *fake) function(_ handle, name string) (handle, error) {
	if name != "run" {
		return 0, &Error{"cuModuleGetFunction", codeNotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"}
	}
	return 2, f.call()
}

func (f *fake) functionInfo(handle) (FunctionInfo, error) {
	return FunctionInfo{Registers: 32}, f.call()
}

func (f *fake) paramSizes(handle) ([]int, bool) { return []int{8, 128}, !f.oldDriver }

func (f *fake) setFunction(_ handle, a functionAttribute, value int) error {
	f.sets[a] = value
	return f.call()
}

func (f *fake) alloc(bytes uint64) (Ptr, error) {
	if bytes > uint64(len(f.mem)) {
		return 0, &Error{"cuMemAlloc", codeOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}
	}
	return 256, f.call()
}

func (f *fake) free(Ptr) error { return f.call() }

func (f *fake) write(dst Ptr, src []byte) error {
	copy(f.mem[dst:], src)
	return f.call()
}

func (f *fake) read(dst []byte, src Ptr) error {
	copy(dst, f.mem[src:])
	return f.call()
}

func (f *fake) fill(dst Ptr, value byte, bytes uint64) error {
	for i := range bytes {
		f.mem[uint64(dst)+i] = value
	}
	return f.call()
}

func (f *fake) copy(dst, src Ptr, bytes uint64) error {
	for i := range bytes {
		f.mem[uint64(dst)+i] = f.mem[uint64(src)+i]
	}
	return f.call()
}

func (f *fake) memInfo() (free, total uint64, err error) { return 1, 2, f.call() }

func (f *fake) launch(_ handle, _ Launch, args [][]byte) error {
	f.launches = append(f.launches, args)
	return f.call()
}

func (f *fake) idle() (bool, error) {
	if err := f.call(); err != nil {
		return false, err
	}
	f.busyFor--
	return !f.forever && f.busyFor < 0, nil
}

func (f *fake) mark(e event) error {
	f.marks = append(f.marks, e)
	return f.call()
}

func (f *fake) elapsed() (time.Duration, error) {
	if len(f.marks) < 2 {
		return 0, errors.New("no events")
	}
	return 1500 * time.Nanosecond, f.call()
}

func (f *fake) encodeTiled(m tensorMapCall) (TensorMap, error) {
	if m.rank == 0 {
		return TensorMap{}, fmt.Errorf("rank 0 got through")
	}
	return TensorMap{1}, f.call()
}
