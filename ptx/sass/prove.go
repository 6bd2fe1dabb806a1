package sass

import "strings"

// Names of the clock's special registers.
const (
	clockLow  = "SR_CLOCKLO"
	clockHigh = "SR_CLOCKHI"
)

// readsClock tells a read of the clock; %globaltimer is none.
func (i Instruction) readsClock() bool { return i.Special == clockLow || i.Special == clockHigh }

// Sections are the stretches of code between one read of the clock and the
// next, in the order of addresses: n reads make n-1 sections, and code before
// the first and after the last is in none. The reads themselves are left out.
func (k *Kernel) Sections() [][]Instruction {
	var sections [][]Instruction
	last := -1
	for at, i := range k.Code {
		if !i.readsClock() {
			continue
		}
		if last >= 0 {
			sections = append(sections, k.Code[last+1:at])
		}
		last = at
	}
	return sections
}

// Agree reports whether the counts of a pattern in the sections of a kernel hold
// want[0]*perStep, then want[1]*perStep, and so on, in this order, with other
// sections anywhere between. An entry 0 of want asks for nothing; perStep 0
// means 1.
//
// A count may exceed what is wanted only where the pattern also fits the
// integer bookkeeping of loops and addresses, and only by a little.
func Agree(found []int, pattern string, want []int, perStep int) bool {
	for _, n := range want {
		if n == 0 {
			continue
		}
		n *= max(perStep, 1)
		for len(found) > 0 && (found[0] < n || found[0] > n+slack(pattern, n)) {
			found = found[1:]
		}
		if len(found) == 0 {
			return false
		}
		found = found[1:]
	}
	return true
}

// bookkeeping are the opcodes that loop counters, addresses and the folding of
// results are made of.
var bookkeeping = map[string]bool{
	"IADD3": true, "IADD": true, "VIADD": true, "IMAD": true, "LEA": true, "LOP3": true, "MOV": true,
	"SHF": true, "SEL": true, "ISETP": true, "UIADD3": true, "ULOP3": true, "UMOV": true, "USHF": true, "UISETP": true,
}

// slack is by how much the count of a bookkeeping opcode may exceed n.
func slack(pattern string, n int) int {
	for alternative := range strings.SplitSeq(pattern, "|") {
		if base, _, _ := strings.Cut(alternative, "."); bookkeeping[base] {
			return 4 + n/8
		}
	}
	return 0
}
