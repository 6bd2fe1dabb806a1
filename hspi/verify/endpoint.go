package verify

import (
	"maps"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// Fact is something that the endpoint was seen to do, or says about itself.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Prefixes of the values of a capability note.
const (
	declared = "declared."
	refusal  = "refusal."
)

// endpoint keeps what discovery found: what the endpoint can do, the words in which
// it refused the rest, and what it says about itself, which is a claim and no evidence.
func (r *Result) endpoint(n *evidence.Note) {
	r.Abilities, r.Declared = nil, nil // of the last discovery
	var refusals []Fact
	for _, name := range slices.Sorted(maps.Keys(n.Values)) {
		value := n.Values[name]
		said, isDeclared := strings.CutPrefix(name, declared)
		what, isRefusal := strings.CutPrefix(name, refusal)
		switch {
		case isDeclared:
			r.Declared = append(r.Declared, Fact{said, value})
		case isRefusal:
			refusals = append(refusals, Fact{what + " refused", value})
		case value == "":
			r.Abilities = append(r.Abilities, Fact{name, "not tried, or not known"})
		case value == "-1":
			r.Abilities = append(r.Abilities, Fact{name, "none"})
		default:
			r.Abilities = append(r.Abilities, Fact{name, value})
		}
	}
	r.Abilities = append(r.Abilities, refusals...)
}

// lines are facts as text.
func lines(facts []Fact) []string {
	var all []string
	for _, f := range facts {
		all = append(all, f.Name+": "+f.Value)
	}
	return all
}

// rows are facts as rows of a table.
func rows(facts []Fact) [][]string {
	var all [][]string
	for _, f := range facts {
		all = append(all, []string{f.Name, f.Value})
	}
	return all
}
