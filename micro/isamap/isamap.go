// Package isamap finds out what PTX instructions become on this GPU: the
// machine instructions that the driver's compiler makes of each.
package isamap

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/ptx/sass"
	"github.com/gpubench/gpubench/results"
)

// Benchmarks lists the benchmarks of this package.
func Benchmarks() []micro.Benchmark {
	return []micro.Benchmark{{
		Name:       "isa/map",
		Question:   "Which machine instructions does a PTX instruction become on this GPU: is it native or emulated?",
		Method:     "A kernel of its own for each instruction holds it a few and many times between two reads of the clock; the machine code of the longer stretch less that of the shorter is what the additional ones became. PTX that takes more machine instructions than it has is called emulated, fewer fused; moves between registers are not counted.",
		Source:     "our own reader of the cubin that the driver made; arXiv 2208.11174",
		Experiment: "E7",
		Units:      []string{"instructions"},
		Rounds:     1,
		Plan:       func(micro.GPU) []results.Point { return plan() },
		Job:        job,
		Analyse:    analyse,
	}}
}

func plan() []results.Point {
	var points []results.Point
	for _, e := range entries() {
		points = append(points, results.P("ptx", e.Name))
	}
	return points
}

// lengths of the two chains.
func lengths() []int { return []int{8, 24} }

func job(gpu micro.GPU, p results.Point) (*micro.Job, error) {
	e, known := lookup(p.Get("ptx"))
	if !known {
		return nil, fmt.Errorf("no entry for %q", p.Get("ptx"))
	}
	l := harness.Latency{
		Make: e.maker(gpu.Table), Lengths: lengths(), Threads: e.threads(),
		Input: e.input(), InputTag: e.Name,
	}
	switch {
	case e.Steps == nil:
		l.Check, l.CheckedBy = zeros, micro.ByAnalytic
	case e.Model.Step != nil:
		l.Check, l.CheckedBy = e.Model.Check(l.Input, lengths()[1], 1), micro.ByAnalytic
	}
	return l.Job(gpu)
}

var errNotZero = errors.New("an instruction on zeros gave something else")

// zeros checks that operations on zeros gave zeros.
func zeros(result []byte) error {
	for _, b := range result {
		if b != 0 {
			return errNotZero
		}
	}
	return nil
}

func analyse(_ micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	for _, m := range measured {
		row := micro.Row{From: []*micro.Measured{m}}
		row.Point, row.Metric, row.Unit = m.Point, "machine instructions", "instructions"
		describe(&row, m)
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

// describe fills a row from the machine code.
func describe(row *micro.Row, m *micro.Measured) {
	short, long, ok := stretches(m)
	if !ok {
		row.Status, row.Reason = results.Skipped, "the machine code could not be read"
		return
	}
	steps := lengths()
	did, moved := split(difference(short, long, steps[1]-steps[0]))
	total := 0.0
	for _, s := range did {
		total += s.each
	}
	total = math.Round(total*1000) / 1000
	row.Value, row.Status = total, results.OK
	if total == 0 {
		harness.Flag(row, "nothing is left of it: the compiler found it to be without effect")
		return
	}
	calls := slices.ContainsFunc(did, func(s share) bool { return strings.HasPrefix(s.mnemonic, "CALL") })
	kind := kindOf(m.Point.Get("ptx"), total)
	if calls {
		kind = emulated
	}
	row.Proof = results.Proof{
		Kind: results.ProofSASS, Instruction: join(did), Emulated: kind == emulated,
		Count: max(1, int(math.Round(total))), Detail: kind + ", machine instructions for one of PTX",
	}
	note := kind + ": " + join(did)
	if len(moved) > 0 {
		note += "; beside " + join(moved)
	}
	row.Annotations = append(row.Annotations, note)
	if calls {
		row.Annotations = append(row.Annotations, "a call: the subroutine that does the work lies outside the timed code and is not counted")
	}
}

// Kinds of translation.
const (
	native   = "native"
	fused    = "fused"
	emulated = "emulated"
)

// kindOf compares the number of machine instructions with that of the PTX
// instructions in the name.
func kindOf(name string, machine float64) string {
	switch written := float64(1 + strings.Count(name, " + ")); {
	case machine > written:
		return emulated
	case machine < written:
		return fused
	}
	return native
}

// split separates what works from what only waits (before sm_90 that is a
// UIADD3 of nothing) or moves a value from one register to another; the compiler
// adds those for reasons of its own.
func split(list []share) (did, moved []share) {
	for _, s := range list {
		if s.mnemonic == "IMAD.U32" || sass.Match("NOP|UIADD3|MOV|UMOV|IMAD.MOV|R2UR", s.mnemonic) {
			moved = append(moved, s)
			continue
		}
		did = append(did, s)
	}
	return did, moved
}

func join(list []share) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = s.String()
	}
	return strings.Join(parts, " + ")
}

// stretches are the timed sections of the two lengths: the first and the last
// of the kernel, as the one between them is outside the clock reads.
func stretches(m *micro.Measured) (short, long results.Section, ok bool) {
	for _, c := range m.Code {
		if c.Kernel == m.Job.Expect.Kernel && len(c.Sections) >= 3 {
			return c.Sections[0], c.Sections[2], true
		}
	}
	return nil, nil, false
}

// share is how many of a machine instruction one step takes.
type share struct {
	mnemonic string
	each     float64
}

func (s share) String() string {
	if s.each == 1 {
		return s.mnemonic
	}
	return fmt.Sprintf("%.3g %s", s.each, s.mnemonic)
}

// least is the share below which an instruction is the compiler's housekeeping.
const least = 0.1

// difference is what the additional steps of the longer stretch became.
func difference(short, long results.Section, steps int) []share {
	before := map[string]int{}
	for _, in := range short {
		before[in.Mnemonic] = in.Count
	}
	var list []share
	for _, in := range long {
		each := float64(in.Count-before[in.Mnemonic]) / float64(steps)
		if each >= least {
			list = append(list, share{in.Mnemonic, math.Round(each*1000) / 1000})
		}
	}
	return list
}
