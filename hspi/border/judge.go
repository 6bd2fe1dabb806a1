package border

import (
	"cmp"
	"fmt"

	"gonum.org/v1/gonum/mathext"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/verify"
)

// Whole is the part of a claim that names a platform of the set.
const Whole claim.Part = "platform"

// Probabilities at which a part of a claim is decided.
const (
	firm    = 0.95 // what the claimed, or the contrary, platforms must have together
	strange = 0.5  // of an unknown platform: from here on none of the set counts
	shown   = 8    // platforms in a result
)

// Claim is what is said about an endpoint: a platform of a set, or parts.
type Claim struct {
	platform string
	parts    claim.Claim
}

// String is the claim as it was understood.
func (c Claim) String() string { return cmp.Or(c.platform, c.parts.String()) }

// Parse reads a claim: the name of one of the set's platforms, or what package claim
// understands, the words of the set's labels included.
func (s *Set) Parse(text string) (Claim, error) {
	if s.platform(text) >= 0 {
		return Claim{platform: text}, nil
	}
	words := map[claim.Part][]string{}
	for _, p := range s.Platforms {
		for _, part := range claim.Parts() {
			words[part] = append(words[part], p.Labels[string(part)])
		}
	}
	parts, err := claim.Parse(text, words)
	return Claim{parts: parts}, err
}

// part is one part of a claim: the word of a platform for it, and whether that is
// what was claimed.
type part struct {
	name    claim.Part
	claimed string
	word    func(Platform) string
	accepts func(string) bool
}

func (c Claim) list() []part {
	if c.platform != "" {
		return []part{{Whole, c.platform, func(p Platform) string { return p.ID }, func(id string) bool { return id == c.platform }}}
	}
	var all []part
	for _, s := range c.parts.Stated {
		all = append(all, part{s.Part, s.Word, func(p Platform) string { return p.Labels[string(s.Part)] }, s.Accepts})
	}
	return all
}

// Judge judges a claim by the last session in f. Alpha is how often, at most, a claim
// that is true may be called contradicted. It never fails: where nothing can be said
// the result says why.
func (s *Set) Judge(f *evidence.File, c Claim, alpha float64) *verify.Result {
	r, answers, why := verify.Begin(f, c.String())
	r.Alpha = alpha
	said, err := s.Said(answers)
	switch {
	case why != "":
	case err != nil:
		why = err.Error()
	default:
		s.decide(r, c, said)
		r.Verdict, r.Why = verify.Overall(r.Findings)
		return r
	}
	for _, p := range c.list() {
		r.Findings = append(r.Findings, decide.Finding{Part: p.name, Claimed: p.claimed, Verdict: decide.NotTestable, P: 1, Adjusted: 1, Evidence: []string{why}})
	}
	r.Verdict, r.Why = verify.Overall(r.Findings)
	return r
}

// decide fills a result by the answers.
func (s *Set) decide(r *verify.Result, c Claim, said []int) {
	j := s.judge(said, r.Alpha)
	for _, x := range j.scores[:min(shown, len(j.scores))] {
		r.Hypotheses = append(r.Hypotheses, verify.Hypothesis{Platform: x.Platform.ID, Probability: x.Probability})
	}
	r.Unknown = j.unknown
	r.Findings = j.findings(c)
	r.Limits = append(r.Limits, "border inputs are of one model: another model, quantisation of another tool, or a server that changes prompts answers them by chance")
	if s.Learnt == nil {
		r.Limits = append(r.Limits, "the set was not learnt from sessions: how often platforms err is not known, so nothing can be contradicted")
	}
}

// judge judges the parts of a claim.
type judge struct {
	set     *Set
	table   *table
	said    []int
	alpha   float64
	scores  []Score
	unknown float64
	// refused: no platform of the set is likely enough, or would answer so.
	refused bool
}

func (s *Set) judge(said []int, alpha float64) *judge {
	j := &judge{set: s, table: s.table(), said: said, alpha: alpha}
	j.scores, j.unknown, _ = s.Recognise(said)
	j.refused = j.unknown > strange || j.p(j.scores) <= alpha
	return j
}

// findings judges the parts of a claim.
func (j *judge) findings(c Claim) []decide.Finding {
	var all []decide.Finding
	for _, p := range c.list() {
		all = append(all, j.part(p))
	}
	decide.Settle(all, j.alpha)
	return all
}

// part judges one part as far as Holm's correction does not matter.
func (j *judge) part(p part) decide.Finding {
	f := decide.Finding{Part: p.name, Claimed: p.claimed, P: 1, Adjusted: 1, Words: map[string]float64{}}
	reason := func(v decide.Verdict, format string, args ...any) decide.Finding {
		f.Verdict, f.Evidence = v, append(f.Evidence, fmt.Sprintf(format, args...))
		return f
	}
	var agreeing, contrary []Score
	agree, contra := 0.0, 0.0
	for _, x := range j.scores {
		word := p.word(x.Platform)
		switch {
		case word == "":
			continue
		case p.accepts(word):
			agreeing, agree = append(agreeing, x), agree+x.Probability
		default:
			contrary, contra = append(contrary, x), contra+x.Probability
		}
		f.Words[word] += x.Probability
	}
	switch {
	case len(agreeing) == 0:
		return reason(decide.NotTestable, "no platform of the set has %s %s", p.name, p.claimed)
	case len(contrary) == 0:
		return reason(decide.NotTestable, "all platforms of the set have %s %s: nothing is known of others", p.name, p.claimed)
	}
	best := agreeing[0]
	k, n := j.unlike(best)
	f.Evidence = append(f.Evidence, j.published(best, contrary), fmt.Sprintf("%d of %d answers are not those of %s", k, n, best.Platform.ID))
	f.Test(j.p(agreeing))
	if !j.refused {
		f.Found = p.word(j.scores[0].Platform)
	}
	switch {
	case f.P <= j.alpha && agree < 1-firm:
		return reason(decide.Contradicted, "platforms that the claim allows have %.3f of the probability, and would answer so with probability %.2g at most", agree, f.P)
	case j.refused:
		return reason(decide.Inconclusive, "it answers like no platform of the set (probability of an unknown one %.2f; p is %.2g)", j.unknown, f.P)
	case f.P > j.alpha && agree/(agree+contra) >= firm:
		return reason(decide.Consistent, "platforms with %s %s have %.3f of the probability", p.name, p.claimed, agree)
	}
	return reason(decide.Inconclusive, "platforms with %s %s have %.2f of the probability, others %.2f, p is %.2g", p.name, p.claimed, agree, contra, f.P)
}

// published is the published decision, between the claimed platform and each that
// the claim rules out.
func (j *judge) published(claimed Score, contrary []Score) string {
	won, lost := 0, 0
	closest := Vote{}
	for _, x := range contrary {
		v := j.set.vote(j.table, claimed.at, x.at, j.said)
		switch v.Winner() {
		case v.A:
			won++
		case v.B:
			lost++
		}
		if closest.A == "" || v.ForA*(closest.ForA+closest.ForB) < closest.ForA*(v.ForA+v.ForB) {
			closest = v
		}
	}
	return fmt.Sprintf("votes as published, %s against each platform that the claim rules out: %d won, %d lost, %d undecided; worst %d to %d against %s (%d answers dropped)",
		claimed.Platform.ID, won, lost, len(contrary)-won-lost, closest.ForA, closest.ForB, closest.B, closest.Dropped)
}

// unlike counts the answers, and those of them that are not the platform's.
func (j *judge) unlike(x Score) (k, n int) {
	for i, a := range j.said {
		if e := j.table.most[i][x.at]; a != silent && e != silent {
			n++
			if a != e {
				k++
			}
		}
	}
	return k, n
}

// p is the probability that so many answers are not the platform's, if one of the
// platforms serves: that of the one which fits best, as the claim does not say which.
// Binomial, at a rate at which its sessions differ at most.
func (j *judge) p(agreeing []Score) float64 {
	if j.set.Learnt == nil {
		return 1
	}
	most := 0.0
	for _, x := range agreeing {
		e, ok := j.set.Learnt.errors(x.Platform.ID)
		if !ok {
			return 1
		}
		k, n := j.unlike(x)
		most = max(most, atLeast(k, n, e.rate()))
	}
	return most
}

// atLeast is the probability of k or more in n at a rate.
func atLeast(k, n int, rate float64) float64 {
	if k == 0 || rate >= 1 {
		return 1
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), rate)
}
