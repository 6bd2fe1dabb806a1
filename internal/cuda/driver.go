package cuda

import "time"

// handle is a driver's opaque pointer: a module or a function. 0 is none.
type handle uintptr

// driver is the boundary: the calls that Device makes of one GPU. The real one is the CUDA
// driver (tag cuda), tests have a fake. All but link are called on the device's own thread
// with its context current.
type driver interface {
	// open makes a context and a stream for the GPU, current on the calling thread.
	open(index int) error
	// close destroys them, whatever state they are in.
	close() error
	attributes() (Attributes, error)

	// link compiles; it may be called on any thread, on several at once.
	link(name, ptx string) (linked, error)

	loadModule(image []byte) (handle, error)
	unloadModule(m handle) error
	function(m handle, name string) (handle, error)
	functionInfo(f handle) (FunctionInfo, error)
	// paramSizes is the size in bytes of each parameter; ok is false when the driver is too
	// old to tell.
	paramSizes(f handle) (sizes []int, ok bool)
	setFunction(f handle, a functionAttribute, value int) error

	alloc(bytes uint64) (Ptr, error)
	free(p Ptr) error
	write(dst Ptr, src []byte) error
	read(dst []byte, src Ptr) error
	fill(dst Ptr, value byte, bytes uint64) error
	copy(dst, src Ptr, bytes uint64) error
	memInfo() (free, total uint64, err error)

	launch(f handle, l Launch, args [][]byte) error
	// idle says whether everything launched has ended; an error is a fault.
	idle() (bool, error)
	// mark records one of two events on the stream; elapsed is the time between them, once
	// the device is idle.
	mark(e event) error
	elapsed() (time.Duration, error)

	encodeTiled(m tensorMapCall) (TensorMap, error)
}

// linked is what the driver's compiler made: the image is nil when it failed.
type linked struct {
	image             []byte
	infoLog, errorLog string
}

type event int

const (
	eventStart event = iota
	eventStop
	eventCount
)

// functionAttribute is a CUfunction_attribute; the numbers are part of the driver's ABI.
type functionAttribute int

const (
	attributeMaxDynamicShared   functionAttribute = 8
	attributeSharedCarveout     functionAttribute = 9
	attributeNonPortableCluster functionAttribute = 14
)
