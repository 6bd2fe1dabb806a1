package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/monitor"
	"github.com/gpubench/gpubench/hspi/report"
	"github.com/gpubench/gpubench/hspi/verify"
)

type monitorFlags struct {
	endpointFlags
	verdictFlags
	monitor.Options
	every  time.Duration
	rounds int
}

func monitorCommand(w world) *cobra.Command {
	f := &monitorFlags{Options: monitor.Defaults()}
	c := &cobra.Command{
		Use:   "monitor",
		Short: "Ask an endpoint on a schedule and say when it changes",
		Long: `Ask an endpoint the same small plan round after round, and say when what it answers
has changed. The first rounds are what the others are compared with, the next show
how much rounds differ where nothing changes; from then on every round adds to an
e-value, and the chance of a false alarm stays below --alpha over all rounds
together, however often one looks.

The folder --out holds one evidence file a round, and nothing else is kept: the same
command goes on with it, so that a scheduler can do one round a call (--rounds 1).

Exit codes: 0 no change so far (and the claim, if one is made, is consistent), 7
changed or contradicted, 8 inconclusive or not enough rounds yet, 9 not testable, 2
unusable flags, 4 interrupted, 1 failed.`,
		Example: `  gpubench hspi monitor --endpoint https://host/v1 --model llama --key-env API_KEY --out watch --every 6h
  gpubench hspi monitor --endpoint https://host/v1 --model llama --out watch --rounds 1 --json`,
		Args: needs(),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), w) },
	}
	f.size = string(enrol.Small)
	f.endpointFlags.add(c)
	f.verdictFlags.add(c, "claim-alpha")
	flags := c.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "folder of the rounds")
	flags.DurationVar(&f.every, "every", time.Hour, "time between rounds")
	flags.IntVar(&f.rounds, "rounds", 0, "rounds of this call (default until a change or Ctrl-C)")
	flags.IntVar(&f.Reference, "reference", f.Reference, "rounds that the others are compared with")
	flags.IntVar(&f.Calibration, "calibrate", f.Calibration, "rounds that show how much rounds differ by themselves")
	flags.Float64Var(&f.Alpha, "alpha", f.Alpha, "chance of a false alarm, over all rounds together")
	completeFolder(c, "out")
	return c
}

func (f *monitorFlags) check() error {
	switch {
	case f.out == "":
		return usagef("--out is missing: the folder of the rounds")
	case f.Reference < 1 || f.Calibration < 1:
		return usagef("--reference and --calibrate are 1 or more")
	case f.Alpha <= 0 || f.Alpha >= 1:
		return usagef("--alpha %g: a chance between 0 and 1", f.Alpha)
	case f.rounds < 0 || f.every < 0:
		return usagef("--rounds and --every are not negative")
	}
	return nil
}

func (f *monitorFlags) run(ctx context.Context, w world) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	var said *claim.Claim
	if f.claim != "" {
		c, err := f.parse()
		if err != nil {
			return err
		}
		said = &c
	}
	if f.dryRun {
		return dryRun(w, o, f.asJSON)
	}
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return usagef("cannot make the folder of the rounds: %w; choose another with --out", err)
	}
	if err := f.ofThis(o); err != nil {
		return err
	}
	for n := 1; ; n++ {
		state, err := f.round(ctx, w, o, said)
		if err != nil {
			return err
		}
		if state.Course.Changed || n == f.rounds {
			return f.end(w, state)
		}
		if err := pause(ctx, f.every); err != nil {
			return f.interrupted()
		}
	}
}

// ofThis refuses a folder whose rounds asked something else: any difference would
// look like a change.
func (f *monitorFlags) ofThis(o enrol.Options) error {
	files, err := loadRounds(f.out)
	if err != nil {
		return err
	}
	for _, file := range files {
		for _, s := range file.Sessions() {
			if had := s.Open; had.Endpoint != o.Endpoint.String() || had.Model != o.Model || had.Seed != o.Seed {
				return usagef("--out %s has rounds of another endpoint, model or seed: %s, %q, %d; choose another folder", quote(f.out), had.Endpoint, had.Model, had.Seed)
			}
		}
	}
	return nil
}

func (f *monitorFlags) interrupted() error {
	return &exitError{exitInterrupted, fmt.Errorf("interrupted; the same command goes on with the rounds in %s", f.out)}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watched is where a monitor stands.
type watched struct {
	Course *monitor.Course `json:"course"`
	// Claim is the verdict on the last round; nil where nothing is claimed.
	Claim *verify.Result `json:"claim,omitempty"`
	path  string
}

// round asks once, and assesses all rounds that there are.
func (f *monitorFlags) round(ctx context.Context, w world, o enrol.Options, said *claim.Claim) (*watched, error) {
	s := &watched{path: filepath.Join(f.out, "round-"+w.now().UTC().Format("20060102T150405.000000")+".jsonl")}
	rec, err := f.record(ctx, w, s.path, o)
	switch {
	case rec == nil:
		return nil, probeError(err)
	case errors.Is(err, context.Canceled):
		return nil, f.interrupted()
	case err != nil:
		w.tell("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	files, err := loadRounds(f.out)
	if err != nil {
		return nil, err
	}
	s.Course = monitor.Assess(files, f.Options)
	if said != nil {
		s.Claim = f.judge(files[len(files)-1], *said)
		s.Claim.Spent = &rec.Result.Spent
	}
	if !f.quiet {
		last := s.Course.Rounds[len(s.Course.Rounds)-1]
		w.tell("round %d (%s%s): %s", len(s.Course.Rounds), last.Phase, after(": ", last.Why), s.Course.Status())
	}
	return s, nil
}

// loadRounds reads the rounds of a folder, in order of time.
func loadRounds(dir string) ([]*evidence.File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "round-*.jsonl"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var files []*evidence.File
	for _, path := range paths {
		f, err := evidence.Load(path)
		if err != nil && !errors.Is(err, evidence.ErrTorn) {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// after is a text with something before it, or nothing.
func after(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// end prints where the monitor stands and gives its exit code.
func (f *monitorFlags) end(w world, s *watched) error {
	if f.asJSON {
		if err := w.json(s); err != nil {
			return err
		}
	} else if err := s.text(w); err != nil {
		return fmt.Errorf("print where the monitor stands: %w", err)
	}
	if !f.noReport {
		files, err := s.page(fmt.Sprintf("Does %s at %s change?", f.model, f.endpoint)).Write(f.out)
		if err != nil {
			return &exitError{exitUnwritten, err}
		}
		say := w.out
		if f.asJSON {
			say = w.err
		}
		fmt.Fprintf(say, "report    %s\n", files[0])
	}
	return f.outcome(s)
}

func (s *watched) text(w world) error {
	if s.Claim != nil {
		if err := s.Claim.Text(w.out); err != nil {
			return err
		}
		fmt.Fprintln(w.out)
	}
	return s.Course.Text(w.out)
}

// page has the verdict on the claim, if there is one, below the course.
func (s *watched) page(title string) *report.Page {
	p := s.Course.Page(title)
	if s.Claim != nil {
		p.Intro = append(p.Intro, fmt.Sprintf("The last round's verdict on %s: %s.", s.Claim.Claim, s.Claim.Verdict))
		p.Sections = append(p.Sections, s.Claim.Page().Sections...)
	}
	return p
}

func (f *monitorFlags) outcome(s *watched) error {
	c := s.Course
	last := c.Rounds[len(c.Rounds)-1]
	claimed := decide.Consistent
	if s.Claim != nil {
		r := s.Claim
		if f.tested {
			r = r.Tested()
		}
		claimed = r.Verdict
	}
	switch {
	case c.Changed:
		return &exitError{exitContradicted, errors.New(c.Status())}
	case claimed == decide.Contradicted:
		return &exitError{exitContradicted, fmt.Errorf("%s: %s", claimed, s.Claim.Why)}
	case last.Phase == monitor.Lost:
		return &exitError{exitNotTestable, errors.New(last.Why)}
	case claimed != decide.Consistent:
		return &exitError{verdictCode(claimed), fmt.Errorf("%s: %s", claimed, s.Claim.Why)}
	case !c.Ready:
		return &exitError{exitInconclusive, errors.New(c.Status())}
	}
	return nil
}
