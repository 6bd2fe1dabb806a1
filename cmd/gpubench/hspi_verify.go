package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/builtin"
	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/verify"
)

// evidenceName is the evidence file in the folder of a verification.
const evidenceName = "evidence.jsonl"

// verdictFlags are those of all commands that judge.
type verdictFlags struct {
	claim    string
	profile  string
	alpha    float64
	learned  *model.Profile // of profile; nil without one
	tested   bool
	asJSON   bool
	noReport bool
}

// add adds them; alpha is the name of the flag for the error rate of verdicts.
func (f *verdictFlags) add(c *cobra.Command, alpha string) {
	f.addVerdict(c, alpha, "what is said to serve it, such as h100-bf16-vllm or precision=bf16,tp=2")
	addProfile(c, &f.profile)
}

// addVerdict adds those that need no profile; claim says what a claim may be.
func (f *verdictFlags) addVerdict(c *cobra.Command, alpha, claim string) {
	flags := c.Flags()
	flags.StringVar(&f.claim, "claim", "", claim)
	complete(c, "claim", completeClaim)
	flags.Float64Var(&f.alpha, alpha, 0.01, "how often, at most, a true claim may be called contradicted")
	flags.BoolVar(&f.tested, "tested-only", false, "leave parts that cannot be tested out of the verdict and the exit code")
	flags.BoolVar(&f.asJSON, "json", false, "print the verdict, or with --dry-run the forecast, as JSON")
	flags.BoolVar(&f.noReport, "no-report", false, "write no report")
}

func (f *verdictFlags) parse() (claim.Claim, error) {
	if f.claim == "" {
		return claim.Claim{}, usagef("--claim is missing: what is said to serve the endpoint, such as h100-bf16-vllm")
	}
	if f.alpha <= 0 || f.alpha >= 1 {
		return claim.Claim{}, usagef("an error rate of %g: it is between 0 and 1", f.alpha)
	}
	var err error
	if f.learned, err = loadProfile(f.profile); err != nil {
		return claim.Claim{}, err
	}
	var words map[claim.Part][]string
	if f.learned != nil {
		words = decide.Enrolled(f.learned)
	}
	c, err := claim.Parse(f.claim, words)
	if err != nil {
		return c, usagef("--claim: %w", err)
	}
	return c, nil
}

// judge judges evidence by the profile.
func (f *verdictFlags) judge(file *evidence.File, said claim.Claim) *verify.Result {
	return verify.Judge(file, said, f.learned, decide.Options{Alpha: f.alpha})
}

// Profiles that are no file.
const (
	profileBuiltin = "builtin"
	profileNone    = "none"
)

func addProfile(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "profile", profileBuiltin, "profile of 'gpubench hspi train' to compare with; "+profileBuiltin+": the lab's platforms, "+
		profileNone+": only what needs no reference")
	complete(c, "profile", completeProfile)
}

// loadProfile reads a profile; nil for none.
func loadProfile(name string) (*model.Profile, error) {
	switch name {
	case profileNone:
		return nil, nil
	case profileBuiltin:
		return builtin.Profile()
	}
	p, err := model.Load(name)
	if err != nil {
		return nil, usagef("--profile: %w", err)
	}
	return p, nil
}

type verifyFlags struct {
	endpointFlags
	verdictFlags
	evidence string
}

func verifyCommand(w world) *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Ask an endpoint and say whether a claim about it holds",
		Long: `Ask an endpoint and say, for each part of a claim, whether what it answers is
consistent with it, contradicts it, leaves it open, or cannot test it at all, and on
what that rests. What cannot be tested is no pass.

The folder --out gets the evidence, from which anybody can judge again offline with
--evidence, and the report. Where the evidence is there already, from a run that
was interrupted, the run goes on and asks nothing twice.

` + verdictExits,
		Example: `  gpubench hspi verify --endpoint https://host/v1 --model llama --key-env API_KEY --claim h100-bf16-vllm
  gpubench hspi verify --endpoint https://host/v1 --model llama --claim bf16 --dry-run --price-prompt 0.2 --price-completion 0.6
  gpubench hspi verify --evidence out/evidence.jsonl --claim fp16 --json`,
		Args: needs(),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), w) },
	}
	f.endpointFlags.add(c)
	f.verdictFlags.add(c, "alpha")
	flags := c.Flags()
	flags.StringVar(&f.evidence, "evidence", "", "judge this recorded evidence, a file or the folder of an earlier run, and ask nobody")
	complete(c, "evidence", completeEvidence)
	flags.StringVarP(&f.out, "out", "o", "", "output folder (default gpubench-out/verify-TIME)")
	completeFolder(c, "out")
	return c
}

func (f *verifyFlags) run(ctx context.Context, w world) error {
	said, err := f.parse()
	if err != nil {
		return err
	}
	judge := func(file *evidence.File) *verify.Result { return f.judge(file, said) }
	if f.evidence != "" {
		return f.offline(w, &f.endpointFlags, f.evidence, judge)
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	if f.dryRun {
		return dryRun(w, o, f.asJSON)
	}
	return f.online(w, &f.endpointFlags, func(path string) (*enrol.Recording, error) { return f.record(ctx, w, path, o) }, judge)
}

// online records an endpoint in the output folder, and judges what it answered.
func (f *verdictFlags) online(w world, to *endpointFlags, record func(path string) (*enrol.Recording, error), judge func(*evidence.File) *verify.Result) error {
	if err := to.folder(w); err != nil {
		return err
	}
	path := filepath.Join(to.out, evidenceName)
	rec, recordErr := record(path)
	if rec == nil {
		_ = os.Remove(to.out) // only where it is empty
		return probeError(recordErr)
	}
	if errors.Is(recordErr, context.Canceled) {
		return &exitError{exitInterrupted, fmt.Errorf("interrupted; the same command with --out %s goes on", quote(to.out))}
	}
	if recordErr != nil {
		w.tell("%s", strings.ReplaceAll(recordErr.Error(), "\n", "; "))
	}
	file, err := evidence.Load(path)
	if err != nil {
		return err
	}
	result := judge(file)
	result.Spent = &rec.Result.Spent
	return f.deliver(w, result, path, to.out)
}

// offline judges what was recorded.
func (f *verdictFlags) offline(w world, to *endpointFlags, recorded string, judge func(*evidence.File) *verify.Result) error {
	if to.endpoint != "" || to.dryRun {
		return usagef("--evidence asks nobody: leave --endpoint and --dry-run away")
	}
	path := inFolder(recorded)
	file, err := evidence.Load(path)
	switch {
	case errors.Is(err, evidence.ErrTorn):
		w.tell("%s: %v; what is whole is judged", path, err)
	case err != nil:
		return usagef("--evidence %s: %w", path, err)
	}
	return f.deliver(w, judge(file), path, to.out)
}

// inFolder is the evidence file, where a folder of a verification is named.
func inFolder(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, evidenceName)
	}
	return path
}

// folder makes the output folder.
func (f *endpointFlags) folder(w world) error {
	if f.out == "" {
		f.out = filepath.Join("gpubench-out", "verify-"+w.now().Format("20060102-150405"))
	}
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return usagef("cannot make the output folder: %w; choose another with --out", err)
	}
	return nil
}

// deliver prints the verdict, writes the report where there is a folder for it,
// and ends with the verdict's exit code.
func (f *verdictFlags) deliver(w world, r *verify.Result, path, dir string) error {
	if f.tested {
		r = r.Tested()
	}
	if f.asJSON {
		if err := w.json(r); err != nil {
			return err
		}
	} else if err := r.Text(w.out); err != nil {
		return fmt.Errorf("print the verdict: %w", err)
	}
	say := w.out
	if f.asJSON {
		say = w.err
	}
	fmt.Fprintf(say, "evidence  %s (%d answers, head %s)\n", path, r.Answered, r.Head)
	if dir != "" && !f.noReport {
		files, err := r.Page().Write(dir)
		if err != nil {
			return &exitError{exitUnwritten, err}
		}
		fmt.Fprintf(say, "report    %s\n", files[0])
	}
	if r.Verdict == decide.Consistent {
		return nil
	}
	return &exitError{verdictCode(r.Verdict), fmt.Errorf("%s: %s", r.Verdict, r.Why)}
}

func verdictCode(v decide.Verdict) int {
	switch v {
	case decide.Consistent:
		return exitOK
	case decide.Contradicted:
		return exitContradicted
	case decide.NotTestable:
		return exitNotTestable
	}
	return exitInconclusive
}
