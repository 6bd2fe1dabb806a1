package main

import (
	"fmt"
	"io"
	"os"
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
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := results.Read(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				return exportTo(w.out, format, doc)
			}
			f, err := os.Create(out)
			if err != nil {
				return usagef("cannot write the export: %w", err)
			}
			if err := exportTo(f, format, doc); err != nil {
				f.Close()
				return err
			}
			return f.Close()
		},
	}
	c.Flags().StringVarP(&format, "format", "f", export.Formats()[0], strings.Join(export.Formats(), ", "))
	c.Flags().StringVarP(&out, "out", "o", "", "file to write (default standard output)")
	return c
}

func exportTo(w io.Writer, format string, doc *results.Document) error {
	if err := export.Write(w, format, doc); err != nil {
		return fmt.Errorf("export as %s: %w", format, err)
	}
	return nil
}
