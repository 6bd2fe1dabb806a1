package gpu

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
)

// Contribution is what one feature adds to the score of a prediction: to the
// logit of the utilisation, or to the logarithm of a latency.
type Contribution struct {
	Feature     string  `json:"feature"`
	Value       float64 `json:"value"` // 1 for what is so, or the logarithm of a ratio to an H100 SXM
	Coefficient float64 `json:"coefficient"`
	Effect      float64 `json:"effect"`
	// Seen is false where no GPU of the training data had the feature.
	Seen bool `json:"seen"`
}

// Explain lists the contributions to a prediction, the greatest effect first. Its
// errors are those of Predict.
func (m *Model) Explain(gpu string, q Query) ([]Contribution, error) {
	s, err := sheet.Lookup(gpu)
	if err != nil {
		return nil, err
	}
	p, err := formulate(s, q)
	if err != nil {
		return nil, err
	}
	l, ok := m.classes[p.class]
	if !ok || !l.coefficients.knows(p.features) {
		return nil, fmt.Errorf("%s on %s: %w", q, s.Name, ErrNothingKnown)
	}
	list := []Contribution{{intercept, 1, l.coefficients[intercept], l.coefficients[intercept], true}}
	for _, f := range p.features {
		c, seen := l.coefficients[f.name]
		list = append(list, Contribution{f.name, f.value, c, c * f.value, seen})
	}
	slices.SortStableFunc(list, func(a, b Contribution) int { return cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)) })
	return list, nil
}
