package device

import (
	"fmt"
	"math"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/stream"
)

// Parts of the theoretical peak: what a kernel that only reads or only writes
// reaches where DRAM bounds it, and what one that does both is expected to.
const (
	purePart  = 0.95
	mixedPart = 0.93
)

// bound says what keeps a kernel below mixedPart of the peak, if this run shows
// it: kernels of the same shapes that only read or only write come nearer to the
// peak, so neither bytes under way nor launches nor address translation are the
// limit, and what is left is that DRAM changes between reading and writing.
func (l line) bound(gpu micro.GPU, all []line) string {
	peak, _ := gpu.DRAMPeak()
	softmax := l.kernel.Name == stream.Softmax2 || l.kernel.Name == stream.Softmax3 // several passes, and arithmetic
	if softmax || l.kernel.Reads == 0 || l.kernel.Writes == 0 || peak == 0 || l.rate[l.best] >= mixedPart*peak {
		return ""
	}
	read, write := bestOf(all, stream.Read, l.t), bestOf(all, stream.Write, l.t)
	if !(math.Min(read, write) >= purePart*peak) {
		return ""
	}
	r, w := float64(l.kernel.Reads), float64(l.kernel.Writes)
	apart := (r + w) / (r/read + w/write)
	return fmt.Sprintf("bound by the changes between reading and writing in DRAM: in the same run and shapes reading alone reaches %.1f %% and writing alone %.1f %% of the peak, so "+
		"these bytes read and written one after the other would take %.0f GB/s; together they get %.1f %% of that in the best of %d shapes. stream/mix shows it share by share, stream/driver-copy the driver's own copy, stream/footprint that L2 is not the limit",
		100*read/peak, 100*write/peak, apart, 100*l.rate[l.best]/apart, len(l.rate))
}

// bestOf is the median of the best shape of a kernel, NaN where it was not measured.
func bestOf(all []line, kernel string, t stream.Type) float64 {
	for _, l := range all {
		if l.kernel.Name == kernel && l.t == t && l.best >= 0 {
			return l.rate[l.best]
		}
	}
	return math.NaN()
}
