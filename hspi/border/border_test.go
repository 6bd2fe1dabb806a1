package border_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/border"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/probe"
)

// small is the first prompts of the recorded set.
func small(t *testing.T, prompts int) *border.Set {
	t.Helper()
	s, err := border.Load("recorded/h200.json.zst")
	require.NoError(t, err)
	s, _ = s.First(prompts, nil)
	return s
}

// session is what a platform said as the set was made.
func session(s *border.Set, id, number string) border.Session {
	x := border.Session{Platform: id, Number: number, Labels: map[string]string{}}
	for _, p := range s.Prompts {
		x.Said = append(x.Said, p.Answers[id][0])
	}
	return x
}

// learnt is the set with three sessions of each platform.
func learnt(t *testing.T, s *border.Set) *border.Set {
	t.Helper()
	var all []border.Session
	for _, number := range []string{"1", "2", "3"} {
		for _, p := range s.Platforms {
			all = append(all, session(s, p.ID, number))
		}
	}
	l, err := s.Learn(all)
	require.NoError(t, err)
	return l
}

// answering serves a set as a platform, and counts what is asked.
func answering(t *testing.T, s *border.Set, id string) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Add(1)
		var ask struct{ Prompt string }
		assert.NoError(t, json.NewDecoder(q.Body).Decode(&ask))
		i := slices.IndexFunc(s.Prompts, func(p border.Prompt) bool { return p.Text == ask.Prompt })
		if !assert.GreaterOrEqual(t, i, 0, ask.Prompt) {
			return
		}
		p := s.Prompts[i]
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"object": "text_completion", "model": "lab",
			"choices": []any{map[string]any{"index": 0, "text": p.Says[p.Answers[id][0]], "finish_reason": "length"}}}))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1", &asked
}

func options(t *testing.T, address string) border.Options {
	t.Helper()
	e, err := probe.ParseEndpoint(address)
	require.NoError(t, err)
	o := border.Options{Session: 1}
	o.Endpoint, o.Model, o.Tool, o.Retry.Attempts = e, "lab", "test", 1
	return o
}

func claimed(t *testing.T, s *border.Set, text string) border.Claim {
	t.Helper()
	c, err := s.Parse(text)
	require.NoError(t, err)
	return c
}

// TestAskAndJudge: an interrupted session is gone on with, nothing is asked twice,
// and the claims come out.
func TestAskAndJudge(t *testing.T) {
	t.Parallel()
	s := small(t, 40)
	l := learnt(t, s)
	address, asked := answering(t, s, "h200-bf16-eager")
	path := filepath.Join(t.TempDir(), "e.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	o, n := options(t, address), 0
	o.Progress = func(e probe.Event) {
		if e.Exchange != nil {
			if n++; n == 15 {
				cancel()
			}
		}
	}
	_, err := s.Ask(ctx, path, o)
	require.ErrorIs(t, err, context.Canceled)
	rec, err := s.Ask(t.Context(), path, options(t, address))
	require.NoError(t, err)
	assert.Equal(t, 40, rec.Result.Answered)
	assert.LessOrEqual(t, asked.Load(), int64(41), "at most the one that was under way is asked again")
	f, err := evidence.Load(path)
	require.NoError(t, err)
	require.Len(t, f.Sessions(), 1)
	for text, want := range map[string]decide.Verdict{
		"h200-bf16-eager": decide.Consistent, "h200-fp16-flash": decide.Contradicted, "bf16": decide.Consistent,
		"bf16-unquantised": decide.Consistent, "fp16": decide.Contradicted, "int4": decide.Contradicted, "vllm": decide.NotTestable,
	} {
		r := l.Judge(f, claimed(t, l, text), 0.01)
		assert.Equal(t, want, r.Verdict, "%s: %s", text, r.Why)
		assert.Equal(t, 40, r.Answered)
	}
	r := s.Judge(f, claimed(t, s, "fp16"), 0.01)
	assert.NotEqual(t, decide.Contradicted, r.Verdict, "how often platforms err is not known")
	assert.Contains(t, strings.Join(r.Limits, " "), "not learnt from sessions")

	other, _ := s.First(40, nil)
	other.Prompts = slices.Clone(other.Prompts)
	for i := range other.Prompts {
		other.Prompts[i].Text += " more"
	}
	r = other.Judge(f, claimed(t, other, "bf16"), 0.01)
	assert.Equal(t, decide.NotTestable, r.Verdict)
	assert.Contains(t, r.Why+r.Findings[0].Evidence[0], border.ErrOtherSet.Error())
}

// TestOtherWeights: a model that the set was not made for is no platform of it.
func TestOtherWeights(t *testing.T) {
	t.Parallel()
	s := small(t, 40)
	server := httptest.NewServer(gateway.NewModel(gateway.ModelOptions{Name: "lab"}))
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, err := s.Ask(t.Context(), path, options(t, server.URL+"/v1"))
	require.NoError(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	l := learnt(t, s)
	for _, p := range l.Platforms {
		r := l.Judge(f, claimed(t, l, p.ID), 0.01)
		assert.NotEqual(t, decide.Consistent, r.Verdict, p.ID)
		assert.Empty(t, r.Findings[0].Found, p.ID)
	}
}

// TestNothingAnswered: an endpoint that refuses leaves evidence, and nothing is said.
func TestNothingAnswered(t *testing.T) {
	t.Parallel()
	s := small(t, 5)
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "e.jsonl")
	_, err := s.Ask(t.Context(), path, options(t, server.URL+"/v1"))
	require.Error(t, err)
	f, err := evidence.Load(path)
	require.NoError(t, err)
	assert.Equal(t, decide.NotTestable, s.Judge(f, claimed(t, s, "bf16"), 0.01).Verdict)
}

// TestRecognise: each platform is known by its answers, the order of prompts does not
// matter, and probabilities are such.
func TestRecognise(t *testing.T) {
	t.Parallel()
	l := learnt(t, small(t, 60))
	turned, _ := l.First(60, nil)
	turned.Prompts = slices.Clone(l.Prompts)
	slices.Reverse(turned.Prompts)
	for _, p := range l.Platforms {
		if strings.Contains(p.ID, "fp32-e") {
			continue // eager and efficient answer alike
		}
		x := session(l, p.ID, "4")
		scores, unknown, _ := l.Recognise(x.Said)
		assert.Equal(t, p.ID, scores[0].Platform.ID)
		sum := unknown
		for _, s := range scores {
			sum += s.Probability
		}
		assert.InDelta(t, 1, sum, 1e-9)
		slices.Reverse(x.Said)
		again, _, _ := turned.Recognise(x.Said)
		assert.InDelta(t, scores[0].Probability, again[0].Probability, 1e-9)
	}
	silent := make([]int, 60)
	for i := range silent {
		silent[i] = -1
	}
	_, unknown, _ := l.Recognise(silent)
	assert.InDelta(t, 0.05, unknown, 1e-9, "what was not answered tells nothing")
}

// TestVote is the published decision by hand.
func TestVote(t *testing.T) {
	t.Parallel()
	s := &border.Set{Version: border.Version, API: border.Completions, Loads: []int{0}, Platforms: []border.Platform{{ID: "a"}, {ID: "b"}}}
	for _, text := range []string{"p", "q", "r", "s", "same"} {
		answers := map[string][]int{"a": {0}, "b": {1}}
		if text == "same" {
			answers["b"] = []int{0}
		}
		s.Prompts = append(s.Prompts, border.Prompt{Text: text, Says: []string{"x", "y"}, Answers: answers})
	}
	v := s.Vote("a", "b", []int{0, 0, 1, 2, 0})
	assert.Equal(t, border.Vote{A: "a", B: "b", ForA: 2, ForB: 1, Dropped: 1}, v)
	assert.Equal(t, "a", v.Winner())
	assert.Empty(t, s.Vote("a", "b", []int{0, 1, 2, -1, 0}).Winner(), "a tie")
}

func TestLearnRefuses(t *testing.T) {
	t.Parallel()
	s := small(t, 5)
	x := session(s, "h200-bf16-eager", "1")
	for name, sessions := range map[string][]border.Session{
		"none": nil, "one platform": {x, x}, "one session each": {x, session(s, "h200-fp16-eager", "1")},
	} {
		_, err := s.Learn(sessions)
		assert.ErrorIs(t, err, border.ErrFewSessions, name)
	}
	short := x
	short.Said = x.Said[:3]
	_, err := s.Learn([]border.Session{short})
	assert.ErrorIs(t, err, border.ErrOtherSet)
}

// TestSave: a learnt set comes back the same, plain and compressed.
func TestSave(t *testing.T) {
	t.Parallel()
	l := learnt(t, small(t, 5))
	for _, name := range []string{"s.json", "s.json.zst"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, l.Save(path))
		again, err := border.Load(path)
		require.NoError(t, err)
		want, err := json.Marshal(l)
		require.NoError(t, err)
		got, err := json.Marshal(again)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got))
	}
}

// TestBadSets: a file that is no usable set is refused, never half read.
func TestBadSets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "set.json")
	require.NoError(t, learnt(t, small(t, 3)).Save(path))
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	zst, err := os.ReadFile("recorded/h200.json.zst")
	require.NoError(t, err)
	for n := 0; n < len(good); n += 97 {
		_, err := border.Read(strings.NewReader(string(good[:n])))
		assert.ErrorIs(t, err, border.ErrSet, "the first %d bytes", n)
	}
	_, err = border.Read(strings.NewReader(string(zst[:len(zst)/2])))
	assert.ErrorIs(t, err, border.ErrSet, "half of a compressed one")
	_, err = border.Load(filepath.Join(dir, "none.json"))
	assert.ErrorIs(t, err, os.ErrNotExist)

	for name, change := range map[string]func(s *border.Set){
		"version is 2":       func(s *border.Set) { s.Version = 2 },
		"API":                func(s *border.Set) { s.API = "images" },
		"two to differ":      func(s *border.Set) { s.Platforms = s.Platforms[:1] },
		"no loads":           func(s *border.Set) { s.Loads = nil; s.Prompts[0].Answers["h200-bf16-eager"] = nil },
		"no prompts":         func(s *border.Set) { s.Prompts = nil },
		"comes twice":        func(s *border.Set) { s.Platforms[1].ID = s.Platforms[0].ID },
		"prompt 1 is empty":  func(s *border.Set) { s.Prompts[1].Text = s.Prompts[0].Text },
		"answers are none":   func(s *border.Set) { s.Prompts[0].Says = nil },
		"no platform of":     func(s *border.Set) { s.Prompts[0].Answers["x"] = []int{0, 0, 0, 0} },
		"answers for":        func(s *border.Set) { s.Prompts[0].Answers["h200-bf16-eager"] = []int{0} },
		"that is not there":  func(s *border.Set) { s.Prompts[0].Answers["h200-bf16-eager"][0] = 99 },
		"does not fit":       func(s *border.Set) { s.Prompts[0].Seen["h200-bf16-eager"] = []int{1} },
		"its weights are":    func(s *border.Set) { s.Learnt.Temper = -1 },
		"the errors of":      func(s *border.Set) { s.Learnt.Errors["h200-bf16-eager"] = border.Errors{Wrong: 2, Answers: 1} },
		"that is not there ": func(s *border.Set) { s.Prompts[0].Answers["h200-bf16-eager"][0] = -1 },
	} {
		s, err := border.Read(strings.NewReader(string(good)))
		require.NoError(t, err)
		change(s)
		text, err := json.Marshal(s)
		require.NoError(t, err)
		_, err = border.Read(strings.NewReader(string(text)))
		require.ErrorIs(t, err, border.ErrSet, name)
		assert.ErrorContains(t, err, strings.TrimSpace(name))
	}
}
