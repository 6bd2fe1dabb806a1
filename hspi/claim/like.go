package claim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/internal/spelling"
)

// like names the known words that are spelt most like one that is not; where none
// is, all words of the parts.
func like(word string, known map[Part][]string, parts ...Part) string {
	type near struct {
		text string
		far  int
	}
	var all []near
	for _, p := range parts {
		for _, w := range known[p] {
			if far := spelling.Distance(word, w); 3*far <= max(len(word), 3) && far < len(w) { // a third of the letters may be wrong
				all = append(all, near{fmt.Sprintf("%q (%s)", w, p), far})
			}
		}
	}
	if len(all) == 0 {
		return "; " + understood(known, parts)
	}
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(a.far, b.far) })
	const most = 3
	var names []string
	for _, n := range all[:min(most, len(all))] {
		names = append(names, n.text)
	}
	return "; did you mean " + strings.Join(names, ", or ") + "?"
}

func understood(known map[Part][]string, parts []Part) string {
	var lines []string
	for _, p := range parts {
		lines = append(lines, fmt.Sprintf("%s: %s", p, strings.Join(known[p], ", ")))
	}
	return "known are " + strings.Join(lines, "; ")
}

func partNames() string {
	var names []string
	for _, p := range Parts() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}
