package nn

import (
	"math"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Group is a part of a machine. A feature belongs to the first group of a list
// that has a word which its name contains.
type Group struct {
	Name  string
	Words []string
}

// DefaultGroups are the groups of the NCPP paper (processor, memory, system,
// workload) with the caches by themselves. Features that none of them names
// come last, as "other".
func DefaultGroups() []Group {
	return []Group{
		{"cache", []string{"cache", "l1", "l2", "l3", "llc"}},
		{"software", []string{"os", "compiler", "parallel", "file_system", "copies", "kernel", "published", "workload", "hugepage"}},
		{"memory", []string{"mem", "dimm", "bandwidth", "channel", "numa", "dram"}},
		{"processor", []string{"cpu", "core", "mhz", "ghz", "thread", "socket", "boost", "turbo", "fma", "family", "line", "suffix", "tdp"}},
		{"system", []string{"box", "storage", "vendor", "system", "bios", "disk", "power"}},
	}
}

// layout says which features the network sees and in which group. It is fixed
// before anything is learnt.
type layout []groupLayout

type groupLayout struct {
	Name       string   `json:"name"`
	Numeric    []string `json:"numeric,omitempty"`
	Categories []string `json:"categories,omitempty"`
}

// features lists the group's tokens in their order.
func (g groupLayout) features() []string { return slices.Concat(g.Numeric, g.Categories) }

func (g groupLayout) tokens() int { return len(g.Numeric) + len(g.Categories) }

// newLayout assigns the features that vary to groups and leaves out groups
// without features.
func newLayout(t *dataset.Table, groups []Group) layout {
	all := make(layout, len(groups)+1)
	for i, g := range groups {
		all[i].Name = g.Name
	}
	all[len(groups)].Name = "other"
	for _, c := range t.Numeric {
		if varies(c.Values, func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }) {
			g := &all[groupOf(c.Name, groups)]
			g.Numeric = append(g.Numeric, c.Name)
		}
	}
	for _, c := range t.Category {
		if varies(c.Values, func(a, b string) bool { return a == b }) {
			g := &all[groupOf(c.Name, groups)]
			g.Categories = append(g.Categories, c.Name)
		}
	}
	return slices.DeleteFunc(all, func(g groupLayout) bool { return g.tokens() == 0 })
}

func varies[T any](values []T, same func(a, b T) bool) bool {
	return slices.ContainsFunc(values, func(v T) bool { return !same(v, values[0]) })
}

func groupOf(feature string, groups []Group) int {
	for i, g := range groups {
		if slices.ContainsFunc(g.Words, func(w string) bool { return strings.Contains(feature, w) }) {
			return i
		}
	}
	return len(groups)
}
