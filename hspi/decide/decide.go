// Package decide says, for each part of a claim about an endpoint, whether what it
// answered is consistent with it, contradicts it, decides nothing, or could not
// decide anything, and why.
package decide

import (
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/plan"
)

// Verdict is the answer to a claim, or to one part of it.
type Verdict string

// Verdicts.
const (
	// Consistent: what the claim would give is what came, and the alternatives that
	// are enrolled would have been told.
	Consistent Verdict = "consistent"
	// Contradicted: the claim would not have given what came.
	Contradicted Verdict = "contradicted"
	// Inconclusive: the evidence speaks for neither.
	Inconclusive Verdict = "inconclusive"
	// NotTestable: no evidence of this kind could decide the part.
	NotTestable Verdict = "not testable"
)

// Finding is the verdict on one part of a claim.
type Finding struct {
	Part    claim.Part `json:"part"`
	Claimed string     `json:"claimed"`
	Verdict Verdict    `json:"verdict"`
	// Found is what the evidence speaks for, "" where for nothing.
	Found string `json:"found,omitempty"`
	// Words are the probabilities of the words that enrolled platforms have for the
	// part; what is left to 1 is the unknown.
	Words map[string]float64 `json:"words,omitempty"`
	// P is the probability of answers as far from the claimed platforms as these, if
	// one of those serves (permutation over prompts; of several platforms the one
	// that fits best); Adjusted is after Holm over the parts; 1 where it was not tested.
	P        float64 `json:"p"`
	Adjusted float64 `json:"p_holm"`
	// Evidence tells in sentences what the verdict rests on.
	Evidence []string `json:"evidence"`

	tested bool // P is a test's
	grid   bool // the grid decided
}

// Options steers Decide.
type Options struct {
	// Alpha is how often, at most, a claim that is true may be called contradicted;
	// 0 means 0.01.
	Alpha float64
}

// Decision is the answer to a claim.
type Decision struct {
	Claim    string    `json:"claim"`
	Verdict  Verdict   `json:"verdict"`
	Alpha    float64   `json:"alpha"`
	Findings []Finding `json:"findings"`
	// Answers is how many answers it rests on.
	Answers int `json:"answers"`
	// Hypotheses are the enrolled platforms, the most probable first, and Unknown the
	// probability that it is none of them; nil and 1 without a profile.
	Hypotheses []model.Score `json:"hypotheses,omitempty"`
	Unknown    float64       `json:"unknown"`
	// Reasons tell what decided between the two most probable platforms.
	Reasons []model.Reason `json:"reasons,omitempty"`
	// Exchange compares with the sessions of the most probable platform: it has the
	// smallest difference that would have been found.
	Exchange *model.Exchange `json:"exchange,omitempty"`
	// Errors is how often the profile errs, as far as its own sessions tell.
	Errors string `json:"errors,omitempty"`
	// Limits are what this evidence cannot tell, and why.
	Limits []string `json:"limits,omitempty"`
}

// Decide judges a claim by answers. The profile may be nil: then only what needs no
// reference is judged.
func Decide(c claim.Claim, answers []*evidence.Response, p *model.Profile, o Options) *Decision {
	return DecideRead(c, feature.Read(answers), p, o)
}

// DecideRead is Decide for answers that were read already.
func DecideRead(c claim.Claim, read *feature.Reading, p *model.Profile, o Options) *Decision {
	if o.Alpha <= 0 {
		o.Alpha = 0.01
	}
	d := &Decision{Claim: c.String(), Alpha: o.Alpha, Answers: len(read.Answers()), Unknown: 1, Limits: limits(read)}
	j := judge{read: read, o: o}
	if p != nil {
		j.look(p)
		d.report(&j, p)
	}
	for _, s := range c.Stated {
		d.Findings = append(d.Findings, j.part(s))
	}
	Settle(d.Findings, o.Alpha)
	d.Verdict = overall(d.Findings)
	return d
}

// report keeps what the profile says, whatever the claim.
func (d *Decision) report(j *judge, p *model.Profile) {
	d.Hypotheses, d.Unknown = j.result.Scores, j.result.Unknown
	if j.result.Places == 0 {
		d.Limits = append(d.Limits, noPlaces)
		return
	}
	if len(d.Hypotheses) > 1 {
		d.Reasons = p.Explain(d.Hypotheses[0], d.Hypotheses[1])
	}
	if t := p.Tested; t.Sessions > 0 {
		d.Errors = errorRates(t, d.Alpha)
	}
	if x := j.exchangeable(d.Hypotheses[0].Platform); x.ok {
		d.Exchange = &x.Exchange
	}
}

func errorRates(t model.Tested, alpha float64) string {
	return fmt.Sprintf("of %d enrolled sessions, each compared with the others, %d went to another platform (at most %.1f %% at 95 %% confidence) and %d were refused (at most %.1f %%); a true claim is called contradicted with probability %g at most, if the endpoint varies as the enrolled sessions do",
		t.Sessions, t.Wrong, 100*model.AtMost(t.Wrong, t.Sessions), t.Refused, 100*model.AtMost(t.Refused, t.Sessions), alpha)
}

const noPlaces = "no position of the answers has a counterpart in the profile: it was recorded with other prompts, another model, or without logprobs"

// overall: one contradiction is enough; consistent is what is so as far as it
// could be tested.
func overall(all []Finding) Verdict {
	for _, v := range []Verdict{Contradicted, Inconclusive, Consistent} {
		if slices.ContainsFunc(all, func(f Finding) bool { return f.Verdict == v }) {
			return v
		}
	}
	return NotTestable
}

// limits are what the answers themselves rule out.
func limits(r *feature.Reading) []string {
	var all []string
	if len(r.Answers()) == 0 {
		return []string{"there are no answers"}
	}
	if altered, why := feature.Altered(r.Answers()); altered {
		all = append(all, why)
	}
	if n, asked := r.Repeats(); asked > 0 && n == asked {
		all = append(all, invariant(n, slices.ContainsFunc(r.Answers(), func(a *evidence.Response) bool { return a.Purpose.Series == plan.SeriesLoad })))
	}
	return all
}

// invariant is what an endpoint leaves open that repeats itself.
func invariant(prompts int, loaded bool) string {
	what, when := "every prompt that was", ""
	if prompts == 1 {
		what = "the prompt that was"
	}
	if loaded {
		when = ", also under load"
	}
	return fmt.Sprintf("the endpoint repeated itself in all digits at %s asked again%s: its kernels do not depend on the batch, it was idle, or it gave stored answers. What shows in how a server varies (load, number of backends) cannot be told", what, when)
}
