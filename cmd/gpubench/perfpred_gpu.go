package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gpubench/gpubench/perfpred/gpu"
	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
)

// gpuQuestion is what is asked of the built-in model of GPUs.
type gpuQuestion struct {
	name    string
	benches []string
	probe   string
	explain bool
	asJSON  bool
}

func (q *gpuQuestion) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&q.name, "gpu", "", "name of a GPU, such as h100-pcie: predict what it would give")
	flags.StringSliceVar(&q.benches, "bench", nil, "with --gpu: benchmarks, such as wgmma/f16, gemm/4096x4096x4096/bf16, mlperf/resnet50/server, memory/dram-bandwidth")
	flags.StringVar(&q.probe, "probe", "", "with --gpu: document measured on it, whose rates stand in for the data sheet's")
	flags.BoolVar(&q.explain, "why", false, "with --gpu: say what each feature adds")
	complete(c, "probe", completeDocuments(1))
	completeFlag(c, "bench", gpu.Benchmarks())
}

// gpuAnswer is a prediction with what it rests on.
type gpuAnswer struct {
	gpu.Prediction
	Contributions []gpu.Contribution `json:"contributions,omitempty"`
}

// predict answers all questions, or the first error.
func (q *gpuQuestion) predict(w world) error {
	if len(q.benches) == 0 {
		return usagef("--bench is missing: what to predict on %s; there are %s", q.name, strings.Join(gpu.Benchmarks(), ", "))
	}
	m, err := gpu.Default()
	if err != nil {
		return fmt.Errorf("read the built-in model: %w", err)
	}
	probe, err := q.readProbe(m)
	if err != nil {
		return err
	}
	var answers []gpuAnswer
	for _, text := range q.benches {
		a, err := q.answer(m, text, probe)
		if err != nil {
			return gpuError(err)
		}
		answers = append(answers, a)
	}
	if q.asJSON {
		return w.json(answers)
	}
	for _, a := range answers {
		a.write(w.out)
	}
	return nil
}

func (q *gpuQuestion) readProbe(m *gpu.Model) (*gpu.Probe, error) {
	if q.probe == "" {
		return nil, nil
	}
	doc, err := results.Read(q.probe)
	if err != nil {
		return nil, err
	}
	probe, err := m.Probe(doc)
	if err != nil {
		return nil, usagef("--probe %s: %w", q.probe, err)
	}
	return probe, nil
}

func (q *gpuQuestion) answer(m *gpu.Model, text string, probe *gpu.Probe) (gpuAnswer, error) {
	query, err := gpu.ParseQuery(text)
	if err != nil {
		return gpuAnswer{}, err
	}
	p, err := m.Predict(q.name, query, probe)
	if err != nil || !q.explain {
		return gpuAnswer{Prediction: p}, err
	}
	why, err := m.Explain(q.name, query)
	return gpuAnswer{p, why}, err
}

// write says the answer in words.
func (a gpuAnswer) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s: %.4g %s (%.4g to %.4g, %.0f %%)\n", a.Query, a.GPU, a.Value, a.Unit, a.Low, a.High, 100*a.Coverage)
	if a.Utilisation > 0 {
		fmt.Fprintf(w, "  bound by      %s, %.1f %% of that ceiling\n", a.Bound, 100*a.Utilisation)
	} else {
		fmt.Fprintf(w, "  bound by      %s\n", a.Bound)
	}
	fmt.Fprintf(w, "  nearest known %s\n", strings.Join(a.Nearest, ", "))
	if a.Widened != "" {
		fmt.Fprintf(w, "  widened       %s\n", a.Widened)
	}
	fmt.Fprintf(w, "  data sheet    %s\n", a.Sheet)
	for _, c := range a.Contributions {
		note := ""
		if !c.Seen {
			note = " (not seen in training)"
		}
		fmt.Fprintf(w, "  %+8.3f      %s = %.4g%s\n", c.Effect, c.Feature, c.Value, note)
	}
}

// gpuError gives what was asked wrongly the exit code of usage.
func gpuError(err error) error {
	var unknown *sheet.ErrUnknownGPU
	var bench *gpu.ErrUnknownBenchmark
	var unsupported *gpu.ErrUnsupported
	if errors.As(err, &unknown) || errors.As(err, &bench) || errors.As(err, &unsupported) || errors.Is(err, gpu.ErrBadPoint) ||
		errors.Is(err, gpu.ErrNothingKnown) || errors.Is(err, gpu.ErrNoCeiling) || errors.Is(err, gpu.ErrNotPredicted) {
		return usagef("%w", err)
	}
	return err
}

func perfpredCheckCommand(w world) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check DOCUMENT",
		Short: "Say whether a measured card is normal: which rows lie outside what its data sheet lets expect",
		Example: `  gpubench perfpred check gpubench-out/hopper/results.json
  gpubench perfpred check results.json --json`,
		Args:              needs("DOCUMENT"),
		ValidArgsFunction: completeDocuments(1),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := results.Read(args[0])
			if err != nil {
				return err
			}
			m, err := gpu.Default()
			if err != nil {
				return fmt.Errorf("read the built-in model: %w", err)
			}
			v, err := m.Check(doc)
			if err != nil {
				return gpuError(err)
			}
			if asJSON {
				return w.json(v)
			}
			writeVerdict(w.out, v)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// writeVerdict prints a verdict and the rows that lie outside.
func writeVerdict(w io.Writer, v gpu.Verdict) {
	word := "not normal"
	switch {
	case v.Compared == 0:
		word = "not known: no row of the document has a prediction"
	case v.Normal:
		word = "normal"
	}
	fmt.Fprintf(w, "%s: %s\n%d rows have a prediction; %d are worse than its interval, %d better\n", v.GPU, word, v.Compared, v.Worse, v.Better)
	for _, f := range v.Outside {
		side := "better"
		if f.Worse {
			side = "worse"
		}
		fmt.Fprintf(w, "  %-6s %s: %.4g, expected %.4g to %.4g %s\n", side, f.Query, f.Measured, f.Prediction.Low, f.Prediction.High, f.Prediction.Unit)
	}
}
