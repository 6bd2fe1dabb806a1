package eval

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// WriteTable writes one line per model: the first target, which is a suite's
// score where there is one, and the mean over all but the score; errors in percent.
func WriteTable(w io.Writer, reports ...*Report) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, r := range reports {
		if len(r.Scores) == 0 {
			return fmt.Errorf("write the table of %s: %w", r.Table, ErrNothing)
		}
		first := r.Scores[0].Target
		fmt.Fprintf(tw, "%s: %d results, %d groups by %s, %s; %s, then the mean of the single targets\n", r.Table, r.Rows, r.Groups, r.Group, r.how(), first)
		header := []string{"model", "MAPE %", "median %", "MAE", "R2", "cover %", "width %", "same width: cover %", "width %", "singles MAPE %", "cover %", "width %", "same: cover %", "width %", "train s"}
		fmt.Fprintln(tw, strings.Join(header, "\t")+"\t")
		for _, s := range r.Scores {
			if s.Target == first {
				fmt.Fprintln(tw, r.line(s)+"\t")
			}
		}
		for _, why := range r.LeftOut {
			fmt.Fprintln(tw, "left out, "+why)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

func (r *Report) how() string {
	switch r.Folds {
	case 0:
		return "split as it came"
	case r.Groups:
		return "one left out at a time"
	}
	if r.Repeats > 1 {
		return fmt.Sprintf("%d folds, %d times, seeds %d to %d", r.Folds, r.Repeats, r.Seed, r.Seed+uint64(r.Repeats)-1)
	}
	return fmt.Sprintf("%d folds, seed %d", r.Folds, r.Seed)
}

func (r *Report) line(s Score) string {
	cells := []string{s.Model, fmt.Sprintf("%.2f", s.MAPE), fmt.Sprintf("%.2f", s.Median), fmt.Sprintf("%.3g", s.MAE), fmt.Sprintf("%.4f", s.R2)}
	cells = append(cells, interval(s)...)
	singles, err := r.Mean(s.Model, dataset.SPECScore)
	if err != nil {
		cells = append(cells, "-", "-", "-", "-", "-")
	} else {
		cells = append(append(cells, fmt.Sprintf("%.2f", singles.MAPE)), interval(singles)...)
	}
	return strings.Join(append(cells, fmt.Sprintf("%.1f", s.Seconds)), "\t")
}

// interval is coverage and width of the intervals, and of those that are equally
// wide for all. Where repetitions differ, the first coverage has their range.
func interval(s Score) []string {
	own := pair(s.Coverage, s.Width)
	if s.MostCoverage > s.LeastCoverage {
		own[0] += fmt.Sprintf(" (%.1f-%.1f)", s.LeastCoverage, s.MostCoverage)
	}
	return append(own, pair(s.ConstantCoverage, s.ConstantWidth)...)
}

func pair(coverage, width float64) []string {
	if width == 0 {
		return []string{"-", "-"}
	}
	return []string{fmt.Sprintf("%.1f", coverage), fmt.Sprintf("%.1f", width)}
}
