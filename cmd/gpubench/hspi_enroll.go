package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/hspi/claim"
	"github.com/gpubench/gpubench/hspi/enrol"
	"github.com/gpubench/gpubench/hspi/probe"
)

type enrollFlags struct {
	endpointFlags
	platform string
	session  int
	labels   map[string]string
}

func enrollCommand(w world) *cobra.Command {
	f := &enrollFlags{}
	c := &cobra.Command{
		Use:   "enroll",
		Short: "Record a session of a platform that you trust",
		Long: `Record one session of a platform that you trust, for 'gpubench hspi train'. Every
request and every byte of the answers go to the evidence file, whose records are
chained by hashes. A file that is there already is gone on with: what it has
answered is not asked again.

Sessions of one platform differ in their number and should each have a server of
its own, freshly started: what does not change within one process may change with
the next.`,
		Example: `  gpubench hspi enroll --endpoint http://127.0.0.1:8000/v1 --model llama --platform h100-bf16-vllm --session 1 --out h100-1.jsonl
  gpubench hspi enroll --endpoint https://host/v1 --model llama --key-env API_KEY --platform rented --out r.jsonl --dry-run`,
		Args: needs(),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), w) },
	}
	f.add(c)
	flags := c.Flags()
	flags.StringVar(&f.platform, "platform", "", "name of the platform")
	flags.IntVar(&f.session, "session", 1, "number of the session")
	flags.StringToStringVar(&f.labels, "label", nil, "what the platform is made of, such as device=h100,precision=bf16,engine=vllm")
	flags.StringVarP(&f.out, "out", "o", "", "evidence file (default PLATFORM-SESSION.jsonl)")
	complete(c, "label", completeLabel)
	complete(c, "out", completeEvidence)
	return c
}

func (f *enrollFlags) run(ctx context.Context, w world) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	switch {
	case f.platform == "":
		return usagef("--platform is missing: the name that the platform is to have")
	case f.session < 1:
		return usagef("--session %d: sessions are counted from 1", f.session)
	}
	o.Label, o.Session = f.platform, f.session
	o.Labels = partLabels(w, f.labels)
	if f.out == "" {
		f.out = fmt.Sprintf("%s-%d.jsonl", strings.ReplaceAll(f.platform, "/", "-"), f.session)
	}
	if f.dryRun {
		return dryRun(w, o, false)
	}
	rec, err := f.record(ctx, w, f.out, o)
	if rec == nil {
		return probeError(err)
	}
	showRecording(w, rec, o.Price, f.out)
	return recordEnd(rec, err, f.out)
}

// recordEnd is how a command that records ends: what was not answered is an error
// that says how to go on.
func recordEnd(rec *enrol.Recording, err error, out string) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &exitError{exitInterrupted, fmt.Errorf("interrupted; the same command goes on with %s", out)}
	case err != nil:
		return probeError(fmt.Errorf("%w (what was answered is in %s)", err, out))
	case len(rec.Result.Failed) > 0:
		return fmt.Errorf("%d of %s were not answered, the first: %w; the same command asks them again", len(rec.Result.Failed),
			count(rec.Result.Items, "request"), rec.Result.Failed[0].Err)
	}
	return nil
}

// showRecording prints what a command recorded.
func showRecording(w world, rec *enrol.Recording, price probe.Price, out string) {
	fmt.Fprintf(w.out, "evidence  %s\n", out)
	fmt.Fprintf(w.out, "head      %s\n", rec.Head)
	fmt.Fprintf(w.out, "answered  %d of %s\n", rec.Result.Answered, count(rec.Result.Items, "request"))
	fmt.Fprintf(w.out, "spent     %s\n", spent(rec.Result.Spent, price))
	for _, s := range rec.Skipped {
		fmt.Fprintf(w.out, "left out  %s\n", s)
	}
}

// partLabels gives labels the names that claims know; the person hears of others.
func partLabels(w world, given map[string]string) map[string]string {
	labels := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p, known := claim.PartOf(name)
		if !known {
			w.tell("label %q is kept, but no claim is about it; claims are about %v", name, claim.Parts())
		}
		labels[string(p)] = given[name]
	}
	return labels
}

// dryRun prints what would be asked of an endpoint that can do all.
func dryRun(w world, o enrol.Options, asJSON bool) error {
	plans, err := enrol.Plans(o)
	if err != nil {
		return err
	}
	f := probe.DryRun(o.Options, plans...)
	if asJSON {
		return w.json(f)
	}
	return f.Text(w.out)
}
