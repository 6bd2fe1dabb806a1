package cuda

import (
	"errors"
	"fmt"
)

// The kinds of failure that a caller acts on; test with errors.Is.
var (
	// ErrNotBuilt: this binary was built without the tag cuda.
	ErrNotBuilt = errors.New("built without CUDA (tag cuda)")
	// ErrNoDriver: there is no usable NVIDIA driver on this machine.
	ErrNoDriver = errors.New("no usable NVIDIA driver")
	// ErrDriverTooOld: the driver is older than CUDA 12.0.
	ErrDriverTooOld = errors.New("the NVIDIA driver is too old")
	// ErrNoDevice: the driver has no such GPU.
	ErrNoDevice = errors.New("no such CUDA device")
	// ErrFault: a kernel faulted, and its context is of no more use until Device.Reset.
	ErrFault = errors.New("the device faulted")
	// ErrOutOfMemory: the device has not that much memory free.
	ErrOutOfMemory = errors.New("out of device memory")
	// ErrStale: the module or function was loaded before the last Device.Reset.
	ErrStale = errors.New("loaded before the device was reset")
	// ErrBusy: a kernel still runs that was not waited for to its end.
	ErrBusy = errors.New("a kernel is still running")
	// ErrClosed: the device was closed.
	ErrClosed = errors.New("device is closed")
)

// Error is a driver call that failed.
type Error struct {
	Op   string // the driver call, such as "cuMemAlloc"
	Code int    // the CUresult
	Name string // its name, such as "CUDA_ERROR_OUT_OF_MEMORY"; "" when the driver did not say
	Text string // the driver's one-line description; "" when the driver did not say
}

// Error returns one line.
func (e *Error) Error() string {
	text, name := e.Text, e.Name
	if text == "" {
		text = "failed"
	}
	if name == "" {
		name = "CUresult"
	}
	return fmt.Sprintf("%s: %s (%s, %d)", e.Op, text, name, e.Code)
}

// Is makes a code match its sentinel.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrFault:
		return isFault(e.Code)
	case ErrOutOfMemory:
		return e.Code == codeOutOfMemory
	case ErrNoDevice:
		return e.Code == codeNoDevice || e.Code == codeInvalidDevice
	}
	return false
}

// The CUresult values that are acted on; the numbers are part of the driver's ABI.
const (
	codeOutOfMemory   = 2
	codeNoDevice      = 100
	codeInvalidDevice = 101
	codeNotFound      = 500
	codeNotReady      = 600
)

// isFault says whether the code poisons its context: every later call returns it too.
func isFault(code int) bool {
	switch code {
	case 214, // ECC_UNCORRECTABLE
		220, // NVLINK_UNCORRECTABLE
		226, // CONTAINED
		700, // ILLEGAL_ADDRESS
		702, // LAUNCH_TIMEOUT
		709, // CONTEXT_IS_DESTROYED
		710, // ASSERT
		714, // HARDWARE_STACK_ERROR
		715, // ILLEGAL_INSTRUCTION
		716, // MISALIGNED_ADDRESS
		717, // INVALID_ADDRESS_SPACE
		718, // INVALID_PC
		719, // LAUNCH_FAILED
		721, // TENSOR_MEMORY_LEAK
		911: // EXTERNAL_DEVICE
		return true
	}
	return false
}
