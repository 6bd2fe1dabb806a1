package verify

import (
	"fmt"
	"io"
	"math"
	"slices"
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
	for i := 0; i < len(r.Findings); {
		title, evidence := string(r.Findings[i].Part), r.Findings[i].Evidence
		for i++; i < len(r.Findings) && slices.Equal(r.Findings[i].Evidence, evidence); i++ {
			title += ", " + string(r.Findings[i].Part) // what was said is not said again
		}
		list(&out, title, evidence)
	}
	r.platforms(&out)
	list(&out, "how sure", r.sure())
	list(&out, "the server says of itself, which is no evidence", lines(r.Declared))
	list(&out, "cannot be told", r.Limits)
	list(&out, "noticed", r.Noticed)
	fmt.Fprintf(&out, "\ncost      %s\n", r.cost())
	fmt.Fprintf(&out, "verdict   %s: %s\n", strings.ToUpper(string(r.Verdict)), r.Why)
	_, err := io.WriteString(w, out.String())
	return err
}

// platforms writes what the enrolled platforms are worth.
func (r *Result) platforms(out *strings.Builder) {
	if len(r.Hypotheses) == 0 {
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\nPLATFORM\tPROBABILITY")
	for _, row := range r.probabilities() {
		_, _ = fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush()
}

// sure says how often the verdict errs, and what it could have found.
func (r *Result) sure() []string {
	if r.Exchange == nil {
		return nil
	}
	x := r.Exchange
	least := "the platform's sessions do not differ, so any change of digits shows"
	if x.Least > 0.01 {
		least = fmt.Sprintf("a difference %.3g times as great as that between its sessions would have been found in 8 of 10 cases", math.Pow(10, x.Least))
	}
	return []string{
		r.Errors,
		fmt.Sprintf("at %d prompts this session differs by %s from %d sessions of %s, which differ by %s from each other; one platform's sessions differ as much with probability %.2g",
			x.Prompts, nats(x.Far), x.Sessions, r.Hypotheses[0].Platform, nats(x.Self), x.P),
		least,
	}
}

// nats is a difference, given as its logarithm, in words; what is below the
// resolution of the comparison counts as nothing.
func nats(log float64) string {
	const nothing = 1.2e-6
	if v := math.Pow(10, log); v > nothing {
		return fmt.Sprintf("%.2g nats", v)
	}
	return "nothing"
}

// leastShown is the probability from which on a platform is worth a line.
const leastShown = 0.001

// probabilities are the platforms that matter and the unknown, as rows.
func (r *Result) probabilities() [][]string {
	var rows [][]string
	for _, h := range r.Hypotheses {
		if h.Probability >= leastShown {
			rows = append(rows, []string{h.Platform, fmt.Sprintf("%.3f", h.Probability)})
		}
	}
	return append(rows, []string{"unknown", fmt.Sprintf("%.3f", r.Unknown)})
}

func list(out *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", title)
	for _, l := range lines {
		fmt.Fprintf(out, "  - %s\n", l)
	}
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
		Intro: []string{fmt.Sprintf("Claimed: %s. %s.", r.Claim, upper(r.Why)),
			r.cost() + ". The evidence ends with the hash " + r.Head + "."}}
	t := report.Table{Header: []string{"part", "claimed", "found", "verdict", "because"}}
	for _, f := range r.Findings {
		t.Rows = append(t.Rows, []string{string(f.Part), f.Claimed, orDash(f.Found), string(f.Verdict), strings.Join(f.Evidence, "; ")})
	}
	p.Sections = append(p.Sections, report.Section{Title: "Part by part", Tables: []report.Table{t}})
	if len(r.Hypotheses) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "Enrolled platforms", Tables: []report.Table{
			{Header: []string{"platform", "probability"}, Rows: r.probabilities()}, r.reasons()}})
	}
	if sure := r.sure(); sure != nil {
		p.Sections = append(p.Sections, report.Section{Title: "How sure", Text: sure})
	}
	if len(r.Features) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "What the answers show by themselves", Tables: []report.Table{
			{Header: []string{"feature", "value", "observations"}, Rows: r.shows()}}})
	}
	if len(r.Abilities) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "What the endpoint does", Text: []string{
			"Found by asking and by reading refusals. Numbers are alternatives to a token that it was asked for and that came."},
			Tables: []report.Table{{Header: []string{"ability", "found"}, Rows: rows(r.Abilities)}}})
	}
	if len(r.Declared) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "What the server says of itself", Text: []string{"Claims of the operator, which no verdict rests on."},
			Tables: []report.Table{{Header: []string{"field", "value"}, Rows: rows(r.Declared)}}})
	}
	if len(r.Limits) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "What cannot be told", Text: r.Limits})
	}
	if len(r.Noticed) > 0 {
		p.Sections = append(p.Sections, report.Section{Title: "Noticed", Text: r.Noticed})
	}
	return p
}

// leastBits is from how many bits on a reason is worth a row.
const leastBits = 0.05

// reasons are what decided between the two most probable platforms.
func (r *Result) reasons() report.Table {
	if len(r.Reasons) == 0 || len(r.Hypotheses) < 2 {
		return report.Table{}
	}
	t := report.Table{Caption: fmt.Sprintf("What decided for %s against %s, in bits", r.Hypotheses[0].Platform, r.Hypotheses[1].Platform),
		Header: []string{"feature", "bits"}}
	for _, x := range r.Reasons {
		if math.Abs(x.Bits) >= leastBits {
			t.Rows = append(t.Rows, []string{x.Feature, fmt.Sprintf("%+.1f", x.Bits)})
		}
	}
	if len(t.Rows) == 0 {
		t.Caption, t.Rows = fmt.Sprintf("What decided for %s against %s", r.Hypotheses[0].Platform, r.Hypotheses[1].Platform), [][]string{{"nothing: the two cannot be told apart", "0"}}
	}
	return t
}

func (r *Result) cost() string {
	text := fmt.Sprintf("%d answers to %d requests", r.Answered, r.Asked)
	if s := r.Spent; s != nil {
		text += fmt.Sprintf(", %d tokens in prompts and %d generated", s.PromptTokens, s.CompletionTokens)
		if s.Cost > 0 {
			text += fmt.Sprintf(", cost %.6f", s.Cost)
		}
	}
	return text
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
