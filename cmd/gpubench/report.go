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
		Short: "Make report and pictures of a document",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
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
			return err
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "folder of the report (default the document's)")
	c.Flags().BoolVar(&tables, "table", false, "print the tables instead")
	c.Flags().BoolVar(&all, "all", false, "print every row of long benchmarks")
	return c
}
