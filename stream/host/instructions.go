package host

import (
	"fmt"

	"github.com/gpubench/gpubench/stream"
)

// instructions names those that move the data of a kernel.
func instructions(t *Timing) string {
	if t.ISA == Go {
		return ""
	}
	register := map[ISA]string{AVX512: "zmm", AVX2: "ymm", SSE2: "xmm"}[t.ISA]
	suffix := pick(t.Type == stream.F32, "PS", "PD")
	prefix := pick(t.ISA == SSE2, "", "V")
	text := ""
	if t.Kernel.Reads > 0 {
		text = fmt.Sprintf("%sMOVU%s load", prefix, suffix)
	}
	if t.Kernel.Writes > 0 {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%sMOV%s%s store", prefix, pick(t.Stores == Tuned, "NT", "U"), suffix)
	}
	return text + " of " + register
}
