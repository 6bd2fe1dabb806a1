// Package sass reads the machine code of a cubin: which instructions a kernel
// became, and how many of each stand between two reads of the clock. It needs
// no toolkit: the cubin is an ELF file, and the opcodes of the instructions that
// this project's kernels use are a table of this package.
package sass

// Instruction is one 128-bit machine instruction.
type Instruction struct {
	// Offset is the address within the kernel, in bytes.
	Offset int
	// Mnemonic is the opcode with the modifiers that tell instructions apart
	// ("HMMA.16816.F32", "VIADDMNMX.S16x2"); "?0x123" for an opcode not in the table.
	Mnemonic string
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
