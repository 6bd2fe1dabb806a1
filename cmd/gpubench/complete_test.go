package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"

	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/results/export"
)

// offers are the completions of a line, without their descriptions, and the directive.
func (s *scene) offers(line ...string) (list []string, directive string) {
	s.t.Helper()
	o := s.must(append([]string{cobra.ShellCompRequestCmd}, line...)...)
	for _, l := range strings.Split(strings.TrimSpace(o.out), "\n") {
		if d, ok := strings.CutPrefix(l, ":"); ok {
			return list, d
		}
		name, _, _ := strings.Cut(l, "\t")
		list = append(list, name)
	}
	return list, ""
}

func TestCompletionScripts(t *testing.T) {
	s := newScene(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		o := s.must("completion", shell)
		assert.Contains(t, o.out, "gpubench", shell)
		assert.Greater(t, strings.Count(o.out, "\n"), 50, shell)
		assert.Empty(t, o.err, shell)
	}
}

func TestCompletionsOfArguments(t *testing.T) {
	s := newScene(t)
	s.blind()
	const noFiles, extensions = "4", "8"
	for _, tt := range []struct {
		line      []string
		want      []string
		directive string
	}{
		{[]string{"run", "dpx"}, []string{"dpx/latency", "dpx/throughput"}, noFiles},
		{[]string{"run", "dpx/latency", "dpx"}, []string{"dpx/throughput"}, noFiles},
		{[]string{"run", "hop"}, []string{"hopper"}, noFiles},
		{[]string{"list", "a"}, []string{"ada", "ampere", "alu/latency", "alu/throughput", "alu/shuffle-latency", "async/bulk-latency"}, noFiles},
		{[]string{"explain", "a"}, []string{"alu/latency", "alu/throughput", "alu/shuffle-latency", "async/bulk-latency"}, noFiles},
		{[]string{"explain", "dpx/latency", ""}, nil, noFiles},
		{[]string{"report", ""}, []string{"json", "zst"}, extensions},
		{[]string{"report", "a.json", ""}, nil, noFiles},
		{[]string{"compare", "a.json", ""}, []string{"json", "zst"}, extensions},
		{[]string{"compare", "a.json", "b.json", ""}, nil, noFiles},
		{[]string{"export", ""}, []string{"json", "zst"}, extensions},
		{[]string{"doctor", ""}, nil, noFiles},
		{[]string{"rep"}, []string{"report"}, noFiles},
	} {
		got, directive := s.offers(tt.line...)
		assert.Equal(t, tt.want, got, tt.line)
		assert.Equal(t, tt.directive, directive, tt.line)
	}
}

func TestCompletionsOfFlags(t *testing.T) {
	s := newScene(t)
	s.blind()
	for _, tt := range []struct {
		line []string
		want []string
	}{
		{[]string{"run", "--backend", ""}, backend.Kinds()},
		{[]string{"export", "--format", ""}, export.Formats()},
		{[]string{"compare", "--fail-on", ""}, []string{"faster", "slower", "same", "cannot-tell"}},
		{[]string{"explain", "--target", ""}, []string{"sm_80", "sm_86", "sm_89", "sm_90", "sm_90a"}},
		{[]string{"run", "--recording", ""}, []string{"json", "zst"}},
		{[]string{"run", "--resume", ""}, []string{"json", "zst"}},
		{[]string{"explain", "dpx/latency", "--point", "fn=__vimax3_s16"}, []string{"fn=__vimax3_s16x2", "fn=__vimax3_s16x2_relu"}},
		{[]string{"explain", "alu/latency", "--point", "op=fma,type=f6"}, []string{"op=fma,type=f64"}},
		{[]string{"explain", "--point", ""}, nil},
		{[]string{"explain", "none", "--point", ""}, nil},
	} {
		got, _ := s.offers(tt.line...)
		assert.Equal(t, tt.want, got, tt.line)
	}
}

// TestEveryFlagWithAChoiceIsCompleted finds a completion whose flag is misspelt,
// which cobra drops in silence.
func TestEveryFlagWithAChoiceIsCompleted(t *testing.T) {
	choices := map[string]bool{"backend": true, "format": true, "fail-on": true, "target": true, "point": true, "recording": true, "resume": true,
		"kernel": true, "type": true, "stores": true, "isa": true}
	for _, c := range newRoot(newScene(t).world).Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			folder := f.Name == "out" && c.Name() != "export"
			_, completed := c.GetFlagCompletionFunc(f.Name)
			assert.Equal(t, choices[f.Name] || folder, completed, "%s --%s", c.Name(), f.Name)
		})
	}
}

func TestHelp(t *testing.T) {
	s := newScene(t)
	s.blind()
	root := newRoot(s.world)
	for _, c := range root.Commands() {
		o := s.must(c.Name(), "--help")
		assert.Contains(t, o.out, "Examples:\n  gpubench "+c.Name())
		assert.Contains(t, s.must("--help").out, c.Short)
		assert.NotEmpty(t, c.GroupID, c.Name())
		c.Flags().VisitAll(func(f *pflag.Flag) {
			assert.NotEmpty(t, f.Usage, "%s --%s", c.Name(), f.Name)
			assert.Contains(t, o.out, "--"+f.Name)
		})
	}
	help := s.must("--help").out
	assert.Equal(t, help, s.must().out, "no command is a wish for help")
	assert.Equal(t, help, s.must("help").out)
	assert.Contains(t, help, exitHelp)
	assert.Contains(t, s.must("--version").out, "gpubench version ")
}

// TestExamplesParse runs every example's command line up to its flags and arguments.
func TestExamplesParse(t *testing.T) {
	root := newRoot(newScene(t).world)
	for _, c := range append(root.Commands(), root) {
		for _, line := range strings.Split(c.Example, "\n") {
			line, _, _ = strings.Cut(line, "   ")
			if c != root {
				line, _, _ = strings.Cut(strings.TrimSpace(line), " | ")
			} else if fields := strings.Fields(strings.TrimSpace(c.Example)); len(fields) > 0 {
				line = strings.Join(fields[:2], " ")
			}
			line, _, _ = strings.Cut(line, " > ")
			words := strings.Fields(strings.ReplaceAll(line, "'", ""))
			sub, rest, err := newRoot(newScene(t).world).Find(words[1:])
			if assert.NoError(t, err, line) {
				assert.NoError(t, sub.ParseFlags(rest), line)
				assert.NoError(t, sub.ValidateArgs(sub.Flags().Args()), line)
			}
		}
	}
}
