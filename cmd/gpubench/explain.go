package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/suite"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/ptx/sass"
	"github.com/gpubench/gpubench/results"
)

type explainFlags struct {
	point, target string
	ptx, sass     bool
	gpu           int
}

func explainCommand(w world) *cobra.Command {
	f := &explainFlags{}
	c := &cobra.Command{
		Use:   "explain NAME",
		Short: "Tell what a benchmark asks, how it measures, and with which code",
		Example: `  gpubench explain tensor/wgmma-throughput
  gpubench explain alu/latency --point op=fma,type=f32 --ptx`,
		Args: cobra.MatchAll(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return f.explain(c.Context(), w, args[0]) },
	}
	flags := c.Flags()
	flags.StringVar(&f.point, "point", "", "KEY=VALUE,...: the first point with these coordinates")
	flags.StringVar(&f.target, "target", "sm_90a", "architecture that kernels are built for")
	flags.BoolVar(&f.ptx, "ptx", false, "print the point's PTX")
	flags.BoolVar(&f.sass, "sass", false, "print the machine code: from the GPU's driver, else the recorded counts")
	flags.IntVar(&f.gpu, "gpu", 0, "index of the GPU, for --sass")
	return c
}

func (f *explainFlags) explain(ctx context.Context, w world, name string) error {
	b, err := oneBenchmark(name)
	if err != nil {
		return err
	}
	target, err := isa.ParseTarget(f.target)
	if err != nil {
		return usagef("--target: %w", err)
	}
	gpu, err := micro.Nominal(target)
	if err != nil {
		return usagef("--target: %w", err)
	}
	plan := b.Plan(gpu)
	if !f.ptx && !f.sass {
		describe(w.out, b, gpu, plan)
		return nil
	}
	point, err := findPoint(plan, f.point)
	if err != nil {
		return err
	}
	job, err := b.Job(gpu, point)
	if err != nil {
		return fmt.Errorf("%s {%s} for %s: %w", b.Name, point.Key(), target, err)
	}
	text, err := job.Text()
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "// %s {%s}, kernel %s\n", b.Name, point.Key(), micro.HashText(text))
	if f.ptx {
		fmt.Fprint(w.out, text)
	}
	if f.sass {
		return f.machineCode(ctx, w, b.Name, text)
	}
	return nil
}

func oneBenchmark(name string) (micro.Benchmark, error) {
	chosen, err := suite.Select([]string{name})
	if err != nil {
		return micro.Benchmark{}, usagef("%w", err)
	}
	if len(chosen) != 1 {
		return micro.Benchmark{}, usagef("%q names %d benchmarks: explain takes one", name, len(chosen))
	}
	return chosen[0], nil
}

func describe(w io.Writer, b micro.Benchmark, gpu micro.GPU, plan []results.Point) {
	fmt.Fprintf(w, "%s (%s)\n\n  %s\n\nMethod\n  %s\n\nSource\n  %s\n\nUnits\n  %s\n\n", b.Name, b.Experiment, b.Question,
		wrap(b.Method, "  "), wrap(b.Source, "  "), strings.Join(b.Units, ", "))
	unsupported := 0
	fmt.Fprintf(w, "Points on %s (%s)\n", gpu.Name, gpu.Arch)
	for _, p := range plan {
		if _, err := b.Job(gpu, p); err != nil {
			unsupported++
			continue
		}
		fmt.Fprintf(w, "  %s\n", p.Key())
	}
	if unsupported > 0 {
		fmt.Fprintf(w, "  and %d that %s does not support\n", unsupported, gpu.Arch)
	}
}

// wrap breaks text at blanks into lines of about 90 characters.
func wrap(text, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		if i > 0 && column+len(word) > 90 {
			b.WriteString("\n" + indent)
			column = 0
		} else if i > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// findPoint is the first point that has all the coordinates given.
func findPoint(plan []results.Point, want string) (results.Point, error) {
	pairs := strings.FieldsFunc(want, func(r rune) bool { return r == ',' || r == ' ' })
	for _, p := range plan {
		matches := func(pair string) bool {
			key, value, _ := strings.Cut(pair, "=")
			return p.Get(key) == value
		}
		if !slices.ContainsFunc(pairs, func(pair string) bool { return !matches(pair) }) {
			return p, nil
		}
	}
	return nil, usagef("no point has %q: 'gpubench explain NAME' lists them", want)
}

// machineCode prints what the driver makes of the text, or what a recording counted.
func (f *explainFlags) machineCode(ctx context.Context, w world, name, text string) error {
	dev, fallback, err := backend.Open(backend.Options{Kind: backend.KindAuto, GPU: f.gpu, CacheDir: w.cache})
	if err != nil {
		return err
	}
	defer dev.Close()
	code, err := dev.Compile(ctx, name, text)
	if err != nil {
		return err
	}
	if fallback != nil {
		fmt.Fprintf(w.err, "gpubench: no usable GPU (%v): showing what was recorded on %s\n", fallback, dev.Describe().Name)
		return printRecorded(w.out, code.Recorded)
	}
	kernels, err := sass.Read(code.Image)
	if err != nil {
		return fmt.Errorf("read machine code: %w", err)
	}
	for _, k := range kernels {
		fmt.Fprintf(w.out, "// %s, sm_%d, %d registers\n%s", k.Name, k.SM, k.Registers, k.Listing())
	}
	return nil
}

func printRecorded(w io.Writer, code []results.MachineCode) error {
	if len(code) == 0 {
		return errors.New("the recording has no machine code of this kernel")
	}
	for _, k := range code {
		fmt.Fprintf(w, "// %s, %d registers; instructions between clock reads\n", k.Kernel, k.Registers)
		for i, s := range k.Sections {
			fmt.Fprintf(w, "section %d\n", i+1)
			for _, in := range s {
				fmt.Fprintf(w, "  %5d  %s\n", in.Count, in.Mnemonic)
			}
		}
	}
	return nil
}
