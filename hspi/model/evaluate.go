package model

import (
	"context"
	"maps"
	"slices"
)

// Prediction is what was said of a session that was not trained on.
type Prediction struct {
	// Session names the session.
	Session string `json:"session"`
	Truth   string `json:"truth"`
	// Probabilities are those of the classes, without the unknown; Truth is none of
	// them where its platform was left out of training.
	Probabilities map[string]float64 `json:"probabilities"`
	// Novelty is the greater the less the session is like anything enrolled.
	Novelty   float64 `json:"novelty"`
	labels    map[string]string
	platforms []*Platform
	twins     map[string]string // of platforms, nil where the truth was left out
}

// CrossValidate predicts every session from profiles that were trained on sessions
// of other numbers. With unknown, it adds predictions of each session from profiles
// that lack its platform and the twins of it.
func CrossValidate(ctx context.Context, sessions []Session, unknown bool) ([]Prediction, error) {
	t, err := newTraining(ctx, sessions)
	if err != nil {
		return nil, err
	}
	numbers := map[string]bool{}
	for _, s := range t.sessions {
		numbers[s.Number] = true
	}
	var all []Prediction
	for _, number := range slices.Sorted(maps.Keys(numbers)) {
		p, err := t.profile(ctx, number, nil)
		if err != nil {
			return nil, err
		}
		twins := Twins(p.Platforms)
		all = append(all, t.predict(p, number, twins, nil)...)
		if !unknown {
			continue
		}
		for _, group := range Groups(twins) {
			p, err := t.profile(ctx, number, group)
			if err != nil {
				return nil, err
			}
			all = append(all, t.predict(p, number, nil, group)...)
		}
	}
	return all, nil
}

// predict predicts the sessions of a number; of some platforms, or of all where
// there are none.
func (t *training) predict(p *Profile, number string, twins map[string]string, only []string) []Prediction {
	var all []Prediction
	for i, s := range t.sessions {
		if s.Number != number || (only != nil && !slices.Contains(only, s.Platform)) {
			continue
		}
		r := p.classify(t.digests[i])
		q := Prediction{Session: s.Platform + " " + s.Number, Truth: s.Platform, Probabilities: map[string]float64{}, Novelty: r.Unknown, labels: s.Labels, platforms: p.Platforms, twins: twins}
		for _, score := range r.Scores {
			q.Probabilities[score.Name] = score.Probability
		}
		all = append(all, q)
	}
	return all
}

// ByTwins gives predictions of groups of platforms that answers cannot tell apart, by
// the name of the first, as the profile that predicted has them.
func ByTwins(predictions []Prediction) []Prediction {
	all := slices.Clone(predictions)
	for i, p := range all {
		if p.twins == nil {
			continue
		}
		all[i].Truth, all[i].Probabilities = p.twins[p.Truth], map[string]float64{}
		for name, v := range p.Probabilities {
			all[i].Probabilities[p.twins[name]] += v
		}
	}
	return all
}

// ByLabel gives predictions of a label, or of several joined by "/", instead of
// platforms.
func ByLabel(predictions []Prediction, names ...string) []Prediction {
	var all []Prediction
	for _, p := range predictions {
		q := p
		q.Truth, q.Probabilities = joined(p.labels, names), map[string]float64{}
		for _, platform := range p.platforms {
			q.Probabilities[joined(platform.Labels, names)] += p.Probabilities[platform.Name]
		}
		all = append(all, q)
	}
	return all
}

func joined(labels map[string]string, names []string) string {
	word := ""
	for i, name := range names {
		if i > 0 {
			word += "/"
		}
		word += labels[name]
	}
	return word
}
