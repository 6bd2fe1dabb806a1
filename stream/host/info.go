package host

import (
	"github.com/gpubench/gpubench/results"
)

// Info says what the rows of this package ask, and how.
func Info() results.BenchmarkInfo {
	return results.BenchmarkInfo{
		Name:     Benchmark,
		Question: "How fast are the kernels of STREAM on the host's memory?",
		Method: "STREAM's kernels, and Dot, Nstream, read-only, write-only and softmax in two and three passes, over arrays of at least four times the last-level caches, outside the Go heap and in huge pages where they can be had. " +
			"One thread bound to each core works on its own part, whose pages it touched first; threads meet at a spinning barrier. Kernels are AVX-512, AVX2 or SSE2 assembly, or Go, whatever the processor has, with ordinary stores (standard) " +
			"and with stores around the caches (tuned). Ten trials, the first not counted; best and median are reported. The arrays are checked against STREAM's recurrence.",
		Source: "J. D. McCalpin, STREAM 5.10; BabelStream 5.0 (Dot, Nstream); M. Dukhan, A. Ablavatski, arXiv 2001.04438 (softmax); T. Heller et al., arXiv 2206.06302",
		Units:  []string{"GB/s"},
	}
}
