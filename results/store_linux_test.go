package results

import (
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writtenBefore makes a folder with a document that must survive.
func writtenBefore(t *testing.T) (folder, path string) {
	t.Helper()
	folder = t.TempDir()
	path = filepath.Join(folder, "run.json")
	require.NoError(t, Write(path, &Document{Schema: 1, State: Complete, Suite: "before"}))
	return folder, path
}

func assertSurvived(t *testing.T, folder, path string) {
	t.Helper()
	d, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, "before", d.Suite)
	assert.Equal(t, []string{filepath.Base(path)}, names(t, folder), "the half-written file is removed")
}

func TestWriteToAFullDevice(t *testing.T) {
	err := Write("/dev/full", fullDocument())
	var failed *WriteError
	require.ErrorAs(t, err, &failed)
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.EqualError(t, err, "cannot write /dev/full: no space left on device; free space there or write to another folder")
	assert.NoError(t, Write("/dev/null", fullDocument()), "a device is written to as it is")
	info, err := os.Stat("/dev/null")
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeDevice)
}

// TestWriteBeyondTheFileSizeLimit fails in the middle of a file, as a full disk does.
func TestWriteBeyondTheFileSizeLimit(t *testing.T) {
	folder, path := writtenBefore(t)
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	low := limit
	low.Cur = 1000
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low))
	err := Write(path, fullDocument())
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))

	assert.ErrorIs(t, err, syscall.EFBIG)
	assert.ErrorContains(t, err, "ulimit -f")
	assertSurvived(t, folder, path)
}

// TestWriteToAFullDisk mounts a file system of 16 KiB where that is allowed.
func TestWriteToAFullDisk(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	defer func() { assert.NoError(t, syscall.Unmount(folder, 0)) }()
	path := filepath.Join(folder, "run.json")
	require.NoError(t, Write(path, &Document{Schema: 1, State: Complete, Suite: "before"}))
	big := fullDocument()
	for range 8 {
		big.Rows = append(big.Rows, big.Rows...)
	}
	err := Write(path, big)
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.ErrorContains(t, err, "free space there")
	assertSurvived(t, folder, path)
}

func TestWriteToAFolderThatIsNotWritable(t *testing.T) {
	folder, path := writtenBefore(t)
	require.NoError(t, os.Chmod(folder, 0o555))
	defer os.Chmod(folder, 0o755)
	var err error
	withoutPrivilege(t, func() { err = Write(path, fullDocument()) })
	assert.ErrorIs(t, err, fs.ErrPermission)
	assert.ErrorContains(t, err, "make the folder writable or write to another one")
	assertSurvived(t, folder, path)
}

// withoutPrivilege runs f as a user whom permissions bind: root is none, so its
// file accesses are made as another user for as long, on this thread alone.
func withoutPrivilege(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const nobody = 65534
	_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0) // returns the user before, no error
	defer func() { _, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0) }()
	f()
}
