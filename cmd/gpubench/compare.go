package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table"
)

func compareCommand(w world) *cobra.Command {
	var o results.CompareOptions
	var failOn []string
	var asJSON, all bool
	c := &cobra.Command{
		Use:   "compare A B",
		Short: "Say of each row whether B is faster than A, slower, the same, or that one cannot tell",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			verdicts, err := parseVerdicts(failOn)
			if err != nil {
				return err
			}
			a, err := results.Read(args[0])
			if err != nil {
				return err
			}
			b, err := results.Read(args[1])
			if err != nil {
				return err
			}
			found := results.Compare(a, b, o)
			if asJSON {
				e := json.NewEncoder(w.out)
				e.SetIndent("", "  ")
				err = e.Encode(found)
			} else {
				err = table.WriteComparison(w.out, found, table.Options{Width: w.width, All: all})
			}
			if err != nil {
				return fmt.Errorf("print the comparison: %w", err)
			}
			for _, v := range verdicts {
				if n := found.Total.Count(v); n > 0 {
					return &exitError{exitCompare, fmt.Errorf("%d rows are %s", n, v)}
				}
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.Float64Var(&o.Tolerance, "tolerance", 0, "relative difference up to which rows are the same (default 0.01)")
	flags.StringSliceVar(&failOn, "fail-on", nil, "exit with code 6 if any row is this: faster, slower, same, 'cannot tell'")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	flags.BoolVar(&all, "all", false, "print every row")
	return c
}

func parseVerdicts(names []string) ([]results.Verdict, error) {
	var list []results.Verdict
	for _, n := range names {
		v := results.Verdict(n)
		if !slices.Contains(results.Verdicts(), v) {
			return nil, usagef("--fail-on %q: use one of %v", n, results.Verdicts())
		}
		list = append(list, v)
	}
	return list, nil
}
