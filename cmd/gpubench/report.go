package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/report"
	"github.com/gpubench/gpubench/results/table"
)

func reportCommand(w world) *cobra.Command {
	var out string
	var tables, all bool
	c := &cobra.Command{
		Use:   "report DOCUMENT",
		Short: "Make the report and pictures of a document, or print its tables",
		Example: `  gpubench report gpubench-out/hopper/results.json
  gpubench report results.json --out /tmp/report
  gpubench report results.json --table --all | less -S`,
		Args:              needs("DOCUMENT"),
		ValidArgsFunction: completeDocuments(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if all && !tables {
				return usagef("--all is for --table: the report has every row")
			}
			doc, err := results.Read(args[0])
			if err != nil {
				return err
			}
			if tables {
				return table.Write(w.out, doc, table.Options{Width: w.width, All: all})
			}
			if out == "" {
				out = filepath.Dir(args[0])
			}
			files, err := report.Write(out, doc)
			for _, f := range files {
				fmt.Fprintln(w.out, f)
			}
			if err != nil {
				return &exitError{exitUnwritten, fmt.Errorf("write the report to %s: %w; choose another folder with --out", out, err)}
			}
			return nil
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "folder of the report (default the document's)")
	c.Flags().BoolVar(&tables, "table", false, "print the tables instead")
	c.Flags().BoolVar(&all, "all", false, "with --table, print every row of long benchmarks")
	completeFolder(c, "out")
	return c
}
