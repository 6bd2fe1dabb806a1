package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// needs wants exactly the arguments of these names, and says which are missing.
func needs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing; %s", strings.Join(names[len(args):], " and "), usage(c))
		case len(args) > len(names):
			return usagef("%q is one argument too many; %s", args[len(names)], usage(c))
		}
		return nil
	}
}

// needsSome wants one argument of this name or more.
func needsSome(name, fix string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s is missing: %s; %s", name, fix, usage(c))
		}
		return nil
	}
}

// noCommand refuses a command that does not exist, with those that are spelt alike.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	like := ""
	if names := c.SuggestionsFor(args[0]); len(names) > 0 {
		like = fmt.Sprintf(" (did you mean %q?)", names[0])
	}
	return usagef("no command %q%s; '%s --help' lists them", args[0], like, c.CommandPath())
}

// usage is the usage line and where to find more.
func usage(c *cobra.Command) string {
	return fmt.Sprintf("usage: %s; '%s --help' shows more", c.UseLine(), c.CommandPath())
}
