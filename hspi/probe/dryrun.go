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
// alternatives and a plain request for either API, one more where chat wants a newer
// name of max_tokens, and the abilities, of which the seed takes four.
const discoverMost = 6 + 2*(5+1) + 1 + 6 + 4

// Estimate is the most that items are expected to cost, each asked once.
func Estimate(items []plan.Item, p Price) Spent {
	m := newMeter(Budget{}, p)
	var sum Spent
	for _, item := range items {
		sum = sum.plus(m.most(item))
	}
	return sum
}

// Forecast is what a run would ask, and what that would cost at most.
type Forecast struct {
	Endpoint string `json:"endpoint"`
	Model    string `json:"model"`
	Plan     string `json:"plan"` // its hash
	// Series are the parts of the run in their order, discovery first.
	Series []SeriesForecast `json:"series"`
	All    Spent            `json:"all"`
	// Skipped says what is left out.
	Skipped []string `json:"skipped,omitempty"`
	// Budget says whether the budget suffices.
	Budget string `json:"budget"`
	// First is the first request after discovery, as it would be sent.
	First string `json:"first"`

	key   string // whether there is one
	price Price
}

// SeriesForecast is the most that a series takes.
type SeriesForecast struct {
	Series string `json:"series"`
	Most   Spent  `json:"most"`
}

// DryRun forecasts a run of plans without asking anything.
func DryRun(o Options, plans ...*plan.Plan) *Forecast {
	f := &Forecast{Endpoint: o.Endpoint.String(), Model: o.Model, key: o.Key.String(), price: o.Price}
	add := func(series string, most Spent) {
		f.Series, f.All = append(f.Series, SeriesForecast{series, most}), f.All.plus(most)
	}
	add(plan.SeriesDiscover, discoverCost(o.Price))
	for _, p := range plans {
		for _, series := range bySeries(p.Items()) {
			add(series[0].Purpose.Series, Estimate(series, o.Price))
		}
		f.Skipped = append(f.Skipped, p.Skipped...)
	}
	if len(plans) > 0 {
		f.Plan = plans[0].Hash()
		if items := plans[0].Items(); len(items) > 0 {
			f.First = fmt.Sprintf("POST %s\n%s", o.Endpoint.url(items[0].Path), items[0].Body)
		}
	}
	f.Budget = budgetLine(f.All, o.Budget)
	return f
}

// Text writes the forecast for a terminal.
func (f *Forecast) Text(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Dry run: nothing is sent. Endpoint %s, model %q, %s, plan %.12s.\n\n", f.Endpoint, f.Model, f.key, f.Plan)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, s := range append(slices.Clone(f.Series), SeriesForecast{"all", f.All}) {
		cost := ""
		if (f.price != Price{}) {
			cost = fmt.Sprintf("\tcost up to %.6f", s.Most.Cost)
		}
		_, _ = fmt.Fprintf(table, "%s\t%d requests\tup to %d tokens%s\n", s.Series, s.Most.Requests, s.Most.Tokens(), cost) // a Builder never fails
	}
	_ = table.Flush() // likewise
	for _, s := range f.Skipped {
		fmt.Fprintf(&text, "left out: %s\n", s)
	}
	if (f.price == Price{}) {
		fmt.Fprintln(&text, "\nThe cost is told where --price-prompt and --price-completion are given.")
	}
	fmt.Fprintf(&text, "\n%s\n", f.Budget)
	if f.First != "" {
		fmt.Fprintf(&text, "First request after discovery: %s\n", f.First)
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
