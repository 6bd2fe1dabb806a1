package enrol_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := filepath.Join(dir, "b.jsonl"), filepath.Join(dir, "sub", "a.jsonl")
	require.NoError(t, os.Mkdir(filepath.Dir(two), 0o700))
	for _, path := range []string{one, two} {
		_, err := record(t, gateway.NewModel(gateway.ModelOptions{}), path, func(o *enrol.Options) {
			o.Size, o.Session, o.Labels = enrol.Small, 3, map[string]string{"precision": "fp32"}
		})
		require.NoError(t, err)
	}
	_, err := evidence.Compress(one+".zst", one)
	require.NoError(t, err)
	require.NoError(t, os.Remove(one))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.meta.json"), []byte(`{"platform": "no", "labels": {"tp": 2, "device": "h200"}}`), 0o600))

	sessions, err := enrol.Load(dir, two)
	require.NoError(t, err)
	require.Len(t, sessions, 2, "a file that is named twice is one")
	assert.Equal(t, map[string]string{"precision": "fp32", "tp": "2", "device": "h200"}, sessions[0].Labels)
	assert.Equal(t, map[string]string{"precision": "fp32"}, sessions[1].Labels)
	assert.Equal(t, "here", sessions[0].Platform)
	assert.Equal(t, "3", sessions[0].Number)
	assert.Positive(t, sessions[1].Evidence.Summary.Answered)
}

// TestLoadArchive reads the lab's recordings as they are in the repository.
func TestLoadArchive(t *testing.T) {
	t.Parallel()
	sessions, err := enrol.Load(filepath.Join("..", "recorded", "h200", "h200-fp32-jax.tar.zst"))
	require.NoError(t, err)
	require.NotEmpty(t, sessions)
	for _, s := range sessions {
		assert.Equal(t, "h200-fp32-jax", s.Platform)
		assert.Equal(t, "jax", s.Labels["engine"])
		assert.True(t, s.Evidence.Summary.Ended)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	_, err := enrol.Load(t.TempDir())
	require.ErrorIs(t, err, enrol.ErrNoSessions)
	_, err = enrol.Load(filepath.Join(t.TempDir(), "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = enrol.Load(filepath.Join("testdata", "no-evidence.txt"))
	require.ErrorIs(t, err, evidence.ErrBroken)
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, err = record(t, gateway.NewModel(gateway.ModelOptions{}), path, func(o *enrol.Options) { o.Size, o.Label = enrol.Small, "" })
	require.NoError(t, err)
	_, err = enrol.Load(path)
	assert.ErrorIs(t, err, enrol.ErrNoPlatform)
}
