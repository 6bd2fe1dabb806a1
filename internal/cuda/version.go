package cuda

import "fmt"

// minDriver is CUDA 12.0: PTX 8.0, for sm_90a.
const minDriver = 12000

// CheckDriver says whether a driver of that version, as of DriverVersion, will do; the error
// matches ErrDriverTooOld.
func CheckDriver(version int) error {
	if version >= minDriver {
		return nil
	}
	return fmt.Errorf("%w: it is for CUDA %s, and %s or newer is needed",
		ErrDriverTooOld, versionText(version), versionText(minDriver))
}

// versionText writes 13000 as "13.0".
func versionText(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }
