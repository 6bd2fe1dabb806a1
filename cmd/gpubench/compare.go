package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table"
)

type compareFlags struct {
	results.CompareOptions
	failOn      []string
	asJSON, all bool
}

func compareCommand(w world) *cobra.Command {
	f := &compareFlags{}
	c := &cobra.Command{
		Use:   "compare A B",
		Short: "Say of each row whether B is faster than A, slower, the same, or that one cannot tell",
		Example: `  gpubench compare old/results.json new/results.json
  gpubench compare old.json new.json --fail-on slower --tolerance 0.02
  gpubench compare old.json new.json --json | jq .total`,
		Args:              needs("A", "B"),
		ValidArgsFunction: completeDocuments(2),
		RunE:              func(_ *cobra.Command, args []string) error { return f.compare(w, args[0], args[1]) },
	}
	flags := c.Flags()
	flags.Float64Var(&f.Tolerance, "tolerance", results.DefaultTolerance, "relative difference up to which rows are the same")
	flags.StringSliceVar(&f.failOn, "fail-on", nil, "exit with code 6 if any row is this: "+strings.Join(verdictNames(), ", "))
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.all, "all", false, "print every row")
	completeFlag(c, "fail-on", verdictNames())
	return c
}

func (f *compareFlags) compare(w world, pathA, pathB string) error {
	verdicts, err := parseVerdicts(f.failOn)
	if err != nil {
		return err
	}
	if !(f.Tolerance > 0 && f.Tolerance < 1) {
		return usagef("--tolerance %g: give a share between 0 and 1, such as 0.01 for 1 %%", f.Tolerance)
	}
	a, err := results.Read(pathA)
	if err != nil {
		return err
	}
	b, err := results.Read(pathB)
	if err != nil {
		return err
	}
	found := results.Compare(a, b, f.CompareOptions)
	if f.asJSON {
		err = w.json(found)
	} else {
		err = table.WriteComparison(w.out, found, table.Options{Width: w.width, All: f.all})
	}
	if err != nil {
		return fmt.Errorf("print the comparison: %w", err)
	}
	return met(found, verdicts)
}

// met is the error of --fail-on, with all verdicts that were met.
func met(found *results.Comparison, verdicts []results.Verdict) error {
	var parts []string
	for _, v := range verdicts {
		if n := found.Total.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d rows: %s", n, len(found.Rows), v))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return &exitError{exitCompare, fmt.Errorf("--fail-on was met: %s", strings.Join(parts, "; "))}
}

// verdictNames are the verdicts as a command line takes them without quotes.
func verdictNames() []string {
	var list []string
	for _, v := range results.Verdicts() {
		list = append(list, strings.ReplaceAll(string(v), " ", "-"))
	}
	return list
}

func parseVerdicts(names []string) ([]results.Verdict, error) {
	var list []results.Verdict
	for _, n := range names {
		i := slices.Index(verdictNames(), strings.ReplaceAll(n, " ", "-"))
		if i < 0 {
			return nil, usagef("--fail-on %q: use %s", n, strings.Join(verdictNames(), ", "))
		}
		list = append(list, results.Verdicts()[i])
	}
	return list, nil
}
