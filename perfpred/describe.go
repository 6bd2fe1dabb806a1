package perfpred

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/internal/spelling"
	"github.com/gpubench/gpubench/perfpred/dataset"
)

// description is a machine to predict, and what was assumed about it.
type description struct {
	table   *dataset.Table
	assumed []string
}

// describe completes what the user says, in the columns of the SPEC data set,
// from what is usual for the CPU and for its maker.
func (s *Suite) describe(given map[string]string) (*description, error) {
	name := dataset.CPUName(given["model_name"])
	cpu, known, err := s.cpus.look(name)
	if err != nil {
		return nil, err
	}
	if !known {
		if err := enoughSaid(name, given, slices.Sorted(maps.Keys(s.cpus))); err != nil {
			return nil, err
		}
	}
	maker, _, err := s.makers.look(dataset.ParseCPU(name).Vendor)
	if err != nil {
		return nil, err
	}
	d := &description{}
	b := blanks{values: maps.Clone(given), cpu: cpu, maker: maker, d: d, rate: strings.HasSuffix(s.Name, "_rate")}
	b.fill(dataset.ParseCPU(name))
	t, err := dataset.SPECMachine(s.Name, b.values)
	if err != nil {
		return nil, err
	}
	b.fillTable(t)
	d.table = t
	slices.Sort(d.assumed)
	return d, nil
}

// enoughSaid asks for the least that describes a CPU of an unknown name.
func enoughSaid(name string, given map[string]string, known []string) error {
	var lacking []string
	for _, c := range []string{"nominal_mhz", "max_mhz", "cores_per_socket", "l2_cache_kb", "l3_cache_kb"} {
		if given[c] == "" {
			lacking = append(lacking, c)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	near := nearestNames(name, known)
	return fmt.Errorf("%w: %q; say %s, or did you mean %s?", ErrUnknownCPU, name, strings.Join(lacking, ", "), strings.Join(near, ", "))
}

// nearestNames returns the three names with the fewest edits from name.
func nearestNames(name string, known []string) []string {
	near := slices.Clone(known)
	slices.SortStableFunc(near, func(a, b string) int {
		return cmp.Compare(spelling.Distance(strings.ToLower(name), strings.ToLower(a)), spelling.Distance(strings.ToLower(name), strings.ToLower(b)))
	})
	return near[:min(3, len(near))]
}

// blanks fills in what was not given.
type blanks struct {
	values     map[string]string
	cpu, maker facts
	d          *description
	rate       bool
}

// usual returns what the CPU, else its maker, usually has.
func (b *blanks) usual(feature string, otherwise float64) float64 {
	for _, f := range []facts{b.cpu, b.maker} {
		if v, ok := f.Numbers[feature]; ok {
			return v
		}
	}
	return otherwise
}

// set takes the value unless the user gave one; assume tells the user.
func (b *blanks) set(column string, v float64, assume bool) {
	if b.values[column] != "" || math.IsNaN(v) {
		return
	}
	b.values[column] = strconv.FormatFloat(v, 'f', -1, 64)
	if assume {
		b.d.assumed = append(b.d.assumed, fmt.Sprintf("%s %s", column, b.values[column]))
	}
}

// value reads what is set; the loader judges what cannot be read.
func (b *blanks) value(column string) float64 {
	v, err := strconv.ParseFloat(b.values[column], 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// fill sets the columns that others are derived from, in their order.
func (b *blanks) fill(cpu dataset.CPU) {
	unknown := math.NaN()
	for column, feature := range map[string]string{"nominal_mhz": "nominal_mhz", "max_mhz": "max_mhz", "cores_per_socket": "cores_per_socket", "l2_cache_kb": "l2_kb", "l3_cache_kb": "l3_kb"} {
		b.set(column, b.usual(feature, unknown), false)
	}
	b.set("sockets", b.usual("sockets", 1), true)
	b.set("threads_per_core", b.usual("threads_per_core", 1), true)
	cores := b.value("sockets") * b.value("cores_per_socket")
	b.set("cpus", cores*b.value("threads_per_core"), false)
	b.set("numas", max(1, math.Round(b.value("sockets")*b.usual("numas_per_socket", 1))), true)
	perCore := b.usual("copies_per_core", 1)
	if b.rate {
		perCore = b.value("threads_per_core")
	}
	b.set("threads_or_copies", math.Round(cores*perCore), true)
	channels := cpu.Channels
	if math.IsNaN(channels) {
		channels = 2
	}
	b.set("mem_channels", math.Round(b.value("sockets")*channels*b.usual("dimms_per_channel", 1)), true)
	b.set("channel_kb", b.usual("dimm_gb", 16)*(1<<20), true)
	b.set("mem_kb", b.value("mem_channels")*b.value("channel_kb")*0.98, false) // the kernel keeps some
	b.set("mem_data_rate", b.usual("mem_rated", cpu.MemRate), true)
}

// fillTable sets the features that nothing is derived from.
func (b *blanks) fillTable(t *dataset.Table) {
	for _, name := range []string{"storage_gb", "os_version", "compiler_version", "parallel", "published"} {
		if c, err := t.Column(name); err == nil && math.IsNaN(c.Values[0]) {
			if v := b.usual(name, math.NaN()); !math.IsNaN(v) {
				c.Values[0] = v
				b.d.assumed = append(b.d.assumed, fmt.Sprintf("%s %.6g", name, v))
			}
		}
	}
	for i := range t.Category {
		c := &t.Category[i]
		if c.Values[0] == "" && slices.Contains([]string{"box", "os", "compiler", "file_system"}, c.Name) {
			c.Values[0] = cmp.Or(b.cpu.Names[c.Name], b.maker.Names[c.Name])
			if c.Values[0] != "" {
				b.d.assumed = append(b.d.assumed, c.Name+" "+c.Values[0])
			}
		}
	}
}
