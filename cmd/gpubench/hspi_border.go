package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/border"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/probe"
	"github.com/gpubench/gpubench/hspi/verify"
)

func borderCommand(w world) *cobra.Command {
	c := &cobra.Command{
		Use:   "border",
		Short: "Recognise platforms by prompts whose next token depends on the arithmetic",
		Long: `Recognise platforms by border inputs: prompts after which platforms that serve the
same model say different next tokens. Only the text of answers is read, no logprobs.

A set of border inputs is made where the model's weights and all platforms are at
hand, by hspi/lab/border.py; it is good for that model only. 'ask' records how an
endpoint answers it, 'train' learns from recorded sessions how often platforms err,
'evaluate' tries that on sessions not learnt from, and 'verify' judges a claim.`,
		Args: noCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(borderAskCommand(w), borderTrainCommand(w), borderEvaluateCommand(w), borderVerifyCommand(w))
	return c
}

// borderFlags are those of commands that ask a set.
type borderFlags struct {
	endpointFlags
	set     string
	repeats int
}

func (f *borderFlags) add(c *cobra.Command) {
	f.addAsking(c)
	f.size = string(enrol.Standard) // not used, as a set says what to ask
	c.Flags().StringVar(&f.set, "set", "", "set of border inputs")
	c.Flags().IntVar(&f.repeats, "repeats", 1, "how often each prompt is asked")
}

func (f *borderFlags) load() (*border.Set, error) {
	if f.set == "" {
		return nil, usagef("--set is missing: a set of border inputs")
	}
	s, err := border.Load(f.set)
	if err != nil {
		return nil, usagef("--set: %w", err)
	}
	return s, nil
}

// borderOptions checks the flags.
func (f *borderFlags) borderOptions() (border.Options, error) {
	o, err := f.options()
	if err == nil && f.repeats < 1 {
		err = usagef("--repeats %d: at least 1", f.repeats)
	}
	return border.Options{Options: o.Options, Repeats: f.repeats}, err
}

// ask asks the set and shows how it goes.
func (f *borderFlags) ask(ctx context.Context, w world, s *border.Set, path string, o border.Options) (*enrol.Recording, error) {
	progress := &asking{w: w}
	defer progress.close()
	if !f.quiet {
		o.Progress = progress.show
	}
	return s.Ask(ctx, path, o)
}

// would prints what would be asked.
func (f *borderFlags) would(w world, s *border.Set, o border.Options, asJSON bool) error {
	p, err := s.Plan(o.Model, o.Repeats)
	if err != nil {
		return err
	}
	most := probe.Estimate(p.Items(), o.Price)
	if asJSON {
		return w.json(most)
	}
	fmt.Fprintf(w.out, "Dry run: nothing is sent. %s to %s, up to %s, cost up to %.6f.\n", count(most.Requests, "request"), o.Endpoint,
		count(most.Tokens(), "token"), most.Cost)
	return nil
}

type borderAskFlags struct {
	borderFlags
	platform string
	session  int
}

func borderAskCommand(w world) *cobra.Command {
	f := &borderAskFlags{}
	c := &cobra.Command{
		Use:   "ask",
		Short: "Record how an endpoint answers a set of border inputs",
		Long: `Ask an endpoint the prompts of a set, one after the other, one token each, at
temperature 0, and keep all that it answers as evidence. A file that is there already
is gone on with. With --platform the endpoint is one that you trust, and the evidence
is for 'gpubench hspi border train'.`,
		Example: `  gpubench hspi border ask --endpoint http://127.0.0.1:8000/v1 --model lab --set border.json --platform h100-bf16-flash --session 1 --out 1.jsonl`,
		Args:    needs(),
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c.Context(), w) },
	}
	f.add(c)
	flags := c.Flags()
	flags.StringVar(&f.platform, "platform", "", "name of the platform, where it is known")
	flags.IntVar(&f.session, "session", 1, "number of the session")
	flags.StringVarP(&f.out, "out", "o", "border.jsonl", "evidence file")
	return c
}

func (f *borderAskFlags) run(ctx context.Context, w world) error {
	s, err := f.load()
	if err != nil {
		return err
	}
	o, err := f.borderOptions()
	if err != nil {
		return err
	}
	o.Label, o.Session = f.platform, f.session
	if f.dryRun {
		return f.would(w, s, o, false)
	}
	rec, err := f.ask(ctx, w, s, f.out, o)
	if rec == nil {
		return probeError(err)
	}
	showRecording(w, rec, o.Price, f.out)
	return recordEnd(rec, err, f.out)
}

type borderVerifyFlags struct {
	borderFlags
	verdictFlags
	evidence string
}

func borderVerifyCommand(w world) *cobra.Command {
	f := &borderVerifyFlags{}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Ask an endpoint a set of border inputs and judge a claim by its words",
		Long: `Ask an endpoint the prompts of a set, and say for each part of a claim whether the
answers are consistent with it, contradict it, or leave it open. The claim is the name
of a platform of the set, or parts such as bf16-flash. A contradiction needs a set that
was learnt from sessions by 'gpubench hspi border train'.

` + verdictExits,
		Example: `  gpubench hspi border verify --endpoint https://host/v1 --model lab --set border.json.zst --claim bf16-unquantised
  gpubench hspi border verify --evidence out/evidence.jsonl --set border.json.zst --claim h100-bf16-flash --json`,
		Args: needs(),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), w) },
	}
	f.borderFlags.add(c)
	f.addVerdict(c, "alpha", "what is said to serve it: a platform of the set, or parts such as bf16-flash")
	flags := c.Flags()
	flags.StringVar(&f.evidence, "evidence", "", "judge this recorded evidence, a file or the folder of an earlier run, and ask nobody")
	complete(c, "evidence", completeEvidence)
	flags.StringVarP(&f.out, "out", "o", "", "output folder (default gpubench-out/verify-TIME)")
	completeFolder(c, "out")
	return c
}

// said reads set and claim.
func (f *borderVerifyFlags) said() (*border.Set, border.Claim, error) {
	s, err := f.load()
	if err != nil {
		return nil, border.Claim{}, err
	}
	if f.claim == "" || f.alpha <= 0 || f.alpha >= 1 {
		return nil, border.Claim{}, usagef("it takes a --claim, and an --alpha between 0 and 1")
	}
	said, err := s.Parse(f.claim)
	if err != nil {
		return nil, said, usagef("--claim: %w", err)
	}
	return s, said, nil
}

func (f *borderVerifyFlags) run(ctx context.Context, w world) error {
	s, said, err := f.said()
	if err != nil {
		return err
	}
	judge := func(file *evidence.File) *verify.Result { return s.Judge(file, said, f.alpha) }
	if f.evidence != "" {
		return f.offline(w, &f.endpointFlags, f.evidence, judge)
	}
	o, err := f.borderOptions()
	if err != nil {
		return err
	}
	if f.dryRun {
		return f.would(w, s, o, f.asJSON)
	}
	return f.online(w, &f.endpointFlags, func(path string) (*enrol.Recording, error) { return f.ask(ctx, w, s, path, o) }, judge)
}

type borderTrainFlags struct {
	set string
	out string
}

// borderSessions reads a set and the recordings of answers to it.
func borderSessions(w world, set string, args []string) (*border.Set, []border.Session, error) {
	s, err := (&borderFlags{set: set}).load()
	if err != nil {
		return nil, nil, err
	}
	recorded, err := enrol.Load(args...)
	if err != nil {
		return nil, nil, usagef("%w", err)
	}
	sessions, without, err := s.Sessions(recorded)
	if err != nil {
		return nil, nil, usagef("%w", err)
	}
	for _, path := range without {
		w.tell("%s: %v; it is left out", path, border.ErrOtherSet)
	}
	return s, sessions, nil
}

func borderTrainCommand(w world) *cobra.Command {
	f := &borderTrainFlags{}
	c := &cobra.Command{
		Use:   "train FILE|FOLDER...",
		Short: "Learn from recorded sessions how often platforms answer what",
		Long: `Learn from sessions that 'gpubench hspi border ask --platform' recorded how often
each platform gives which answer, and write the set with that. Platforms that the set
lacked are added.`,
		Example: `  gpubench hspi border train recordings --set border.json --out border.json.zst`,
		Args:    needsSome("FILE", "recordings of 'gpubench hspi border ask', or folders with them"),
		RunE:    func(_ *cobra.Command, args []string) error { return f.run(w, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.set, "set", "", "set of border inputs to learn for")
	flags.StringVarP(&f.out, "out", "o", "border.json.zst", "set to write; compressed where it ends in .zst")
	c.ValidArgsFunction = completeEvidence
	return c
}

func (f *borderTrainFlags) run(w world, args []string) error {
	s, sessions, err := borderSessions(w, f.set, args)
	if err != nil {
		return err
	}
	learnt, err := s.Learn(sessions)
	if err != nil {
		return usagef("%w", err)
	}
	if err := learnt.Save(f.out); err != nil {
		return &exitError{exitUnwritten, fmt.Errorf("write the set: %w", err)}
	}
	wrong, answers := 0, 0
	for _, e := range learnt.Learnt.Errors {
		wrong, answers = wrong+e.Wrong, answers+e.Answers
	}
	fmt.Fprintf(w.out, "set       %s: %s, %s, %s learnt from\n", f.out, count(len(s.Prompts), "prompt"), count(len(learnt.Platforms), "platform"), count(len(sessions), "session"))
	fmt.Fprintf(w.out, "errors    %d of %s are not what the other sessions of the platform say\n", wrong, count(answers, "answer"))
	return nil
}

type borderEvaluateFlags struct {
	set     string
	prompts int
	alpha   float64
	unknown bool
	asJSON  bool
	seed    uint64
}

func borderEvaluateCommand(w world) *cobra.Command {
	f := &borderEvaluateFlags{}
	c := &cobra.Command{
		Use:   "evaluate FILE|FOLDER...",
		Short: "Try a set on recorded sessions that it was not learnt from",
		Long: `Learn the set from recorded sessions of all numbers but one, try it on those of that
number, and so for each number. Platforms that differ in load only count as one.
Printed are balanced accuracies with intervals over sessions, the published decision
for each pair of platforms beside ours, the verdicts on true and on false claims, and
with --unknown what is said of platforms that were not learnt.`,
		Example: `  gpubench hspi border evaluate hspi/border/recorded/h200 --set hspi/border/recorded/h200.json.zst --unknown`,
		Args:    needsSome("FILE", "recordings of 'gpubench hspi border ask', or folders with them"),
		RunE:    func(_ *cobra.Command, args []string) error { return f.run(w, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.set, "set", "", "set of border inputs that the recordings answer")
	flags.IntVar(&f.prompts, "prompts", 0, "use only so many of the set's prompts, the first (default all)")
	flags.Float64Var(&f.alpha, "alpha", 0.01, "how often, at most, a true claim may be called contradicted")
	flags.BoolVar(&f.unknown, "unknown", false, "also try platforms that are left out of learning")
	flags.BoolVar(&f.asJSON, "json", false, "print the figures as JSON")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the intervals")
	c.ValidArgsFunction = completeEvidence
	return c
}

func (f *borderEvaluateFlags) run(w world, args []string) error {
	if f.alpha <= 0 || f.alpha >= 1 || f.prompts < 0 {
		return usagef("it takes an --alpha between 0 and 1, and --prompts that are not negative")
	}
	s, sessions, err := borderSessions(w, f.set, args)
	if err != nil {
		return err
	}
	if f.prompts > 0 {
		s, sessions = s.First(f.prompts, sessions)
	}
	e, err := s.Evaluate(sessions, border.EvaluationOptions{Alpha: f.alpha, Seed: f.seed, Unknown: f.unknown})
	if err != nil {
		return usagef("%w", err)
	}
	if f.asJSON {
		return w.json(e)
	}
	fmt.Fprint(w.out, e)
	return nil
}
