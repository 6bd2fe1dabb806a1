package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro/doctor"
)

func doctorCommand(w world) *cobra.Command {
	var o doctor.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what this machine can measure: yes, no or don't know, with the reason",
		Example: `  gpubench doctor
  gpubench doctor --gpu 1 --json`,
		Args:              needs(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.GPU < 0 {
				return usagef("--gpu %d: GPUs are counted from 0", o.GPU)
			}
			o.CacheDir = w.cache
			findings := doctor.Run(c.Context(), o)
			if asJSON {
				return w.json(findings)
			}
			t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
			for _, f := range findings {
				fmt.Fprintf(t, "%s\t%s\t%s\n", f.Name, f.Answer, f.Reason)
			}
			return t.Flush()
		},
	}
	c.Flags().IntVar(&o.GPU, "gpu", 0, "index of the GPU to try")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
