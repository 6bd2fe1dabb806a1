package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/micro/suite"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/table/cell"
)

// documentName is the document's file in an output folder.
const documentName = "results.json"

type runFlags struct {
	backend.Options
	out      string
	resume   string
	seed     uint64
	rounds   int
	all      bool
	asJSON   bool
	quiet    bool
	noReport bool
	noCache  bool
	force    bool
	// before is the document of resume.
	before *results.Document
}

func runCommand(w world) *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "run NAME|GLOB|SUITE...",
		Short: "Measure benchmarks; print tables, write a document and a report",
		Long: `Measure benchmarks. The tables go to standard output; the document (results.json,
with every raw sample) and the report with its pictures go to the output folder.

Ctrl-C ends a run in good order: the document holds what was measured until
then, and --resume goes on from it. Without a usable GPU a recorded run is
replayed instead; --backend cuda refuses to.`,
		Example: `  gpubench run hopper
  gpubench run 'tensor/*' dpx/latency --out wgmma
  gpubench run hopper --backend replay
  gpubench run hopper --resume gpubench-out/hopper-20260301-120000/results.json
  gpubench run dpx/latency --json --no-report --out dpx | jq .rows`,
		Args:              needsSome("NAME", "'hopper' is all benchmarks, 'gpubench list' shows them"),
		ValidArgsFunction: completeNames,
		RunE:              func(c *cobra.Command, args []string) error { return f.run(c.Context(), w, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.Kind, "backend", backend.KindAuto, strings.Join(backend.Kinds(), ", ")+": auto is the GPU if usable, else the recording")
	flags.IntVar(&f.GPU, "gpu", 0, "index of the GPU")
	flags.StringVar(&f.Recording, "recording", "", "document to replay instead of the built-in one")
	flags.StringVarP(&f.out, "out", "o", "", "output folder (default gpubench-out/NAME-TIME, or that of --resume)")
	flags.StringVar(&f.resume, "resume", "", "document of an interrupted run: measure only what it lacks")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the order of measurements (default random, printed)")
	flags.IntVar(&f.rounds, "rounds", 0, "rounds per point (default each benchmark's own)")
	flags.BoolVar(&f.all, "all", false, "print every row of long benchmarks")
	flags.BoolVar(&f.asJSON, "json", false, "print the document instead of the tables")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	flags.BoolVar(&f.noReport, "no-report", false, "write the document only")
	flags.BoolVar(&f.noCache, "no-cache", false, "compile every kernel anew")
	flags.BoolVar(&f.force, "force", false, "replace a document in the output folder")
	completeFlag(c, "backend", backend.Kinds())
	completeFolder(c, "out")
	complete(c, "resume", completeDocuments(1))
	complete(c, "recording", completeDocuments(1))
	return c
}

// run checks all that can be checked before it measures.
func (f *runFlags) run(ctx context.Context, w world, args []string) error {
	benchmarks, err := suite.Select(args)
	if err != nil {
		return usagef("%w", err)
	}
	if err := f.check(); err != nil {
		return err
	}
	dev, err := f.open(w)
	if err != nil {
		return err
	}
	defer dev.Close()
	dir, err := f.folder(w, args)
	if err != nil {
		return err
	}
	if f.seed == 0 {
		f.seed = uint64(rand.Uint32())
	}
	if f.rounds > 0 && dev.Backend() == backend.KindReplay {
		w.tell("--rounds does nothing here: a replay has the rounds that were recorded")
	}
	opts := run.Options{Seed: f.seed, Rounds: f.rounds, Expected: backend.Expected, Approximate: backend.Approximate}
	if !f.quiet {
		w.tell("%s on %s (%s), seed %d", count(len(benchmarks), "benchmark"), dev.Describe().Name, dev.Backend(), f.seed)
	}
	bar := newProgress(w)
	if !f.quiet {
		opts.Progress = bar.show
	}
	doc, err := run.Run(ctx, dev, benchmarks, opts)
	bar.close()
	lost := errors.Is(err, run.ErrDeviceLost)
	if err != nil && !lost {
		return err
	}
	doc.Tool, doc.Command, doc.Suite = version(), w.args, strings.Join(args, " ")
	if f.before != nil {
		backend.Carry(doc, f.before)
	}
	if lost && w.restart != nil {
		w.tell("%v; going on in another process", err)
		return f.restart(ctx, w, dev, dir, args, doc)
	}
	return f.deliver(w, dir, args, doc)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// check refuses flags that no device could follow.
func (f *runFlags) check() error {
	switch {
	case f.GPU < 0:
		return usagef("--gpu %d: GPUs are counted from 0", f.GPU)
	case f.rounds < 0:
		return usagef("--rounds %d: give 1 or more, or leave it out for each benchmark's own", f.rounds)
	case f.Recording != "" && f.Kind != backend.KindAuto && f.Kind != backend.KindReplay:
		return usagef("--recording is for --backend replay, and not %s", f.Kind)
	}
	return nil
}

// open makes the device and tells on stderr if it is not a GPU.
func (f *runFlags) open(w world) (micro.Device, error) {
	if f.resume != "" {
		var err error
		if f.before, err = results.Read(f.resume); err != nil {
			return nil, err
		}
	}
	if !f.noCache {
		f.CacheDir = w.cache
	}
	dev, fallback, err := w.open(f.Options)
	if err != nil {
		return nil, err
	}
	if fallback != nil {
		w.tell("no usable GPU: %v", fallback)
	}
	if banner := cell.Banner(standIn(dev)); banner != "" {
		w.tell("%s", banner)
	}
	if f.before == nil {
		return dev, nil
	}
	resumed, err := backend.Resume(dev, f.resume, f.before)
	if err != nil {
		return nil, errors.Join(usagef("%w", err), dev.Close())
	}
	return resumed, nil
}

// standIn is a document of the device before anything is measured, for its banner.
func standIn(dev micro.Device) *results.Document {
	doc := &results.Document{Backend: dev.Backend(), Device: dev.Describe()}
	if o, ok := dev.(interface{ Origin() results.Origin }); ok {
		origin := o.Origin()
		doc.Recording = &origin
	}
	return doc
}

// folder makes the output folder and makes sure, before anything is measured,
// that it can be written.
func (f *runFlags) folder(w world, args []string) (string, error) {
	dir, force := f.out, f.force
	switch {
	case dir != "":
	case filepath.Base(f.resume) == documentName: // goes on in its place
		dir, force = filepath.Dir(f.resume), true
	default:
		name := strings.NewReplacer("/", "-", "*", "all", "?", "-").Replace(args[0])
		dir = filepath.Join("gpubench-out", name+"-"+w.now().Format("20060102-150405"))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", usagef("cannot make the output folder: %w; choose another with --out", err)
	}
	if _, err := os.Stat(filepath.Join(dir, documentName)); err == nil && !force {
		return "", usagef("%s holds a document already: choose another folder with --out, or --force", dir)
	}
	probe, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return "", usagef("cannot write to the output folder: %w; choose another with --out", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return "", fmt.Errorf("try the output folder: %w", err)
	}
	return dir, nil
}
