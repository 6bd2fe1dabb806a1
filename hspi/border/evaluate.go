package border

import "github.com/gpubench/gpubench/hspi/report"

// Predict says what a session is, in the report's form.
func (s *Set) Predict(x Session) report.Prediction {
	scores, _, novelty := s.Recognise(x.Said)
	p := report.Prediction{Session: x.Platform + " " + x.Number, Truth: x.Platform, Probabilities: map[string]float64{}, Novelty: novelty}
	for _, score := range scores {
		p.Probabilities[score.Platform.ID] = score.Probability
	}
	return p
}

// ByLabels takes the platforms of predictions together by labels, such as
// "precision" and "quantisation"; platforms that the set lacks stay as they are.
func (s *Set) ByLabels(predictions []report.Prediction, names ...string) []report.Prediction {
	class := map[string]string{}
	for _, p := range s.Platforms {
		class[p.ID] = joined(p.Labels, names)
	}
	var all []report.Prediction
	for _, p := range predictions {
		sums := map[string]float64{}
		for id, v := range p.Probabilities {
			sums[class[id]] += v
		}
		p.Probabilities = sums
		if c, ok := class[p.Truth]; ok {
			p.Truth = c
		}
		all = append(all, p)
	}
	return all
}

func joined(labels Labels, names []string) string {
	text := ""
	for i, name := range names {
		if i > 0 {
			text += "/"
		}
		text += labels[name]
	}
	return text
}

// Pair is how sessions of two platforms were told apart, each session decided
// between the two.
type Pair struct {
	A        string `json:"a"`
	B        string `json:"b"`
	Sessions int    `json:"sessions"`
	// Prompts is how many have different answers expected of the two.
	Prompts int `json:"prompts"`
	// Published and Ours are how many sessions were decided rightly; a tie is not.
	Published int `json:"published"`
	Ours      int `json:"ours"`
}

// Pairs decides each session between its platform and each other one.
func (s *Set) Pairs(sessions []Session) []Pair {
	t, w := s.table(), s.weights()
	var all []Pair
	for a := range s.Platforms {
		for b := a + 1; b < len(s.Platforms); b++ {
			p := Pair{A: s.Platforms[a].ID, B: s.Platforms[b].ID}
			for i := range s.Prompts {
				if ofA, ofB := t.expected(i, a, silent), t.expected(i, b, silent); ofA != silent && ofB != silent && ofA != ofB {
					p.Prompts++
				}
			}
			for _, x := range sessions {
				if x.Platform != p.A && x.Platform != p.B {
					continue
				}
				p.Sessions++
				if s.vote(t, a, b, x.Said).Winner() == x.Platform {
					p.Published++
				}
				if d := t.log(w, a, x.Said, false) - t.log(w, b, x.Said, false); d > 0 && x.Platform == p.A || d < 0 && x.Platform == p.B {
					p.Ours++
				}
			}
			all = append(all, p)
		}
	}
	return all
}
