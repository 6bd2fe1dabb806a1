package sass

import (
	"fmt"
	"strings"
)

// The shape of a warpgroup instruction is a number in bits 53 and up: N and K
// in an order that differs from family to family.

// halfGroupShapes are those of HGMMA: N in steps of 8, and K in the two bits above.
func halfGroupShapes() string { return groupShapes("53-59", steps(8, 256, 8), 16, 8, 32) }

// byteGroupShapes are those of QGMMA.
func byteGroupShapes() string { return groupShapes("53-58", steps(8, 256, 8), 32, 64) }

// binaryGroupShapes are those of BGMMA.
func binaryGroupShapes() string { return groupShapes("53-57", integerN(), 256) }

// intGroupShapes are those of IGMMA: three numbers for each N, dense 8-bit,
// sparse 8-bit, and one that is not used.
func intGroupShapes() string {
	var names []string
	for _, n := range integerN() {
		names = append(names, fmt.Sprintf("64x%dx32", n), fmt.Sprintf("64x%dx64", n), "?")
	}
	return "53-58:" + strings.Join(names, "/")
}

// integerN lists the legal N of integer and binary warpgroup instructions.
func integerN() []int { return append([]int{8, 16, 24}, steps(32, 256, 16)...) }

func steps(first, last, step int) []int {
	var list []int
	for n := first; n <= last; n += step {
		list = append(list, n)
	}
	return list
}

func groupShapes(bits string, ns []int, ks ...int) string {
	var names []string
	for _, k := range ks {
		for _, n := range ns {
			names = append(names, fmt.Sprintf("64x%dx%d", n, k))
		}
	}
	return bits + ":" + strings.Join(names, "/")
}
