//go:build !(cuda && linux && cgo)

package cuda

// Built says whether this binary has the GPU in it (tag cuda).
func Built() bool { return false }

// Available is nil when a driver is there and answers; else it matches ErrNotBuilt,
// ErrNoDriver or ErrNoDevice, and says why.
func Available() error { return ErrNotBuilt }

// DriverVersion is the newest CUDA that the driver knows: 13000 for 13.0.
func DriverVersion() (int, error) { return 0, ErrNotBuilt }

// DeviceCount is the number of GPUs that the driver shows to this process.
func DeviceCount() (int, error) { return 0, ErrNotBuilt }

// Devices lists the GPUs that the driver shows to this process.
func Devices() ([]Attributes, error) { return nil, ErrNotBuilt }

// newDriver is not reached: Open asks Available first.
func newDriver() driver { return nil }
