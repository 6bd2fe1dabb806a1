package model

import (
	"maps"
	"slices"
)

// Two platforms are twins if sessions of the one say what sessions of the other do as
// often as their own other sessions do: then no answer tells them apart.
const (
	// twinSlack is how much less often it may be.
	twinSlack = 0.02
	// steady is how often sessions of one platform must repeat each other for that to
	// mean anything.
	steady = 0.25
)

// Twin reports whether answers cannot tell two platforms apart.
func (p *Platform) Twin(q *Platform) bool { return p.covers(q) && q.covers(p) }

// covers: q says what p's sessions said as often as p's other sessions do.
func (p *Platform) covers(q *Platform) bool {
	said, own, other := 0, 0, 0 // by sessions at places to which both came
	for i := range p.Places {
		at, there := q.index[p.Places[i].Key]
		if !there {
			continue
		}
		for j := range p.Places[i].Variants {
			v := &p.Places[i].Variants[j]
			said += len(v.In)
			if len(v.In) > 1 {
				own += len(v.In)
			}
			if o := v.observation(); q.Places[at].nearest(&o, nobody).count > 0 {
				other += len(v.In)
			}
		}
	}
	n := float64(said)
	return said > 0 && float64(own) >= steady*n && float64(other) >= float64(own)-twinSlack*n
}

// Twins names, for each platform, the first, by name, of those that answers cannot
// tell from it, or from one of its twins.
func Twins(platforms []*Platform) map[string]string {
	first := map[string]string{}
	for i, p := range platforms {
		first[p.Name] = p.Name
		for _, q := range platforms[:i] {
			if first[q.Name] != first[p.Name] && p.Twin(q) {
				join(first, first[p.Name], first[q.Name])
			}
		}
	}
	return first
}

// Groups are the names of the platforms of each group of twins, sorted.
func Groups(twins map[string]string) [][]string {
	byFirst := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(twins)) {
		byFirst[twins[name]] = append(byFirst[twins[name]], name)
	}
	var all [][]string
	for _, first := range slices.Sorted(maps.Keys(byFirst)) {
		all = append(all, byFirst[first])
	}
	return all
}

// join makes two groups one, under the name that comes first.
func join(first map[string]string, a, b string) {
	for name, of := range first {
		if of == a || of == b {
			first[name] = min(a, b)
		}
	}
}
