package perfpred

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// facts fill the blanks of a machine's description: features by name.
type facts struct {
	Numbers map[string]float64 `json:"numbers,omitempty"`
	Names   map[string]string  `json:"names,omitempty"`
}

// factBook holds facts by name. They stay JSON until one is looked up: there are
// hundreds of CPUs, and a prediction needs one.
type factBook map[string]jsontext.Value

// look returns the facts of a name, and whether there are any. It returns
// model.ErrFile where a file has something else in their place.
func (b factBook) look(name string) (f facts, found bool, err error) {
	text, found := b[name]
	if !found {
		return f, false, nil
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, true, fmt.Errorf("%w: what is usual for %s: %w", model.ErrFile, name, err)
	}
	return f, true, nil
}

// ofCPU are the features that the CPU's name settles.
func ofCPU() []string {
	return []string{"nominal_mhz", "max_mhz", "cores_per_socket", "l2_kb", "l3_kb"}
}

// ofMachine are the features that are usual with a CPU or with its maker.
func ofMachine() []string {
	return []string{
		"sockets", "threads_per_core", "copies_per_core", "numas_per_socket", "dimms_per_channel", "dimm_gb",
		"mem_rated", "storage_gb", "os_version", "compiler_version", "parallel", "published",
	}
}

// usual returns the commonest values of the rows that keep says yes to.
func usual(t *dataset.Table, columns []string, keep func(row int) bool) facts {
	f := facts{Numbers: map[string]float64{}, Names: map[string]string{}}
	for _, c := range t.Numeric {
		if slices.Contains(columns, c.Name) {
			if v, ok := commonest(c.Values, keep, func(v float64) bool { return !math.IsNaN(v) }); ok {
				f.Numbers[c.Name] = v
			}
		}
	}
	for _, c := range t.Category {
		if v, ok := commonest(c.Values, keep, func(v string) bool { return v != "" }); ok {
			f.Names[c.Name] = v
		}
	}
	return f
}

// commonest returns the commonest known value, the greater of equals.
func commonest[T cmp.Ordered](values []T, keep func(int) bool, known func(T) bool) (T, bool) {
	votes := map[T]int{}
	for i, v := range values {
		if keep(i) && known(v) {
			votes[v]++
		}
	}
	var none T
	if len(votes) == 0 {
		return none, false
	}
	return slices.MaxFunc(slices.Collect(maps.Keys(votes)), func(a, b T) int {
		return cmp.Or(cmp.Compare(votes[a], votes[b]), cmp.Compare(a, b))
	}), true
}

// factsByGroup returns what is usual for each name of a group. Serial runs do not
// count.
func factsByGroup(t *dataset.Table, group string, columns []string) (factBook, error) {
	names, err := t.Group(group)
	if err != nil {
		return nil, err
	}
	out := factBook{}
	for i, name := range names {
		if _, ok := out[name]; ok || name == "" || dataset.Serial(t, i) {
			continue
		}
		found := usual(t, columns, func(row int) bool { return names[row] == name && !dataset.Serial(t, row) })
		if out[name], err = json.Marshal(found, json.Deterministic(true)); err != nil {
			return nil, fmt.Errorf("encode what is usual for %s: %w", name, err)
		}
	}
	return out, nil
}
