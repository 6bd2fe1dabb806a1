package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/internal/atomicfile"
	"github.com/gpubench/gpubench/perfpred"
	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// dataVariable names the folder of published results.
const dataVariable = "GPUBENCH_DATA"

func perfpredCommand(w world) *cobra.Command {
	c := &cobra.Command{
		Use:   "perfpred",
		Short: "Predict a machine's performance from what is known about it",
		Long: `Predict what a machine that nobody measured would give, from its description alone.

GPUs: a model of our recorded run and of published figures is built in; ask it for a
benchmark, a GEMM or an MLPerf model on a GPU by name, or whether a measured card is normal.

CPUs: train models of SPEC CPU2017 on published results, measure how far they are
from CPU models that they have not seen, and ask them.`,
		Example: `  gpubench perfpred predict --gpu h100-pcie --bench wgmma/f16
  gpubench perfpred check gpubench-out/hopper/results.json
  gpubench perfpred train --data ~/data --out models
  gpubench perfpred eval --data ~/data --out evaluation
  gpubench perfpred predict models/fp_rate.json --this-machine`,
		Args: noCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(perfpredTrainCommand(w), perfpredEvalCommand(w), perfpredPredictCommand(w), perfpredCheckCommand(w), perfpredExplainCommand(w))
	return c
}

// suiteData is where published results are and which of them count.
type suiteData struct {
	folder string
	suites []string
	seed   uint64
}

func (d *suiteData) flags(c *cobra.Command) {
	c.Flags().StringVar(&d.folder, "data", os.Getenv(dataVariable), "folder that holds spec-cpu2017/*.csv.gz (default $"+dataVariable+")")
	c.Flags().StringSliceVar(&d.suites, "suite", dataset.SPECSuites(), "suites of SPEC CPU2017")
	c.Flags().Uint64Var(&d.seed, "seed", 0, "seed of folds and trees")
	completeFlag(c, "suite", dataset.SPECSuites())
	completeFolder(c, "data")
}

func (d *suiteData) needFolder() error {
	if d.folder == "" {
		return usagef("published results are needed: name their folder with --data or %s", dataVariable)
	}
	return nil
}

// load reads a suite's table and tells what was found in it.
func (d *suiteData) load(w world, suite string) (*dataset.Table, error) {
	if err := d.needFolder(); err != nil {
		return nil, err
	}
	if !slices.Contains(dataset.SPECSuites(), suite) {
		return nil, usagef("--suite %s: there are %s", suite, strings.Join(dataset.SPECSuites(), ", "))
	}
	t, err := dataset.SPEC2017(filepath.Join(d.folder, "spec-cpu2017", suite+".csv.gz"))
	if err != nil {
		return nil, usagef("%w", err)
	}
	for _, f := range t.Findings {
		w.tell("%s: %s (%s)", suite, f, count(f.Rows, "row"))
	}
	return t, nil
}

func perfpredTrainCommand(w world) *cobra.Command {
	d, out, name := &suiteData{}, "", ""
	c := &cobra.Command{
		Use:     "train",
		Short:   "Train models of SPEC CPU2017 on published results",
		Example: `  gpubench perfpred train --data ~/data --out models`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			tr, err := perfpred.Trainer(name)
			if err != nil {
				return usagef("--model: %w", err)
			}
			for _, suite := range d.suites {
				if err := trainSuite(c.Context(), w, d, suite, tr, out); err != nil {
					return err
				}
			}
			return nil
		},
	}
	d.flags(c)
	c.Flags().StringVarP(&out, "out", "o", "perfpred-models", "folder for the models, one SUITE.json each")
	c.Flags().StringVar(&name, "model", perfpred.BestTrainer, strings.Join(perfpred.TrainerNames(), ", "))
	completeFlag(c, "model", perfpred.TrainerNames())
	completeFolder(c, "out")
	return c
}

func trainSuite(ctx context.Context, w world, d *suiteData, suite string, tr model.Trainer, out string) error {
	t, err := d.load(w, suite)
	if err != nil {
		return err
	}
	start := w.now()
	s, err := perfpred.Train(ctx, t, tr, d.seed)
	if err != nil {
		return badInput(err)
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return usagef("cannot make the output folder: %w; choose another with --out", err)
	}
	path := filepath.Join(out, suite+".json")
	if err := atomicfile.Write(path, func(f *os.File) error { return s.Write(f) }); err != nil {
		return fmt.Errorf("write the model: %w", err)
	}
	w.tell("%s: %s of %s, %s in %.1f s", suite, tr.Name(), count(t.Rows, "result"), path, w.now().Sub(start).Seconds())
	return nil
}

type perfpredPredictFlags struct {
	cpu       string
	machine   string
	this, far bool
	set       []string
	asJSON    bool
}

func perfpredPredictCommand(w world) *cobra.Command {
	f := &perfpredPredictFlags{}
	var question gpuQuestion
	c := &cobra.Command{
		Use:   "predict MODEL | predict --gpu NAME --bench BENCHMARK...",
		Short: "Predict what a suite would give on a machine, or a benchmark on a GPU",
		Long: `Predict what a suite would give on a machine. Columns are those of the published
results; what is left out is taken as usual for the CPU, and listed.

With --gpu, predict benchmarks on a GPU by the built-in model.`,
		Example: `  gpubench perfpred predict --gpu h100-pcie --bench wgmma/f16,memory/dram-bandwidth
  gpubench perfpred predict models/fp_rate.json --cpu 'Xeon Gold 6226' --set sockets=2,mem_channels=12
  gpubench perfpred predict models/int_speed.json --this-machine
  gpubench perfpred predict models/int_rate.json --machine machine.json --json`,
		Args: func(c *cobra.Command, args []string) error {
			if question.name != "" {
				return needs()(c, args)
			}
			return needs("MODEL")(c, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if question.name != "" {
				question.asJSON = f.asJSON
				return question.predict(w)
			}
			return f.predict(w, args[0])
		},
	}
	question.flags(c)
	flags := c.Flags()
	flags.StringVar(&f.cpu, "cpu", "", "name of the CPU")
	flags.StringVar(&f.machine, "machine", "", "JSON file with an object of COLUMN: value")
	flags.BoolVar(&f.this, "this-machine", false, "start from this machine")
	flags.StringSliceVar(&f.set, "set", nil, "COLUMN=VALUE,...")
	flags.BoolVar(&f.far, "far", false, "predict even far outside the known hardware")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (f *perfpredPredictFlags) predict(w world, path string) error {
	s, err := openSuite(path)
	if err != nil {
		return err
	}
	given, err := f.given()
	if err != nil {
		return err
	}
	p, err := s.Predict(given, f.far)
	if err != nil {
		return badInput(err)
	}
	if f.asJSON {
		return w.json(p)
	}
	return p.WriteText(w.out)
}

// given collects the description: this machine, then a file, then flags.
func (f *perfpredPredictFlags) given() (map[string]string, error) {
	given := map[string]string{}
	if f.this {
		found, err := perfpred.ThisMachine(os.DirFS("/"))
		if err != nil {
			return nil, err
		}
		given = found
	}
	if f.machine != "" {
		data, err := os.ReadFile(f.machine)
		if err != nil {
			return nil, usagef("--machine: %w", err)
		}
		var values map[string]any
		if err := json.Unmarshal(data, &values); err != nil {
			return nil, usagef("--machine %s: %w", f.machine, err)
		}
		for column, v := range values {
			given[column] = fmt.Sprint(v)
		}
	}
	for _, pair := range f.set {
		column, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usagef("--set %s: give COLUMN=VALUE", pair)
		}
		given[column] = value
	}
	if f.cpu != "" {
		given["model_name"] = f.cpu
	}
	return given, nil
}

func perfpredExplainCommand(w world) *cobra.Command {
	target, top, asJSON := "", 0, false
	c := &cobra.Command{
		Use:     "explain MODEL",
		Short:   "Tell which features a model goes by",
		Example: `  gpubench perfpred explain models/fp_rate.json --target 503.bwaves_r`,
		Args:    needs("MODEL"),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := openSuite(args[0])
			if err != nil {
				return err
			}
			shares, err := s.Importances(target)
			if err != nil {
				return badInput(err)
			}
			shares = shares[:min(max(top, 0), len(shares))]
			if asJSON {
				return w.json(shares)
			}
			fmt.Fprintf(w.out, "%s: %s of %d results, seed %d; what %s goes by:\n", s.Name, s.Trainer, s.Rows, s.Seed, target)
			return perfpred.WriteImportances(w.out, shares)
		},
	}
	c.Flags().StringVar(&target, "target", dataset.SPECScore, "score or a benchmark")
	c.Flags().IntVar(&top, "top", 15, "number of features")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func openSuite(path string) (*perfpred.Suite, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("open the model: %w; 'gpubench perfpred train' makes it", err)
	}
	// What reading makes is kept: collecting garbage meanwhile would only take time.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	s, err := perfpred.Read(file)
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	return s, nil
}

// badInput marks errors of what the user gave.
func badInput(err error) error {
	for _, of := range []error{dataset.ErrValue, dataset.ErrNoColumn, dataset.ErrShape, dataset.ErrSchema, perfpred.ErrUnknownCPU, perfpred.ErrTooFar, model.ErrTooFew} {
		if errors.Is(err, of) {
			return usagef("%w", err)
		}
	}
	return err
}
