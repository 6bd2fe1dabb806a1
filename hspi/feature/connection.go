package feature

import (
	"fmt"

	"github.com/gpubench/gpubench/hspi/plan"
)

// connectionValue compares how often repeats of one request agree over one connection
// and over different ones. A balancer that keeps connections together shows as more
// agreement within; backends that are chosen anew for every request, and a server
// that varies by itself, do not.
func (r *Reading) connectionValue() Value {
	const name = "repeats over one connection and others"
	var within, across share
	connections := map[int]bool{}
	groups := map[string][]said{}
	for _, it := range r.items {
		c := it.of.Timing.Connection
		if it.at.series != plan.SeriesRepeat || it.at.index > 0 || it.at.echoed || c == 0 || len(it.l.logprobs) == 0 {
			continue
		}
		connections[c] = true
		o := Observation{Kind: First, Unit: it.at.prompt, Half: it.l.half()}
		o.Tokens, o.Logprobs = it.l.ranked(kept)
		for _, had := range groups[it.at.prompt] {
			same := Apart(&had.what, &o).Exact
			if had.connection == c {
				within.add(same)
			} else {
				across.add(same)
			}
		}
		groups[it.at.prompt] = append(groups[it.at.prompt], said{c, o})
	}
	if within.n == 0 || across.n == 0 {
		return missing(name, "%d pairs of repeats came over one connection and %d over different ones", within.n, across.n)
	}
	return Value{Name: name, Number: within.part() - across.part(), Unit: "difference of shares with the same digits", N: within.n + across.n,
		Words: fmt.Sprintf("the same digits in %.0f %% of pairs over one connection and in %.0f %% over different ones, of %d connections", 100*within.part(), 100*across.part(), len(connections))}
}

// said is what was answered over a connection.
type said struct {
	connection int
	what       Observation
}

// share counts how many of n were so.
type share struct{ yes, n int }

func (s *share) add(yes bool) {
	s.n++
	if yes {
		s.yes++
	}
}

func (s share) part() float64 { return float64(s.yes) / float64(s.n) }
