package device

import (
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// shape is how a kernel walks over its arrays.
type shape struct {
	// width of an access in bytes; accesses of an array that a thread has under way.
	width, unroll int
	// threads of a CTA.
	threads int
	// ctas is the number of CTAs per SM that walk the arrays together, tile by tile;
	// 0 gives each tile a CTA of its own, which the GPU starts in order.
	ctas int
	// policy is the cache operator of loads and stores.
	policy string
}

// Cache operators: what the compiler takes by itself, L2 only, and lines that are used once.
const (
	policyDefault   = "default"
	policyL2        = "l2"
	policyStreaming = "streaming"
)

// shapes are those that are swept.
func shapes(t stream.Type) []shape {
	var list []shape
	for _, threads := range []int{128, 256, 512, 1024} {
		for _, unroll := range []int{1, 2, 4} {
			list = append(list, shape{16, unroll, threads, 0, policyDefault})
		}
	}
	list = append(list,
		shape{16, 1, 256, 0, policyStreaming}, shape{16, 2, 512, 0, policyStreaming},
		shape{16, 1, 256, 0, policyL2}, shape{16, 2, 512, 0, policyL2},
		shape{8, 1, 256, 0, policyDefault}, shape{8, 2, 512, 0, policyDefault}, shape{8, 4, 256, 0, policyDefault},
		shape{16, 4, 512, 1, policyDefault}, shape{16, 4, 512, 2, policyDefault}, shape{16, 4, 512, 4, policyDefault},
		shape{16, 2, 256, 8, policyDefault}, shape{16, 8, 256, 4, policyDefault},
	)
	if t == stream.F32 {
		list = append(list, shape{4, 4, 256, 0, policyDefault})
	}
	return list
}

// point is the shape's part of a point.
func (s shape) point(kernel string, t stream.Type) results.Point {
	ctas := "tile"
	if s.ctas > 0 {
		ctas = strconv.Itoa(s.ctas)
	}
	return results.P("kernel", kernel, "type", string(t), "width", strconv.Itoa(s.width), "unroll", strconv.Itoa(s.unroll),
		"threads", strconv.Itoa(s.threads), "ctas", ctas, "policy", s.policy)
}

// String says the shape in words.
func (s shape) String() string {
	grid := "a CTA per tile"
	if s.ctas > 0 {
		grid = fmt.Sprintf("%d CTAs per SM", s.ctas)
	}
	text := fmt.Sprintf("%d B x %d, %d threads, %s", s.width, s.unroll, s.threads, grid)
	if s.policy != policyDefault {
		text += ", " + s.policy
	}
	return text
}

// label is short, for the axis of a picture: width x accesses, threads, and what is not usual.
func (s shape) label() string {
	text := fmt.Sprintf("%d B x %d, %d", s.width, s.unroll, s.threads)
	if s.ctas > 0 {
		text += fmt.Sprintf(", walk %d", s.ctas)
	}
	if s.policy != policyDefault {
		text += ", " + s.policy
	}
	return text
}

// kernel names the shape's kernel in its module; launches of other CTAs per SM share it.
func (s shape) kernel() string {
	name := fmt.Sprintf("w%d_u%d_t%d_%s", s.width, s.unroll, s.threads, s.policy)
	if s.ctas > 0 {
		name += "_walk"
	}
	return name
}

// tile is the bytes of a CTA's step in each array.
func (s shape) tile() uint64 { return uint64(s.width * s.unroll * s.threads) }

// grid is the number of CTAs that cover bytes of each array.
func (s shape) grid(bytes uint64, sms int) int {
	if s.ctas > 0 {
		return s.ctas * max(sms, 1)
	}
	return int(bytes / s.tile())
}

// operator is the cache operator of a load or store.
func (s shape) operator() string {
	return map[string]string{policyDefault: "", policyL2: ".cg", policyStreaming: ".cs"}[s.policy]
}
