//go:build peer

// Command peer measures our STREAM kernels against the same in C, side by side:
// in one process, on the same arrays and CPUs, in turn, so that whatever the
// machine does is done to both.
//
//	stream/peer/build.sh bin
//	go build -tags peer -o bin/peer ./stream/peer/cmd
//	bin/peer -library bin/libpeer.so -json peer.json
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
	"github.com/gpubench/gpubench/stream/host"
)

type flags struct {
	object, json string
	quads, most  int
	bytes        uint64
	threads      int
	types        string
	kernels      string
}

func main() {
	var f flags
	flag.StringVar(&f.object, "library", "libpeer.so", "the C side, as build.sh makes it")
	flag.StringVar(&f.json, "json", "", "file for the rows as JSON")
	flag.IntVar(&f.quads, "quads", 60, "quiet quads of each comparison")
	flag.IntVar(&f.most, "most", 240, "most quads of each comparison, quiet or not")
	flag.Uint64Var(&f.bytes, "bytes", host.DefaultBytes, "size of one array")
	flag.IntVar(&f.threads, "threads", 0, "threads (default one a core)")
	flag.StringVar(&f.types, "types", "f64,f32", "element types, in order")
	flag.StringVar(&f.kernels, "kernels", strings.Join(numbers(), ","), "kernels, in order")
	flag.Parse()
	if err := f.measure(); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// document is the JSON.
type document struct {
	Compiler string
	CPU      results.CPU
	CPUs     []int // that both sides' threads are bound to
	Rows     []results.Row
}

func (f flags) measure() (err error) {
	doc := document{}
	if doc.CPU, err = host.Describe(); err != nil {
		return err
	}
	if doc.CPUs, err = host.CPUs(f.threads); err != nil {
		return err
	}
	if err := environment(doc.CPUs); err != nil {
		return err
	}
	lib, about, err := load(f.object)
	if err != nil {
		return err
	}
	doc.Compiler = about.compiler
	b := &bench{lib: lib, quads: f.quads, most: f.most}
	if b.team, err = host.NewTeam(doc.CPUs); err != nil {
		return err
	}
	defer b.team.Close()
	if n := lib.wakeThreads(); n != len(doc.CPUs) {
		return fmt.Errorf("OpenMP has %d threads and ours are %d", n, len(doc.CPUs))
	}
	memory, err := host.NewMemory(f.bytes)
	if err != nil {
		return err
	}
	defer memory.Close()
	b.arrays = memory.Arrays()
	debug.SetGCPercent(-1)
	fmt.Printf("%s; %s; CPUs %v; three arrays of %d MiB\n%s\n", doc.CPU.Model, about.compiler, doc.CPUs, f.bytes>>20, stream.Variant)
	for _, t := range strings.Split(f.types, ",") {
		if err := b.all(&doc, strings.Split(f.kernels, ","), stream.Type(t), about.width); err != nil {
			return err
		}
	}
	return f.write(doc)
}

// all compares kernels of a type, and prints as it goes.
func (b *bench) all(doc *document, kernels []string, t stream.Type, width int) error {
	w := os.Stdout
	fmt.Fprintf(w, "\n%-8s %-4s %-14s %-10s %6s  %-14s %6s %9s %10s\n", "kernel", "type", "variant", "reference", "speed", "95 % interval", "quads", "discarded", "ref. GB/s")
	for _, kernel := range kernels {
		pairs, err := b.pairs(kernel, t, width)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			row, err := b.measure(w, kernel, t, p)
			if err != nil {
				return err
			}
			doc.Rows = append(doc.Rows, row)
		}
	}
	return nil
}

// pairs are the comparisons of a kernel: a reference and what stands against it.
// Each reference also stands against itself, which shows what a difference means.
func (b *bench) pairs(kernel string, t stream.Type, width int) ([][2]side, error) {
	host.Start(b.team, b.arrays, t)
	if err := b.check(kernel, 0, t); err != nil {
		return nil, err
	}
	plain := b.plain(kernel, t)
	standard, err := b.ours(kernel, t, host.Standard)
	if err != nil {
		return nil, err
	}
	list := [][2]side{{plain, plain}, {plain, standard}}
	tuned, err := b.ours(kernel, t, host.Tuned)
	if errors.Is(err, host.ErrNoForm) {
		return list, nil
	}
	if err != nil || width == 0 {
		return list, err
	}
	best, err := b.best(kernel, t, width)
	return append(list, [2]side{plain, tuned}, [2]side{best, best}, [2]side{best, tuned}), err
}

// trial is the number of quads that choose between the C forms.
const trial = 11

// best is the faster of the C forms with non-temporal stores.
func (b *bench) best(kernel string, t stream.Type, width int) (side, error) {
	for w := width; w >= 256; w -= 256 {
		if err := b.check(kernel, w, t); err != nil {
			return side{}, err
		}
	}
	wide := b.nt(kernel, width, t)
	if width == 256 {
		return wide, nil
	}
	narrow := b.nt(kernel, 256, t)
	c, err := b.compare(wide, narrow, trial)
	if results.Summarize(c.speeds).Median > 1.01 { // not so for the NaN of none
		return narrow, nil
	}
	return wide, err
}

// measure takes a comparison, prints it and gives its row.
func (b *bench) measure(w io.Writer, kernel string, t stream.Type, p [2]side) (results.Row, error) {
	k, err := stream.Find(kernel)
	if err != nil {
		return results.Row{}, err
	}
	c, err := b.compare(p[0], p[1], b.quads)
	if err != nil {
		return results.Row{}, err
	}
	bytes := uint64(len(b.arrays.A))
	row := c.row(k, t, b.team.Size(), bytes)
	fmt.Fprintf(w, "%-8s %-4s %-14s %-10s", kernel, t, c.variant, c.ref)
	if row.Status != results.OK {
		fmt.Fprintf(w, " %s\n", row.Reason)
		return row, nil
	}
	fmt.Fprintf(w, " %6.3f  [%.3f, %.3f] %6d %9d %10.2f\n", row.Value, row.Interval[0], row.Interval[1], len(c.speeds), c.loud, c.rate(k, t, bytes))
	return row, nil
}

func (f flags) write(doc document) error {
	if f.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.json, append(text, '\n'), 0o644)
}
