package table

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// measurePhase begins the name of the phase that measured one benchmark.
const measurePhase = "measure "

// slowestShown is how many benchmarks are named as the slowest.
const slowestShown = 5

// summary prints what a reader wants to know of the run as a whole.
func (p *printer) summary(d *results.Document) {
	if banner := cell.Banner(d); banner != "" {
		p.line("%s", banner)
	}
	p.labelled("summary", "%s", strings.Join(runFacts(d), ", "))
	if len(d.Rows) == 0 {
		p.line("no rows")
	} else {
		p.labelled("rows", "%d: %s", len(d.Rows), cell.CountLine(d.Rows))
		p.labelled("proof", "%s", proofLine(d.Rows))
	}
	if d.State == results.Interrupted {
		p.labelled("state", "interrupted: these are the rows that were measured before")
	}
	for _, s := range driftLines(d.Canary) {
		p.labelled("drift", "%s", s)
	}
	p.labelled("compile", "%s", compileLine(d.Compile))
	p.phases(d.Phases)
	p.legend(d.Rows)
}

func runFacts(d *results.Document) []string {
	facts := nonempty(d.Device.Name, d.Device.Target)
	if d.Device.SMs > 0 {
		facts = append(facts, fmt.Sprintf("%d SMs", d.Device.SMs))
	}
	if d.Device.Driver != "" {
		facts = append(facts, "driver "+d.Device.Driver)
	}
	return append(facts, nonempty(prefixed("suite ", d.Suite), prefixed("backend ", d.Backend), fmt.Sprintf("seed %d", d.Seed))...)
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// proofLine counts rows with a number by how they were proven.
func proofLine(rows []results.Row) string {
	n := map[results.ProofKind]int{}
	for _, r := range rows {
		if r.Status.HasNumber() {
			n[r.Proof.Kind]++
		}
	}
	var parts []string
	for _, k := range []results.ProofKind{results.ProofSASS, results.ProofScaling, results.ProofNone} {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k], k))
			delete(n, k)
		}
	}
	rest := 0
	for _, c := range n {
		rest += c
	}
	if rest > 0 {
		parts = append(parts, fmt.Sprintf("%d not said", rest))
	}
	if parts == nil {
		return "no row has a number"
	}
	return strings.Join(parts, ", ")
}

func compileLine(c results.Compile) string {
	if c.Modules == 0 {
		return "nothing"
	}
	s := fmt.Sprintf("%d modules (%d from the cache), %s on the wall, %s of CPU time", c.Modules, c.Cached, seconds(c.WallSeconds), seconds(c.CPUSeconds))
	if c.Slowest != "" {
		s += fmt.Sprintf("; slowest %s, %s", c.Slowest, seconds(c.SlowestSecs))
	}
	return s
}

// driftLines says how each canary moved: the span of its readings over their median.
func driftLines(readings []results.Canary) []string {
	var names []string
	by := map[string][]float64{}
	for _, c := range readings {
		if by[c.Name] == nil {
			names = append(names, c.Name)
		}
		by[c.Name] = append(by[c.Name], c.Value)
	}
	var lines []string
	for _, name := range names {
		s := results.Summarize(by[name])
		if s.N < 2 || s.Median == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %.2f %% between the extremes of %d readings", name, 100*(s.Max-s.Min)/s.Median, s.N))
	}
	return lines
}

// phases prints the wall time by phase, and the slowest benchmarks.
func (p *printer) phases(phases []results.Phase) {
	var parts, benchmarks []results.Phase
	total := 0.0
	for _, f := range phases {
		if name, one := strings.CutPrefix(f.Name, measurePhase); one {
			benchmarks = append(benchmarks, results.Phase{Name: name, Seconds: f.Seconds})
			continue
		}
		parts = append(parts, f)
		total += f.Seconds
	}
	if len(parts) > 0 {
		p.phaseTable("phase", append(parts, results.Phase{Name: "together", Seconds: total}))
	}
	slices.SortStableFunc(benchmarks, func(a, b results.Phase) int { return cmp.Compare(b.Seconds, a.Seconds) })
	if len(benchmarks) > slowestShown {
		benchmarks = benchmarks[:slowestShown]
	}
	if len(benchmarks) > 0 {
		p.phaseTable("slowest benchmarks", benchmarks)
	}
}

func (p *printer) phaseTable(title string, phases []results.Phase) {
	names := column{header: title, least: 16}
	times := column{header: "wall time", right: true}
	for _, f := range phases {
		names.cells = append(names.cells, f.Name)
		times.cells = append(times.cells, seconds(f.Seconds))
	}
	p.print("\n")
	p.table([]column{names, times})
}

// legend explains the marks that stand in the tables.
func (p *printer) legend(rows []results.Row) {
	var secondary, noted, sensors bool
	for _, r := range rows {
		sensors = sensors || r.ClockFrom == "nvml"
		for _, f := range r.Published {
			secondary, noted = secondary || f.Secondary, noted || f.Note != ""
		}
	}
	if !secondary && !noted && !sensors {
		return
	}
	p.print("\n")
	if secondary {
		p.line("† published figure read in somebody's transcription")
	}
	if noted {
		p.line("‡ published figure with a note, such as a known error; the document has it")
	}
	if sensors {
		p.line("* clock from the card's sensors: the kernel is too short to measure it")
	}
}
