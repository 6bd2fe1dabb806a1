package memory

import (
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
)

// widths are the bytes of one access of one thread.
func widths() []int { return []int{4, 8, 16} }

// maxWidth is the widest.
const maxWidth = 16

// suffix is the end of the load or store of a width: one, two or four words.
func suffix(width int) string {
	return map[int]string{4: ".u32", 8: ".v2.u32", 16: ".v4.u32"}[width]
}

// words is the operand of an access: one register or a vector.
func words(regs []ptx.Reg) ptx.Operand {
	if len(regs) == 1 {
		return regs[0]
	}
	return ptx.Vec(regs)
}

// machine is a machine instruction of a width, as package sass spells patterns.
func machine(opcode string, width int) string {
	return opcode + map[int]string{8: ".64", 16: ".128"}[width]
}

// sumUp adds all words of several loads to the accumulators, in turn.
func sumUp(k *ptx.Kernel, acc []ptx.Reg, loaded [][]ptx.Reg) {
	n := 0
	for _, v := range loaded {
		for _, w := range v {
			kit.Sum(k, acc[n%len(acc)], w)
			n++
		}
	}
}

// operations are what a bandwidth kernel does to memory.
const (
	opRead  = "read"
	opWrite = "write"
	opCopy  = "copy"
	opTriad = "triad" // a = b + 3 c, in float64
)

func atoi(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return n, nil
}
