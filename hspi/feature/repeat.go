package feature

import (
	"github.com/gpubench/gpubench/hspi/evidence"
)

// Repeats counts the prompts that were asked more than once, alone or under load,
// and those of them at which the first token's logprobs were the same each time.
func Repeats(answers []*evidence.Response) (same, asked int) {
	type prompt struct {
		first Observation
		n     int
		same  bool
	}
	prompts, order := map[string]*prompt{}, []string{}
	for _, o := range Observe(answers) {
		if o.Kind != First {
			continue
		}
		p := prompts[o.Unit]
		if p == nil {
			prompts[o.Unit] = &prompt{o, 1, true}
			order = append(order, o.Unit)
			continue
		}
		p.n++
		p.same = p.same && Apart(&p.first, &o).Exact
	}
	for _, unit := range order {
		if p := prompts[unit]; p.n > 1 {
			asked++
			if p.same {
				same++
			}
		}
	}
	return same, asked
}
