package doctor

import "strings"

// deviceFile is one of the driver's files in /dev.
type deviceFile struct {
	path string
	err  error // why it cannot be read and written
}

const (
	controlFile = "/dev/nvidiactl"
	memoryFile  = "/dev/nvidia-uvm"
)

func (e *examination) files() {
	const name = "device files"
	files, known := e.sys.deviceFiles()
	if !known {
		e.add(name, Unknown, "only looked for on Linux")
		return
	}
	var closed []string
	have := map[string]bool{}
	for _, f := range files {
		have[f.path] = true
		if f.err != nil {
			closed = append(closed, f.path+": "+f.err.Error())
		}
	}
	switch {
	case len(closed) > 0:
		e.add(name, No, "%s; this user may not use the GPU (a group such as video or render may be needed)", strings.Join(closed, "; "))
	case !have[controlFile]:
		e.add(name, No, "there is no %s: the driver is not loaded, or this container was given no GPU", controlFile)
	case !have[memoryFile]:
		e.add(name, Unknown, "there is no %s; the driver makes it on first use where it may", memoryFile)
	default:
		e.add(name, Yes, "%d files can be read and written", len(files))
	}
}
