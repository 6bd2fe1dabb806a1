// Package verify puts a claim, the evidence of a session and what package decide
// reads in it together: one verdict, what it rests on, what else was noticed, and
// what it cost.
package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/probe"
)

// Result is the answer to a claim.
type Result struct {
	Claim    string           `json:"claim"`
	Verdict  decide.Verdict   `json:"verdict"`
	Why      string           `json:"why"`
	Findings []decide.Finding `json:"findings"`
	// Alpha is how often, at most, a true claim may be called contradicted.
	Alpha float64 `json:"alpha"`
	// Hypotheses are the most probable enrolled platforms, Unknown the probability
	// that it is none, and Reasons what decided between the first two; none without a
	// profile.
	Hypotheses []Hypothesis    `json:"hypotheses,omitempty"`
	Unknown    float64         `json:"unknown"`
	Reasons    []model.Reason  `json:"reasons,omitempty"`
	Exchange   *model.Exchange `json:"exchange,omitempty"`
	// Errors is how often the profile errs, as far as its own sessions tell.
	Errors string `json:"errors,omitempty"`
	// Features are what the answers show by themselves; those that are missing say why.
	Features feature.Set `json:"features,omitempty"`
	// Abilities are what the endpoint was seen to do, in answer to questions, and
	// Declared what it says about itself: claims, no evidence.
	Abilities []Fact `json:"abilities,omitempty"`
	Declared  []Fact `json:"declared,omitempty"`
	// Limits are what this evidence cannot tell, and why.
	Limits []string `json:"limits,omitempty"`
	// Noticed is what was odd in the session: changed models, fields that are
	// missing, a recording that ended early.
	Noticed []string `json:"noticed,omitempty"`

	Endpoint string `json:"endpoint"`
	Model    string `json:"model"`
	Answered int    `json:"answered"`
	Asked    int    `json:"asked"`
	// Spent is nil where old evidence is judged.
	Spent *probe.Spent `json:"spent,omitempty"`
	// Head is the hash of the evidence's last record.
	Head string `json:"head"`

	read *feature.Reading // its answers; nil where there are none
}

// shown is how many hypotheses a result keeps.
const shown = 8

// Hypothesis is an enrolled platform and what speaks for it.
type Hypothesis struct {
	Platform    string  `json:"platform"`
	Probability float64 `json:"probability"`
	// Like is the probability that it is this platform, whatever the others are.
	Like float64 `json:"like"`
}

// Hypotheses are the first of some scores.
func Hypotheses(scores []model.Score, most int) []Hypothesis {
	var all []Hypothesis
	for _, s := range scores[:min(most, len(scores))] {
		all = append(all, Hypothesis{s.Name, s.Probability, s.Like})
	}
	return all
}

// Judge judges a claim by the last session in f; the profile may be nil. It never
// fails: where nothing can be said the result says why.
func Judge(f *evidence.File, c claim.Claim, p *model.Profile, o decide.Options) *Result {
	r, answers, why := Begin(f, c.String())
	if why != "" {
		for _, s := range c.Stated {
			r.Findings = append(r.Findings, decide.Finding{Part: s.Part, Claimed: s.Word, Verdict: decide.NotTestable, P: 1, Adjusted: 1, Evidence: []string{why}})
		}
	} else {
		d := decide.DecideRead(c, r.read, p, o)
		r.Findings, r.Alpha, r.Limits = d.Findings, d.Alpha, d.Limits
		r.Hypotheses, r.Unknown = Hypotheses(d.Hypotheses, shown), d.Unknown
		r.Reasons, r.Exchange, r.Errors = positive(d.Reasons), d.Exchange, d.Errors
	}
	r.mixture(answers)
	r.Verdict, r.Why = Overall(r.Findings)
	return r
}

// Begin gives a result without findings: who was asked, how much, what was noticed
// in the last session of f, and what its answers show by themselves. why says why its answers cannot be judged at all.
func Begin(f *evidence.File, claimed string) (r *Result, answers []*evidence.Response, why string) {
	r = &Result{Claim: claimed, Head: f.Summary.Head, Unknown: 1}
	answers = r.session(f)
	if len(answers) > 0 {
		r.read = feature.Read(answers)
		r.Features = r.read.Extract()
		r.stored()
	}
	return r, answers, unfit(f, answers, r.id(f))
}

// positive makes 0 of -0, which nobody wants to read.
func positive(reasons []model.Reason) []model.Reason {
	for i := range reasons {
		reasons[i].Bits, reasons[i].First, reasons[i].Second = reasons[i].Bits+0, reasons[i].First+0, reasons[i].Second+0
	}
	return reasons
}

func (r *Result) id(f *evidence.File) string {
	if opens := f.Sessions(); len(opens) > 0 {
		return opens[len(opens)-1].Session
	}
	return ""
}

// session reads who was asked, how much, and what was noticed, and gives the answers.
func (r *Result) session(f *evidence.File) []*evidence.Response {
	id := r.id(f)
	end := "" // of the last part: what interrupted earlier ones is past
	for _, rec := range f.Records {
		switch {
		case rec.Session != id:
		case rec.Open != nil:
			r.Endpoint, r.Model, end = rec.Open.Endpoint, rec.Open.Model, "it was cut off"
		case rec.Exchange != nil:
			r.Asked++
		case rec.Note != nil:
			r.notice(rec.Note)
		case rec.End != nil:
			end = rec.End.Reason
		}
	}
	var answers []*evidence.Response
	for _, a := range f.Responses() {
		if a.Session == id {
			answers = append(answers, a)
		}
	}
	r.Answered = len(answers)
	if end != "complete" && end != "" && len(answers) > 0 { // without answers it is the reason of all verdicts
		r.Noticed = append(r.Noticed, "the session ended early: "+end)
	}
	return answers
}

// notice keeps what a person should know, each text once.
func (r *Result) notice(n *evidence.Note) {
	switch n.Code {
	case evidence.NoteCapability:
		r.endpoint(n)
		return
	case evidence.NotePlan, evidence.NoteRefused, evidence.NoteResumed:
		return
	}
	if !slices.Contains(r.Noticed, n.Text) {
		r.Noticed = append(r.Noticed, n.Text)
	}
}

// unfit says why a session cannot be judged at all, "" where it can.
func unfit(f *evidence.File, answers []*evidence.Response, id string) string {
	if len(answers) == 0 {
		return "nothing was answered: " + lastFailure(f, id)
	}
	var names []string
	for _, a := range answers {
		if a.Model != "" && !slices.Contains(names, a.Model) {
			names = append(names, a.Model)
		}
	}
	if len(names) > 1 {
		return fmt.Sprintf("the model changed in mid-run: the answers name %s", strings.Join(names, ", then "))
	}
	return ""
}

// lastFailure is how the session ended, or its last exchange failed.
func lastFailure(f *evidence.File, id string) string {
	for _, rec := range slices.Backward(f.Records) {
		if rec.Session == id && rec.End != nil {
			if reason, ok := strings.CutPrefix(rec.End.Reason, "failed: "); ok {
				return strings.TrimPrefix(reason, "discover: ")
			}
		}
		switch x := rec.Exchange; {
		case rec.Session != id || x == nil:
		case x.Failure != nil:
			return x.Failure.Text
		case x.Reply != nil && x.Reply.Status != 200:
			return fmt.Sprintf("the last status was %d", x.Reply.Status)
		case x.Reply != nil && x.Request.Method == "POST":
			if p := evidence.Decode(rec).Broken(); p != nil {
				return p.Text
			}
		}
	}
	return "nothing was asked"
}

// Overall is the verdict on a whole claim. It is consistent only where each part
// is: what was not tested is no pass.
func Overall(findings []decide.Finding) (decide.Verdict, string) {
	by := map[decide.Verdict][]string{}
	for _, f := range findings {
		by[f.Verdict] = append(by[f.Verdict], string(f.Part))
	}
	list := func(v decide.Verdict) string { return strings.Join(by[v], ", ") }
	open := slices.Concat(by[decide.Inconclusive], by[decide.NotTestable])
	switch {
	case len(by[decide.Contradicted]) > 0:
		return decide.Contradicted, "what was answered contradicts the claimed " + list(decide.Contradicted)
	case len(open) == 0 && len(findings) > 0:
		return decide.Consistent, "all that is claimed is what was answered"
	case len(by[decide.NotTestable]) == len(findings):
		return decide.NotTestable, "nothing of the claim can be tested on this endpoint"
	case len(by[decide.Consistent]) > 0:
		return decide.Inconclusive, fmt.Sprintf("consistent in %s, but %s could not be decided", list(decide.Consistent), strings.Join(open, ", "))
	}
	return decide.Inconclusive, "the evidence speaks neither for nor against the claimed " + strings.Join(open, ", ")
}

// Tested leaves out the parts that are not testable, for those who want a verdict
// on the rest.
func (r *Result) Tested() *Result {
	t := *r
	t.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f decide.Finding) bool { return f.Verdict == decide.NotTestable })
	if len(t.Findings) == 0 {
		return r
	}
	t.Verdict, t.Why = Overall(t.Findings)
	t.Findings = r.Findings
	return &t
}
