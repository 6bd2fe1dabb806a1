package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/border"
)

// borderSet writes the first prompts of the recorded set.
func (s *scene) borderSet(prompts int) (*border.Set, string) {
	s.t.Helper()
	set, err := border.Load("../../hspi/border/recorded/h200.json.zst")
	require.NoError(s.t, err)
	set, _ = set.First(prompts, nil)
	path := s.path("set.json")
	require.NoError(s.t, set.Save(path))
	return set, path
}

// platform is an endpoint that answers a set as a platform does.
func platform(t *testing.T, set *border.Set, id string) []string {
	return endpoint(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var ask struct{ Prompt string }
		assert.NoError(t, json.NewDecoder(q.Body).Decode(&ask))
		i := slices.IndexFunc(set.Prompts, func(p border.Prompt) bool { return p.Text == ask.Prompt })
		if i < 0 {
			http.NotFound(w, q)
			return
		}
		text := set.Prompts[i].Says[set.Prompts[i].Answers[id][0]]
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"object": "text_completion", "model": "tiny",
			"choices": []any{map[string]any{"index": 0, "text": text, "finish_reason": "length"}}}))
	}))
}

// TestBorder: ask platforms, train, evaluate, and judge claims online and offline.
func TestBorder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	set, path := s.borderSet(20)
	recordings := s.path("recordings")
	require.NoError(t, os.Mkdir(recordings, 0o700))
	platforms := []string{"h200-bf16-eager", "h200-fp16-eager", "h200-bf16-int4"}
	for _, id := range platforms {
		flags := platform(t, set, id)
		for n := 1; n <= 3; n++ {
			s.must(append([]string{"hspi", "border", "ask", "--quiet", "--set", path, "--platform", id, "--session", fmt.Sprint(n),
				"--out", fmt.Sprintf("%s/%s-%d.jsonl", recordings, id, n)}, flags...)...)
		}
	}
	learnt := s.path("learnt.json.zst")
	o := s.must("hspi", "border", "train", recordings, "--set", path, "--out", learnt)
	assert.Contains(t, o.out, "20 prompts, 3 platforms, 9 sessions learnt from")
	assert.Contains(t, o.out, "0 of 180 answers are not what the other sessions")
	o = s.must("hspi", "border", "evaluate", recordings, "--set", path, "--unknown")
	assert.Contains(t, o.out, "balanced accuracy 1.000")
	o = s.must("hspi", "border", "evaluate", recordings, "--set", path, "--prompts", "10", "--json")
	var e border.Evaluation
	require.NoError(t, json.Unmarshal([]byte(o.out), &e))
	assert.Equal(t, [2]int{10, 9}, [2]int{e.Prompts, e.Sessions})

	flags := platform(t, set, "h200-bf16-eager")
	o = s.hspi("border", append([]string{"verify", "--quiet", "--set", learnt, "--claim", "h200-bf16-eager", "--out", s.path("yes")}, flags...))
	assert.Equal(t, exitOK, o.code, o.out+o.err)
	o = s.hspi("border", append([]string{"verify", "--quiet", "--set", learnt, "--claim", "fp16", "--out", s.path("no")}, flags...))
	assert.Equal(t, exitContradicted, o.code, o.out+o.err)
	o = s.hspi("border", []string{"verify", "--set", learnt, "--claim", "int4", "--evidence", s.path("no") + "/" + evidenceName})
	assert.Equal(t, exitContradicted, o.code, o.out+o.err)
	o = s.must(append([]string{"hspi", "border", "verify", "--dry-run", "--set", learnt, "--claim", "fp16"}, flags...)...)
	assert.Contains(t, o.out, "20 requests")
}

func TestBorderUsage(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, path := s.borderSet(3)
	for _, line := range [][]string{
		{"ask", "--endpoint", "http://127.0.0.1:1/v1", "--model", "x"},
		{"ask", "--set", path},
		{"ask", "--set", s.path("none.json"), "--endpoint", "http://127.0.0.1:1/v1", "--model", "x"},
		{"ask", "--set", path, "--repeats", "0", "--endpoint", "http://127.0.0.1:1/v1", "--model", "x"},
		{"verify", "--set", path, "--endpoint", "http://127.0.0.1:1/v1", "--model", "x"},
		{"verify", "--set", path, "--claim", "nonsense", "--endpoint", "http://127.0.0.1:1/v1", "--model", "x"},
		{"verify", "--set", path, "--claim", "bf16", "--alpha", "1", "--evidence", path},
		{"verify", "--set", path, "--claim", "bf16", "--evidence", s.path("none.jsonl")},
		{"train", s.path("empty"), "--set", path},
		{"evaluate", s.path("empty"), "--set", path},
		{"evaluate", s.path("empty"), "--set", path, "--alpha", "2"},
		{"evaluate"},
	} {
		o := s.hspi("border", line)
		assert.Equal(t, exitUsage, o.code, "%v: %s", line, o.err)
		assert.NotEmpty(t, o.err, line)
	}
}

// TestBorderHelp: every flag says what it does, every command has an example.
func TestBorderHelp(t *testing.T) {
	s := newScene(t)
	for _, c := range borderCommand(s.world).Commands() {
		assert.Contains(t, c.Example, "  gpubench hspi border "+c.Name(), c.Name())
		c.Flags().VisitAll(func(f *pflag.Flag) { assert.NotEmpty(t, f.Usage, "%s --%s", c.Name(), f.Name) })
	}
}
