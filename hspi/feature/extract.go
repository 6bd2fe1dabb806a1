package feature

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// Extract gives all features that need no reference, in a fixed order.
func Extract(answers []*evidence.Response) Set { return Read(answers).Extract() }

// Extract gives all features that need no reference, in a fixed order.
func (r *Reading) Extract() Set {
	all := r.lists()
	s := Set{r.gridValue()}
	s = append(s, tieValues(all)...)
	return append(s, readLattice(all).value(), decimalsValue(r.answers), sentinelValue(all), massValue(all),
		r.temperatureValue(), r.distinctValue(), r.connectionValue(), headsValue(r.answers), r.prefixValue(), r.loadValue(), r.prefillValue(), storedValue(r.answers))
}

func (r *Reading) gridValue() Value {
	const name = "logit grid"
	g, why, ok := r.Grid()
	switch {
	case !ok:
		return missing(name, "%s", why)
	case g.Head == NoGrid:
		return Value{Name: name, N: g.Lists, Words: fmt.Sprintf("no grid of 16-bit logits (%d of %d positions fit one)", g.Fitting, g.Lists)}
	}
	words := fmt.Sprintf("%s: %d of %d positions, odds 2^%.0f, greatest logits from %.4g on", g.Head, g.Fitting, g.Lists, g.Bits, g.Level)
	if g.Transform != "" {
		words += ", after inverting a " + g.Transform
	}
	return Value{Name: name, Number: float64(digits[g.Head]), Unit: "significant bits", N: g.Lists, Words: words}
}

// tieValues are how often neighbours are equal, and how servers order them.
func tieValues(all []*list) Set {
	ties, pairs, rising, ordered := 0, 0, 0, 0
	for _, l := range all {
		n := len(l.logprobs)
		if l.chosen == n-1 && n > 1 {
			n-- // it may be there out of turn
		}
		for i := 1; i < n; i++ {
			pairs++
			if l.logprobs[i] != l.logprobs[i-1] {
				continue
			}
			ties++
			if l.ids[i] >= 0 && l.ids[i-1] >= 0 {
				ordered++
				if l.ids[i] > l.ids[i-1] {
					rising++
				}
			}
		}
	}
	rate := missing("tie rate", "no position has two alternatives")
	if pairs > 0 {
		share := float64(ties) / float64(pairs)
		rate = Value{Name: "tie rate", Number: share, Error: binomial(share, pairs), N: pairs}
	}
	order := missing("tie order", "of %d ties %d have ids of tokens", ties, ordered)
	if ordered >= enough {
		share := float64(rising) / float64(ordered)
		order = Value{Name: "tie order", Number: share, Error: binomial(share, ordered), Unit: "share by rising id", N: ordered}
	}
	return Set{rate, order}
}

func decimalsValue(answers []*evidence.Response) Value {
	const name = "form of numbers"
	d := ReadDecimals(answers)
	w, ok := d.Writer()
	if !ok {
		return missing(name, "only %d numbers came", d.Count)
	}
	return Value{Name: name, Number: d.Single, Unit: "share that is float32", N: d.Count,
		Words: fmt.Sprintf("%s; up to %d decimals, %.0f %% are float32", w, d.Most, 100*d.Single)}
}

// sentinelValue counts values that stand for none, and finds the floor of the rest.
func sentinelValue(all []*list) Value {
	n, values, floor := 0, 0, 0.0
	for _, l := range all {
		n += l.sentinels
		values += len(l.logprobs)
		for _, v := range l.logprobs {
			floor = min(floor, v)
		}
	}
	if n+values == 0 {
		return missing("sentinels", "no logprobs came")
	}
	return Value{Name: "sentinels", Number: float64(n), N: n + values, Words: fmt.Sprintf("%d of %d values stand for none; the least of the others is %.4g", n, n+values, floor)}
}

// massValue is the greatest sum of probabilities at a position: more than 1 is the
// rounding of a float32 sum, or normalisation over something else.
func massValue(all []*list) Value {
	greatest := math.Inf(-1)
	for _, l := range all {
		sum := 0.0
		for _, v := range l.logprobs {
			sum += math.Exp(v)
		}
		if len(l.logprobs) > 1 {
			greatest = max(greatest, sum)
		}
	}
	if math.IsInf(greatest, -1) {
		return missing("greatest mass", "no position has two alternatives")
	}
	return Value{Name: "greatest mass", Number: greatest, Unit: "sum of probabilities", N: len(all)}
}

// temperatureValue is the ratio of differences at temperature 0.5 to those at 1: 1
// where logprobs are those before the temperature, 2 after.
func (r *Reading) temperatureValue() Value {
	const name = "temperature point"
	halves, ones := map[string]*list{}, map[string]*list{}
	for _, it := range r.items {
		if it.at.series != plan.SeriesTemperature || it.at.index > 0 {
			continue
		}
		switch it.at.variant {
		case "t=0.5":
			halves[it.at.prompt] = it.l
		case "t=1":
			ones[it.at.prompt] = it.l
		}
	}
	var ratios []float64
	for prompt, a := range halves {
		if b := ones[prompt]; b != nil {
			ratios = append(ratios, gapRatios(a, b)...)
		}
	}
	if len(ratios) < enough {
		return missing(name, "there are %d differences at both temperatures, and %d are needed", len(ratios), enough)
	}
	slices.Sort(ratios)
	v := Value{Name: name, Number: ratios[len(ratios)/2], Error: (ratios[len(ratios)*3/4] - ratios[len(ratios)/4]) / 2, N: len(ratios), Unit: "ratio"}
	switch {
	case math.Abs(v.Number-1) < 0.05:
		v.Words = fmt.Sprintf("logprobs are those before the temperature (ratio %.3f)", v.Number)
	case math.Abs(v.Number-2) < 0.1:
		v.Words = fmt.Sprintf("logprobs are those after the temperature (ratio %.3f)", v.Number)
	}
	return v
}

// gapRatios compares differences to the most likely token of both lists.
func gapRatios(a, b *list) []float64 {
	var ratios []float64
	at, ok := a.best()
	if !ok {
		return nil
	}
	top := slices.Index(b.tokens, a.tokens[at])
	if top < 0 {
		return nil
	}
	for i, t := range a.tokens {
		j := slices.Index(b.tokens, t)
		if j < 0 || j == top || i == at {
			continue
		}
		if gap := b.logprobs[top] - b.logprobs[j]; gap > 100*b.spread {
			ratios = append(ratios, (a.logprobs[at]-a.logprobs[i])/gap)
		}
	}
	return ratios
}

// headsLooked is how many answers are looked at one by one.
const headsLooked = 40

// Heads counts the types of the head that answers show one by one, of the first of
// them; an answer errs once in a thousand times.
func Heads(answers []*evidence.Response) map[Head]int {
	count, looked := map[Head]int{}, 0
	for i := range answers {
		if s := answers[i].Purpose.Series; (s != plan.SeriesProbe && s != plan.SeriesRepeat) || looked == headsLooked {
			continue
		}
		looked++
		if g, _, ok := FindGrid(answers[i : i+1]); ok && (g.Firm() || g.Head == NoGrid) {
			count[g.Head]++
		}
	}
	return count
}

// headsName is the name of the feature.
const headsName = "types of head"

// headsValue tells whether answers come from heads of different types: backends that
// are not the same.
func headsValue(answers []*evidence.Response) Value {
	count, n := Heads(answers), 0
	var words []string
	for _, h := range []Head{BFloat16, Float16, NoGrid} {
		if count[h] > 0 {
			n += count[h]
			words = append(words, fmt.Sprintf("%s in %d answers", h, count[h]))
		}
	}
	if n == 0 {
		return missing(headsName, "no single answer shows one")
	}
	return Value{Name: headsName, Number: float64(len(words)), N: n, Words: strings.Join(words, ", ")}
}

// storedValue counts answers to different requests with the id of an earlier one:
// they were stored, not computed.
func storedValue(answers []*evidence.Response) Value {
	const name = "stored answers"
	seen, again, n := map[string]bool{}, 0, 0
	for _, r := range answers {
		if r.ID == "" {
			continue
		}
		n++
		if seen[r.ID] {
			again++
		}
		seen[r.ID] = true
	}
	if n < 2 {
		return missing(name, "%d answers have an id", n)
	}
	share := float64(again) / float64(n)
	return Value{Name: name, Number: share, N: n, Unit: "share with the id of an earlier answer"}
}
