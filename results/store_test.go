package results

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names lists what is in a folder, temporary files included.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriteAndRead(t *testing.T) {
	folder := t.TempDir()
	sizes := map[string]int64{}
	for _, name := range []string{"a.json", "a.json.zst", "no-extension"} {
		path := filepath.Join(folder, name)
		require.NoError(t, Write(path, fullDocument()))
		got, err := Read(path)
		require.NoError(t, err)
		assert.Equal(t, fullDocument(), got, name)
		info, err := os.Stat(path)
		require.NoError(t, err)
		sizes[name] = info.Size()
	}
	assert.Less(t, sizes["a.json.zst"], sizes["a.json"]/2)
	assert.ElementsMatch(t, []string{"a.json", "a.json.zst", "no-extension"}, names(t, folder), "no temporary file is left")

	renamed := filepath.Join(folder, "renamed.json") // the content tells, not the name
	require.NoError(t, os.Rename(filepath.Join(folder, "a.json.zst"), renamed))
	got, err := Read(renamed)
	require.NoError(t, err)
	assert.Equal(t, fullDocument(), got)
}

func TestReadNamesTheFile(t *testing.T) {
	folder := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	_, err := Read(filepath.Join(folder, "none.json"))
	assert.ErrorIs(t, err, fs.ErrNotExist)

	path := put("damaged.json", `{"schema":1,`)
	_, err = Read(path)
	assert.ErrorIs(t, err, ErrCorrupt)
	assert.EqualError(t, err, path+" is not a readable gpubench document: it is cut off (unexpected end of JSON input) at byte 12")

	path = put("newer.json", `{"schema":7}`)
	_, err = Read(path)
	assert.EqualError(t, err, path+": written by a newer gpubench (schema 7, this reads up to 1): update gpubench")

	_, err = Read(folder)
	assert.ErrorContains(t, err, folder)
	assert.NotErrorIs(t, err, ErrCorrupt)
}

func TestWriteReplacesWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "run.json")
	require.NoError(t, Write(path, &Document{Schema: 1, State: Complete, Suite: "old"}))
	require.NoError(t, os.Chmod(path, 0o640))
	before, err := os.Open(path) // a reader that has the old file open
	require.NoError(t, err)
	defer before.Close()

	require.NoError(t, Write(path, &Document{Schema: 1, State: Complete, Suite: "new"}))
	d, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, "new", d.Suite)
	old, err := Decode(before)
	require.NoError(t, err)
	assert.Equal(t, "old", old.Suite, "a reader keeps the file that it opened")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode().Perm(), "permissions stay")

	err = Write(path, nil) // fails while it encodes
	var failed *WriteError
	require.ErrorAs(t, err, &failed)
	d, err = Read(path)
	require.NoError(t, err)
	assert.Equal(t, "new", d.Suite)
	assert.Equal(t, []string{"run.json"}, names(t, folder))
}

func TestWriteThroughALink(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target.json"), filepath.Join(folder, "link.json")
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o600))
	require.NoError(t, os.Symlink("target.json", link))
	require.NoError(t, Write(link, fullDocument()))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink, "a link stays a link")
	_, err = Read(target)
	assert.NoError(t, err)
}

func TestWriteSaysWhatToDo(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for path, want := range map[string]string{
		filepath.Join(folder, "none", "a.json"): "no such file or directory; create the folder first",
		filepath.Join(file, "a.json"):           "not a directory; give the name of a file in a folder",
		folder:                                  "give the name of a file in a folder",
	} {
		err := Write(path, fullDocument())
		var failed *WriteError
		require.ErrorAs(t, err, &failed, path)
		assert.Equal(t, path, failed.Path)
		assert.ErrorContains(t, err, "cannot write "+path+": ")
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), ".tmp", "the temporary file means nothing to a reader")
	}
	assert.Equal(t, []string{"file"}, names(t, folder))
}

func TestFixes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{syscall.ENOSPC, "free space"}, {syscall.EDQUOT, "free space"}, {syscall.EFBIG, "ulimit -f"}, {syscall.EROFS, "read-only"},
		{fs.ErrPermission, "writable"}, {syscall.EACCES, "writable"}, {fs.ErrNotExist, "create the folder"},
		{syscall.ENOTDIR, "name of a file"}, {syscall.EISDIR, "name of a file"}, {fs.ErrExist, "name of a file"}, {errors.New("other"), "another folder"},
	} {
		err := &WriteError{Path: "p", Fix: fix(&fs.PathError{Op: "open", Path: ".p.tmp", Err: tt.err}), Err: tt.err}
		assert.Contains(t, err.Fix, tt.want, tt.err)
		assert.ErrorIs(t, err, tt.err)
	}
}

func TestCorruptErrorWithoutAPlace(t *testing.T) {
	err := &CorruptError{Offset: -1, What: "field state: x"}
	assert.EqualError(t, err, "document is not a readable gpubench document: field state: x")
	assert.False(t, strings.Contains(err.Error(), "byte"))
}
