package probe

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gpubench/gpubench/hspi/plan"
)

// discoverMost is the most that Discover asks: pages, the numbers of
// alternatives and a plain request for either API, and the abilities, of which
// the seed takes four.
const discoverMost = 6 + 2*(5+1) + 6 + 4

// Estimate is the most that items are expected to cost, each asked once.
func Estimate(items []plan.Item, p Price) Spent {
	m := newMeter(Budget{}, p)
	var sum Spent
	for _, item := range items {
		sum = sum.plus(m.most(item))
	}
	return sum
}

// DryRun writes what a plan would ask, series by series, and what that would
// cost at most, without asking anything. Discovery, which comes before a plan, is
// a line of its own.
func DryRun(w io.Writer, p *plan.Plan, o Options) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Dry run: nothing is sent. Endpoint %s, model %q, %s, plan %.12s.\n\n", o.Endpoint, o.Model, o.Key, p.Hash())
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(name string, s Spent) {
		_, _ = fmt.Fprintf(table, "%s\t%d requests\tup to %d tokens\tcost up to %.6f\n", name, s.Requests, s.Tokens(), s.Cost) // a Builder never fails
	}
	discovery := discoverCost(o.Price)
	row("discover", discovery)
	total := discovery
	for _, series := range bySeries(p.Items()) {
		cost := Estimate(series, o.Price)
		total = total.plus(cost)
		row(series[0].Purpose.Series, cost)
	}
	row("all", total)
	_ = table.Flush() // likewise
	for _, s := range p.Skipped {
		fmt.Fprintf(&text, "left out: %s\n", s)
	}
	fmt.Fprintf(&text, "\n%s\n", budgetLine(total, o.Budget))
	if items := p.Items(); len(items) > 0 {
		fmt.Fprintf(&text, "First request: POST %s\n%s\n", o.Endpoint.url(items[0].Path), items[0].Body)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// discoverCost is what discovery takes at most.
func discoverCost(p Price) Spent {
	m := newMeter(Budget{}, p)
	one := m.most(plan.Item{Body: []byte{}, PromptBytes: len(discoverPrompt), MaxTokens: 1})
	var sum Spent
	for range discoverMost {
		sum = sum.plus(one)
	}
	return sum
}

// bySeries groups items in the order in which their series begin.
func bySeries(items []plan.Item) [][]plan.Item {
	var all [][]plan.Item
	for _, item := range items {
		i := slices.IndexFunc(all, func(s []plan.Item) bool { return s[0].Purpose.Series == item.Purpose.Series })
		if i < 0 {
			all = append(all, nil)
			i = len(all) - 1
		}
		all[i] = append(all[i], item)
	}
	return all
}

func budgetLine(total Spent, b Budget) string {
	switch {
	case b.Requests > 0 && total.Requests > b.Requests:
		return fmt.Sprintf("The budget of %d requests may end the run early.", b.Requests)
	case b.Tokens > 0 && total.Tokens() > b.Tokens:
		return fmt.Sprintf("The budget of %d tokens may end the run early.", b.Tokens)
	case b.Cost > 0 && total.Cost > b.Cost:
		return fmt.Sprintf("The budget of %g may end the run early.", b.Cost)
	case b == Budget{}:
		return "There is no budget: attempts that are repeated come on top."
	}
	return "The budget suffices, unless attempts are repeated."
}
