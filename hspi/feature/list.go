package feature

import (
	"math"
	"strconv"

	"github.com/gpubench/gpubench/hspi/evidence"
)

// list is one position: what an endpoint says of the tokens that could stand
// there. Sentinels and what is no number are left out of it.
type list struct {
	// tokens and logprobs are the alternatives in the order of arrival; the token
	// that was chosen is added at the end where it is not among them.
	tokens   []string
	ids      []int // -1 where not told
	logprobs []float64
	chosen   int // index, -1 where its logprob is not told
	// spread is the most by which decimals may be off, from the digits that came.
	spread    float64
	sentinels int
}

// newList reads a position; nil where it has no logprob at all.
func newList(p *evidence.Position) *list {
	n := len(p.Top) + 1
	l := &list{tokens: make([]string, 0, n), ids: make([]int, 0, n), logprobs: make([]float64, 0, n), chosen: -1}
	for i := range p.Top {
		l.add(p.Top[i].Token, p.Top[i].Logprob)
		if l.chosen < 0 && len(l.tokens) > 0 && p.Top[i].Logprob == p.Logprob && p.Top[i].Token.Same(p.Token) {
			l.chosen = len(l.tokens) - 1
		}
	}
	if l.chosen < 0 && l.add(p.Token, p.Logprob) {
		l.chosen = len(l.tokens) - 1
	}
	if len(l.logprobs) == 0 && l.sentinels == 0 {
		return nil
	}
	return l
}

func (l *list) add(t evidence.Token, text evidence.Number) bool {
	v, decimals, ok := parse(string(text))
	if !ok {
		if text.Class() == evidence.Sentinel {
			l.sentinels++
		}
		return false
	}
	l.spread = max(l.spread, spread(v, decimals))
	l.tokens, l.ids, l.logprobs = append(l.tokens, t.Text), append(l.ids, t.ID), append(l.logprobs, v)
	return true
}

// Beyond these no number is a logprob, whoever sends it: sums of the others, and of
// their exponentials, stay finite.
const (
	leastLogprob    = -1e6
	greatestLogprob = 100
)

// parse reads a finite number that is no sentinel and may be a logprob, and counts
// its decimals; -1: it has an exponent.
func parse(s string) (v float64, decimals int, ok bool) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= leastLogprob && v <= greatestLogprob) || evidence.IsSentinel(v) {
		return 0, 0, false
	}
	point := -1
	for i := range len(s) {
		switch s[i] {
		case '.':
			point = i
		case 'e', 'E':
			return v, -1, true
		}
	}
	if point >= 0 {
		decimals = len(s) - point - 1
	}
	return v, decimals, true
}

// spread is half of the last place of a number's text, but not less than what
// float32 arithmetic of a log-softmax leaves open. A text that identifies a
// float32 is not rounded further.
func spread(v float64, decimals int) float64 {
	single := float64(ulp32(v))
	if decimals < 0 || decimals > 8 || v == 0 {
		return single
	}
	half := 0.5 * math.Pow(10, -float64(decimals))
	if half < 4*single {
		return max(half, single)
	}
	return half
}

// ulp32 is the distance of a number to the next float32.
func ulp32(v float64) float32 {
	f := float32(math.Abs(v))
	return math.Nextafter32(f, math.MaxFloat32) - f
}

// best is the index of the greatest logprob, and whether there is one.
func (l *list) best() (int, bool) {
	at := -1
	for i, v := range l.logprobs {
		if at < 0 || v > l.logprobs[at] {
			at = i
		}
	}
	return at, at >= 0
}
