package sass

import (
	"errors"
	"fmt"
	"strings"
)

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

// ErrNotProven means that the machine code does not show what was expected.
var ErrNotProven = errors.New("not proven")

// Prove looks for the expected work between the clock reads and returns the
// counts found; Agree says what is expected of them.
func Prove(k *Kernel, pattern string, want []int, perStep int) ([]int, error) {
	var found []int
	for _, s := range k.Sections() {
		if n := Count(s, pattern); n > 0 {
			found = append(found, n)
		}
	}
	counts, ok := Agree(found, pattern, want, perStep)
	if !ok {
		return found, fmt.Errorf("%w: the sections of kernel %s between clock reads hold %v of %s, wanted %v times %d",
			ErrNotProven, k.Name, found, pattern, want, max(perStep, 1))
	}
	return counts, nil
}

// Agree looks through the counts of a pattern in the sections of a kernel for
// want[0]*perStep, then want[1]*perStep, and so on, in this order, with other
// sections anywhere between, and returns those that fit. An entry 0 of want
// asks for nothing; perStep 0 means 1.
//
// A count may exceed what is wanted only where the pattern also fits the
// integer bookkeeping of loops and addresses, and only by a little.
func Agree(found []int, pattern string, want []int, perStep int) ([]int, bool) {
	var counts []int
	for _, n := range want {
		if n == 0 {
			continue
		}
		n *= max(perStep, 1)
		for len(found) > 0 && (found[0] < n || found[0] > n+slack(pattern, n)) {
			found = found[1:]
		}
		if len(found) == 0 {
			return nil, false
		}
		counts, found = append(counts, found[0]), found[1:]
	}
	return counts, true
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
