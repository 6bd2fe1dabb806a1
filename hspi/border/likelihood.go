package border

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Constants of the likelihood that are not learnt.
const (
	// unknownPrior is the probability, before any answer, that it is a platform that
	// the set lacks.
	unknownPrior = 0.05
	// stray is the share of answers that no platform gave, in what an unknown platform
	// is expected to say.
	stray = 0.03
)

// Weights of the likelihood, learnt from sessions.
type weights struct {
	// Strength is what the mean over platforms counts in a platform's rates, in
	// sessions; Made is what the answers count that it gave as the set was made.
	Strength float64 `json:"strength"`
	Made     float64 `json:"made"`
	// Temper is the exponent of the likelihood: answers of a session are not
	// independent, so each counts for less than one.
	Temper float64 `json:"temper"`
}

// byDefault is for sets that no sessions were learnt from.
func byDefault() weights { return weights{Strength: 1, Made: 3, Temper: 0.2} }

// table is how often each platform gave each answer.
type table struct {
	seen [][][]float64  // [prompt][platform][answer], in sessions
	made [][][]float64  // the same as the set was made, of sum 1 where there is any
	sums [][][2]float64 // [prompt][platform]: of seen, of made
	mean [][]float64    // [prompt][answer]: what an unknown platform says
	most [][]int        // [prompt][platform]: what it says most, silent where nothing is known
}

func (s *Set) table() *table {
	t := new(table)
	for i := range s.Prompts {
		p := &s.Prompts[i]
		var seen, made [][]float64
		for _, platform := range s.Platforms {
			seen = append(seen, numbers(p.Seen[platform.ID], len(p.Says)+1))
			made = append(made, share(numbers(p.made(platform.ID), len(p.Says)+1)))
		}
		t.seen, t.made = append(t.seen, seen), append(t.made, made)
		t.mean = append(t.mean, mean(seen, made))
		t.most = append(t.most, make([]int, len(s.Platforms)))
		t.sums = append(t.sums, make([][2]float64, len(s.Platforms)))
		for j := range s.Platforms {
			t.sums[i][j] = [2]float64{floats.Sum(seen[j]), floats.Sum(made[j])}
			t.most[i][j] = t.expected(i, j, silent)
		}
	}
	return t
}

func numbers(counts []int, n int) []float64 {
	f := make([]float64, n)
	for i, c := range counts {
		f[i] = float64(c)
	}
	return f
}

// share is counts over their sum; all 0 where that is.
func share(counts []float64) []float64 {
	if sum := floats.Sum(counts); sum > 0 {
		floats.Scale(1/sum, counts)
	}
	return counts
}

// mean is the mean of what platforms say, each of the same weight, and a little of
// everything.
func mean(seen, made [][]float64) []float64 {
	sum := make([]float64, len(seen[0]))
	for j := range seen {
		of := share(slices.Clone(seen[j]))
		if slices.Max(of) == 0 {
			of = made[j]
		}
		for k, v := range of {
			sum[k] += v
		}
	}
	q := share(sum)
	for k := range q {
		q[k] = (1-stray)*q[k] + stray/float64(len(q))
	}
	return q
}

// expected is what a platform says most, silent where nothing is known of it. The
// answer without, of a session that is left out, does not count; silent leaves out
// none.
func (t *table) expected(prompt, platform, without int) int {
	best, most := silent, 0.0
	for k, n := range t.seen[prompt][platform] {
		if k == without {
			n--
		}
		if n += t.made[prompt][platform][k] / 2; n > most { // decides between equals
			best, most = k, n
		}
	}
	return best
}

// log is the logarithm of the likelihood of answers for a platform. Where they are
// of a session that was learnt from, own, they do not count for themselves.
func (t *table) log(w weights, platform int, said []int, own bool) float64 {
	sum := 0.0
	for i, k := range said {
		if k == silent {
			continue
		}
		n := t.seen[i][platform][k] + w.Made*t.made[i][platform][k] + w.Strength*t.mean[i][k]
		total := t.sums[i][platform][0] + w.Made*t.sums[i][platform][1] + w.Strength
		if own {
			n, total = n-1, total-1
		}
		sum += math.Log(n / total)
	}
	return w.Temper * sum
}

// unknown is the same for a platform that the set lacks.
func (t *table) unknown(w weights, said []int) float64 {
	sum := 0.0
	for i, k := range said {
		if k != silent {
			sum += math.Log(t.mean[i][k])
		}
	}
	return w.Temper * sum
}

// Score is a platform and what speaks for it.
type Score struct {
	Platform    Platform `json:"platform"`
	Probability float64  `json:"probability"`
	// Log is the logarithm of the likelihood, tempered.
	Log float64 `json:"log_likelihood"`

	at int // its place in the set
}

// Recognise gives the platforms, the most probable first, the probability that it is
// none of them, and by how many nats that is more likely than the best platform.
func (s *Set) Recognise(said []int) (scores []Score, unknown, novelty float64) {
	t, w := s.table(), s.weights()
	logs := make([]float64, len(s.Platforms))
	for j := range s.Platforms {
		logs[j] = t.log(w, j, said, false)
	}
	none := t.unknown(w, said)
	probabilities, unknown := posterior(logs, none)
	for j, p := range s.Platforms {
		scores = append(scores, Score{Platform: p, Probability: probabilities[j], Log: logs[j], at: j})
	}
	slices.SortStableFunc(scores, func(a, b Score) int { return cmp.Compare(b.Log, a.Log) })
	return scores, unknown, none - scores[0].Log
}

func (s *Set) weights() weights {
	if s.Learnt == nil {
		return byDefault()
	}
	return s.Learnt.weights
}

// posterior turns logarithms of likelihoods into probabilities.
func posterior(logs []float64, none float64) (probabilities []float64, unknown float64) {
	top := max(slices.Max(logs), none)
	unknown = unknownPrior * math.Exp(none-top)
	sum := unknown
	for _, l := range logs {
		p := (1 - unknownPrior) / float64(len(logs)) * math.Exp(l-top)
		probabilities = append(probabilities, p)
		sum += p
	}
	for i := range probabilities {
		probabilities[i] /= sum
	}
	return probabilities, unknown / sum
}
