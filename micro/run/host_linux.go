package run

import (
	"os"
	"strings"
)

// kernelRelease is the operating system kernel's release, empty if not known.
func kernelRelease() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
