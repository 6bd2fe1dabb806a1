package main

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
)

func TestCompletionsOfHSPI(t *testing.T) {
	s := newScene(t)
	for _, tt := range []struct {
		line []string
		want []string // among what is offered
		not  []string
	}{
		{[]string{"verify", "--claim", "h100-b"}, []string{"h100-bf16"}, []string{"h100-h100"}},
		{[]string{"verify", "--claim", "bf16-torch-c"}, []string{"bf16-torch-compile", "bf16-torch-cudnn"}, nil},
		{[]string{"verify", "--claim", ""}, []string{"h100", "bf16", "vllm"}, nil},
		{[]string{"verify", "--profile", ""}, []string{"builtin", "none"}, nil},
		{[]string{"verify", "--evidence", ""}, []string{"jsonl", "zst"}, nil},
		{[]string{"explain", ""}, []string{"jsonl", "zst"}, nil},
		{[]string{"explain", "--between", ""}, []string{"h200-bf16-flash"}, nil},
		{[]string{"explain", "--between", "h200-bf16-flash,"}, []string{"h200-bf16-flash,h200-bf16-math"}, []string{"h200-bf16-flash,h200-bf16-flash"}},
		{[]string{"explain", "--profile", "none", "--between", ""}, nil, []string{"h200-bf16-flash"}},
		{[]string{"enroll", "--label", "device=h100,"}, []string{"device=h100,precision="}, []string{"device=h100,device="}},
		{[]string{"train", ""}, []string{"jsonl", "zst"}, nil},
	} {
		got, _ := s.offers(append([]string{"hspi"}, tt.line...)...)
		assert.Subset(t, got, tt.want, tt.line)
		for _, not := range tt.not {
			assert.NotContains(t, got, not, tt.line)
		}
	}
}

// TestHSPIHelp: every flag says what it does, every command has an example and is
// completed where there is a choice.
func TestHSPIHelp(t *testing.T) {
	s := newScene(t)
	choices := map[string]bool{"claim": true, "profile": true, "evidence": true, "plan": true, "label": true, "between": true, "out": true, "report": true}
	for _, c := range hspiCommand(s.world).Commands() {
		if c.HasSubCommands() {
			continue // border is tested beside it
		}
		assert.Contains(t, c.Example, "  gpubench hspi "+c.Name(), c.Name())
		c.Flags().VisitAll(func(f *pflag.Flag) {
			assert.NotEmpty(t, f.Usage, "%s --%s", c.Name(), f.Name)
			_, completed := c.GetFlagCompletionFunc(f.Name)
			assert.Equal(t, choices[f.Name] && !(c.Name() == "train" && f.Name == "out"), completed, "%s --%s", c.Name(), f.Name)
		})
	}
}
