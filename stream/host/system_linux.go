package host

import (
	"bytes"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unsafe"
)

// systemFiles is where /proc and /sys are.
func systemFiles() fs.FS { return os.DirFS("/") }

// hugeBytes is how much of the arrays lies in huge pages, by /proc/self/smaps:
// mappings that overlap an array count, so a neighbour that the kernel merged
// with them counts too. 0 if not known.
func hugeBytes(a Arrays) uint64 {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return 0
	}
	total, inside := uint64(0), false
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) > 0 && !strings.HasSuffix(words[0], ":") {
			inside = overlaps(words[0], a)
			continue
		}
		if inside && len(words) == 3 && words[0] == "AnonHugePages:" {
			kib, err := strconv.ParseUint(words[1], 10, 64)
			if err == nil {
				total += kib << 10
			}
		}
	}
	return min(total, uint64(len(a.A)+len(a.B)+len(a.C)))
}

// overlaps reports whether a span "5586fe90b000-5586fe90d000" holds some of the arrays.
func overlaps(span string, a Arrays) bool {
	low, high, _ := strings.Cut(span, "-")
	from, err := strconv.ParseUint(low, 16, 64)
	to, err2 := strconv.ParseUint(high, 16, 64)
	if err != nil || err2 != nil {
		return false
	}
	for _, s := range [][]byte{a.A, a.B, a.C} {
		start := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(s))))
		if start < to && from < start+uint64(len(s)) {
			return true
		}
	}
	return false
}
