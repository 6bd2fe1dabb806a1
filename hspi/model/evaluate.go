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
}

// CrossValidate predicts every session from profiles that were trained on sessions
// of other numbers. With unknown, it adds predictions of each session from profiles
// that lack its platform (and those that differ from it in load only).
func CrossValidate(ctx context.Context, sessions []Session, unknown bool) ([]Prediction, error) {
	t, err := newTraining(ctx, sessions)
	if err != nil {
		return nil, err
	}
	numbers, platforms := map[string]bool{}, map[string]bool{}
	for _, s := range t.sessions {
		numbers[s.Number], platforms[s.Platform] = true, true
	}
	var all []Prediction
	for _, number := range slices.Sorted(maps.Keys(numbers)) {
		left := []string{""}
		if unknown {
			left = append(left, slices.Sorted(maps.Keys(platforms))...)
		}
		for _, platform := range left {
			p, err := t.profile(ctx, number, platform)
			if err != nil {
				return nil, err
			}
			all = append(all, t.predict(p, number, platform)...)
		}
	}
	return all, nil
}

// predict predicts the sessions of a number; of one platform, or of all where it
// is "".
func (t *training) predict(p *Profile, number, platform string) []Prediction {
	var all []Prediction
	for i, s := range t.sessions {
		if s.Number != number || (platform != "" && s.Platform != platform) {
			continue
		}
		r := p.classify(t.digests[i])
		q := Prediction{Session: s.Platform + " " + s.Number, Truth: s.Platform, Probabilities: map[string]float64{}, Novelty: r.Unknown, labels: s.Labels, platforms: p.Platforms}
		for _, score := range r.Scores {
			q.Probabilities[score.Name] = score.Probability
		}
		all = append(all, q)
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
