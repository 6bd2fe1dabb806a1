package dataset

import "slices"

// Knob is a resource of a machine that can be imagined greater: the columns in
// Up grow with it, those in Down shrink.
type Knob struct {
	Name     string
	Up, Down []string
}

// Turn gives the rows from..to (without to) factor times as much of the
// resource, in place. Columns that the table lacks are left alone.
func (k Knob) Turn(t *Table, factor float64, from, to int) {
	for j := range t.Numeric {
		c := &t.Numeric[j]
		by := 1.0
		switch {
		case slices.Contains(k.Up, c.Name):
			by = factor
		case slices.Contains(k.Down, c.Name):
			by = 1 / factor
		}
		for i := from; i < to; i++ {
			c.Values[i] *= by
		}
	}
}

// SPECKnobs are the resources of the SPEC tables' machines. More cores bring
// copies and caches with them and share the memory.
func SPECKnobs() []Knob {
	return []Knob{
		{Name: "clock", Up: []string{"nominal_mhz", "max_mhz", "core_ghz"}, Down: []string{"bandwidth_per_core_ghz"}},
		{
			Name: "cores",
			Up:   []string{"cores_per_socket", "cores", "core_ghz", "threads", "copies", "l3_kb"},
			Down: []string{"bandwidth_per_core", "bandwidth_per_core_ghz", "mem_gb_per_copy"},
		},
		{Name: "memory bandwidth", Up: []string{"mem_rate", "bandwidth", "bandwidth_per_core", "bandwidth_per_core_ghz"}},
		{Name: "L3 cache", Up: []string{"l3_kb", "l3_kb_per_core"}},
	}
}
