package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/report"
)

type trainFlags struct {
	out     string
	report  string
	without []string
	unknown bool
	claims  int
	asJSON  bool
	quiet   bool
	seed    uint64
}

func trainCommand(w world) *cobra.Command {
	f := &trainFlags{}
	c := &cobra.Command{
		Use:   "train FILE|FOLDER...",
		Short: "Learn platforms from recorded sessions; write a profile",
		Long: `Learn platforms from sessions that 'gpubench hspi enroll' recorded, and write them as
a profile, which 'gpubench hspi verify --profile' compares endpoints with. A platform
needs two sessions at least, and there must be two platforms.

With --report the profile is also tried: each session is predicted by profiles that
were trained on sessions of other numbers, and with --unknown also by profiles that
lack its platform. The report has confusion matrices, reliability and ROC curves.
Platforms whose recordings differ no more from each other than among themselves count
as one. With --claims the verdicts on claims about the sessions are counted, too.`,
		Example: `  gpubench hspi train recordings --out profile.json.zst
  gpubench hspi train recordings --out profile.json.zst --report evaluation --unknown`,
		Args: needsSome("FILE", "recordings of 'gpubench hspi enroll', or folders with them"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), w, args) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.out, "out", "o", "profile.json.zst", "profile to write; compressed where it ends in .zst")
	flags.StringVar(&f.report, "report", "", "folder for a report on how well sessions are predicted that were not trained on")
	flags.StringSliceVar(&f.without, "without-session", nil, "numbers of sessions to leave out")
	flags.BoolVar(&f.unknown, "unknown", false, "also try platforms that are left out of training (slow)")
	flags.IntVar(&f.claims, "claims", 0, "also judge the true claim about each session, and so many that are true of others (slow)")
	flags.BoolVar(&f.asJSON, "json", false, "print the figures of the report as JSON")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the intervals")
	c.ValidArgsFunction = completeEvidence
	completeFolder(c, "report")
	return c
}

func (f *trainFlags) run(ctx context.Context, w world, args []string) error {
	if (f.unknown || f.asJSON || f.claims > 0) && f.report == "" {
		return usagef("--unknown, --claims and --json are for --report")
	}
	sessions, err := f.sessions(w, args)
	if err != nil {
		return err
	}
	profile, err := model.Train(ctx, sessions)
	if err != nil {
		return usagef("%w", err)
	}
	if err := profile.Save(f.out); err != nil {
		return &exitError{exitUnwritten, fmt.Errorf("write the profile: %w", err)}
	}
	f.say(w, "profile   %s: %s, %s", f.out, count(len(profile.Platforms), "platform"), count(len(sessions), "session"))
	if f.report == "" {
		return nil
	}
	return f.evaluate(ctx, w, sessions, profile)
}

// say prints for the person, beside JSON on the other stream.
func (f *trainFlags) say(w world, format string, args ...any) {
	out := w.out
	if f.asJSON {
		out = w.err
	}
	fmt.Fprintf(out, format+"\n", args...)
}

// sessions loads the recordings; those that were not ended in good order are left
// out, and named.
func (f *trainFlags) sessions(w world, args []string) ([]model.Session, error) {
	recorded, err := enrol.Load(args...)
	if err != nil {
		return nil, usagef("%w", err)
	}
	var all []model.Session
	for _, s := range recorded {
		switch {
		case slices.Contains(f.without, s.Number):
		case !s.Evidence.Summary.Ended:
			w.tell("%s: the session was not ended; it is left out", s.Path)
		default:
			all = append(all, model.Session{Platform: s.Platform, Labels: s.Labels, Number: s.Number, Answers: s.Evidence.Responses()})
		}
	}
	return all, nil
}

// figures are what a report says of one way to class sessions.
type figures struct {
	Classes          int             `json:"classes"`
	Predictions      int             `json:"predictions"`
	BalancedAccuracy report.Interval `json:"balanced_accuracy"`
	MacroF1          report.Interval `json:"macro_f1"`
	CalibrationError float64         `json:"calibration_error"`
	// Unknown is the AUROC of telling platforms that were left out; nil: not tried.
	Unknown *float64 `json:"unknown_auroc,omitempty"`
}

// evaluation is what is found by profiles that were trained on other sessions.
type evaluation struct {
	// Ways are the figures of each way to class sessions.
	Ways map[string]figures `json:"ways"`
	// Twins are platforms that answers cannot tell apart: they count as one.
	Twins [][]string `json:"twins,omitempty"`
	// Claims are the verdicts on claims; nil: not tried.
	Claims *decide.Trial `json:"claims,omitempty"`
}

func (f *trainFlags) evaluate(ctx context.Context, w world, sessions []model.Session, profile *model.Profile) error {
	if !f.quiet {
		w.tell("trying %s by profiles that were trained on others", count(len(sessions), "session"))
	}
	predictions, err := model.CrossValidate(ctx, sessions, f.unknown)
	if err != nil {
		return err
	}
	all := evaluation{Ways: map[string]figures{}, Twins: twins(profile)}
	page := &report.Page{Title: "How well platforms are told apart", Intro: []string{
		fmt.Sprintf("%s of %s. Each is predicted by a profile that was trained on sessions of other numbers.", upper(count(len(sessions), "session")),
			count(len(profile.Platforms), "platform"))}}
	for _, group := range all.Twins {
		page.Intro = append(page.Intro, "Answers do not tell apart, and count as one: "+strings.Join(group, ", "))
	}
	for _, way := range ways(sessions) {
		if err := f.class(w, page, all.Ways, predictions, way); err != nil {
			return err
		}
	}
	if f.claims > 0 {
		if all.Claims, err = f.judge(ctx, w, page, sessions); err != nil {
			return err
		}
	}
	page.Sections = append(page.Sections, report.Published())
	files, err := page.Write(f.report)
	if err != nil {
		return &exitError{exitUnwritten, err}
	}
	f.say(w, "report    %s", files[0])
	if f.asJSON {
		return w.json(all)
	}
	return nil
}

// class adds the figures of one way to class sessions.
func (f *trainFlags) class(w world, page *report.Page, all map[string]figures, predictions []model.Prediction, way way) error {
	of := reported(model.ByTwins(predictions), nil)
	if way.labels != nil { // a platform that was left out may share its labels with others
		of = reported(slices.DeleteFunc(slices.Clone(predictions), leftOut), way.labels)
	}
	section, err := report.Evaluation(way.title, way.stem, of, f.seed)
	if err != nil {
		return err
	}
	page.Sections = append(page.Sections, section)
	x := f.figures(of)
	all[strings.ReplaceAll(way.stem, "-", "_")] = x
	f.say(w, "%-26s balanced accuracy %s, macro F1 %s of %d classes", way.title, x.BalancedAccuracy, x.MacroF1, x.Classes)
	if x.Unknown != nil {
		f.say(w, "%-26s unknown platforms, AUROC %.3f", "", *x.Unknown)
	}
	return nil
}

// twins are the groups of platforms that answers cannot tell apart.
func twins(p *model.Profile) [][]string {
	return slices.DeleteFunc(model.Groups(model.Twins(p.Platforms)), func(group []string) bool { return len(group) < 2 })
}

func (f *trainFlags) figures(predictions []report.Prediction) figures {
	c := report.Confuse(predictions)
	x := figures{Classes: len(c.Classes), Predictions: len(predictions), CalibrationError: report.CalibrationError(report.Reliability(predictions))}
	x.BalancedAccuracy = report.OverSessions(predictions, func(p []report.Prediction) float64 { return report.Confuse(p).BalancedAccuracy() }, f.seed)
	x.MacroF1 = report.OverSessions(predictions, func(p []report.Prediction) float64 { return report.Confuse(p).MacroF1() }, f.seed)
	if area := report.Unknown(predictions).Area; !math.IsNaN(area) {
		x.Unknown = &area
	}
	return x
}

// way is a way to class sessions: by platform, or by labels.
type way struct {
	title, stem string
	labels      []string
}

// ways are by platform, by precision and quantisation together, and by each label
// that has several words.
func ways(sessions []model.Session) []way {
	words := map[string]map[string]bool{}
	for _, s := range sessions {
		for name, word := range s.Labels {
			if words[name] == nil {
				words[name] = map[string]bool{}
			}
			words[name][word] = true
		}
	}
	list := []way{{"Platforms", "platforms", nil}}
	if len(words["precision"]) > 1 && len(words["quantisation"]) > 1 {
		list = append(list, way{"Precision and quantisation", "precision-quantisation", []string{"precision", "quantisation"}})
	}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		if len(words[name]) > 1 && name != model.LabelLoad {
			list = append(list, way{upper(name), strings.ReplaceAll(name, string(os.PathSeparator), "-"), []string{name}})
		}
	}
	return list
}

// leftOut reports whether the profile that predicted lacked the platform.
func leftOut(p model.Prediction) bool {
	_, ok := p.Probabilities[p.Truth]
	return !ok
}

// reported are predictions in the report's form, by labels or, without any, by
// platform.
func reported(predictions []model.Prediction, labels []string) []report.Prediction {
	if labels != nil {
		predictions = model.ByLabel(predictions, labels...)
	}
	all := make([]report.Prediction, len(predictions))
	for i, p := range predictions {
		all[i] = report.Prediction{Session: p.Session, Truth: p.Truth, Probabilities: p.Probabilities, Novelty: p.Novelty}
	}
	return all
}

func upper(s string) string {
	if len(s) <= 2 {
		return strings.ToUpper(s)
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
