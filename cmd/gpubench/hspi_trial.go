package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/report"
)

// judge counts the verdicts on claims about sessions that were not trained on.
func (f *trainFlags) judge(ctx context.Context, w world, page *report.Page, sessions []model.Session) (*decide.Trial, error) {
	if !f.quiet {
		w.tell("judging %s about each session", count(f.claims+1, "claim"))
	}
	t, err := decide.Try(ctx, sessions, f.claims, f.seed, decide.Options{})
	if err != nil {
		return nil, err
	}
	rows := []claimRow{
		{"true", t.True},
		{"false", t.False},
		{"false in what is not testable", t.Untold},
	}
	verdicts := []decide.Verdict{decide.Consistent, decide.Contradicted, decide.Inconclusive, decide.NotTestable}
	table := report.Table{Header: []string{"claim"}}
	for _, v := range verdicts {
		table.Header = append(table.Header, string(v))
	}
	for _, row := range rows {
		cells := []string{row.claims}
		for _, v := range verdicts {
			cells = append(cells, strconv.Itoa(row.counts[v]))
		}
		table.Rows = append(table.Rows, cells)
		f.say(w, "claims that are %-29s %d consistent, %d contradicted, %d inconclusive, %d not testable", row.claims,
			row.counts[decide.Consistent], row.counts[decide.Contradicted], row.counts[decide.Inconclusive], row.counts[decide.NotTestable])
	}
	text := falseAlarms(t)
	f.say(w, "%s", text)
	for _, wrong := range t.Wrong {
		f.say(w, "  %s", wrong)
	}
	page.Sections = append(page.Sections, report.Section{Title: "Claims", Text: append([]string{text}, t.Wrong...), Tables: []report.Table{table}})
	return t, nil
}

type claimRow struct {
	claims string
	counts map[decide.Verdict]int
}

// falseAlarms is how often what is true was contradicted.
func falseAlarms(t *decide.Trial) string {
	n := 0
	for _, k := range t.True {
		n += k
	}
	wrong := t.True[decide.Contradicted]
	return fmt.Sprintf("of %s that are true %d were contradicted: at most %.2f %% at 95 %% confidence", count(n, "claim"), wrong, 100*model.AtMost(wrong, n))
}
