package sass

import "strings"

// Match reports whether a mnemonic fits a pattern: alternatives separated by
// "|", each a base opcode that must be equal, and modifiers that must all be
// among the mnemonic's, in that order. "HMMA.16816" fits "HMMA.SP.16816.F32",
// "IMAD" does not fit "UIMAD". An empty pattern fits nothing.
func Match(pattern, mnemonic string) bool {
	have := strings.Split(mnemonic, ".")
	for alternative := range strings.SplitSeq(pattern, "|") {
		if alternative != "" && matchOne(strings.Split(alternative, "."), have) {
			return true
		}
	}
	return false
}

func matchOne(want, have []string) bool {
	if want[0] != have[0] {
		return false
	}
	want, have = want[1:], have[1:]
	for _, m := range have {
		if len(want) > 0 && want[0] == m {
			want = want[1:]
		}
	}
	return len(want) == 0
}

// Count is the number of instructions of a stretch of code that fit the pattern.
func Count(section []Instruction, pattern string) int {
	n := 0
	for _, i := range section {
		if Match(pattern, i.Mnemonic) {
			n++
		}
	}
	return n
}
