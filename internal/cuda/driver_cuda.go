//go:build cuda && linux && cgo

package cuda

//#include "shim.h"
import "C"

import (
	"fmt"
	"reflect"

	"gorgonia.org/cu"
)

// Built says whether this binary has the GPU in it (tag cuda).
func Built() bool { return true }

// Available is nil when a driver is there and answers; else it matches ErrNotBuilt,
// ErrNoDriver or ErrNoDevice, and says why. The first call opens the driver, which can take
// some hundred milliseconds.
func Available() error {
	switch status := int(C.gb_start()); status {
	case 0:
		return nil
	case -1:
		return fmt.Errorf("%w: %s", ErrNoDriver, C.GoString(C.gb_reason()))
	case codeNoDevice:
		return callError("cuInit", status) // matches ErrNoDevice
	default:
		return fmt.Errorf("%w: %w", ErrNoDriver, callError("cuInit", status))
	}
}

// DriverVersion is the newest CUDA that the driver knows: 13000 for 13.0.
func DriverVersion() (int, error) {
	if err := Available(); err != nil {
		return 0, err
	}
	var v C.int
	err := callError("cuDriverGetVersion", int(C.gb_driver_version(&v)))
	return int(v), err
}

// DeviceCount is the number of GPUs that the driver shows to this process.
func DeviceCount() (int, error) {
	if err := Available(); err != nil {
		return 0, err
	}
	n, err := cu.NumDevices()
	return n, cuError("cuDeviceGetCount", err)
}

// callError makes an *Error of a status; nil when it is success.
func callError(op string, code int) error {
	if code == 0 {
		return nil
	}
	var name, text *C.char
	C.gb_describe(C.int(code), &name, &text)
	return &Error{Op: op, Code: code, Name: C.GoString(name), Text: C.GoString(text)}
}

// cuError makes an *Error of cu's error, whose type, an int, is not exported.
func cuError(op string, err error) error {
	if err == nil {
		return nil
	}
	if v := reflect.ValueOf(err); v.Kind() == reflect.Int {
		return callError(op, int(v.Int()))
	}
	return fmt.Errorf("%s: %w", op, err)
}
