package decide

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
)

// judge judges the parts of a claim against one profile.
type judge struct {
	read    *feature.Reading
	o       Options
	profile *model.Profile
	result  *model.Result
	tests   map[*model.Platform]test // those that were made: parts of a claim share them
}

// test is whether answers could be a platform's; ok is false where they have no
// position in common.
type test struct {
	model.Exchange
	ok bool
}

// exchangeable tests a platform, once.
func (j *judge) exchangeable(p *model.Platform) test {
	t, had := j.tests[p]
	if !had {
		t.Exchange, t.ok = p.Exchangeable(j.read.Observations())
		if j.tests == nil {
			j.tests = map[*model.Platform]test{}
		}
		j.tests[p] = t
	}
	return t
}

func (j *judge) look(p *model.Profile) { j.profile, j.result = p, p.Recognise(j.read) }

// Probabilities at which a part is decided.
const (
	// firm is what the claimed, or the contrary, platforms must have together.
	firm = 0.95
	// strange is the probability of an unknown platform from which on no enrolled
	// one counts as what serves.
	strange = 0.5
)

// sides are the platforms that a part of a claim accepts, and those that it does
// not, with their probabilities.
type sides struct {
	label              string
	agreeing, contrary []model.Score
	agree, contra      float64
	words              map[string]float64
}

func (j *judge) sides(s claim.Stated) sides {
	v := sides{label: string(s.Part), words: map[string]float64{}}
	for _, score := range j.result.Scores {
		word, labelled := score.Platform.Labels[v.label]
		switch {
		case !labelled:
			continue
		case s.Accepts(word):
			v.agreeing, v.agree = append(v.agreeing, score), v.agree+score.Probability
		default:
			v.contrary, v.contra = append(v.contrary, score), v.contra+score.Probability
		}
		v.words[word] += score.Probability
	}
	return v
}

// part judges one part as far as Holm's correction does not matter.
func (j *judge) part(s claim.Stated) Finding {
	f := j.compared(s)
	if s.Part != claim.Precision {
		return f
	}
	// The grid needs no reference. It decides where the references do not, and what
	// the two say must not differ.
	grid := precision(s, j.read)
	f.Evidence = append(grid.Evidence, f.Evidence...)
	switch {
	case grid.Verdict == Contradicted || f.Verdict == NotTestable:
		f.Verdict, f.Found, f.grid = grid.Verdict, grid.Found, true
	case grid.Verdict == Consistent && f.Verdict == Contradicted:
		f.Verdict = Inconclusive
		f.Evidence = append(f.Evidence, "the grid and the recordings say different things")
	case f.Verdict == Inconclusive && grid.Verdict == Consistent:
		f.Verdict, f.Found = grid.Verdict, grid.Found
	}
	return f
}

// compared judges a part by the enrolled platforms.
func (j *judge) compared(s claim.Stated) Finding {
	f := Finding{Part: s.Part, Claimed: s.Word, P: 1, Adjusted: 1}
	reason := func(v Verdict, format string, args ...any) Finding {
		f.Verdict, f.Evidence = v, append(f.Evidence, fmt.Sprintf(format, args...))
		return f
	}
	switch {
	case j.profile == nil:
		return reason(NotTestable, "no recordings of trusted platforms are there to compare with")
	case j.result.Places == 0:
		return reason(NotTestable, noPlaces)
	}
	v := j.sides(s)
	f.Words = v.words
	switch {
	case len(v.agreeing) == 0 && len(v.contrary) == 0:
		return reason(NotTestable, "no enrolled platform says what its %s is", v.label)
	case len(v.agreeing) == 0:
		return reason(NotTestable, "no enrolled platform has %s %s, so what it would answer is not known", v.label, s.Word)
	case len(v.contrary) == 0:
		return reason(NotTestable, "all enrolled platforms have %s %s: nothing is known of others", v.label, s.Word)
	}
	if why, ok := j.twins(v, s.Word); ok {
		if j.result.Unknown <= strange {
			f.Found = j.fits(v.label)
		}
		return reason(NotTestable, "%s", why)
	}
	best := j.result.Scores[0]
	f.Evidence = append(f.Evidence, nearestWords(best))
	if j.result.Unknown > strange {
		return reason(Inconclusive, "it answers like no enrolled platform (probability of an unknown one %.2f); kernels, versions or a load that were not recorded can do that", j.result.Unknown)
	}
	f.Test(j.worstCase(v.agreeing))
	f.Found = j.fits(v.label)
	known := v.agree + v.contra
	switch {
	case v.agree/known >= firm:
		return reason(Consistent, "platforms with %s %s have %.3f of the probability", v.label, s.Word, v.agree/known)
	case v.contra/known >= firm:
		return reason(Contradicted, "platforms with another %s have %.3f of the probability, and sessions of those that were claimed are as far from each other as this one with probability %.2g",
			v.label, v.contra/known, f.P)
	}
	return reason(Inconclusive, "platforms with %s %s have %.2f of the probability, others %.2f", v.label, s.Word, v.agree/known, v.contra/known)
}

// worstCase is the greatest p value over the platforms that a claim allows: one of
// them serves, if it is true. Platforms that are improbable beside the best of them
// are tested too, as the claim does not say which.
func (j *judge) worstCase(agreeing []model.Score) float64 {
	p := 0.0
	for _, s := range agreeing {
		if x := j.exchangeable(s.Platform); x.ok {
			p = math.Max(p, x.P)
		} else {
			return 1 // nothing in common: nothing is excluded
		}
		if p > j.o.Alpha {
			break // nothing can be contradicted any more
		}
	}
	return p
}

// twins reports whether answers cannot decide between the claim and what is most
// probable against it, and why: the two platforms, or most of those that differ in
// this part only, gave the same digits.
func (j *judge) twins(v sides, claimed string) (string, bool) {
	a, b := v.agreeing[0].Platform, v.contrary[0].Platform
	if a.Twin(b) {
		return fmt.Sprintf("sessions of %s and of %s differed no more from each other than among themselves when they were recorded, so this %s cannot be told from answers", a.Name, b.Name, v.label), true
	}
	same, pairs := 0, 0
	for _, x := range v.agreeing {
		for _, y := range v.contrary {
			if y.Platform.Labels[v.label] != b.Labels[v.label] || !x.Platform.AlikeBut(y.Platform, v.label, model.LabelLoad) {
				continue
			}
			pairs++
			if x.Platform.Twin(y.Platform) {
				same++
			}
		}
	}
	return fmt.Sprintf("of %d enrolled pairs that differ in nothing but the %s, %s or %s, %d gave the same digits, so it cannot be told from answers", pairs, v.label, claimed, b.Labels[v.label], same), 2*same > pairs
}

func nearestWords(s model.Score) string {
	n, same := 0, 0.0
	for k, places := range s.Pair.Places {
		n += places
		same += s.Pair.Exact[k]
	}
	if same == 0 {
		return fmt.Sprintf("at none of %d positions it has the digits of %s, which is the nearest that is known", n, s.Name)
	}
	return fmt.Sprintf("it answers most like %s: at %.0f of %d positions with the same digits as one of its sessions", s.Name, same, n)
}

// Enrolled are the words that a profile knows for each part, for claims.
func Enrolled(p *model.Profile) map[claim.Part][]string {
	all := map[claim.Part][]string{}
	labels := p.Labels()
	for _, part := range claim.Parts() {
		if words := labels[string(part)]; len(words) > 0 {
			all[part] = slices.Clone(words)
		}
	}
	return all
}
