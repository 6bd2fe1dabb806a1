// Package sass reads the machine code of a cubin: which instructions a kernel
// became, and how many of each stand between two reads of the clock. It needs
// no toolkit: the cubin is an ELF file, and the opcodes of the instructions that
// this project's kernels use are a table of this package.
package sass

import (
	"fmt"
	"strings"
)

// Instruction is one 128-bit machine instruction.
type Instruction struct {
	// Offset is the address within the kernel, in bytes.
	Offset int
	// Mnemonic is the opcode with the modifiers that tell instructions apart
	// ("HMMA.16816.F32", "VIADDMNMX.S16x2"); "?0x123" for an opcode not in the table.
	Mnemonic string
	// Special is the special register that the instruction reads
	// ("SR_CLOCKLO"), empty for all but S2R, S2UR and CS2R.
	Special string
}

// Kernel is the machine code of one entry point.
type Kernel struct {
	Name string
	// SM is the architecture of the cubin, 90 for sm_90 and sm_90a.
	SM int
	// Registers is the number of 32-bit registers per thread.
	Registers int
	Code      []Instruction
}

// Listing is the code as text, one line an instruction: offset and mnemonic,
// and the special register that it reads.
func (k *Kernel) Listing() string {
	var b strings.Builder
	fmt.Fprintf(&b, "// %s: sm_%d, %d registers, %d instructions\n", k.Name, k.SM, k.Registers, len(k.Code))
	for _, i := range k.Code {
		fmt.Fprintf(&b, "%04x  %s", i.Offset, i.Mnemonic)
		if i.Special != "" {
			fmt.Fprintf(&b, " %s", i.Special)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
