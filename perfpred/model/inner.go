package model

import (
	"fmt"
	"slices"
)

// sameTargets returns ErrFile if models inside a model are for other targets.
func sameTargets(models ...Model) error {
	for _, m := range models[1:] {
		if !slices.Equal(m.Targets(), models[0].Targets()) {
			return fmt.Errorf("%w: %s predicts %v and %s %v", ErrFile, models[0].Kind(), models[0].Targets(), m.Kind(), m.Targets())
		}
	}
	return nil
}

// narrower is a model that can leave out all targets but one, and intervals, to
// be quicker.
type narrower interface {
	// narrow returns false where a model inside cannot.
	narrow(target int) (Model, bool)
}

func narrow(m Model, target int) (Model, bool) {
	if n, ok := m.(narrower); ok {
		return n.narrow(target)
	}
	return nil, false
}

// blend adds up the importances of those models that have any.
func blend(target int, models []Model, weights []float64) []Importance {
	shares := map[string]float64{}
	for k, m := range models {
		if im, ok := m.(Importancer); ok {
			for _, i := range im.Importances(target) {
				shares[i.Feature] += weights[k] * i.Share
			}
		}
	}
	return rank(shares)
}
