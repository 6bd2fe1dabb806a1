package feature

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// firsts are the first tokens of answers, by the name that a function gives them.
func (r *Reading) firsts(name func(place) string) (map[string][]Observation, []string) {
	groups, order := map[string][]Observation{}, []string(nil)
	for _, it := range r.items {
		at, l := it.at, it.l
		n := name(at)
		if n == "" || at.index > 0 || at.echoed || len(l.logprobs) == 0 {
			continue
		}
		o := Observation{Kind: First, Unit: at.prompt, Half: l.half()}
		o.Tokens, o.Logprobs = l.ranked(kept)
		if groups[n] == nil {
			order = append(order, n)
		}
		groups[n] = append(groups[n], o)
	}
	return groups, order
}

// sameText names requests of the same prompt, whatever the load.
func sameText(at place) string {
	switch at.series {
	case plan.SeriesRepeat, plan.SeriesLoad:
		return at.prompt
	case plan.SeriesProbe:
		if at.variant != plan.VariantFresh {
			return at.prompt
		}
	}
	return ""
}

// Repeats counts the prompts that were asked more than once, alone or under load,
// and those of them at which the first token's logprobs were the same each time.
func (r *Reading) Repeats() (same, asked int) {
	groups, order := r.firsts(sameText)
	for _, n := range order {
		if g := groups[n]; len(g) > 1 {
			asked++
			if len(counts(g)) == 1 {
				same++
			}
		}
	}
	return same, asked
}

// counts tells how often each of the things that were said was said, most often first.
func counts(all []Observation) []int {
	var kinds []*Observation
	var n []int
next:
	for i := range all {
		for k := range kinds {
			if Apart(kinds[k], &all[i]).Exact {
				n[k]++
				continue next
			}
		}
		kinds, n = append(kinds, &all[i]), append(n, 1)
	}
	slices.SortFunc(n, func(a, b int) int { return cmp.Compare(b, a) })
	return n
}

// distinctValue is how many different things an endpoint says to one request: 1 if
// it is idle or does not depend on the batch, a few for shapes of batches or
// backends, as many as requests for atomics or noise.
func (r *Reading) distinctValue() Value {
	const name = "distinct answers"
	groups, order := r.firsts(func(at place) string {
		if at.series == plan.SeriesRepeat {
			return at.prompt
		}
		return ""
	})
	most, n, entropy := 0, 0, 0.0
	for _, prompt := range order {
		g := groups[prompt]
		if len(g) < 2 {
			continue
		}
		c := counts(g)
		if len(c) > most {
			most, n, entropy = len(c), len(g), 0
			for _, k := range c {
				p := float64(k) / float64(len(g))
				entropy -= p * math.Log2(p)
			}
		}
	}
	if n == 0 {
		return missing(name, "no prompt was repeated")
	}
	return Value{Name: name, Number: float64(most), N: n, Unit: "of one request", Words: fmt.Sprintf("%d different answers to %d repeats of one request (entropy %.2f bits)", most, n, entropy)}
}

// difference is the mean difference of pairs, in nats, with its standard error.
func difference(name string, far []float64, exact int) Value {
	mean, variance := moments(far)
	n := float64(len(far))
	return Value{Name: name, Number: mean, Error: math.Sqrt(variance / n), N: len(far), Unit: "nats",
		Words: fmt.Sprintf("%.3g ± %.2g nats, the same digits in %d of %d", mean, math.Sqrt(variance/n), exact, len(far))}
}

func moments(v []float64) (mean, variance float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(max(len(v)-1, 1))
	}
	return mean, variance
}

// prefixValue compares a prompt that the server never saw with the same again.
func (r *Reading) prefixValue() Value {
	const name = "cold against warm prefix"
	groups, _ := r.firsts(func(at place) string {
		if at.series != plan.SeriesPrefix {
			return ""
		}
		return at.variant + " " + at.prompt
	})
	var far []float64
	exact := 0
	for n, cold := range groups {
		prompt, ok := strings.CutPrefix(n, "cold ")
		if !ok {
			continue
		}
		for _, warm := range groups["warm "+prompt] {
			if d := Apart(&cold[0], &warm); d.Shared > 0 {
				far = append(far, d.Mean)
				if d.Exact {
					exact++
				}
			}
		}
	}
	if len(far) == 0 {
		return missing(name, "no prompt was asked cold and warm")
	}
	slices.Sort(far) // the groups come in no order
	return difference(name, far, exact)
}

// loadValue compares answers under our own load with those to the same prompt alone.
func (r *Reading) loadValue() Value {
	const name = "alone against under load"
	groups, order := r.firsts(func(at place) string {
		switch {
		case at.series == plan.SeriesLoad:
			return at.variant + " " + at.prompt
		case at.series == plan.SeriesRepeat:
			return "alone " + at.prompt
		}
		return ""
	})
	var far []float64
	var words []string
	exact := 0
	for _, n := range order {
		variant, prompt, _ := strings.Cut(n, " ")
		alone := groups["alone "+prompt]
		if variant == "alone" || len(alone) == 0 {
			continue
		}
		var here []float64
		for _, o := range groups[n] {
			best := math.Inf(1)
			for i := range alone {
				if d := Apart(&o, &alone[i]); d.Shared > 0 {
					best = min(best, d.Mean)
					if d.Exact {
						best = 0
					}
				}
			}
			if best == 0 {
				exact++
			}
			if !math.IsInf(best, 1) {
				here = append(here, best)
			}
		}
		mean, _ := moments(here)
		words, far = append(words, fmt.Sprintf("%s %.2g", variant, mean)), append(far, here...)
	}
	if len(far) == 0 {
		return missing(name, "nothing was asked alone and under load")
	}
	v := difference(name, far, exact)
	v.Words += "; mean by load: " + strings.Join(words, ", ")
	return v
}

// prefillValue compares the logprobs of generated tokens with those of the same
// tokens given back as a prompt.
func (r *Reading) prefillValue() Value {
	const name = "decode against prefill"
	probes := map[int]*evidence.Response{}
	for _, a := range r.answers {
		if a.Purpose.Series == plan.SeriesProbe && a.Purpose.Variant == "" {
			probes[a.Purpose.Prompt] = a
		}
	}
	var far []float64
	exact := 0
	for _, a := range r.answers {
		if a.Purpose.Series != plan.SeriesForced || probes[a.Purpose.Prompt] == nil {
			continue
		}
		scored := a.Prompt
		if len(scored) == 0 && len(a.Choices) > 0 {
			scored = a.Choices[0].Positions[:max(a.Choices[0].Echoed, 0)]
		}
		for _, d := range tails(probes[a.Purpose.Prompt].Choices[0].Positions, scored) {
			far = append(far, d)
			if d == 0 {
				exact++
			}
		}
	}
	if len(far) == 0 {
		return missing(name, "no answer was given back as a prompt with logprobs, or its tokens were others then")
	}
	return difference(name, far, exact)
}

// tails gives the differences of logprobs of an answer's tokens at the end of a
// prompt; none where the tokens are not the same.
func tails(answer, prompt []evidence.Position) []float64 {
	if len(prompt) < len(answer) {
		return nil
	}
	end := prompt[len(prompt)-len(answer):]
	var far []float64
	for i := range answer {
		if answer[i].Token.Text != end[i].Token.Text {
			return nil
		}
		a, _, okA := parse(string(answer[i].Logprob))
		b, _, okB := parse(string(end[i].Logprob))
		if okA && okB {
			far = append(far, math.Abs(a-b))
		}
	}
	return far
}
