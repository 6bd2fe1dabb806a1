package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/suite"
	"github.com/gpubench/gpubench/ptx/isa"
	"github.com/gpubench/gpubench/results"
)

type explainFlags struct {
	point, target string
	points, bands bool
	ptx, sass     bool
	asJSON        bool
	gpu           int
}

func explainCommand(w world) *cobra.Command {
	f := &explainFlags{}
	c := &cobra.Command{
		Use:   "explain NAME",
		Short: "Tell what a benchmark asks, how it measures, and with which code",
		Example: `  gpubench explain tensor/wgmma-throughput
  gpubench explain tensor/wgmma-throughput --points --target sm_89
  gpubench explain dpx/latency --bands
  gpubench explain alu/latency --point op=fma,type=f32 --ptx
  gpubench explain dpx/latency --point fn=__vimax3_s32 --sass`,
		Args:              needs("NAME"),
		ValidArgsFunction: completeBenchmark,
		RunE:              func(c *cobra.Command, args []string) error { return f.explain(c.Context(), w, args[0]) },
	}
	flags := c.Flags()
	flags.StringVar(&f.target, "target", isa.SM90a.String(), "architecture that kernels are built for")
	flags.BoolVar(&f.points, "points", false, "list every point, and why the architecture cannot do it")
	flags.BoolVar(&f.bands, "bands", false, "say where each value is expected, and what the recording has")
	flags.StringVar(&f.point, "point", "", "KEY=VALUE,...: with --ptx and --sass, the first point with these coordinates")
	flags.BoolVar(&f.ptx, "ptx", false, "print the point's PTX")
	flags.BoolVar(&f.sass, "sass", false, "print the machine code: from the GPU's driver, else the recorded counts")
	flags.IntVar(&f.gpu, "gpu", 0, "index of the GPU, for --sass")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	completeFlag(c, "target", isa.AllTargets())
	complete(c, "point", f.completePoint)
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
	x := explain(b, gpu)
	if f.points {
		x.list(b, gpu)
	}
	if f.bands {
		if err := addBands(ctx, w, x, b); err != nil {
			return err
		}
	}
	if f.ptx || f.sass {
		if err := f.addCode(ctx, w, x, b, gpu); err != nil {
			return err
		}
	} else if f.point != "" {
		return usagef("--point chooses whose code to print: add --ptx or --sass")
	}
	switch {
	case f.asJSON:
		return w.json(x)
	case x.Code != nil:
		return x.Code.print(w.out)
	}
	return x.print(w.out)
}

func oneBenchmark(name string) (micro.Benchmark, error) {
	chosen, err := suite.Select([]string{name})
	if err != nil {
		return micro.Benchmark{}, usagef("%w", err)
	}
	if len(chosen) != 1 {
		return micro.Benchmark{}, usagef("%q is %d benchmarks, and explain takes one: 'gpubench list %s' shows them", name, len(chosen), quote(name))
	}
	return chosen[0], nil
}

// findPoint is the first point that has all the coordinates given.
func findPoint(name string, plan []results.Point, want string) (results.Point, error) {
	pairs := strings.FieldsFunc(want, func(r rune) bool { return r == ',' || r == ' ' })
	for _, pair := range pairs {
		if !strings.Contains(pair, "=") {
			return nil, usagef("--point %q: write KEY=VALUE,...; 'gpubench explain %s' shows both", pair, name)
		}
	}
	for _, p := range plan {
		if hasAll(p, pairs) {
			return p, nil
		}
	}
	return nil, usagef("%s has no point %q: 'gpubench explain %s --points' lists them", name, want, name)
}

func hasAll(p results.Point, pairs []string) bool {
	for _, pair := range pairs {
		if key, value, _ := strings.Cut(pair, "="); p.Get(key) != value {
			return false
		}
	}
	return true
}

// completePoint offers the coordinates that go with those already written.
func (f *explainFlags) completePoint(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	if len(args) == 0 {
		return nil, directive
	}
	b, err := oneBenchmark(args[0])
	if err != nil {
		return nil, directive
	}
	gpu, err := micro.Nominal(isa.SM90a)
	if err != nil {
		return nil, directive
	}
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	written := strings.FieldsFunc(before, func(r rune) bool { return r == ',' })
	var list []cobra.Completion
	seen := map[string]bool{}
	for _, p := range b.Plan(gpu) {
		if !hasAll(p, written) {
			continue
		}
		for _, kv := range p {
			pair := kv.Key + "=" + kv.Value
			if !seen[pair] && strings.HasPrefix(before+pair, typed) && !strings.Contains(","+before, ","+pair+",") {
				seen[pair] = true
				list = append(list, before+pair)
			}
		}
	}
	return list, directive
}
