package dataset

import (
	"fmt"
	"math"
	"slices"
)

// specFeature is a number that a SPEC result's row gives.
type specFeature struct {
	name, unit string
	scale      Scale
	of         func(r *specRow) float64
}

// specMain are the columns whose products a linear model sees.
func specMain() []string {
	return []string{"nominal_mhz", "max_mhz", "cores_per_socket", "sockets", "l3_kb_per_core", "bandwidth_per_core", "copies_per_core", "dimms_per_channel"}
}

// specFeatureList are the features of the SPEC tables. Totals, what one core
// and what one copy has of them: the copies of a rate run share the caches and
// the memory, and a linear model of logarithms cannot subtract unknown columns.
func specFeatureList() []specFeature {
	return []specFeature{
		{"nominal_mhz", "MHz", Log, func(r *specRow) float64 { return r.nominalMHz }},
		{"max_mhz", "MHz", Log, func(r *specRow) float64 { return r.maxMHz }},
		{"boost", "1", Log, func(r *specRow) float64 { return r.maxMHz / r.nominalMHz }},
		{"sockets", "1", Log, func(r *specRow) float64 { return r.sockets }},
		{"cores_per_socket", "1", Log, func(r *specRow) float64 { return r.perSocket }},
		{"cores", "1", Log, (*specRow).cores},
		{"core_ghz", "GHz", Log, func(r *specRow) float64 { return r.cores() * r.nominalMHz / 1000 }},
		{"threads", "1", Log, func(r *specRow) float64 { return r.threads }},
		{"threads_per_core", "1", Log, func(r *specRow) float64 { return r.smt }},
		{"copies", "1", Log, func(r *specRow) float64 { return r.copies }},
		{"copies_per_core", "1", Log, func(r *specRow) float64 { return r.copies / r.cores() }},
		{"numas_per_socket", "1", Log, func(r *specRow) float64 { return r.numas / r.sockets }},
		{"l2_kb", "KB", Log, func(r *specRow) float64 { return r.l2KB }},
		{"l3_kb", "KB", Log, func(r *specRow) float64 { return r.l3KB }},
		{"l3_kb_per_core", "KB", Log, func(r *specRow) float64 { return r.l3KB / r.perSocket }},
		{"mem_gb", "GB", Log, func(r *specRow) float64 { return r.memKB / (1 << 20) }},
		{"mem_gb_per_copy", "GB", Log, func(r *specRow) float64 { return r.memKB / (1 << 20) / r.copies }},
		{"dimm_gb", "GB", Log, func(r *specRow) float64 { return r.dimmKB / (1 << 20) }},
		{"dimms_per_channel", "1", Log, func(r *specRow) float64 { return r.dimms / r.sockets / r.cpu.Channels }},
		{"mem_rate", "MT/s", Log, (*specRow).rate},
		{"mem_rated", "MT/s", Log, func(r *specRow) float64 { return r.memRate }},
		{"bandwidth", "GB/s", Log, (*specRow).bandwidth},
		{"bandwidth_per_core", "GB/s", Log, func(r *specRow) float64 { return r.bandwidth() / r.cores() }},
		{"bandwidth_per_core_ghz", "B", Log, func(r *specRow) float64 { return r.bandwidth() / (r.cores() * r.nominalMHz / 1000) }},
		{"channels", "1", Log, func(r *specRow) float64 { return r.cpu.Channels }},
		{"storage_gb", "GB", Log, func(r *specRow) float64 { return r.storageGB }},
		{"fma_units", "1", Linear, func(r *specRow) float64 { return r.cpu.FMA }},
		{"cpu_tier", "1", Linear, func(r *specRow) float64 { return r.cpu.Tier }},
		{"cpu_number", "1", Linear, func(r *specRow) float64 { return math.Mod(r.cpu.Number, 100) }},
		{"os_version", "1", Linear, func(r *specRow) float64 { return r.osVersion }},
		{"compiler_version", "1", Linear, func(r *specRow) float64 { return r.compilerVersion }},
		{"parallel", "1", Linear, func(r *specRow) float64 { return r.parallel }},
		{"published", "year", Linear, func(r *specRow) float64 { return r.published }},
	}
}

func (r *specRow) cores() float64 { return r.perSocket * r.sockets }

// rate is the speed that the memory runs at: the DIMMs' or the CPU's limit.
func (r *specRow) rate() float64 {
	if math.IsNaN(r.cpu.MemRate) {
		return r.memRate
	}
	if math.IsNaN(r.memRate) {
		return r.cpu.MemRate
	}
	return min(r.memRate, r.cpu.MemRate)
}

// bandwidth is the peak of the populated channels, 8 bytes wide each, in GB/s.
func (r *specRow) bandwidth() float64 {
	return r.sockets * min(r.dimms/r.sockets, r.cpu.Channels) * r.rate() * 8 / 1000
}

// specFeatures fills the table's columns, categories and groups.
func specFeatures(t *Table, rows []specRow) {
	for _, f := range specFeatureList() {
		c := Column{Name: f.name, Unit: f.unit, Scale: f.scale, Main: slices.Contains(specMain(), f.name), Values: make([]float64, len(rows))}
		for i := range rows {
			c.Values[i] = f.of(&rows[i])
		}
		t.Numeric = append(t.Numeric, c)
	}
	names := []struct {
		name string
		of   func(r *specRow) string
	}{
		{"family", func(r *specRow) string { return r.cpu.Family }},
		{"line", func(r *specRow) string { return r.cpu.Line }},
		{"suffix", func(r *specRow) string { return r.cpu.Suffix }},
		{"box", func(r *specRow) string { return r.box }},
		{"os", func(r *specRow) string { return r.os }},
		{"compiler", func(r *specRow) string { return r.compiler }},
		{"file_system", func(r *specRow) string { return r.fs }},
	}
	for _, n := range names {
		c := Category{Name: n.name, Values: make([]string, len(rows))}
		for i := range rows {
			c.Values[i] = n.of(&rows[i])
		}
		t.Category = append(t.Category, c)
	}
	specGroups(t, rows)
}

func specGroups(t *Table, rows []specRow) {
	unknown := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		if r.cpu.Family == "" && r.model != "" {
			unknown[r.model] = true
		}
		t.Groups[GroupCPU] = append(t.Groups[GroupCPU], r.model)
		t.Groups[GroupFamily] = append(t.Groups[GroupFamily], r.cpu.Family)
		t.Groups[GroupVendor] = append(t.Groups[GroupVendor], r.cpu.Vendor)
		t.Groups[GroupSystem] = append(t.Groups[GroupSystem], r.box)
	}
	for name := range unknown {
		t.report(Finding{Suspect, "cpu", "", 0, fmt.Sprintf("%q is a CPU of no known family", name)})
	}
}
