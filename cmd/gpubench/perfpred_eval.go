package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/perfpred"
	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/eval"
	"github.com/gpubench/gpubench/perfpred/model"
)

// Data sets that can be evaluated.
const (
	dataSPEC     = "spec-cpu2017"
	dataPerfCast = "perfcastdb"
)

type perfpredEvalFlags struct {
	suiteData
	dataset string
	group   string
	folds   int
	repeats int
	models  []string
	targets []string
	bare    bool
	out     string
	asJSON  bool
}

func perfpredEvalCommand(w world) *cobra.Command {
	f := &perfpredEvalFlags{}
	c := &cobra.Command{
		Use:   "eval",
		Short: "Measure how well models predict machines that they have not seen",
		Long: `Measure how well models predict machines that they have not seen. Rows of one
group (CPU model, family, vendor) are never both learnt from and tested.

"cover" is the share of results inside their 90 % intervals and "width" the mean width
of these over the prediction; under "same width" stand the same for conformal intervals
that are equally wide for all machines. How the folds fall moves the coverage by some
percent: --repeats draws them anew, and brackets hold the range over the draws.

PerfCastDB's sample comes split, with a few rows a workload: it shows that loader and
models run, and nothing about accuracy.`,
		Example: `  gpubench perfpred eval --data ~/data --out evaluation
  gpubench perfpred eval --data ~/data --suite int_speed --model trees,stack
  gpubench perfpred eval --group family --folds 0 --model ridge,stack --target score
  gpubench perfpred eval --data ~/data --dataset perfcastdb`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, w) },
	}
	f.flags(c)
	flags := c.Flags()
	flags.StringVar(&f.dataset, "dataset", dataSPEC, dataSPEC+" or "+dataPerfCast)
	flags.StringVar(&f.group, "group", dataset.GroupCPU, "cpu, family or vendor: what training and test never share")
	flags.IntVar(&f.folds, "folds", 5, "number of folds, 0 to leave out one group at a time")
	flags.IntVar(&f.repeats, "repeats", 1, "draw the folds that often, with the seed, the one behind it and so on")
	flags.StringSliceVar(&f.models, "model", []string{"constant", "nearest", "ridge", "trees", perfpred.BestTrainer}, strings.Join(perfpred.TrainerNames(), ", "))
	flags.BoolVar(&f.bare, "no-intervals", false, "leave out the intervals, which take most of the time")
	flags.StringSliceVar(&f.targets, "target", nil, "targets, 'score' is the suite's geometric mean (default all)")
	flags.StringVarP(&f.out, "out", "o", "", "folder for table, pictures and every prediction, or FILE.json for the predictions alone")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	completeFlag(c, "dataset", []string{dataSPEC, dataPerfCast})
	completeFlag(c, "group", []string{dataset.GroupCPU, dataset.GroupFamily, dataset.GroupVendor})
	completeFlag(c, "model", perfpred.TrainerNames())
	return c
}

func (f *perfpredEvalFlags) run(c *cobra.Command, w world) error {
	var reports []*eval.Report
	var err error
	switch f.dataset {
	case dataSPEC:
		reports, err = f.spec(c.Context(), w)
	case dataPerfCast:
		for _, flag := range []string{"suite", "group", "folds", "repeats", "target"} {
			if c.Flags().Changed(flag) {
				return usagef("--%s is of %s; %s comes split, with all that it has", flag, dataSPEC, dataPerfCast)
			}
		}
		reports, err = f.perfCast(c.Context(), w)
	default:
		return usagef("--dataset %s: there are %s and %s", f.dataset, dataSPEC, dataPerfCast)
	}
	if err != nil {
		return badInput(err)
	}
	if f.out != "" {
		if err := eval.Write(f.out, reports...); err != nil {
			return err
		}
	}
	if f.asJSON {
		return w.json(reports)
	}
	return eval.WriteTable(w.out, reports...)
}

// trainers are those named, made by make.
func (f *perfpredEvalFlags) trainers(make func(name string) (model.Trainer, error)) ([]model.Trainer, error) {
	var out []model.Trainer
	for _, name := range f.models {
		tr, err := make(name)
		if err != nil {
			return nil, usagef("--model: %w", err)
		}
		out = append(out, tr)
	}
	return out, nil
}

func (f *perfpredEvalFlags) spec(ctx context.Context, w world) ([]*eval.Report, error) {
	if f.repeats < 1 {
		return nil, usagef("--repeats %d: draw the folds at least once", f.repeats)
	}
	if f.folds == 0 && f.repeats > 1 {
		return nil, usagef("--repeats draws folds anew; with --folds 0 each group is left out, and there is nothing to draw")
	}
	named := perfpred.Trainer
	if f.bare {
		named = perfpred.Bare
	}
	trainers, err := f.trainers(named)
	if err != nil {
		return nil, err
	}
	o := eval.Options{Group: f.group, Folds: f.folds, Repeats: f.repeats, Targets: f.targets, Seed: f.seed}
	o.Progress = func(done, total int, what string) { w.tell("%d/%d %s", done+1, total, what) }
	var reports []*eval.Report
	for _, suite := range f.suites {
		t, err := f.load(w, suite)
		if err != nil {
			return nil, err
		}
		r, err := eval.Run(ctx, t, trainers, o)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// perfCast trains on the sample's training file and predicts its test file, with
// models without intervals: there are too few rows to calibrate any.
func (f *perfpredEvalFlags) perfCast(ctx context.Context, w world) ([]*eval.Report, error) {
	trainers, err := f.trainers(perfpred.Bare)
	if err != nil {
		return nil, err
	}
	train, err := f.perfCastFile(w, "train.csv")
	if err != nil {
		return nil, err
	}
	test, err := f.perfCastFile(w, "test.csv")
	if err != nil {
		return nil, err
	}
	w.tell("%s: a workload has one kind of machine in training and another in test; the errors show that all runs, and nothing about accuracy", dataPerfCast)
	var reports []*eval.Report
	for _, t := range test {
		k := slices.IndexFunc(train, func(other *dataset.Table) bool { return other.Name == t.Name })
		if k < 0 {
			w.tell("%s: %s is not in training; left out", dataPerfCast, t.Name)
			continue
		}
		tellShift(w, t.Name, dataset.Shift(train[k], t))
		r, err := eval.Holdout(ctx, train[k], t, trainers, f.seed)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// perfCastFile reads a file of the sample and tells what was found in it, what
// concerns the whole file once.
func (f *perfpredEvalFlags) perfCastFile(w world, name string) ([]*dataset.Table, error) {
	if err := f.needFolder(); err != nil {
		return nil, err
	}
	tables, err := dataset.PerfCastDB(filepath.Join(f.folder, dataPerfCast, name))
	if err != nil {
		return nil, usagef("%w", err)
	}
	told := map[string]bool{}
	for _, t := range tables {
		for _, found := range t.Findings {
			if text := found.String(); !told[text] {
				told[text] = true
				w.tell("%s: %s (%s)", name, text, count(found.Rows, "row"))
			}
		}
	}
	return tables, nil
}

// tellShift tells in a line how the test's machines differ from training's.
func tellShift(w world, workload string, shift []dataset.Finding) {
	var columns []string
	for _, found := range shift {
		if found.Column == dataset.GroupCPU {
			w.tell("%s: %s", workload, found)
			continue
		}
		columns = append(columns, found.Column)
	}
	if len(columns) > 0 {
		w.tell("%s: values that training does not have: %s", workload, strings.Join(columns, ", "))
	}
}
