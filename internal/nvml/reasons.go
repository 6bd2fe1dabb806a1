package nvml

import "fmt"

// idle is the reason "nothing runs", which throttles nobody.
const idle = 1 << 0

// reasons in the order of NVML's bits; they are part of its ABI.
var reasons = []struct {
	bit  uint64
	name string
}{
	{1 << 1, "application_clocks"}, // clocks that a user has set
	{1 << 2, "sw_power_cap"},
	{1 << 3, "hw_slowdown"},
	{1 << 4, "sync_boost"},
	{1 << 5, "sw_thermal"},
	{1 << 6, "hw_thermal"},
	{1 << 7, "hw_power_brake"},
	{1 << 8, "display_clocks"},
	{1 << 9, "board_limit"},
	{1 << 10, "reliability"},
}

// reasonNames is not nil, so that none differs from not known.
func reasonNames(bits uint64) []string {
	names := []string{}
	bits &^= idle
	for _, r := range reasons {
		if bits&r.bit != 0 {
			names = append(names, r.name)
			bits &^= r.bit
		}
	}
	if bits != 0 {
		names = append(names, fmt.Sprintf("reason_%#x", bits))
	}
	return names
}
