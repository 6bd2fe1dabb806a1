package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/export"
)

func exportCommand(w world) *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "export DOCUMENT",
		Short: "Write a document's rows as " + strings.Join(export.Formats(), ", "),
		Example: `  gpubench export results.json --out rows.csv
  gpubench export results.json --format benchfmt > new.txt && benchstat old.txt new.txt
  gpubench export results.json --format openmetrics`,
		Args:              needs("DOCUMENT"),
		ValidArgsFunction: completeDocuments(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(export.Formats(), format) { // before a file is touched
				return &export.FormatError{Format: format}
			}
			doc, err := results.Read(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				return exportTo(w.out, format, doc)
			}
			return exportFile(out, format, doc)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", export.Formats()[0], strings.Join(export.Formats(), ", "))
	c.Flags().StringVarP(&out, "out", "o", "", "file to write (default standard output)")
	completeFlag(c, "format", export.Formats())
	return c
}

func exportTo(w io.Writer, format string, doc *results.Document) error {
	if err := export.Write(w, format, doc); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func exportFile(path, format string, doc *results.Document) error {
	f, err := os.Create(path)
	if err != nil {
		return usagef("cannot write the export: %w; choose another file with --out", err)
	}
	if err := errors.Join(exportTo(f, format, doc), f.Close()); err != nil {
		return &exitError{exitUnwritten, fmt.Errorf("%s is not complete: %w", path, err)}
	}
	return nil
}
