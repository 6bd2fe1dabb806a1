package hspitest

// Fewer is n, and with the race detector, which makes calculations ten times as
// slow and finds the same races in less of them, only the few.
func Fewer(n, few int) int {
	if race {
		return few
	}
	return n
}
