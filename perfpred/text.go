package perfpred

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gpubench/gpubench/perfpred/model"
)

// WriteText writes the prediction for a person.
func (p *Prediction) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "SPEC CPU2017 %s on %s, predicted by %s\n\n", p.Suite, p.Machine, p.Model)
	fmt.Fprintln(tw, "benchmark\tratio\t90 % from\tto\t")
	for _, v := range p.Values {
		low, high := "-", "-"
		if v.Low > 0 {
			low, high = fmt.Sprintf("%.4g", v.Low), fmt.Sprintf("%.4g", v.High)
		}
		fmt.Fprintf(tw, "%s\t%.4g\t%s\t%s\t\n", v.Target, v.Value, low, high)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("write the prediction: %w", err)
	}
	_, err := fmt.Fprint(w, "\n"+p.remarks())
	return err
}

// remarks say what the numbers rest on.
func (p *Prediction) remarks() string {
	var b strings.Builder
	line := func(what string, list []string) {
		if len(list) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", what, strings.Join(list, "; "))
		}
	}
	line("nearest known", p.Nearest)
	if p.Distance > 1 {
		fmt.Fprintf(&b, "unlike the known machines: %.1f times as far as these are from each other\n", p.Distance)
	}
	if p.NewFamily != "" {
		fmt.Fprintf(&b, "a family that nobody has seen: %s\n", p.NewFamily)
	}
	if p.Wider > 1 {
		fmt.Fprintf(&b, "the intervals are %.1f times as wide for that\n", p.Wider)
	}
	line("outside what is known", p.Outside)
	var bounds []string
	for _, e := range p.Bounds {
		bounds = append(bounds, fmt.Sprintf("%s %+.2f %%", e.Knob, e.Value))
	}
	line("what 1 % more gives", bounds)
	line("assumed", p.Assumed)
	return b.String()
}

// WriteImportances writes the top features and their shares.
func WriteImportances(w io.Writer, top []model.Importance) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, i := range top {
		fmt.Fprintf(tw, "%s\t%5.1f %%\n", i.Feature, 100*i.Share)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("write the importances: %w", err)
	}
	return nil
}
