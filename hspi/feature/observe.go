package feature

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// Kind is how the logits of a position were computed.
type Kind uint8

// Kinds of positions.
const (
	First  Kind = iota // the first token of an answer: all of the prompt in one pass
	Decode             // later tokens: one by one over a cache
	Prompt             // the prompt's own tokens
	Kinds  = 3
)

func (k Kind) String() string {
	return [...]string{"first token", "later tokens", "prompt's tokens"}[k]
}

// Observation is what one endpoint said at one position, in a form that can be
// compared with what others said there.
type Observation struct {
	// Key is the same for positions of the same context: prompt, condition, tokens
	// before. Zero is never a key.
	Key  uint64
	Kind Kind
	// Unit names the prompt: positions of one prompt depend on each other.
	Unit string
	// Length is the number of tokens before the position in its prompt or answer.
	Length int
	// Tokens are hashes of the most likely tokens' texts, and Logprobs theirs, from
	// the most likely on; tokens with equal texts are left out.
	Tokens   []uint32
	Logprobs []float64
	// Half is half of the last decimal where numbers were rounded; 0: they are
	// float32 in all digits.
	Half float64
}

// kept is how many alternatives an observation has at most.
const kept = 8

// promptStep: of the prompt's own tokens every eighth is observed. Neighbours
// tell much the same.
const promptStep = 8

// Observe gives the positions that other sessions of the same plan have too. Of
// prompts that only one session has, there are none.
func Observe(answers []*evidence.Response) []Observation { return Read(answers).Observations() }

func (r *Reading) observe() []Observation {
	all := make([]Observation, len(r.items))
	parallel(len(r.items), func(i int) { all[i] = observation(&r.items[i]) })
	return slices.DeleteFunc(all, func(o Observation) bool { return o.Key == 0 })
}

// observation is empty for what other sessions do not have.
func observation(it *item) Observation {
	at, l := it.at, it.l
	name, ok := condition(at)
	if !ok || len(l.logprobs) == 0 || (at.echoed && at.index%promptStep != promptStep-1) {
		return Observation{}
	}
	o := Observation{Kind: First, Unit: at.prompt, Length: at.index, Half: l.half()}
	switch {
	case at.echoed:
		o.Kind = Prompt
	case at.index > 0:
		o.Kind = Decode
	}
	h := hashed(hashed(fnvStart, name), at.prompt)
	h = hashed(h, strconv.Itoa(at.index))
	if at.echoed {
		h = hashed(h, "echo")
	}
	o.Key = max((h^at.prefix)*fnvFactor, 1)
	o.Tokens, o.Logprobs = l.ranked(kept)
	return o
}

// condition groups the requests that are computed alike; ok is false for those
// whose prompts, or values, other sessions do not have.
func condition(at place) (string, bool) {
	switch at.series {
	case plan.SeriesProbe:
		return "alone", at.variant == "" || at.variant == "stream"
	case plan.SeriesRepeat:
		return "again", true
	case plan.SeriesLoad:
		return at.variant, true
	case plan.SeriesContext:
		return "context", true
	case plan.SeriesPrompt, plan.SeriesForced:
		return at.series, at.echoed // what follows an echo depends on how it was asked for
	}
	return "", false
}

// half is how far rounding may have moved a value.
func (l *list) half() float64 {
	for _, v := range l.logprobs {
		if float64(float32(v)) != v {
			return l.spread
		}
	}
	return 0
}

// ranked are the n most likely tokens, ties by hash.
func (l *list) ranked(n int) ([]uint32, []float64) {
	type entry struct {
		token   uint32
		logprob float64
	}
	entries := make([]entry, len(l.tokens))
	for i, t := range l.tokens {
		h := hashed(fnvStart, t)
		entries[i] = entry{uint32(h ^ h>>32), l.logprobs[i]}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.logprob, a.logprob), cmp.Compare(a.token, b.token))
	})
	tokens, logprobs := make([]uint32, 0, n), make([]float64, 0, n)
	for _, e := range entries {
		if len(tokens) == n {
			break
		}
		if !slices.Contains(tokens, e.token) {
			tokens, logprobs = append(tokens, e.token), append(logprobs, e.logprob)
		}
	}
	return tokens, logprobs
}

// Distance is how far two observations of one position are from each other.
type Distance struct {
	// Exact: the same tokens with the same numbers, as far as decimals were kept.
	Exact bool
	// Mean and Max are of the absolute differences of logprobs, in nats, over the
	// tokens that both have; NaN where they share none.
	Mean, Max float64
	// Equal of Gaps differences to the most likely token are the same.
	Equal, Gaps int
	// Shared is how many tokens both have.
	Shared int
}

// sameGap is how far equal differences of logits may be from each other after a
// float32 log-softmax each.
const sameGap = 4e-6

// Apart compares two observations. It does not look at their keys.
func Apart(a, b *Observation) Distance {
	slack := a.Half + b.Half
	d := Distance{Exact: len(a.Tokens) == len(b.Tokens)}
	base := math.NaN()
	for i, t := range a.Tokens {
		j := i // most often the same place
		if j >= len(b.Tokens) || b.Tokens[j] != t {
			d.Exact = false
			if j = slices.Index(b.Tokens, t); j < 0 {
				continue
			}
		}
		delta := a.Logprobs[i] - b.Logprobs[j]
		size := math.Abs(delta)
		d.Exact = d.Exact && size <= slack
		d.Mean, d.Max = d.Mean+size, max(d.Max, size)
		if d.Shared++; d.Shared == 1 {
			base = delta
			continue
		}
		if d.Gaps++; math.Abs(delta-base) <= max(2*slack, sameGap) {
			d.Equal++
		}
	}
	if d.Shared == 0 {
		return Distance{Mean: math.NaN(), Max: math.NaN()}
	}
	d.Mean /= float64(d.Shared)
	return d
}
