package plan

import (
	"slices"
	"strings"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// SeriesForced: the answers of SeriesProbe as part of the prompt, whose logprobs
// come from one pass over all tokens instead of token by token (prefill against
// decode). Two endpoints that are given the same answers score the same tokens.
const SeriesForced = "forced"

// Forced is a plan that gives answers to SeriesProbe of any session back as
// prompts. Prompts and answers are joined as text: where the endpoint's tokens of
// the whole differ from those of the parts, their positions do not match. It
// is empty, with a reason, where the endpoint tells no logprobs of prompts, or
// answers chat only, where a template comes between.
func Forced(o Options, c Capabilities, answers []*evidence.Response) (*Plan, error) {
	b := &builder{o: o, c: c, plan: &Plan{Options: o}}
	if c.Completions != Honoured || c.UseChat() || (c.Echo != Honoured && c.PromptLogprobs != Honoured) {
		b.skip(SeriesForced, "the endpoint tells no logprobs of prompts, or has chat only")
		return b.plan, nil
	}
	var done []int
	for _, r := range answers {
		p := r.Purpose
		if p.Series != SeriesProbe || p.Variant != "" || slices.Contains(done, p.Prompt) || len(r.Choices) == 0 || r.Choices[0].Text == "" {
			continue
		}
		done = append(done, p.Prompt)
		b.scored(evidence.Purpose{Series: SeriesForced, Prompt: p.Prompt}, ShortPrompt(o.Seed, p.Prompt)+r.Choices[0].Text)
	}
	return b.plan, b.err
}

// ForcedMost is Forced before there are answers, to tell its cost: every prompt is
// answered, and a token of an answer is taken to have the four bytes that are usual.
func ForcedMost(o Options, c Capabilities) (*Plan, error) {
	const bytesOfToken = 4
	var answers []*evidence.Response
	for i := range o.Prompts {
		answers = append(answers, &evidence.Response{Purpose: evidence.Purpose{Series: SeriesProbe, Prompt: i},
			Choices: []evidence.Choice{{Text: strings.Repeat("x", bytesOfToken*o.ProbeTokens)}}})
	}
	return Forced(o, c, answers)
}

// scored asks for the logprobs of a prompt.
func (b *builder) scored(p evidence.Purpose, prompt string) {
	q := b.request(p, prompt, 1)
	if b.c.PromptLogprobs == Honoured {
		q.PromptLogprobs = max(q.Logprobs, 1)
	} else {
		q.Echo, q.Chat = true, false
		q.Logprobs = min(b.c.CompletionsLogprobs, b.alternatives())
	}
	b.alone(q)
}
