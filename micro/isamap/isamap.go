// Package isamap finds out what PTX instructions become on this GPU: the
// machine instructions that the driver's compiler makes of each.
package isamap

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/results"
)

// Benchmarks lists the benchmarks of this package.
func Benchmarks() []micro.Benchmark {
	return []micro.Benchmark{{
		Name:       "isa/map",
		Question:   "Which machine instructions does a PTX instruction become on this GPU: is it native or emulated?",
		Method:     "A kernel of its own for each instruction holds it a few and many times between two reads of the clock; the machine code of the longer stretch less that of the shorter is what the additional ones became. A PTX instruction that takes more than one machine instruction is called emulated.",
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
	if e.Steps == nil {
		l.Check, l.CheckedBy = zeros, micro.ByAnalytic
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
	became := difference(short, long, steps[1]-steps[0])
	total, most := 0.0, share{}
	var parts []string
	for _, s := range became {
		total += s.each
		if s.each > most.each {
			most = s
		}
		parts = append(parts, s.String())
	}
	row.Value, row.Status = total, results.OK
	row.Proof = results.Proof{Kind: results.ProofSASS, Instruction: most.mnemonic, Emulated: total > 1, Detail: strings.Join(parts, " + ")}
	for _, in := range long {
		if in.Mnemonic == most.mnemonic {
			row.Proof.Count = in.Count
		}
	}
	kind := "native"
	if row.Proof.Emulated {
		kind = "emulated"
	}
	row.Annotations = append(row.Annotations, kind+": "+row.Proof.Detail)
	if total == 0 {
		row.Annotations = nil
		harness.Flag(row, "nothing is left of it: the compiler found it to be without effect")
	}
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
