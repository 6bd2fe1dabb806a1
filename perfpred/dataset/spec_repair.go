package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// repairSPEC normalises what the results of one CPU must agree on, and doubts
// what contradicts itself.
func repairSPEC(t *Table, rows []specRow) {
	repairRates(t, rows)
	constants := []struct {
		column string
		field  func(*specRow) *float64
	}{
		{"nominal_mhz", func(r *specRow) *float64 { return &r.nominalMHz }},
		{"max_mhz", func(r *specRow) *float64 { return &r.maxMHz }},
		{"l2_cache_kb", func(r *specRow) *float64 { return &r.l2KB }},
		{"l3_cache_kb", func(r *specRow) *float64 { return &r.l3KB }},
		{"cores_per_socket", func(r *specRow) *float64 { return &r.perSocket }},
	}
	for _, c := range constants {
		agree(t, rows, c.column, c.field)
	}
	repairBoost(t, rows)
	repairTopology(t, rows)
	doubtMemory(t, rows)
	repairSerial(t, rows)
}

// repairRates rounds DDR4's 2667 MT/s to the 2666 that most write.
func repairRates(t *Table, rows []specRow) {
	n := 0
	for i := range rows {
		if rows[i].memRate == 2667 {
			rows[i].memRate = 2666
			n++
		}
	}
	if n > 0 {
		t.report(Finding{Repaired, "units", "mem_data_rate", n, "2667 MT/s is another way to write 2666"})
	}
}

// agree replaces a CPU's unknown or deviating value by that CPU's commonest.
// Only columns that are properties of the CPU model pass through here.
func agree(t *Table, rows []specRow, column string, field func(*specRow) *float64) {
	votes := map[string]map[float64]int{}
	for i := range rows {
		if v := *field(&rows[i]); !math.IsNaN(v) {
			if votes[rows[i].model] == nil {
				votes[rows[i].model] = map[float64]int{}
			}
			votes[rows[i].model][v]++
		}
	}
	n := 0
	for i := range rows {
		of := votes[rows[i].model]
		if rows[i].model == "" || len(of) == 0 {
			continue
		}
		common := slices.MaxFunc(slices.Collect(maps.Keys(of)), func(a, b float64) int {
			return cmp.Or(cmp.Compare(of[a], of[b]), cmp.Compare(a, b))
		})
		if v := field(&rows[i]); *v != common {
			*v = common
			n++
		}
	}
	if n > 0 {
		t.report(Finding{Repaired, "contradiction", column, n, "other results of the same CPU agree on another value, which was taken"})
	}
}

// repairBoost fills the maximum clock of CPUs without boost.
func repairBoost(t *Table, rows []specRow) {
	n := 0
	for i := range rows {
		if r := &rows[i]; math.IsNaN(r.maxMHz) && r.nominalMHz > 0 {
			r.maxMHz = r.nominalMHz
			n++
		}
	}
	if n > 0 {
		t.report(Finding{Repaired, "missing", "max_mhz", n, "no maximum clock given; the nominal clock was taken"})
	}
}

// repairTopology completes sockets, cores and threads from one another.
func repairTopology(t *Table, rows []specRow) {
	filled, wrong := 0, 0
	for i := range rows {
		r := &rows[i]
		product := r.smt * r.perSocket * r.sockets
		if r.threads > 0 && product > 0 && r.threads != product {
			wrong++
		}
		if math.IsNaN(r.sockets) && r.dimms > 0 && r.cpu.Channels > 0 {
			r.sockets = max(1, math.Round(r.dimms/r.cpu.Channels/2))
			filled++
		}
		if math.IsNaN(r.smt) && r.threads > 0 && r.perSocket > 0 && r.sockets > 0 {
			r.smt = r.threads / r.perSocket / r.sockets
		}
		if math.IsNaN(r.perSocket) && r.copies > 0 && r.sockets > 0 {
			r.perSocket = max(1, r.copies/r.sockets/2)
		}
	}
	if filled > 0 {
		t.report(Finding{Repaired, "missing", "sockets", filled, "no topology given; estimated from the DIMMs (two a channel) and the copies (two a core)"})
	}
	if wrong > 0 {
		t.report(Finding{Suspect, "contradiction", "cpus", wrong, "threads are not sockets x cores x threads per core"})
	}
}

// repairSerial gives speed runs that were compiled without threads what they run
// on, whatever number of threads the result lists: one core of one socket. They are
// up to 80 times as slow as the same machine's other runs.
func repairSerial(t *Table, rows []specRow) {
	n := 0
	for i := range rows {
		r := &rows[i]
		if !serial(t, r.parallel) {
			continue
		}
		r.dimms, r.memKB, r.numas = r.dimms/r.sockets, r.memKB/r.sockets, r.numas/r.sockets
		r.sockets, r.perSocket, r.smt, r.threads, r.copies = 1, 1, 1, 1, 1
		n++
	}
	if n > 0 {
		t.report(Finding{Repaired, "contradiction", "threads_or_copies", n, "several threads in a run that is not parallel; taken as one on one core"})
	}
}

func serial(t *Table, parallel float64) bool {
	return strings.HasSuffix(t.Name, "_speed") && parallel == 0
}

// Serial says whether a SPEC table's row is a speed run without threads. Its
// features are those of what it ran on, one core, and say little of the machine.
func Serial(t *Table, row int) bool {
	c, err := t.Column("parallel")
	return err == nil && serial(t, c.Values[row])
}

// doubtMemory reports rows whose DIMMs do not add up to the memory.
func doubtMemory(t *Table, rows []specRow) {
	sum, uneven := 0, 0
	for i := range rows {
		r := &rows[i]
		if off := r.memKB / (r.dimms * r.dimmKB); off > 1.02 || off < 0.85 {
			sum++
		}
		if n := r.dimms / r.sockets; n != math.Trunc(n) {
			uneven++
		}
	}
	if sum > 0 {
		t.report(Finding{Suspect, "contradiction", "mem_kb", sum, "DIMMs times their size are not the memory that the system reports"})
	}
	if uneven > 0 {
		t.report(Finding{Suspect, "uneven", "mem_channels", uneven, fmt.Sprintf("the DIMMs do not divide by the sockets (%d rows): a DIMM was lost or miscounted", uneven)})
	}
}
