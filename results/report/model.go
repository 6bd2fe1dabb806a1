package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot"
	"github.com/gpubench/gpubench/results/table/cell"
)

// page is everything that a report says; HTML and Markdown only lay it out.
type page struct {
	Title  string
	Banner string // whole, for the top
	Stamp  string // short, for captions
	State  string // empty where the run came to its end
	// Facts are the summary, Raw the facts about the document itself.
	Facts, Raw []fact
	Counts     []count
	Phases     []fact
	Slowest    []cost
	Attention  []attention
	Reading    []fact
	Sections   []section
	Pictures   []picture // of the whole run
}

// fact is a name with its value.
type fact struct{ Name, Value string }

// count is the number of rows with a status, and what the status means.
type count struct {
	Status  results.Status
	Rows    int
	Meaning string
}

// cost is what a benchmark took.
type cost struct {
	Name, ID        string
	Points          int
	Device, Compile float64 // seconds
}

// attention lists rows that are not ok for the same reason.
type attention struct {
	Status        results.Status
	Benchmark, ID string
	Reason        string
	Rows          []string
}

// section is one benchmark.
type section struct {
	Name, ID string
	results.BenchmarkInfo
	Counts   string
	Pictures []picture
	// Common is the coordinates that all rows share.
	Common  string
	Columns []column
	Rows    []line
	Notes   []note
	Stamp   string
}

// column is a head of a table; numbers are set to the right.
type column struct {
	Head   string
	Number bool
}

// line is a row of a table.
type line struct {
	ID     string
	Status results.Status
	Cells  []field
}

// field is a cell of a table.
type field struct {
	Text string
	// Sort orders cells where the text does not; Hint is more about the cell.
	Sort, Hint string
	Number     bool
	Notes      []mark
}

// mark points to a note.
type mark struct{ Label, ID string }

// note is a footnote of a table.
type note struct{ Label, ID, Text string }

// picture is a picture with the caption that the report gives it.
type picture struct {
	plot.Picture
	File string
}

func newPage(doc *results.Document, pictures []plot.Picture) *page {
	p := &page{
		Title:     "gpubench: " + cmp.Or(doc.Device.Name, "an unnamed GPU"),
		Banner:    cell.Banner(doc),
		Stamp:     plot.Stamp(doc),
		Facts:     facts(doc),
		Raw:       rawFacts(doc),
		Slowest:   slowest(doc, 5),
		Attention: attentions(doc.Rows),
		Reading:   reading(),
	}
	if doc.State == results.Interrupted {
		p.State = "This run was interrupted: what it had measured until then is here, the rest is missing."
	}
	for _, c := range cell.Counts(doc.Rows) {
		p.Counts = append(p.Counts, count{c.Status, c.Rows, meaning(c.Status)})
	}
	for _, f := range doc.Phases {
		p.Phases = append(p.Phases, fact{f.Name, seconds(f.Seconds)})
	}
	by := map[string][]picture{}
	for _, x := range pictures {
		by[x.Benchmark] = append(by[x.Benchmark], picture{Picture: x, File: x.Name + ".png"})
	}
	p.Pictures = by[""]
	for _, name := range sectionNames(doc) {
		p.Sections = append(p.Sections, newSection(doc, name, by[name], p.Stamp))
	}
	return p
}

// sectionNames lists benchmarks in the order of their rows; those that have only
// curves, grids or a description come after.
func sectionNames(doc *results.Document) []string {
	names, _ := cell.Groups(doc.Rows)
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, s := range doc.Series {
		add(s.Benchmark)
	}
	for _, g := range doc.Grids {
		add(g.Benchmark)
	}
	for _, b := range doc.Benchmarks {
		add(b.Name)
	}
	return names
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// anchor is the name of a section in links.
func anchor(name string) string {
	return "b-" + strings.Trim(notInID.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// meaning explains a status.
func meaning(s results.Status) string {
	switch s {
	case results.OK:
		return "measured, and passed every gate"
	case results.Flagged:
		return "the number passed the gates but is surprising; the reason says how"
	case results.Throttled:
		return "the card held its clock back while this was measured"
	case results.Implausible:
		return "above the theoretical peak: the number is kept for inspection and must not be used"
	case results.Failed:
		return "could not be measured, or its result was wrong"
	case results.Unsupported:
		return "this GPU or driver cannot do it"
	case results.Skipped:
		return "not measured in this run"
	}
	return "of a kind that this version of gpubench does not know"
}

// attentions groups rows that are not ok; what needs a reader most comes first.
func attentions(rows []results.Row) []attention {
	var list []attention
	index := map[string]int{}
	for _, r := range rows {
		if r.Status == results.OK {
			continue
		}
		key := string(r.Status) + "\x00" + r.Benchmark + "\x00" + r.Reason
		i, seen := index[key]
		if !seen {
			i = len(list)
			index[key] = i
			list = append(list, attention{Status: r.Status, Benchmark: r.Benchmark, ID: anchor(r.Benchmark), Reason: cmp.Or(r.Reason, "no reason was recorded")})
		}
		list[i].Rows = append(list[i].Rows, strings.TrimSpace(r.Point.Key()+" "+r.Metric))
	}
	order := []results.Status{results.Failed, results.Implausible, results.Flagged, results.Throttled, results.Skipped, results.Unsupported}
	slices.SortStableFunc(list, func(a, b attention) int {
		return cmp.Compare(slices.Index(order, a.Status), slices.Index(order, b.Status))
	})
	return list
}

// slowest lists the benchmarks that took longest: time on the device, as its
// events say, and time of the compiler.
func slowest(doc *results.Document, n int) []cost {
	var list []cost
	index := map[string]int{}
	of := func(name string) *cost {
		i, seen := index[name]
		if !seen {
			i = len(list)
			index[name] = i
			list = append(list, cost{Name: name, ID: anchor(name)})
		}
		return &list[i]
	}
	for _, r := range doc.Raw {
		c := of(r.Benchmark)
		c.Points++
		for _, round := range r.Rounds {
			c.Device += round.ElapsedNS / 1e9
		}
	}
	for _, k := range doc.Kernels {
		of(k.Benchmark).Compile += k.Seconds
	}
	slices.SortStableFunc(list, func(a, b cost) int { return cmp.Compare(b.Device+b.Compile, a.Device+a.Compile) })
	return list[:min(n, len(list))]
}

func seconds(v float64) string {
	switch {
	case v > 0 && v < 0.0005:
		return "<1 ms"
	case v < 1:
		return strconv.FormatFloat(v*1000, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " s"
}

// list collects facts and leaves out what is not known.
type list []fact

func (l *list) add(name, value string) {
	if value != "" {
		*l = append(*l, fact{name, value})
	}
}

func (l *list) number(name string, v float64, unit string) {
	if v > 0 {
		l.add(name, strings.TrimSpace(cell.Number(v)+" "+unit))
	}
}

func facts(doc *results.Document) []fact {
	d := doc.Device
	var l list
	l.add("Device", d.Name)
	l.add("Compute capability", strings.TrimSpace(d.ComputeCapability+" "+d.Target))
	l.number("SMs", float64(d.SMs), "")
	l.add("Driver", join(d.Driver, "CUDA", d.DriverAPI))
	l.number("Greatest SM clock", d.MaxClockMHz, "MHz")
	l.add("SM clock in the rows", clocks(doc.Rows))
	l.number("Greatest memory clock", d.MemClockMHz, "MHz")
	l.number("Memory bus", float64(d.MemBusBits), "bit")
	l.add("Memory", size(float64(d.MemoryBytes)))
	l.add("L2 cache", size(float64(d.L2Bytes)))
	l.add("Shared memory of an SM", size(float64(d.SharedPerSM)))
	l.number("Power limit", d.PowerLimitW, "W")
	if d.ECC != nil {
		l.add("ECC", map[bool]string{true: "on", false: "off"}[*d.ECC])
	}
	l.add("Host", host(doc.Host))
	l.add("Suite", doc.Suite)
	l.add("Command", shell(doc.Command))
	l.add("Started", when(doc.Started))
	if doc.Finished.After(doc.Started) && !doc.Started.IsZero() {
		l.add("Took", seconds(doc.Finished.Sub(doc.Started).Seconds()))
	}
	l.add("Seed", strconv.FormatUint(doc.Seed, 10))
	l.add("Rows", strings.TrimSpace(fmt.Sprintf("%d: %s", len(doc.Rows), cell.CountLine(doc.Rows))))
	l.add("Compiler", compiler(doc.Compile))
	return l
}

func size(v float64) string {
	if v <= 0 {
		return ""
	}
	return cell.Bytes(v)
}

func join(version, name, api string) string {
	if api == "" {
		return version
	}
	return strings.TrimSpace(version + " (" + name + " " + api + ")")
}

func host(h results.Host) string {
	s := strings.Trim(h.OS+"/"+h.Arch, "/")
	if h.CPUs > 0 {
		s += fmt.Sprintf(", %d CPUs", h.CPUs)
	}
	if h.Kernel != "" {
		s += ", kernel " + h.Kernel
	}
	return s
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// clocks is the range of the SM clocks that were measured inside the samples.
func clocks(rows []results.Row) string {
	var list []float64
	for _, r := range rows {
		if r.ClockMHz > 0 && r.ClockFrom != "nvml" {
			list = append(list, r.ClockMHz)
		}
	}
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	return fmt.Sprintf("median %.0f MHz, %.0f to %.0f MHz", list[len(list)/2], list[0], list[len(list)-1])
}

func compiler(c results.Compile) string {
	if c.Modules == 0 {
		return ""
	}
	s := fmt.Sprintf("%d modules (%d from the cache) in %s, %s of CPU time", c.Modules, c.Cached, seconds(c.WallSeconds), seconds(c.CPUSeconds))
	if c.Slowest != "" {
		s += fmt.Sprintf("; slowest %s, %s", c.Slowest, seconds(c.SlowestSecs))
	}
	return s
}

// shell writes a command so that it can be pasted.
func shell(command []string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,+@%", r)
	}
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = w
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return !plain(r) }) {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func rawFacts(doc *results.Document) []fact {
	var l list
	l.add("Schema version", strconv.Itoa(doc.Schema))
	l.add("Tool", tool(doc.Tool))
	l.add("Backend", doc.Backend)
	if o := doc.Recording; o != nil {
		l.add("Recording", o.Name)
		l.add("Recorded", when(o.Recorded))
		l.add("Recorded by", tool(o.Tool))
		l.add("Stale points", strconv.Itoa(o.Stale))
	}
	l.add("State", string(doc.State))
	l.add("Device UUID", doc.Device.UUID)
	l.add("VBIOS", doc.Device.VBIOS)
	l.add("Holds", fmt.Sprintf("%d rows, %d curves, %d grids, %d kernels, raw samples of %d points, %d readings of the sensors",
		len(doc.Rows), len(doc.Series), len(doc.Grids), len(doc.Kernels), len(doc.Raw), len(doc.Telemetry)))
	return l
}

func tool(t results.Tool) string {
	if t.Version == "" {
		return ""
	}
	s := "gpubench " + t.Version
	if t.Commit != "" {
		s += " (" + t.Commit + ")"
	}
	if t.Go != "" {
		s += ", " + t.Go
	}
	return s
}

// reading explains the columns of the tables.
func reading() []fact {
	return []fact{
		{"Value and ±", "The median over rounds, or the slope through several lengths, with its interval at the confidence that the caption names. No more digits are shown than the interval supports. In the HTML report, quartiles, notes and the kernel's hash appear where the pointer rests on a value."},
		{"% of peak", "The share of the theoretical peak at the SM clock that was measured in the same samples. The note says how the peak was derived. Above 100 % by more than the interval, a row is implausible."},
		{"Clock", "SM clock in MHz, from cycles over nanoseconds inside the kernel; with * from the card's sensors, where the kernel is too short."},
		{"Power", "Power of the card in W while the row was measured; empty where it is not known."},
		{"Proof", "How it is known that the machine ran the instruction that the row names: sass means that it was counted in the machine code between the clock reads (×n is the count), scaling that twice the work took twice the time, none that neither was possible. Emulated: the machine has no instruction for the whole work and runs several."},
		{"Check", "Who confirmed the kernel's result: the emulator, which ran the same PTX on the CPU, or an analytic value."},
		{"A100, RTX 4090, H800", "Figures that other people published for the same thing on other GPUs. † marks those read in somebody's transcription. The notes name the source."},
		{"Status", "ok, or why not; every other status comes with its reason, and the list above explains them."},
	}
}
