package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func text(s string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.WriteString(s)
		return err
	}
}

// only asserts that the folder holds one file, with this text.
func only(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, string(got))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "something was left behind")
}

func TestWriteReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	require.NoError(t, Write(path, text("one")))
	only(t, path, "one")
	require.NoError(t, Write(path, text("two")))
	only(t, path, "two")
}

func TestFailureLeavesWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	require.NoError(t, Write(path, text("one")))
	full := errors.New("disk full")
	err := Write(path, func(f *os.File) error { return errors.Join(text("tw")(f), full) })
	assert.ErrorIs(t, err, full)
	only(t, path, "one")
}

func TestNoFolderAndFolderInTheWay(t *testing.T) {
	dir := t.TempDir()
	assert.ErrorIs(t, Write(filepath.Join(dir, "none", "a"), text("x")), os.ErrNotExist)

	require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	err := Write(filepath.Join(dir, "a"), text("x"))
	assert.True(t, errors.Is(err, syscall.EISDIR) || errors.Is(err, os.ErrExist), "%v", err)
	assert.NotContains(t, err.Error(), ".tmp")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}
