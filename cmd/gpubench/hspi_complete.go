package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
)

// completeEvidence offers files that may be evidence.
func completeEvidence(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"jsonl", "zst"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeProfile offers the names that are no files, and files.
func completeProfile(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{profileBuiltin, profileNone}, cobra.ShellCompDirectiveDefault
}

// profileOf is the words that the flag's profile knows, none where it cannot be read.
func profileOf(c *cobra.Command) map[claim.Part][]string {
	name, err := c.Flags().GetString("profile")
	if err != nil {
		return nil
	}
	p, err := loadProfile(name)
	if err != nil || p == nil {
		return nil
	}
	return decide.Enrolled(p)
}

// completeClaim offers the words of the parts that the claim does not have yet.
// Words may have hyphens in them, so what was typed is cut at each.
func completeClaim(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := claim.Vocabulary(profileOf(c))
	list := nextWords("", claim.Claim{}, typed, words)
	for at, r := range typed {
		if r != '-' {
			continue
		}
		if said, err := claim.Parse(typed[:at], words); err == nil {
			list = append(list, nextWords(typed[:at+1], said, typed[at+1:], words)...)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// nextWords are the words that begin with typed of parts that were not said.
func nextWords(before string, said claim.Claim, typed string, words map[claim.Part][]string) []cobra.Completion {
	var list []cobra.Completion
	for _, p := range claim.Parts() {
		if said.Of(p) != "" {
			continue
		}
		for _, w := range words[p] {
			if strings.HasPrefix(w, typed) {
				list = append(list, cobra.CompletionWithDesc(before+w, string(p)))
			}
		}
	}
	return list
}

// completeLabel offers the parts of claims as names of labels.
func completeLabel(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	had := typed[:strings.LastIndex(typed, ",")+1]
	var list []cobra.Completion
	for _, p := range claim.Parts() {
		if !slices.Contains(strings.FieldsFunc(had, func(r rune) bool { return r == ',' || r == '=' }), string(p)) {
			list = append(list, had+string(p)+"=")
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completePlatforms offers the platforms of the profile, for two of them.
func completePlatforms(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, err := c.Flags().GetString("profile")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p, err := loadProfile(name)
	if err != nil || p == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	had := typed[:strings.LastIndex(typed, ",")+1]
	var list []cobra.Completion
	for _, platform := range p.Platforms {
		if !strings.Contains(","+had, ","+platform.Name+",") {
			list = append(list, had+platform.Name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
