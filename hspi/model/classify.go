package model

import (
	"cmp"
	"slices"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
)

// Result is what a profile says of answers.
type Result struct {
	// Scores are the platforms, the most probable first; their probabilities and
	// Unknown sum to 1.
	Scores  []Score `json:"scores"`
	Unknown float64 `json:"unknown"`
	// Places is how many positions could be compared with any platform; at 0 there is
	// nothing to tell platforms apart by, and Unknown is 1.
	Places int `json:"places"`
}

// Score is one platform.
type Score struct {
	Platform    *Platform `json:"-"`
	Name        string    `json:"name"`
	Probability float64   `json:"probability"`
	// Like is the probability that the answers are of this platform, whatever the
	// other platforms, if as many are as are not.
	Like float64 `json:"like"`
	Pair Pair    `json:"pair"`
}

// Classify compares answers with all platforms. It is deterministic.
func (p *Profile) Classify(answers []*evidence.Response) *Result {
	return p.Recognise(feature.Read(answers))
}

// Recognise is Classify for answers that were read already.
func (p *Profile) Recognise(r *feature.Reading) *Result { return p.classify(newDigest(r)) }

func (p *Profile) classify(d *digest) *Result {
	r := &Result{Unknown: 1}
	scores := make([]float64, len(p.Platforms))
	pairs := make([]Pair, len(p.Platforms))
	parallel(len(pairs), func(i int) { pairs[i] = compare(d, p.Platforms[i], nobody) })
	for i, q := range p.Platforms {
		c := pairs[i]
		r.Scores = append(r.Scores, Score{Platform: q, Name: q.Name, Pair: c, Like: p.like(c, q)})
		scores[i] = dot(c.sums(), p.Choice) / p.Temperature
		n := 0
		for k := range feature.Kinds {
			n += c.Places[k]
		}
		r.Places = max(r.Places, n)
	}
	if r.Places == 0 {
		return r
	}
	for i, share := range softmax(scores) {
		r.Scores[i].Probability = share
	}
	slices.SortStableFunc(r.Scores, func(a, b Score) int { return cmp.Compare(b.Probability, a.Probability) })
	r.Unknown = 1 - r.Scores[0].Like
	for i := range r.Scores {
		r.Scores[i].Probability *= 1 - r.Unknown
	}
	return r
}

func (p *Profile) like(c Pair, q *Platform) float64 {
	return sigmoid(p.Likeness[0] + dot(c.likeness(q), p.Likeness[1:]))
}

// Label sums the probabilities of platforms by the word that they have for a label.
func (r *Result) Label(name string) map[string]float64 {
	sums := map[string]float64{}
	for _, s := range r.Scores {
		sums[s.Platform.Labels[name]] += s.Probability
	}
	return sums
}

// Reason is what one feature says for one platform against another.
type Reason struct {
	Feature string `json:"feature"`
	// Bits is by how much it makes the first platform more likely, as log2 of the
	// odds.
	Bits float64 `json:"bits"`
	// First and Second are the feature's values.
	First  float64 `json:"first"`
	Second float64 `json:"second"`
}

// Explain tells which features decided between two platforms of a result, the
// strongest first.
func (p *Profile) Explain(first, second Score) []Reason {
	const bit = 0.6931471805599453
	a, b := first.Pair.sums(), second.Pair.sums()
	var all []Reason
	for j, name := range sumNames() {
		all = append(all, Reason{name, (a[j] - b[j]) * p.Choice[j] / p.Temperature / bit, a[j], b[j]})
	}
	slices.SortStableFunc(all, func(x, y Reason) int { return cmp.Compare(max(y.Bits, -y.Bits), max(x.Bits, -x.Bits)) })
	return all
}
