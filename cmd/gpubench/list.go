package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/suite"
)

func listCommand(w world) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [NAME|GLOB|SUITE...]",
		Short: "List benchmarks and suites",
		Example: `  gpubench list
  gpubench list 'memory/*' ada
  gpubench list --json`,
		ValidArgsFunction: completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			var suites []suite.Suite
			if len(args) == 0 {
				args, suites = []string{"*/*"}, suite.Suites()
			}
			chosen, err := suite.Select(args)
			if err != nil {
				return usagef("%w", err)
			}
			if asJSON {
				return w.json(listing(chosen, suites))
			}
			return printList(w.out, chosen, suites)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printList(w io.Writer, chosen []micro.Benchmark, suites []suite.Suite) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range chosen {
		fmt.Fprintf(t, "%s\t%s\t%s\n", b.Name, b.Experiment, b.Question)
	}
	if len(suites) > 0 {
		fmt.Fprintln(t)
	}
	for _, s := range suites {
		fmt.Fprintf(t, "%s\tsuite\t%s\n", s.Name, s.Question)
	}
	return t.Flush()
}

// listed is what 'list --json' prints.
type listed struct {
	Benchmarks []listedBenchmark `json:"benchmarks"`
	Suites     []listedSuite     `json:"suites,omitempty"`
}

type listedBenchmark struct {
	Name       string   `json:"name"`
	Experiment string   `json:"experiment"`
	Question   string   `json:"question"`
	Units      []string `json:"units"`
}

type listedSuite struct {
	Name     string   `json:"name"`
	Question string   `json:"question"`
	Patterns []string `json:"patterns"`
}

func listing(chosen []micro.Benchmark, suites []suite.Suite) listed {
	var l listed
	for _, b := range chosen {
		l.Benchmarks = append(l.Benchmarks, listedBenchmark{b.Name, b.Experiment, b.Question, b.Units})
	}
	for _, s := range suites {
		l.Suites = append(l.Suites, listedSuite{s.Name, s.Question, s.Patterns})
	}
	return l
}
