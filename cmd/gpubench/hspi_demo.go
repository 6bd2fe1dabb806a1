package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/builtin"
	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/decide"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/evidence"
	"github.com/gpubench/gpubench/hspi/gateway"
	"github.com/gpubench/gpubench/hspi/model"
	"github.com/gpubench/gpubench/hspi/probe"
	"github.com/gpubench/gpubench/hspi/verify"
)

// demoClaim is what the demonstration's endpoints are said to be; only the first
// is.
const demoClaim = "bf16-unquantised-flash"

type demoFlags struct{ out string }

func demoCommand(w world) *cobra.Command {
	f := &demoFlags{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show two verdicts on recorded platforms, without network or key",
		Long: `Serve the recorded answers of two platforms on this machine's loopback, both said to
be ` + demoClaim + `, ask them as any endpoint is asked, and show the verdicts: one consistent,
one contradicted. The platforms ran on an H200, in sessions that the built-in profile
was not trained on; nothing leaves this machine.`,
		Example: `  gpubench hspi demo
  gpubench hspi demo --out demo`,
		Args: needs(),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), w) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "output folder (default gpubench-out/demo-TIME)")
	completeFolder(c, "out")
	return c
}

func (f *demoFlags) run(ctx context.Context, w world) error {
	said, err := claim.Parse(demoClaim, nil)
	if err != nil {
		return err
	}
	profile, err := builtin.Profile()
	if err != nil {
		return err
	}
	if f.out == "" {
		f.out = filepath.Join("gpubench-out", "demo-"+w.now().Format("20060102-150405"))
	}
	for _, platform := range gateway.Recorded() {
		dir := filepath.Join(f.out, platform)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return usagef("cannot make the output folder: %w; choose another with --out", err)
		}
		fmt.Fprintf(w.out, "== %s, said to be %s ==\n\n", platform, demoClaim)
		r, err := demonstrate(ctx, platform, filepath.Join(dir, evidenceName), said, profile)
		if err != nil {
			return fmt.Errorf("demonstrate %s: %w", platform, err)
		}
		v := verdictFlags{}
		var exit *exitError
		if err := v.deliver(w, r, filepath.Join(dir, evidenceName), dir); err != nil && (!errors.As(err, &exit) || exit.code == exitUnwritten) {
			return err
		}
		fmt.Fprintln(w.out)
	}
	return nil
}

// demonstrate asks a built-in recording over HTTP and judges the answers.
func demonstrate(ctx context.Context, platform, path string, said claim.Claim, profile *model.Profile) (*verify.Result, error) {
	recorded, err := gateway.LoadRecorded(platform)
	if err != nil {
		return nil, err
	}
	replay, err := gateway.NewReplay(recorded)
	if err != nil {
		return nil, err
	}
	base, closeServer, err := gateway.Loopback(ctx, replay)
	if err != nil {
		return nil, err
	}
	rec, err := askReplay(ctx, base, path, recorded.Sessions()[0].Open)
	if err = errors.Join(err, closeServer()); err != nil {
		return nil, err
	}
	f, err := evidence.Load(path)
	if err != nil {
		return nil, err
	}
	r := verify.Judge(f, said, profile, decide.Options{})
	r.Spent = &rec.Result.Spent
	return r, nil
}

// askReplay asks what was asked when the session was recorded.
func askReplay(ctx context.Context, base, path string, open *evidence.Open) (*enrol.Recording, error) {
	session, err := strconv.Atoi(open.Labels["session"])
	if err != nil {
		return nil, fmt.Errorf("session of the recording: %w", err)
	}
	o := enrol.Options{Size: enrol.Standard, Session: session, Nonce: open.Labels["nonce"]}
	o.Model, o.Seed, o.Tool = open.Model, open.Seed, "gpubench "+version().Version
	if o.Endpoint, err = probe.ParseEndpoint(base); err != nil {
		return nil, err
	}
	return enrol.Record(ctx, path, o)
}
