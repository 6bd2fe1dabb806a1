package decide

import (
	"maps"
	"slices"
	"strings"
)

// fits is the most probable platform's word for a part, and those of platforms that
// cannot be told from it: "h100 or h200".
func (j *judge) fits(label string) string {
	best := j.result.Scores[0].Platform
	words := map[string]bool{best.Labels[label]: true}
	for _, s := range j.result.Scores[1:] {
		if best.Twin(s.Platform) {
			words[s.Platform.Labels[label]] = true
		}
	}
	delete(words, "")
	return strings.Join(slices.Sorted(maps.Keys(words)), " or ")
}
