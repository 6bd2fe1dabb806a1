package host

import (
	"fmt"
	"strconv"
	"strings"
)

// parseCPUs reads the kernel's notation of sets, "0-3,8,10-11".
func parseCPUs(text string) ([]int, error) {
	var list []int
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	for _, span := range strings.Split(text, ",") {
		low, high, isRange := strings.Cut(span, "-")
		from, err := strconv.Atoi(low)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(high)
		}
		if err != nil || from < 0 || to < from || to-from > 1<<16 {
			return nil, fmt.Errorf("host: %q is not a list of CPUs", text)
		}
		for cpu := from; cpu <= to; cpu++ {
			list = append(list, cpu)
		}
	}
	return list, nil
}
