package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro/suite"
)

type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completeNames offers benchmarks and suites that are not on the line yet.
func completeNames(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list []cobra.Completion
	offer := func(name, question string) {
		if strings.HasPrefix(name, typed) && !slices.Contains(args, name) {
			list = append(list, cobra.CompletionWithDesc(name, question))
		}
	}
	for _, s := range suite.Suites() {
		offer(s.Name, s.Question)
	}
	for _, b := range suite.All() {
		offer(b.Name, b.Question)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeBenchmark offers benchmarks for one argument.
func completeBenchmark(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list []cobra.Completion
	for _, b := range suite.All() {
		if len(args) == 0 && strings.HasPrefix(b.Name, typed) {
			list = append(list, cobra.CompletionWithDesc(b.Name, b.Question))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeDocuments offers files that may be documents, for at most n arguments.
func completeDocuments(n int) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return []cobra.Completion{"json", "zst"}, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeFlag offers values for a flag.
func completeFlag[T any](c *cobra.Command, flag string, values []T) {
	var list []cobra.Completion
	for _, v := range values {
		list = append(list, fmt.Sprint(v))
	}
	complete(c, flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp))
}

// completeFolder offers folders for a flag.
func completeFolder(c *cobra.Command, flag string) {
	complete(c, flag, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
}

func complete(c *cobra.Command, flag string, f completer) {
	// The only error is a flag that does not exist; a test completes every one.
	_ = c.RegisterFlagCompletionFunc(flag, f)
}
