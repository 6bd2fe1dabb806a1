package border

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/model"
)

// Learnt is what enrolled sessions told of how platforms vary.
type Learnt struct {
	weights
	// Sessions is how many were learnt from, by platform.
	Sessions map[string]int `json:"sessions"`
	// Errors are how often sessions answered other than the rest of their platform's.
	Errors map[string]Errors `json:"errors"`
}

// Errors counts answers that differ from what the other sessions of the platform
// lead to expect.
type Errors struct {
	Wrong   int `json:"wrong"`
	Answers int `json:"answers"`
	// Worst is the share in the session that had most.
	Worst float64 `json:"worst"`
}

// rate is what a test takes as the probability of another answer: the upper limit at
// 95 % confidence, and no less than in the worst session, for sessions differ.
func (e Errors) rate() float64 { return max(model.AtMost(e.Wrong, e.Answers), e.Worst) }

func (l *Learnt) check(known map[string]bool, bad func(string, ...any) error) error {
	if l == nil {
		return nil
	}
	if !(l.Strength > 0) || !(l.Made >= 0) || !(l.Temper > 0) {
		return bad("its weights are %g, %g and %g", l.Strength, l.Made, l.Temper)
	}
	for id, e := range l.Errors {
		if !known[id] || e.Wrong < 0 || e.Wrong > e.Answers || !(e.Worst >= 0 && e.Worst <= 1) {
			return bad("the errors of %q are %d of %d", id, e.Wrong, e.Answers)
		}
	}
	return nil
}

// Session is what one session of a platform answered.
type Session struct {
	Platform string
	Number   string
	Labels   map[string]string
	Said     []int
}

// ErrFewSessions: too little to learn from.
var ErrFewSessions = errors.New("too few sessions")

// Sessions reads the answers to the set in recordings; those without any are left
// out, and named.
func (s *Set) Sessions(recorded []enrol.Session) (sessions []Session, without []string, err error) {
	for _, r := range recorded {
		said, err := s.Said(r.Evidence.Responses())
		switch {
		case errors.Is(err, ErrOtherSet):
			without = append(without, r.Path)
		case err != nil:
			return nil, nil, err
		default:
			sessions = append(sessions, Session{r.Platform, r.Number, r.Labels, said})
		}
	}
	return sessions, without, nil
}

// Learn gives the set with what sessions told. Platforms that it lacked are added;
// what it had learnt before is dropped. Each platform needs a session, and some two.
func (s *Set) Learn(sessions []Session) (*Set, error) {
	n := *s
	n.Platforms, n.Prompts = slices.Clone(s.Platforms), slices.Clone(s.Prompts)
	n.Learnt = &Learnt{weights: byDefault(), Sessions: map[string]int{}, Errors: map[string]Errors{}}
	for i := range n.Prompts {
		n.Prompts[i].Seen = map[string][]int{}
	}
	for _, x := range sessions {
		if err := n.add(x); err != nil {
			return nil, err
		}
	}
	n.Platforms = slices.DeleteFunc(n.Platforms, func(p Platform) bool { return n.Learnt.Sessions[p.ID] == 0 })
	if len(n.Platforms) < 2 || len(sessions) <= len(n.Platforms) {
		return nil, fmt.Errorf("%w: %d of %d platforms; it takes two platforms, and several sessions", ErrFewSessions, len(sessions), len(n.Platforms))
	}
	for i := range n.Prompts {
		n.Prompts[i].Answers = maps.Clone(n.Prompts[i].Answers)
		maps.DeleteFunc(n.Prompts[i].Answers, func(id string, _ []int) bool { return n.platform(id) < 0 })
	}
	n.fit(sessions)
	return &n, nil
}

// add counts a session.
func (s *Set) add(x Session) error {
	if len(x.Said) != len(s.Prompts) {
		return fmt.Errorf("%w: a session of %s has %d answers, and the set %d prompts", ErrOtherSet, x.Platform, len(x.Said), len(s.Prompts))
	}
	if s.platform(x.Platform) < 0 {
		s.Platforms = append(s.Platforms, Platform{ID: x.Platform, Labels: x.Labels})
	}
	s.Learnt.Sessions[x.Platform]++
	for i, k := range x.Said {
		p := &s.Prompts[i]
		if p.Seen[x.Platform] == nil {
			p.Seen[x.Platform] = make([]int, len(p.Says)+1)
		}
		if k != silent {
			p.Seen[x.Platform][k]++
		}
	}
	return nil
}

// fit chooses the weights by which each session is best recognised from the others,
// and counts errors.
func (s *Set) fit(sessions []Session) {
	t := s.table()
	best := math.Inf(-1)
	for _, strength := range []float64{0.1, 0.3, 1, 3} {
		for _, made := range []float64{0, 0.1, 0.3, 1} {
			logs := s.others(t, weights{strength, made, 1}, sessions)
			for _, temper := range []float64{0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1} {
				if score := recognised(logs, temper); score > best {
					best, s.Learnt.weights = score, weights{strength, made, temper}
				}
			}
		}
	}
	for _, x := range sessions {
		s.Learnt.count(s, t, x)
	}
}

// row is the likelihoods of a session.
type row struct {
	truth int
	logs  []float64
	none  float64
}

// others are the likelihoods of each session by the other sessions; those that have
// no other of their platform are left out.
func (s *Set) others(t *table, w weights, sessions []Session) []row {
	var all []row
	for _, x := range sessions {
		if s.Learnt.Sessions[x.Platform] < 2 {
			continue
		}
		r := row{truth: s.platform(x.Platform), none: t.unknown(w, x.Said)}
		for j := range s.Platforms {
			r.logs = append(r.logs, t.log(w, j, x.Said, j == r.truth))
		}
		all = append(all, r)
	}
	return all
}

// recognised is the mean logarithm of the probability of the right platform.
func recognised(rows []row, temper float64) float64 {
	sum := 0.0
	for _, r := range rows {
		logs := make([]float64, len(r.logs))
		for j, l := range r.logs {
			logs[j] = temper * l
		}
		p, _ := posterior(logs, temper*r.none)
		sum += math.Log(max(p[r.truth], 1e-12))
	}
	return sum / float64(max(len(rows), 1))
}

// count counts the answers of a session that differ from those of the others.
func (l *Learnt) count(s *Set, t *table, x Session) {
	if l.Sessions[x.Platform] < 2 {
		return
	}
	j, wrong, answers := s.platform(x.Platform), 0, 0
	for i, k := range x.Said {
		if k == silent {
			continue
		}
		answers++
		if t.expected(i, j, k) != k {
			wrong++
		}
	}
	e := l.Errors[x.Platform]
	e.Wrong, e.Answers = e.Wrong+wrong, e.Answers+answers
	e.Worst = max(e.Worst, float64(wrong)/float64(max(answers, 1)))
	l.Errors[x.Platform] = e
}

// errors are those of a platform, or of the worst where its own are not known.
func (l *Learnt) errors(id string) (Errors, bool) {
	if e, ok := l.Errors[id]; ok {
		return e, true
	}
	if len(l.Errors) == 0 {
		return Errors{}, false
	}
	return slices.MaxFunc(slices.Collect(maps.Values(l.Errors)), func(a, b Errors) int { return cmp.Compare(a.rate(), b.rate()) }), true
}
