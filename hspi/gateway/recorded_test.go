package gateway

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecorded(t *testing.T) {
	for _, platform := range Recorded() {
		f, err := LoadRecorded(platform)
		require.NoError(t, err)
		require.Len(t, f.Sessions(), 1)
		assert.Equal(t, platform, f.Sessions()[0].Open.Label)
		assert.True(t, f.Summary.Ended)
		assert.Greater(t, f.Summary.Answered, 100)
	}
	_, err := LoadRecorded("none")
	assert.ErrorContains(t, err, "built-in recording")
}
