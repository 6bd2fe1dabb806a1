package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro/suite"
)

func listCommand(w world) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [NAME|GLOB|SUITE...]",
		Short: "List benchmarks and suites",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"*/*"}
			}
			chosen, err := suite.Select(args)
			if err != nil {
				return usagef("%w", err)
			}
			if asJSON {
				type entry struct {
					Name, Experiment, Question string
					Units                      []string
				}
				var list []entry
				for _, b := range chosen {
					list = append(list, entry{b.Name, b.Experiment, b.Question, b.Units})
				}
				e := json.NewEncoder(w.out)
				e.SetIndent("", "  ")
				return e.Encode(list)
			}
			t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
			for _, b := range chosen {
				fmt.Fprintf(t, "%s\t%s\t%s\n", b.Name, b.Experiment, b.Question)
			}
			fmt.Fprintln(t)
			for _, s := range suite.Suites() {
				fmt.Fprintf(t, "%s\tsuite\t%s\n", s.Name, s.Question)
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
