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

// profileOf is the flag's profile; the words that it knows, none where it cannot
// be read.
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
func completeClaim(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := claim.Vocabulary(profileOf(c))
	had, last := "", typed
	var said claim.Claim
	for at := strings.LastIndex(typed, "-"); at >= 0; at = strings.LastIndex(typed[:at], "-") {
		if c, err := claim.Parse(typed[:at], words); err == nil { // a word may have hyphens in it
			had, last, said = typed[:at+1], typed[at+1:], c
			break
		}
	}
	var list []cobra.Completion
	for _, p := range claim.Parts() {
		if said.Of(p) != "" {
			continue
		}
		for _, w := range words[p] {
			if strings.HasPrefix(w, last) {
				list = append(list, cobra.CompletionWithDesc(had+w, string(p)))
			}
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
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
