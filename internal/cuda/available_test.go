package cuda

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAvailable holds in every build, with and without a driver: either all is well or every
// entry gives the same plain reason.
func TestAvailable(t *testing.T) {
	reason := Available()
	if reason == nil {
		v, err := DriverVersion()
		assert.NoError(t, err)
		assert.Positive(t, v)
		return
	}
	kind := ErrNotBuilt
	if Built() {
		kind = ErrNoDriver
	}
	t.Log(reason)
	assert.ErrorIs(t, reason, kind)
	_, err := DriverVersion()
	assert.ErrorIs(t, err, kind)
	_, err = DeviceCount()
	assert.ErrorIs(t, err, kind)
	_, err = Devices()
	assert.ErrorIs(t, err, kind)
	_, err = Open(0)
	assert.ErrorIs(t, err, kind)
}
