package jsonfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestComesBack(t *testing.T) {
	for _, name := range []string{"a.json", "a.json.zst"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, Save(path, map[string]int{"a": 1}))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, filepath.Ext(name) == ".zst", bytes.HasPrefix(text, []byte(magic)), name)
		var got map[string]int
		require.NoError(t, Read(bytes.NewReader(text), &got))
		assert.Equal(t, map[string]int{"a": 1}, got)
		require.Error(t, Read(bytes.NewReader(text[:len(text)-4]), &got), "cut short: %s", name)
	}
}

func TestNothingIsLeftOfAFailure(t *testing.T) {
	dir := t.TempDir()
	require.Error(t, Save(filepath.Join(dir, "a.json"), func() {}))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
