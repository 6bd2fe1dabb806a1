package decide

import (
	"fmt"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
)

// Precision judges a claimed precision from the grid of the logits alone; one
// answer with logprobs of 20 tokens is enough. It needs no reference.
//
// A grid of bfloat16 or float16 proves the type of the head, and contradicts other
// claims. No grid speaks for a head in float32, which models in any precision may
// have: it contradicts nothing by itself.
func Precision(claimed claim.Stated, answers []*evidence.Response) Finding {
	return precision(claimed, feature.Read(answers))
}

func precision(claimed claim.Stated, r *feature.Reading) Finding {
	f := Finding{Part: claim.Precision, Claimed: claimed.Word, P: 1, Adjusted: 1}
	g, why, ok := r.Grid()
	if !ok {
		f.Verdict, f.Evidence = NotTestable, []string{"the grid of the logits cannot be seen, because " + why}
		return f
	}
	f.Evidence = append(f.Evidence, gridWords(g))
	altered, reason := feature.Altered(r.Answers())
	switch {
	case g.Head == feature.NoGrid && altered:
		f.Verdict = NotTestable
		f.Evidence = append(f.Evidence, reason)
	case g.Head == feature.NoGrid && (claimed.Word == "fp32" || claimed.Word == "tf32"):
		f.Verdict, f.Found = Inconclusive, ""
		f.Evidence = append(f.Evidence, fmt.Sprintf("this is what %s gives, but so does any precision whose head computes in float32", claimed.Word))
	case g.Head == feature.NoGrid:
		f.Verdict = Inconclusive
		f.Evidence = append(f.Evidence, fmt.Sprintf("a model in %s gives no grid if its head computes in float32", claimed.Word))
	case !g.Firm():
		f.Verdict, f.Found = Inconclusive, string(g.Head)
	case claimed.Accepts(string(g.Head)):
		f.Verdict, f.Found = Consistent, string(g.Head)
	default:
		f.Verdict, f.Found = Contradicted, string(g.Head)
	}
	return f
}

func gridWords(g feature.Grid) string {
	how := ""
	if g.Transform != "" {
		how = ", seen after inverting a " + g.Transform
	}
	if g.Head == feature.NoGrid {
		return fmt.Sprintf("the logits lie on no grid of 16-bit numbers (%d of %d positions fit one by chance)", g.Fitting, g.Lists)
	}
	return fmt.Sprintf("at %d of %d positions the differences of logprobs are those of %s logits between %.4g and %.4g%s; odds against the other types 2^%.0f, if logits are below 64",
		g.Fitting, g.Lists, g.Head, min(g.Level, 4*g.Level), max(g.Level, 4*g.Level), how, min(g.Bits, 1000))
}
