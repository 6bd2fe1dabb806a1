package verify

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/report"
)

// Text writes the result for a terminal.
func (r *Result) Text(w io.Writer) error {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "PART\tCLAIMED\tFOUND\tVERDICT") // a Builder never fails
	for _, f := range r.Findings {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Part, f.Claimed, orDash(f.Found), f.Verdict)
	}
	_ = table.Flush() // likewise
	for _, f := range r.Findings {
		fmt.Fprintf(&out, "\n%s\n", f.Part)
		for _, e := range f.Evidence {
			fmt.Fprintf(&out, "  - %s\n", e)
		}
	}
	if len(r.Noticed) > 0 {
		fmt.Fprintf(&out, "\nnoticed\n")
		for _, n := range r.Noticed {
			fmt.Fprintf(&out, "  - %s\n", n)
		}
	}
	fmt.Fprintf(&out, "\nverdict   %s: %s\n", strings.ToUpper(string(r.Verdict)), r.Why)
	_, err := io.WriteString(w, out.String())
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Page is the result as a report.
func (r *Result) Page() *report.Page {
	p := &report.Page{Title: fmt.Sprintf("What serves %s at %s?", r.Model, r.Endpoint), Verdict: string(r.Verdict), Tone: tone(r.Verdict),
		Intro: []string{fmt.Sprintf("Claimed: %s. %s.", r.Claim, upper(r.Why)), r.cost()}}
	t := report.Table{Header: []string{"part", "claimed", "found", "verdict", "because"}}
	for _, f := range r.Findings {
		t.Rows = append(t.Rows, []string{string(f.Part), f.Claimed, orDash(f.Found), string(f.Verdict), strings.Join(f.Evidence, "; ")})
	}
	p.Sections = append(p.Sections, report.Section{Title: "Part by part", Tables: []report.Table{t}})
	if len(r.Noticed) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "Noticed", Text: r.Noticed})
	}
	return p
}

func (r *Result) cost() string {
	text := fmt.Sprintf("%d answers to %d requests", r.Answered, r.Asked)
	if s := r.Spent; s != nil {
		text += fmt.Sprintf(", %d tokens in prompts and %d generated", s.PromptTokens, s.CompletionTokens)
		if s.Cost > 0 {
			text += fmt.Sprintf(", cost %.6f", s.Cost)
		}
	}
	return text + ". The evidence ends with the hash " + r.Head + "."
}

func tone(v decide.Verdict) string {
	switch v {
	case decide.Consistent:
		return "good"
	case decide.Contradicted:
		return "bad"
	}
	return "open"
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
