package host

import (
	"errors"
	"fmt"
	"slices"
)

// ErrISA marks instructions that this CPU, or this program, does not have.
var ErrISA = errors.New("instructions not available")

// ErrNoForm marks a kernel that was not written in the form asked for.
var ErrNoForm = errors.New("no such form of the kernel")

// ISAs lists the sets of instructions that this machine runs, best first.
func ISAs() []ISA {
	return slices.DeleteFunc([]ISA{AVX512, AVX2, SSE2, Go}, func(i ISA) bool { return !has(i) })
}

// choose checks a wish; the empty one is the best there is.
func choose(wish ISA) (ISA, error) {
	all := ISAs()
	if wish == "" {
		return all[0], nil
	}
	if !slices.Contains(all, wish) {
		return "", fmt.Errorf("%w: %q; this machine has %q", ErrISA, wish, all)
	}
	return wish, nil
}
