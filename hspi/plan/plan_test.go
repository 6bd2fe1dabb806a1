package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/hspi/evidence"
)

func build(t *testing.T, o Options, c Capabilities) *Plan {
	t.Helper()
	p, err := Build(o, c)
	require.NoError(t, err)
	return p
}

func all() Capabilities {
	c := Assumed()
	c.PromptLogprobs, c.TokenIDs = Honoured, Honoured
	return c
}

func TestTheSameOptionsGiveTheSamePlan(t *testing.T) {
	a, b := build(t, Standard("m", 1, "n"), all()), build(t, Standard("m", 1, "n"), all())
	require.Equal(t, a, b)
	require.Len(t, a.Items(), 89, "as its documentation says")
	require.Len(t, build(t, Small("m", 1, "n"), all()).Items(), 5)
	// A golden hash: keys must stay what they are, else evidence is asked for again.
	require.Equal(t, "1a60", a.Hash()[:4])
	for name, o := range map[string]Options{"seed": Standard("m", 2, "n"), "model": Standard("x", 1, "n"), "nonce": Standard("m", 1, "x")} {
		require.NotEqual(t, a.Hash(), build(t, o, all()).Hash(), name)
	}
}

// Repeats come over the old connection first, then over new ones.
func TestRepeatsReconnect(t *testing.T) {
	var over []bool
	for _, item := range build(t, Standard("m", 1, "n"), all()).Items() {
		if item.Purpose.Series == SeriesRepeat && item.Purpose.Prompt == 0 {
			over = append(over, item.Reconnect)
			continue
		}
		require.False(t, item.Reconnect && item.Purpose.Series != SeriesRepeat)
	}
	require.Equal(t, []bool{false, false, false, false, false, true, true, true, true, true}, over)
}

func TestKeysAreUniqueAndReadable(t *testing.T) {
	seen := map[string]bool{}
	for _, item := range build(t, Standard("m", 1, "n"), all()).Items() {
		require.False(t, seen[item.Key], item.Key)
		seen[item.Key] = true
		require.True(t, strings.HasPrefix(item.Key, item.Purpose.Series+"/"), item.Key)
	}
	q := Request{Purpose: evidence.Purpose{Series: SeriesProbe}, Prompt: "x", MaxTokens: 1}
	a, err := q.Item("m")
	require.NoError(t, err)
	q.MaxTokens = 2
	b, err := q.Item("m")
	require.NoError(t, err)
	require.NotEqual(t, a.Key, b.Key, "another request has another key")
}

// Two sessions of a plan ask the same prompts, but for the cold ones.
func TestOnlyColdPromptsDependOnTheSession(t *testing.T) {
	a, b := build(t, Standard("m", 1, "one"), all()).Items(), build(t, Standard("m", 1, "two"), all()).Items()
	for i := range a {
		if a[i].Purpose.Series == SeriesPrefix {
			require.NotEqual(t, a[i].Key, b[i].Key)
			require.Contains(t, string(b[i].Body), `"prompt":"two `)
			continue
		}
		require.Equal(t, a[i], b[i])
	}
}

func TestBodies(t *testing.T) {
	seed := int64(0)
	for name, c := range map[string]struct {
		q    Request
		want string
	}{
		"completions":     {Request{Prompt: "a <b>", MaxTokens: 3, Logprobs: 5}, `{"model":"m","prompt":"a <b>","max_tokens":3,"temperature":0,"logprobs":5}`},
		"no alternatives": {Request{Prompt: "a", MaxTokens: 3, Temperature: 0.5}, `{"model":"m","prompt":"a","max_tokens":3,"temperature":0.5,"logprobs":0}`},
		"no logprobs":     {Request{Prompt: "a", MaxTokens: 3, Logprobs: -1}, `{"model":"m","prompt":"a","max_tokens":3,"temperature":0}`},
		"chat": {Request{Chat: true, Prompt: "a", MaxTokens: 3, Logprobs: 5},
			`{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":3,"temperature":0,"logprobs":true,"top_logprobs":5}`},
		"newer name": {Request{Chat: true, Prompt: "a", MaxTokens: 3, MaxCompletionTokens: true, Logprobs: -1},
			`{"model":"m","messages":[{"role":"user","content":"a"}],"max_completion_tokens":3,"temperature":0}`},
		"chat, no alternatives": {Request{Chat: true, Prompt: "a", MaxTokens: 3},
			`{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":3,"temperature":0,"logprobs":true,"top_logprobs":0}`},
		"all": {Request{Prompt: "a", MaxTokens: 3, Logprobs: 1, Echo: true, PromptLogprobs: 2, TokenIDs: true, N: 2, Seed: &seed, LogitBias: map[string]int{"7": 1}, Stream: true},
			`{"model":"m","prompt":"a","max_tokens":3,"temperature":0,"logprobs":1,"echo":true,"prompt_logprobs":2,"return_token_ids":true,"n":2,"seed":0,"logit_bias":{"7":1},"stream":true,"stream_options":{"include_usage":true}}`},
	} {
		item, err := c.q.Item("m")
		require.NoError(t, err)
		require.Equal(t, c.want, string(item.Body), name)
		require.True(t, json.Valid(item.Body))
	}
}

func TestWhatCannotBeDoneIsLeftOutAndSaid(t *testing.T) {
	c := all()
	c.Echo, c.PromptLogprobs, c.Stream, c.MaxModelLen = Refused, Ignored, Refused, 600
	p := build(t, Standard("m", 1, "n"), c)
	for _, item := range p.Items() {
		require.NotEqual(t, SeriesPrompt, item.Purpose.Series)
		require.NotContains(t, string(item.Body), "stream")
		require.LessOrEqual(t, item.PromptBytes, 600)
	}
	text := strings.Join(p.Skipped, "\n")
	for _, want := range []string{"prompt: the endpoint tells no logprobs of prompts", "stream: the endpoint does not stream", "context of 160 words: the model takes 600 tokens"} {
		require.Contains(t, text, want)
	}
}

func TestTheAPIThatTellsMoreIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		c    Capabilities
		chat bool
		k    int
	}{
		"equal":            {Capabilities{Chat: Honoured, Completions: Honoured, ChatLogprobs: 20, ChatLogprobsGot: 20, CompletionsLogprobs: 20, CompletionsLogprobsGot: 20}, false, 20},
		"OpenAI":           {Capabilities{Chat: Honoured, Completions: Honoured, ChatLogprobs: 20, ChatLogprobsGot: 20, CompletionsLogprobs: 5, CompletionsLogprobsGot: 5}, true, 20},
		"chat only":        {Capabilities{Chat: Honoured, Completions: Refused, ChatLogprobs: 5, ChatLogprobsGot: 5, CompletionsLogprobs: -1}, true, 5},
		"completions only": {Capabilities{Chat: Refused, Completions: Honoured, ChatLogprobs: -1, CompletionsLogprobs: -1, CompletionsLogprobsGot: -1, ChatLogprobsGot: -1}, false, -1},
	} {
		require.Equal(t, c.chat, c.c.UseChat(), name)
		require.Equal(t, c.k, c.c.Logprobs(), name)
	}
}

func TestWordsAreWords(t *testing.T) {
	require.Equal(t, Words(1, "a", 0, 5), Words(1, "a", 0, 5))
	require.NotEqual(t, Words(1, "a", 0, 5), Words(1, "a", 1, 5))
	require.NotEqual(t, Words(1, "a", 0, 5), Words(1, "b", 0, 5))
	require.Len(t, strings.Fields(Words(3, "c", 9, 544)), 544)
	words := map[string]bool{}
	for _, w := range strings.Fields(vocabulary) {
		require.False(t, words[w], "%s comes twice", w)
		words[w] = true
		require.LessOrEqual(t, len(w), 7)
	}
	require.Empty(t, Words(1, "a", 0, 0))
}

// SplitMix64 with its published first outputs for the seed 1234567.
func TestTheGeneratorIsSplitMix64(t *testing.T) {
	r := random(1234567)
	require.Equal(t, []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423}, []uint64{r.next(), r.next(), r.next()})
}

func TestForcedGivesAnswersBack(t *testing.T) {
	answer := func(prompt int, variant, text string) *evidence.Response {
		return &evidence.Response{Purpose: evidence.Purpose{Series: SeriesProbe, Prompt: prompt, Variant: variant}, Choices: []evidence.Choice{{Text: text}}}
	}
	answers := []*evidence.Response{answer(1, "", " river"), answer(1, "", " again"), answer(0, "stream", " x"), answer(2, "", ""), {Purpose: evidence.Purpose{Series: SeriesProbe}}}
	p, err := Forced(Standard("m", 1, "n"), all(), answers)
	require.NoError(t, err)
	items := p.Items()
	require.Len(t, items, 1)
	require.Contains(t, string(items[0].Body), ShortPrompt(1, 1)+` river"`)
	require.Contains(t, string(items[0].Body), `"prompt_logprobs":20`)
	c := all()
	c.PromptLogprobs = Refused
	p, err = Forced(Standard("m", 1, "n"), c, answers)
	require.NoError(t, err)
	require.Contains(t, string(p.Items()[0].Body), `"echo":true`)
	c.Echo = Ignored
	p, err = Forced(Standard("m", 1, "n"), c, answers)
	require.NoError(t, err)
	require.Empty(t, p.Items())
	require.Len(t, p.Skipped, 1)
}
