package run

import (
	"fmt"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx/sass"
	"github.com/gpubench/gpubench/results"
)

// Prove looks for the target instruction between the clock reads of the machine
// code: the sections that contain it must have the expected counts, in order.
func Prove(want micro.Expect, code []results.MachineCode, warnings []string) results.Proof {
	if want.Instruction == "" {
		return results.Proof{Kind: results.ProofNone, Detail: "no machine instruction is expected"}
	}
	if note := serialised(warnings); note != "" {
		return results.Proof{Kind: results.ProofNone, Detail: "the compiler says: " + note}
	}
	kernel, ok := findKernel(code, want.Kernel)
	if !ok {
		return results.Proof{Kind: results.ProofNone, Detail: "the machine code could not be read"}
	}
	proof, found := match(kernel, want.Instruction, want)
	if !found && want.Emulated != "" {
		proof, found = match(kernel, want.Emulated, want)
		proof.Emulated = true
	}
	if !found {
		proof = results.Proof{Kind: results.ProofNone, Detail: missing + want.Instruction}
	}
	return proof
}

// missing begins the detail of a proof that failed because nothing was there.
const missing = "the machine code has no "

func findKernel(code []results.MachineCode, name string) (results.MachineCode, bool) {
	for _, c := range code {
		if c.Kernel == name {
			return c, true
		}
	}
	return results.MachineCode{}, false
}

// match compares the counts of the sections that have the pattern with those wanted.
func match(kernel results.MachineCode, pattern string, want micro.Expect) (results.Proof, bool) {
	var counts []int
	total, most, name := 0, 0, ""
	for _, section := range kernel.Sections {
		n := 0
		for _, in := range section {
			if !sass.Match(pattern, in.Mnemonic) {
				continue
			}
			n += in.Count
			if in.Count > most {
				most, name = in.Count, in.Mnemonic
			}
		}
		if n > 0 {
			counts = append(counts, n)
			total += n
		}
	}
	if total == 0 {
		return results.Proof{}, false
	}
	proof := results.Proof{Kind: results.ProofSASS, Instruction: name, Count: total}
	if !sass.Agree(counts, pattern, want.Sections, want.PerStep) {
		proof.Kind = results.ProofNone
		proof.Detail = fmt.Sprintf("between the clock reads stand %v × %s, expected %v times %d", counts, name, want.Sections, max(want.PerStep, 1))
	}
	return proof, true
}
