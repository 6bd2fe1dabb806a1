package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/backend"
	"github.com/gpubench/gpubench/micro/run"
	"github.com/gpubench/gpubench/micro/suite"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/report"
	"github.com/gpubench/gpubench/results/table"
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
	noReport bool
	noCache  bool
	force    bool
}

func runCommand(w world) *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "run NAME|GLOB|SUITE...",
		Short: "Measure benchmarks; write a table, a document and a report",
		Example: `  gpubench run hopper
  gpubench run 'tensor/*' --out wgmma
  gpubench run hopper --backend replay`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name a suite or benchmark: 'gpubench run hopper'; 'gpubench list' shows all")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), w, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.Kind, "backend", backend.KindAuto, strings.Join(backend.Kinds(), ", ")+": auto is the GPU if usable, else the recording")
	flags.IntVar(&f.GPU, "gpu", 0, "index of the GPU")
	flags.StringVar(&f.Recording, "recording", "", "document to replay instead of the built-in one")
	flags.StringVarP(&f.out, "out", "o", "", "output folder (default gpubench-out/NAME-TIME)")
	flags.StringVar(&f.resume, "resume", "", "document of an interrupted run: measure only what it lacks")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the order of measurements (default random, printed)")
	flags.IntVar(&f.rounds, "rounds", 0, "rounds per point (default each benchmark's own)")
	flags.BoolVar(&f.all, "all", false, "print every row of long benchmarks")
	flags.BoolVar(&f.noReport, "no-report", false, "write the document only")
	flags.BoolVar(&f.noCache, "no-cache", false, "compile every kernel anew")
	flags.BoolVar(&f.force, "force", false, "replace a document in the output folder")
	return c
}

func (f *runFlags) run(ctx context.Context, w world, args []string) error {
	benchmarks, err := suite.Select(args)
	if err != nil {
		return usagef("%w", err)
	}
	dir, err := f.folder(w, args)
	if err != nil {
		return err
	}
	dev, err := f.open(w)
	if err != nil {
		return err
	}
	defer dev.Close()
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	fmt.Fprintf(w.err, "gpubench: %d benchmarks on %s (%s), seed %d\n", len(benchmarks), dev.Describe().Name, dev.Backend(), f.seed)
	bar := newProgress(w)
	doc, err := run.Run(ctx, dev, benchmarks, run.Options{
		Seed: f.seed, Rounds: f.rounds, Expected: backend.Expected, Approximate: backend.Approximate, Progress: bar.show,
	})
	bar.close()
	doc.Tool, doc.Command, doc.Suite = version(), w.args, strings.Join(args, " ")
	if err != nil {
		return err
	}
	return f.deliver(w, dir, doc)
}

// folder makes the output folder and makes sure, before anything is measured,
// that it can be written.
func (f *runFlags) folder(w world, args []string) (string, error) {
	dir := f.out
	if dir == "" {
		name := strings.NewReplacer("/", "-", "*", "all", "?", "-").Replace(args[0])
		dir = filepath.Join("gpubench-out", name+"-"+w.now().Format("20060102-150405"))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", usagef("cannot make the output folder: %w; choose another with --out", err)
	}
	if _, err := os.Stat(filepath.Join(dir, documentName)); err == nil && !f.force {
		return "", usagef("%s holds a document already: choose another folder with --out, or --force", dir)
	}
	probe, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return "", usagef("cannot write to the output folder: %w; choose another with --out", err)
	}
	return dir, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// open makes the device and tells on stderr if it is not a GPU.
func (f *runFlags) open(w world) (micro.Device, error) {
	if !f.noCache {
		f.CacheDir = w.cache
	}
	dev, fallback, err := backend.Open(f.Options)
	if err != nil {
		return nil, err
	}
	if fallback != nil {
		fmt.Fprintf(w.err, "gpubench: NO USABLE GPU (%v): replaying a recorded run of %s; these are not this machine's numbers\n",
			fallback, dev.Describe().Name)
	}
	if f.resume == "" {
		return dev, nil
	}
	before, err := results.Read(f.resume)
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	resumed, err := backend.Resume(dev, f.resume, before)
	if err != nil {
		return nil, errors.Join(usagef("%w", err), dev.Close())
	}
	return resumed, nil
}

// deliver prints the tables and writes the document and the report. A document
// that cannot be written where it should be goes to the temporary folder.
func (f *runFlags) deliver(w world, dir string, doc *results.Document) error {
	path := filepath.Join(dir, documentName)
	writeErr := results.Write(path, doc)
	if writeErr != nil {
		rescue := filepath.Join(os.TempDir(), "gpubench-"+w.now().Format("20060102-150405")+".json.zst")
		if err := results.Write(rescue, doc); err != nil {
			fmt.Fprintf(w.err, "gpubench: %v\n", err)
		} else {
			fmt.Fprintf(w.err, "gpubench: the document is saved as %s instead\n", rescue)
		}
	}
	if err := table.Write(w.out, doc, table.Options{Width: w.width, All: f.all}); err != nil {
		return fmt.Errorf("print the tables: %w", err)
	}
	if writeErr != nil {
		return &exitError{exitUnwritten, writeErr}
	}
	fmt.Fprintf(w.out, "\ndocument  %s\n", path)
	if !f.noReport {
		if _, err := report.Write(dir, doc); err != nil {
			return &exitError{exitUnwritten, fmt.Errorf("the document is safe, the report is not: %w", err)}
		}
		fmt.Fprintf(w.out, "report    %s\n", filepath.Join(dir, "report.html"))
	}
	fmt.Fprintf(w.out, "rows      %s in %s\n", cell.CountLine(doc.Rows), doc.Finished.Sub(doc.Started).Round(100*time.Millisecond))
	if doc.State == results.Interrupted {
		return &exitError{exitInterrupted, fmt.Errorf("interrupted; go on with: gpubench run %s --resume %s", doc.Suite, path)}
	}
	return nil
}
