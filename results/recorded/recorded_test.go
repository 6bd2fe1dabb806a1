package recorded

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
)

// Every recording must be a whole run of a real GPU that a replay can answer from.
func TestRecordings(t *testing.T) {
	require.Contains(t, Names(), preferred)
	for _, name := range Names() {
		doc, err := Open(name)
		require.NoError(t, err)
		assert.Equal(t, "cuda", doc.Backend, name)
		assert.Equal(t, results.Complete, doc.State, name)
		assert.NotEmpty(t, doc.Device.Name, name)
		assert.NotEmpty(t, doc.Raw, name)
		assert.NotEmpty(t, doc.Telemetry, name)
		kernels := map[string]bool{}
		for _, k := range doc.Kernels {
			kernels[k.Hash] = true
		}
		for _, raw := range doc.Raw {
			assert.True(t, raw.Benchmark == "canary" || kernels[raw.Kernel], "%s: %s {%s} has no machine code", name, raw.Benchmark, raw.Point.Key())
		}
	}
}

func TestOpenNamesWhatThereIs(t *testing.T) {
	_, err := Open("no-such-card")
	assert.ErrorIs(t, err, ErrNone)
	assert.ErrorContains(t, err, preferred)
	name, doc, err := Default()
	require.NoError(t, err)
	assert.Equal(t, preferred, name)
	assert.NotNil(t, doc)
}
