package verify

import (
	"fmt"
	"slices"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
)

// backends is how many answers of a type prove that there is a backend of it: each
// errs once in a thousand times.
const backends = 3

// mixture looks whether answers come from heads of different types. Then more than
// one kind of backend serves, and a claim of one precision does not hold for all
// answers, whatever all of them together look like.
func (r *Result) mixture(answers []*evidence.Response) {
	if v := r.Features.Get("types of head"); !v.Available() || v.Number < 2 {
		return
	}
	heads := feature.Heads(answers)
	bf16, fp16 := heads[feature.BFloat16], heads[feature.Float16]
	if bf16 < backends || fp16 < backends {
		return
	}
	text := fmt.Sprintf("more than one kind of backend answers: looked at one by one, %d answers have logits of bf16 and %d of fp16", bf16, fp16)
	r.Noticed = append(r.Noticed, text)
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Part == claim.Precision {
			f.Verdict, f.Found, f.Evidence = decide.Contradicted, "bf16 and fp16", append([]string{text}, f.Evidence...)
		}
	}
}

// stored notices answers that were not computed anew.
func (r *Result) stored() {
	v := r.Features.Get("stored answers")
	if !v.Available() || v.Number == 0 {
		return
	}
	r.Noticed = append(r.Noticed, fmt.Sprintf("%.0f %% of the answers have the id of an earlier one: they were stored, and repeats of them tell nothing of the machine", 100*v.Number))
}

// shows is the features as rows, those that are there first.
func (r *Result) shows() [][]string {
	var there, missing [][]string
	for _, v := range r.Features {
		if v.Available() {
			there = append(there, []string{v.Name, v.Text(), fmt.Sprint(v.N)})
		} else {
			missing = append(missing, []string{v.Name, "not available, because " + v.Missing, ""})
		}
	}
	return slices.Concat(there, missing)
}
