package border

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
	"github.com/gpubench/gpubench/hspi/probe"
)

// Series names the requests of a set in evidence.
const Series = "border"

// Options steers Ask.
type Options struct {
	probe.Options
	// Session numbers the sessions of a platform that is enrolled.
	Session int
	// Repeats is how often each prompt is asked; 0 means once.
	Repeats int
}

// ErrOtherSet: evidence holds no answer to a prompt of the set.
var ErrOtherSet = errors.New("the evidence holds no answers to this set")

// Plan is the requests of the set: one prompt after the other, so that they do not
// share a batch, at temperature 0, one token each, without logprobs.
func (s *Set) Plan(model string, repeats int) (*plan.Plan, error) {
	p := &plan.Plan{Options: plan.Options{Model: model}}
	for r := range max(repeats, 1) {
		for i := range s.Prompts {
			item, err := s.item(model, i, r)
			if err != nil {
				return nil, err
			}
			p.Steps = append(p.Steps, plan.Step{item})
		}
	}
	return p, nil
}

func (s *Set) item(model string, prompt, repeat int) (plan.Item, error) {
	return plan.Request{Purpose: evidence.Purpose{Series: Series, Prompt: prompt, Repeat: repeat}, Chat: s.API == Chat,
		Prompt: s.Prompts[prompt].Text, MaxTokens: 1, Logprobs: -1}.Item(model)
}

// Ask asks an endpoint the set and keeps the answers in the file at path, or goes on
// with the one there. The evidence holds what was answered whatever the error; the
// recording is nil only where nothing could be begun.
func (s *Set) Ask(ctx context.Context, path string, o Options) (*enrol.Recording, error) {
	p, err := s.Plan(o.Model, o.Repeats)
	if err != nil {
		return nil, err
	}
	o.Labels = maps.Clone(o.Labels)
	if o.Labels == nil {
		o.Labels = map[string]string{}
	}
	o.Labels["session"] = strconv.Itoa(o.Session)
	session, err := probe.Open(path, o.Options)
	if err != nil {
		return nil, err
	}
	rec := &enrol.Recording{Path: path}
	result, err := session.Run(ctx, p)
	rec.Result = *result
	reason := "complete"
	switch {
	case err != nil:
		reason = "stopped"
	case result.Answered == 0:
		err = fmt.Errorf("%w: %w", enrol.ErrNothing, result.Failed[0].Err)
		reason = "nothing was answered"
	}
	var closeErr error
	rec.Head, closeErr = session.Close(reason)
	return rec, errors.Join(err, closeErr)
}

// silent is the answer of a prompt that was not answered.
const silent = -1

// Said are, for each prompt, the answer as an index of Says; len(Says) is another
// answer, -1 none. Of repeated answers the most frequent counts.
func (s *Set) Said(answers []*evidence.Response) ([]int, error) {
	counts := make([]map[int]int, len(s.Prompts))
	known := 0
	for _, a := range answers {
		i := a.Purpose.Prompt
		if a.Purpose.Series != Series || i < 0 || i >= len(s.Prompts) || len(a.Choices) == 0 {
			continue
		}
		item, err := s.item(a.Asked.Model, i, a.Purpose.Repeat)
		if err != nil {
			return nil, err
		}
		if item.Key != a.Key {
			continue // the prompt of another set
		}
		if counts[i] == nil {
			counts[i] = map[int]int{}
		}
		counts[i][s.Prompts[i].index(a.Choices[0].Text)]++
		known++
	}
	if known == 0 {
		return nil, ErrOtherSet
	}
	said := make([]int, len(s.Prompts))
	for i, c := range counts {
		said[i] = silent
		for k := range len(s.Prompts[i].Says) + 1 {
			if c[k] > 0 && (said[i] == silent || c[k] > c[said[i]]) {
				said[i] = k
			}
		}
	}
	return said, nil
}
