package border

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/report"
)

// Evaluation is how well sessions are recognised by sets that were learnt from
// sessions of other numbers. Platforms that differ in load only count as one.
type Evaluation struct {
	Prompts  int `json:"prompts"`
	Sessions int `json:"sessions"`
	// Platforms and Classes, precision with quantisation, are balanced accuracies.
	Platforms report.Interval `json:"platforms_balanced_accuracy"`
	Classes   report.Interval `json:"precision_quantisation_balanced_accuracy"`
	// Confused are platforms that were taken for others, with the number of sessions.
	Confused map[string]int `json:"confused"`
	// Pairs are the decisions between two platforms, Published and Ours the share of
	// right ones; a tie is none.
	Pairs     []Pair          `json:"pairs"`
	Published report.Interval `json:"pairs_published"`
	Ours      report.Interval `json:"pairs_ours"`
	// True are the verdicts on the session's own platform, False on each other one.
	True  map[decide.Verdict]int `json:"true_claims"`
	False map[decide.Verdict]int `json:"false_claims"`
	// Unknown tells of sessions whose platform was left out of learning; nil: not tried.
	Unknown *Unknown `json:"unknown,omitempty"`
}

// Unknown is how platforms that a set lacks fare.
type Unknown struct {
	// Area is the AUROC against sessions of known platforms.
	Area float64 `json:"auroc"`
	// Refused of Sessions are taken for none of the set; so are Known sessions of
	// platforms that it has.
	Refused  int `json:"refused"`
	Sessions int `json:"sessions"`
	Known    int `json:"known_refused"`
}

// EvaluationOptions steers Evaluate.
type EvaluationOptions struct {
	Alpha   float64
	Seed    uint64 // of the intervals
	Unknown bool   // also leave platforms out
}

// Folds hands over, for each number of sessions, those of that number and the set
// learnt from the others, until there is an error.
func (s *Set) Folds(sessions []Session, do func(learnt *Set, unseen []Session) error) error {
	numbers := map[string]bool{}
	for _, x := range sessions {
		numbers[x.Number] = true
	}
	for _, number := range slices.Sorted(maps.Keys(numbers)) {
		seen, unseen := split(sessions, func(x Session) bool { return x.Number != number })
		learnt, err := s.Learn(seen)
		if err != nil {
			return err
		}
		if err := do(learnt, unseen); err != nil {
			return err
		}
	}
	return nil
}

func split(sessions []Session, in func(Session) bool) (yes, no []Session) {
	for _, x := range sessions {
		if in(x) {
			yes = append(yes, x)
		} else {
			no = append(no, x)
		}
	}
	return yes, no
}

// First is the set and sessions with its first n prompts only. Those that
// hspi/lab/border.py makes are in the order of what they are worth.
func (s *Set) First(n int, sessions []Session) (*Set, []Session) {
	few := *s
	n = min(n, len(s.Prompts))
	few.Prompts = s.Prompts[:n]
	sessions = slices.Clone(sessions)
	for i := range sessions {
		sessions[i].Said = sessions[i].Said[:n]
	}
	return &few, sessions
}

// Evaluate tries the set on recorded sessions.
func (s *Set) Evaluate(sessions []Session, o EvaluationOptions) (*Evaluation, error) {
	t := &trial{e: &Evaluation{Prompts: len(s.Prompts), Sessions: len(sessions), Confused: map[string]int{}, True: map[decide.Verdict]int{}, False: map[decide.Verdict]int{}},
		kind: map[string]string{}, class: map[string]string{}, pairs: map[string]*Pair{}, right: map[string][3]int{}}
	for _, x := range sessions {
		t.kind[x.Platform], t.class[x.Platform] = x.Platform, x.Labels["precision"]+"/"+x.Labels["quantisation"]
	}
	t.merge(sessions)
	err := s.Folds(sessions, func(learnt *Set, unseen []Session) error {
		for _, x := range unseen {
			t.predict(learnt, x)
			t.claims(learnt, x, o.Alpha)
		}
		t.decide(learnt, unseen)
		return nil
	})
	if err == nil && o.Unknown {
		err = t.unknown(s, sessions, o.Alpha)
	}
	if err != nil {
		return nil, err
	}
	t.finish(o.Seed)
	return t.e, nil
}

// trial gathers an evaluation.
type trial struct {
	e           *Evaluation
	kind, class map[string]string // of a platform
	predictions []report.Prediction
	pairs       map[string]*Pair
	refused     int               // sessions of known platforms
	right       map[string][3]int // of a session: pairs decided rightly as published, by us, and all
}

// merge gives platforms that differ in load only one name, the shortest.
func (t *trial) merge(sessions []Session) {
	of := map[string]string{} // name by all labels but load
	key := func(x Session) string {
		labels := maps.Clone(x.Labels)
		delete(labels, model.LabelLoad)
		delete(labels, "session")
		if len(labels) == 0 {
			return x.Platform
		}
		return fmt.Sprint(labels) // in the order of names
	}
	for _, x := range sessions {
		if name, ok := of[key(x)]; !ok || len(x.Platform) < len(name) {
			of[key(x)] = x.Platform
		}
	}
	for _, x := range sessions {
		t.kind[x.Platform] = of[key(x)]
	}
}

// predict says what a session is.
func (t *trial) predict(learnt *Set, x Session) {
	scores, _, novelty := learnt.Recognise(x.Said)
	p := report.Prediction{Session: x.Platform + " " + x.Number, Truth: x.Platform, Probabilities: map[string]float64{}, Novelty: novelty}
	for _, score := range scores {
		p.Probabilities[score.Platform.ID] = score.Probability
	}
	t.predictions = append(t.predictions, p)
}

// claims judges that the session is each platform of the set.
func (t *trial) claims(learnt *Set, x Session, alpha float64) {
	j := learnt.judge(x.Said, alpha)
	for _, p := range learnt.Platforms {
		v := j.findings(Claim{platform: p.ID})[0].Verdict
		switch {
		case p.ID == x.Platform:
			t.e.True[v]++
		case t.kind[p.ID] != t.kind[x.Platform]:
			t.e.False[v]++
		}
	}
	if j.refused {
		t.refused++
	}
}

// decide decides sessions between their platform and each other kind of one.
func (t *trial) decide(learnt *Set, unseen []Session) {
	for _, d := range learnt.duels() {
		if t.kind[d.A] == t.kind[d.B] {
			continue
		}
		p := t.pairs[d.A+"\n"+d.B]
		if p == nil {
			p = &Pair{A: d.A, B: d.B}
			t.pairs[d.A+"\n"+d.B] = p
		}
		p.Prompts = d.prompts
		for _, x := range unseen {
			if x.Platform != d.A && x.Platform != d.B {
				continue
			}
			published, ours := d.winners(x.Said)
			id := x.Platform + " " + x.Number
			r := t.right[id]
			r[2]++
			p.Sessions++
			if published == x.Platform {
				p.Published++
				r[0]++
			}
			if ours == x.Platform {
				p.Ours++
				r[1]++
			}
			t.right[id] = r
		}
	}
}

// unknown tries each kind of platform on a set that was learnt without it.
func (t *trial) unknown(s *Set, sessions []Session, alpha float64) error {
	t.e.Unknown = &Unknown{Known: t.refused}
	kinds := map[string]bool{}
	for _, k := range t.kind {
		kinds[k] = true
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		others, left := split(sessions, func(x Session) bool { return t.kind[x.Platform] != kind })
		learnt, err := s.Learn(others)
		if err != nil {
			return err
		}
		for _, x := range left {
			t.predict(learnt, x)
			t.e.Unknown.Sessions++
			if learnt.judge(x.Said, alpha).refused {
				t.e.Unknown.Refused++
			}
		}
	}
	t.e.Unknown.Area = report.Unknown(t.predictions).Area
	return nil
}

// finish makes figures of what was gathered.
func (t *trial) finish(seed uint64) {
	known := slices.DeleteFunc(slices.Clone(t.predictions), func(p report.Prediction) bool { _, ok := p.Probabilities[p.Truth]; return !ok })
	balanced := func(p []report.Prediction) float64 { return report.Confuse(p).BalancedAccuracy() }
	kinds := named(known, t.kind)
	t.e.Platforms = report.OverSessions(kinds, balanced, seed)
	t.e.Classes = report.OverSessions(named(known, t.class), balanced, seed)
	for _, p := range kinds {
		if best := p.Best(); best != p.Truth {
			t.e.Confused[p.Truth+" as "+best]++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.pairs)) {
		t.e.Pairs = append(t.e.Pairs, *t.pairs[key])
	}
	share := func(which int) func([]report.Prediction) float64 {
		return func(drawn []report.Prediction) float64 {
			right, all := 0, 0
			for _, p := range drawn {
				right, all = right+t.right[p.Session][which], all+t.right[p.Session][2]
			}
			return float64(right) / float64(all)
		}
	}
	t.e.Published, t.e.Ours = report.OverSessions(known, share(0), seed), report.OverSessions(known, share(1), seed)
}

// named takes the platforms of predictions together by names.
func named(predictions []report.Prediction, names map[string]string) []report.Prediction {
	var all []report.Prediction
	for _, p := range predictions {
		sums := map[string]float64{}
		for id, v := range p.Probabilities {
			sums[names[id]] += v
		}
		p.Truth, p.Probabilities = names[p.Truth], sums
		all = append(all, p)
	}
	return all
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

// duel decides between two platforms of a set; without a prompt that has different
// answers of the two it is a tie.
type duel struct {
	A, B    string
	prompts int
	winners func(said []int) (published, ours string)
}

func (s *Set) duels() []duel {
	t, w := s.table(), s.weights()
	var all []duel
	for a := range s.Platforms {
		for b := a + 1; b < len(s.Platforms); b++ {
			d := duel{A: s.Platforms[a].ID, B: s.Platforms[b].ID}
			for i := range s.Prompts {
				if ofA, ofB := t.most[i][a], t.most[i][b]; ofA != silent && ofB != silent && ofA != ofB {
					d.prompts++
				}
			}
			d.winners = func(said []int) (published, ours string) {
				if d.prompts == 0 {
					return "", "" // what is left of the likelihood is by chance
				}
				switch diff := t.log(w, a, said, false) - t.log(w, b, said, false); {
				case diff > 0:
					ours = d.A
				case diff < 0:
					ours = d.B
				}
				return s.vote(t, a, b, said).Winner(), ours
			}
			all = append(all, d)
		}
	}
	return all
}

// Unsteady counts, for each platform, the prompts that not all of its sessions
// answered alike.
func Unsteady(sessions []Session) map[string]int {
	first, unlike := map[string][]int{}, map[string]map[int]bool{}
	for _, x := range sessions {
		if first[x.Platform] == nil {
			first[x.Platform], unlike[x.Platform] = x.Said, map[int]bool{}
		}
		for i, k := range x.Said {
			if k != first[x.Platform][i] {
				unlike[x.Platform][i] = true
			}
		}
	}
	counts := map[string]int{}
	for id := range first {
		counts[id] = len(unlike[id])
	}
	return counts
}

// String is the evaluation in lines.
func (e *Evaluation) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s "+format+"\n", append([]any{name}, args...)...)
	}
	line("tried", "%d sessions, each by a set learnt from the others; %d prompts", e.Sessions, e.Prompts)
	line("platforms", "balanced accuracy %s", e.Platforms)
	line("classes", "balanced accuracy %s over precision with quantisation", e.Classes)
	line("pairs", "decided rightly: %s as published, %s by likelihood", e.Published, e.Ours)
	line("true", "%d claims: %d consistent, %d contradicted", sum(e.True), e.True[decide.Consistent], e.True[decide.Contradicted])
	line("false", "%d claims: %d contradicted, %d consistent", sum(e.False), e.False[decide.Contradicted], e.False[decide.Consistent])
	if u := e.Unknown; u != nil {
		line("unknown", "%d of %d sessions of platforms that were left out refused, and %d of known ones; AUROC %.3f", u.Refused, u.Sessions, u.Known, u.Area)
	}
	for _, c := range slices.Sorted(maps.Keys(e.Confused)) {
		line("confused", "%s: %d", c, e.Confused[c])
	}
	return b.String()
}

func sum(counts map[decide.Verdict]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
