package model

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/plan"
)

// Published is HSPI-LD as its authors published it (Zhang et al., "Hardware and
// Software Platform Inference", arXiv 2411.05197, and their code): each logprob as
// float32 becomes three numbers, sign, exponent and fraction; those of the first
// tokens of four answers, the chosen token's before its alternatives', are one
// datum, whatever the tokens are; a linear support vector machine tells each class
// from each other. Here the numbers are standardised on the training data alone, 20
// alternatives stand for the 256 that hosted endpoints do not give, and a session
// gets the class that most of its data get.
type Published struct {
	classes []string
	mean    []float64
	scale   []float64
	pairs   []separator
}

// separator tells class a (positive side) from class b.
type separator struct {
	a, b int
	w    []float64 // the last one is the constant
}

// Sizes of a datum.
const (
	publishedAnswers      = 4
	publishedTokens       = 8
	publishedAlternatives = 20
	publishedFeatures     = publishedAnswers * publishedTokens * (publishedAlternatives + 1) * 3
)

// publishedData makes the data of one session, from its answers to short prompts.
// With fresh, only prompts are taken that sessions do not share, as in the paper;
// else only those that they share.
func publishedData(answers []*evidence.Response, fresh bool) [][]float64 {
	var batch [][]float64
	var all [][]float64
	for _, r := range answers {
		p := r.Purpose
		if p.Series != plan.SeriesProbe || len(r.Choices) == 0 || (p.Variant == plan.VariantFresh) != fresh || (p.Variant != "" && !fresh) {
			continue
		}
		batch = append(batch, answerBits(&r.Choices[0]))
		if len(batch) == publishedAnswers {
			all = append(all, slices.Concat(batch...))
			batch = nil
		}
	}
	return all
}

// answerBits are the numbers of one answer, padded with zeros.
func answerBits(c *evidence.Choice) []float64 {
	x := make([]float64, 0, publishedTokens*(publishedAlternatives+1)*3)
	for i := range publishedTokens {
		var position evidence.Position
		if i < len(c.Positions) {
			position = c.Positions[i]
		}
		x = append(x, split(position.Logprob)...)
		for k := range publishedAlternatives {
			var n evidence.Number
			if k < len(position.Top) {
				n = position.Top[k].Logprob
			}
			x = append(x, split(n)...)
		}
	}
	return x
}

// split gives sign, exponent and fraction of a number as float32; zeros for none.
func split(n evidence.Number) []float64 {
	v, err := n.Float()
	if err != nil {
		return []float64{0, 0, 0}
	}
	bits := math.Float32bits(float32(v))
	return []float64{float64(bits >> 31), float64(bits >> 23 & 0xff), float64(bits & (1<<23 - 1))}
}

// datum is one datum of a class.
type datum struct {
	x     []float64
	class int
}

// TrainPublished trains HSPI-LD.
func TrainPublished(ctx context.Context, sessions []Session, fresh bool) (*Published, error) {
	p := &Published{}
	names := map[string]bool{}
	for _, s := range sessions {
		names[s.Platform] = true
	}
	p.classes = slices.Sorted(maps.Keys(names))
	var data []datum
	for _, s := range sessions {
		class, _ := slices.BinarySearch(p.classes, s.Platform)
		for _, x := range publishedData(s.Answers, fresh) {
			data = append(data, datum{x, class})
		}
	}
	if len(data) == 0 || len(p.classes) < 2 {
		return nil, fmt.Errorf("%w: %d data of %d classes", ErrTraining, len(data), len(p.classes))
	}
	p.standardise(data)
	for a := range p.classes {
		for b := range a {
			p.pairs = append(p.pairs, separator{a: a, b: b})
		}
	}
	return p, each(ctx, len(p.pairs), func(i int) {
		pair := &p.pairs[i]
		var x [][]float64
		var y []float64
		for _, d := range data {
			switch d.class {
			case pair.a:
				x, y = append(x, d.x), append(y, 1)
			case pair.b:
				x, y = append(x, d.x), append(y, -1)
			}
		}
		pair.w = linearSVM(x, y, uint64(i))
	})
}

// standardise learns mean and spread of each number, and applies them.
func (p *Published) standardise(data []datum) {
	p.mean, p.scale = make([]float64, publishedFeatures), make([]float64, publishedFeatures)
	n := float64(len(data))
	for _, d := range data {
		for j, v := range d.x {
			p.mean[j] += v / n
		}
	}
	for _, d := range data {
		for j, v := range d.x {
			p.scale[j] += (v - p.mean[j]) * (v - p.mean[j]) / n
		}
	}
	for j := range p.scale {
		if p.scale[j] = math.Sqrt(p.scale[j]); p.scale[j] == 0 {
			p.scale[j] = 1
		}
	}
	for i := range data {
		data[i].x = p.standard(data[i].x)
	}
}

func (p *Published) standard(x []float64) []float64 {
	y := make([]float64, len(x), len(x)+1)
	for j, v := range x {
		y[j] = (v - p.mean[j]) / p.scale[j]
	}
	return append(y, 1)
}

// Classify counts votes: each datum gives one to the class that wins most pairs.
// The shares of the votes sum to 1; nil where the answers make no datum.
func (p *Published) Classify(answers []*evidence.Response, fresh bool) map[string]float64 {
	data := publishedData(answers, fresh)
	if len(data) == 0 {
		return nil
	}
	votes := map[string]float64{}
	for _, class := range p.classes {
		votes[class] = 0
	}
	for _, x := range data {
		votes[p.classes[p.one(p.standard(x))]] += 1 / float64(len(data))
	}
	return votes
}

// one is the class of a standardised datum.
func (p *Published) one(x []float64) int {
	wins := make([]float64, len(p.classes))
	for _, pair := range p.pairs {
		side := dot(x, pair.w)
		winner := pair.b
		if side > 0 {
			winner = pair.a
		}
		wins[winner] += 1 + 1e-6*math.Tanh(math.Abs(side)) // ties by how clearly
	}
	best := 0
	for i, w := range wins {
		if w > wins[best] {
			best = i
		}
	}
	return best
}

// CrossValidatePublished predicts every session by HSPI-LD that was trained on the
// sessions of other numbers.
func CrossValidatePublished(ctx context.Context, sessions []Session, fresh bool) ([]Prediction, error) {
	numbers := map[string]bool{}
	for _, s := range sessions {
		numbers[s.Number] = true
	}
	var all []Prediction
	for _, number := range slices.Sorted(maps.Keys(numbers)) {
		rest := slices.DeleteFunc(slices.Clone(sessions), func(s Session) bool { return s.Number == number })
		p, err := TrainPublished(ctx, rest, fresh)
		if err != nil {
			return nil, err
		}
		for _, s := range sessions {
			if votes := p.Classify(s.Answers, fresh); s.Number == number && votes != nil {
				all = append(all, Prediction{Session: s.Platform + " " + s.Number, Truth: s.Platform, Probabilities: votes, labels: s.Labels, platforms: labelled(rest)})
			}
		}
	}
	return all, nil
}

// labelled lists the platforms of sessions with their labels.
func labelled(sessions []Session) []*Platform {
	p := new(Profile)
	for _, s := range sessions {
		p.platform(s.Platform, s.Labels)
	}
	return p.Platforms
}
