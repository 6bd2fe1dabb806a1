package feature

import (
	"strconv"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// place says where a position is, so that positions of the same context can be
// found in other evidence.
type place struct {
	series string
	// prompt names the text of the prompt; requests of different series share it
	// where plans say so.
	prompt  string
	variant string
	repeat  int
	// index counts positions from the start of the prompt (echoed) or answer.
	index  int
	echoed bool
	// prefix is a hash of the texts of the tokens before it in the answer.
	prefix uint64
}

// items are the positions of an answer that have logprobs, in order. Discovery and
// fillers have none that tell anything.
func items(r *evidence.Response) []item {
	if r.Purpose.Series == plan.SeriesDiscover || r.Purpose.Series == plan.SeriesFiller {
		return nil
	}
	at := place{series: r.Purpose.Series, variant: r.Purpose.Variant, prompt: promptName(r.Purpose), repeat: r.Purpose.Repeat, echoed: true}
	all := itemsOf(nil, r.Prompt, r, at)
	if len(r.Choices) == 0 {
		return all
	}
	c := &r.Choices[0]
	echoed := max(c.Echoed, 0)
	all = itemsOf(all, c.Positions[:echoed], r, at)
	at.echoed = false
	return itemsOf(all, c.Positions[echoed:], r, at)
}

func itemsOf(all []item, positions []evidence.Position, r *evidence.Response, at place) []item {
	prefix := uint64(fnvStart)
	for i := range positions {
		at.index, at.prefix = i, prefix
		if l := newList(&positions[i]); l != nil {
			all = append(all, item{r, at, l})
		}
		if !at.echoed {
			prefix = hashed(prefix, positions[i].Token.Text)
		}
	}
	return all
}

// FNV-1a's start and factor.
const fnvStart, fnvFactor = 14695981039346656037, 1099511628211

// hashed goes on with a hash over a text and an end mark.
func hashed(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * fnvFactor
	}
	return (h ^ 0xff) * fnvFactor
}

// promptName names the text of a prompt within a plan.
func promptName(p evidence.Purpose) string {
	name := p.Series
	switch p.Series {
	case plan.SeriesProbe, plan.SeriesRepeat, plan.SeriesTemperature, plan.SeriesLoad:
		name = "short"
	}
	if p.Length > 0 {
		name += ":" + strconv.Itoa(p.Length)
	}
	return name + "/" + strconv.Itoa(p.Prompt)
}
