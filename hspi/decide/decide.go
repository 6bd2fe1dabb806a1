// Package decide says, for each part of a claim about an endpoint, whether what it
// answered is consistent with it, contradicts it, decides nothing, or could not
// decide anything, and why.
package decide

import (
	"github.com/gpubench/gpubench/hspi/claim"
)

// Verdict is the answer to one part of a claim.
type Verdict string

// Verdicts.
const (
	// Consistent: what the claim would give is what came, and its alternatives would
	// have been told.
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
	// Evidence tells in sentences what the verdict rests on.
	Evidence []string `json:"evidence"`
}
