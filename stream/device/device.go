// Package device is STREAM on a GPU: bandwidth of the kernels of package stream
// over shapes of launch, footprints and mixtures of reads and writes, and the
// driver's own copy.
//
// Times are those of the device: from the first CTA's start to the last one's
// stop by %globaltimer, without the launch that host timing includes.
package device

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/stream"
)

// Options choose what is measured; the zero Options are the suite's.
type Options struct {
	// Kernels are names of package stream; none means all.
	Kernels []string
	// Types are element types; none means both.
	Types []stream.Type
	// Bytes is the size of an array; 0 means 2 GiB, or less where memory is short.
	Bytes uint64
	// Force allows arrays of less than four times L2; their rows are flagged.
	Force bool
}

// Benchmarks lists the benchmarks of STREAM on a GPU.
func Benchmarks(o Options) []micro.Benchmark {
	return []micro.Benchmark{bandwidth(o), footprint(o), mixture(o), driverCopy(o)}
}

// Source of the rules and of the kernels.
const source = "J. D. McCalpin, STREAM 5.10 (kernels, counted bytes, ten trials, best without the first); BabelStream 5.0 (Dot, Nstream); " +
	"M. Dukhan, A. Ablavatski, arXiv 2001.04438 (softmax in two and three passes); T. Heller et al., arXiv 2206.06302 (STREAM ported to a higher level must match the native one)"

// defaultBytes is the size of an array where memory is plenty: large against L2
// and against what the first and last CTAs cost.
const defaultBytes = 2 << 30

// granule divides the size of every array: the largest tile of all shapes.
const granule = 1 << 16

// Errors of a size, for the caller that chose it.
var (
	ErrTooSmall = errors.New("arrays are too small for STREAM")
	ErrTooLarge = errors.New("arrays are too large for the GPU")
)

// Size is the bytes of an array on the GPU. A chosen size is rounded up to whole tiles; it is
// ErrTooLarge if three such arrays do not fit into the free memory and, without
// Force, ErrTooSmall below four times L2.
func (o Options) Size(gpu micro.GPU) (uint64, error) {
	least := (stream.CacheFactor*uint64(gpu.L2Bytes) + granule - 1) / granule * granule
	most := kit.Share(gpu) / arrays / granule * granule
	n := min(uint64(defaultBytes), most)
	if o.Bytes > 0 {
		n = (o.Bytes + granule - 1) / granule * granule
	}
	switch {
	case n > most || n == 0:
		return 0, fmt.Errorf("%w: %d arrays of %d bytes; at most %d bytes each are free for them, choose --size %d or less", ErrTooLarge, arrays, n, most, most)
	case n < least && !o.Force:
		return 0, fmt.Errorf("%w: an array of %d bytes, and the rule is four times the %d bytes of L2; choose --size %d or more, or --force", ErrTooSmall, n, gpu.L2Bytes, least)
	}
	return n, nil
}

// arrays is the number of arrays that a kernel may have.
const arrays = 3

func (o Options) kernels() []stream.Kernel {
	return slices.DeleteFunc(stream.Kernels(), func(k stream.Kernel) bool {
		return len(o.Kernels) > 0 && !slices.Contains(o.Kernels, k.Name)
	})
}

func (o Options) types() []stream.Type {
	if len(o.Types) == 0 {
		return stream.Types()
	}
	return o.Types
}
