package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/feature"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/verify"
	"github.com/gpubench/gpubench/internal/spelling"
)

type hspiExplainFlags struct {
	profile string
	against []string
	top     int
	asJSON  bool
}

func hspiExplainCommand(w world) *cobra.Command {
	f := &hspiExplainFlags{}
	c := &cobra.Command{
		Use:   "explain EVIDENCE",
		Short: "Show what recorded answers tell, and which features decided",
		Long: `Show what the answers of an evidence file tell: the features that need no reference,
such as the type of the head; and with a profile, which platforms they are like, and
which features decided between the best two, or those of --between.`,
		Example: `  gpubench hspi explain out/evidence.jsonl
  gpubench hspi explain out/evidence.jsonl --profile profile.json.zst --between h200-bf16-flash,h200-bf16-math`,
		Args: needs("EVIDENCE"),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(w, args[0]) },
	}
	flags := c.Flags()
	addProfile(c, &f.profile)
	flags.StringSliceVar(&f.against, "between", nil, "two platforms of the profile")
	flags.IntVar(&f.top, "top", 5, "how many platforms to show")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	c.ValidArgsFunction = completeEvidence
	complete(c, "between", completePlatforms)
	return c
}

// explained is what recorded answers tell.
type explained struct {
	Answers int `json:"answers"`
	// Features are what needs no reference; those that are missing say why.
	Features feature.Set `json:"features"`
	// Hypotheses are the profile's platforms, the most probable first, and Unknown
	// the probability that it is none; none without a profile.
	Hypotheses []verify.Hypothesis `json:"hypotheses,omitempty"`
	Unknown    float64             `json:"unknown"`
	// Reasons are what decided between the two platforms of Between.
	Between []string       `json:"between,omitempty"`
	Reasons []model.Reason `json:"reasons,omitempty"`
}

func (f *hspiExplainFlags) run(w world, path string) error {
	if len(f.against) > 0 && (f.profile == profileNone || len(f.against) != 2) {
		return usagef("--between wants two platforms of a profile")
	}
	path = inFolder(path)
	file, err := evidence.Load(path)
	switch {
	case errors.Is(err, evidence.ErrTorn):
		w.tell("%s: %v; what is whole is read", path, err)
	case err != nil:
		return usagef("%w", err)
	}
	answers := file.Responses()
	x := &explained{Answers: len(answers), Features: feature.Extract(answers), Unknown: 1}
	profile, err := loadProfile(f.profile)
	if err != nil {
		return err
	}
	if profile != nil {
		if err := x.compare(profile, answers, f.against); err != nil {
			return err
		}
	}
	if f.asJSON {
		return w.json(x)
	}
	return x.text(w, f.top)
}

// compare asks a profile, and why it prefers the first of two platforms.
func (x *explained) compare(p *model.Profile, answers []*evidence.Response, between []string) error {
	r := p.Classify(answers)
	x.Hypotheses, x.Unknown = verify.Hypotheses(r.Scores, len(r.Scores)), r.Unknown
	pair := r.Scores[:2] // a profile has two platforms at least
	if between != nil {
		pair = nil
		for _, name := range between {
			s, err := scoreOf(r, name)
			if err != nil {
				return err
			}
			pair = append(pair, s)
		}
	}
	x.Between = []string{pair[0].Name, pair[1].Name}
	x.Reasons = p.Explain(pair[0], pair[1])
	return nil
}

func scoreOf(r *model.Result, name string) (model.Score, error) {
	var names []string
	for _, s := range r.Scores {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(spelling.Distance(a, name), spelling.Distance(b, name)), cmp.Compare(a, b))
	})
	return model.Score{}, usagef("the profile has no platform %q; it has, the most alike first, %s", name, strings.Join(names, ", "))
}

func (x *explained) text(w world, top int) error {
	var out strings.Builder
	fmt.Fprintf(&out, "answers   %d\n", x.Answers)
	for _, v := range x.Features {
		fmt.Fprintf(&out, "  %s\n", v)
	}
	if x.Hypotheses != nil {
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintf(table, "\nPLATFORM\tPROBABILITY\tLIKE IT AT ALL\n") // a Builder never fails
		for _, s := range x.Hypotheses[:min(max(top, 1), len(x.Hypotheses))] {
			_, _ = fmt.Fprintf(table, "%s\t%.3f\t%.3f\n", s.Platform, s.Probability, s.Like)
		}
		_, _ = fmt.Fprintf(table, "unknown\t%.3f\t\n", x.Unknown)
		_, _ = fmt.Fprintf(table, "\nFOR %s AGAINST %s\tBITS\t%s\t%s\n", x.Between[0], x.Between[1], x.Between[0], x.Between[1])
		for _, reason := range x.Reasons {
			_, _ = fmt.Fprintf(table, "%s\t%+.1f\t%.4g\t%.4g\n", reason.Feature, reason.Bits, reason.First+0, reason.Second+0) // +0 turns -0 into 0
		}
		_ = table.Flush() // likewise
	}
	_, err := fmt.Fprint(w.out, out.String())
	return err
}
