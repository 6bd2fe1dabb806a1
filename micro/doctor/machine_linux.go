package doctor

import (
	"path/filepath"
	"syscall"
)

// readWrite is R_OK|W_OK of access(2).
const readWrite = 4 | 2

// deviceFiles asks for permission only; opening a GPU's file can wake it.
func (machine) deviceFiles() ([]deviceFile, bool) {
	numbered, _ := filepath.Glob("/dev/nvidia[0-9]*") // the pattern is good
	var files []deviceFile
	for _, path := range append([]string{controlFile, memoryFile}, numbered...) {
		err := syscall.Access(path, readWrite)
		if err == syscall.ENOENT {
			continue
		}
		files = append(files, deviceFile{path, err})
	}
	return files, true
}
