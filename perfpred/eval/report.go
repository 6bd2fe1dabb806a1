package eval

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// Report is an evaluation: one row per model and target.
type Report struct {
	Table  string `json:"table"`
	Rows   int    `json:"rows"`
	Group  string `json:"group"`
	Groups int    `json:"groups"`
	Folds  int    `json:"folds"`
	Seed   uint64 `json:"seed"`
	// Repeats is how often folds were drawn anew; rows are counted as often.
	Repeats int     `json:"repeats,omitempty"`
	Scores  []Score `json:"scores"`
	// Importances are of the first target, one entry per model that knows.
	Importances []Importances `json:"importances,omitempty"`
	// LeftOut are models that could not be trained, with the reason.
	LeftOut []string `json:"left_out,omitempty"`
	Points  []Series `json:"points,omitempty"`
}

// Importances are the shares of the features in what a model learnt of a
// target: the mean over the folds, the largest first.
type Importances struct {
	Model  string             `json:"model"`
	Target string             `json:"target"`
	Shares []model.Importance `json:"shares"`
}

// Score is how well a model predicts a target on groups it has not seen.
// Errors are in percent of the measured value.
type Score struct {
	Model  string `json:"model"`
	Target string `json:"target"`
	// N is the number of rows predicted.
	N int `json:"n"`
	// MAPE is the mean, Median the median absolute error in percent.
	MAPE   float64 `json:"mape_percent"`
	Median float64 `json:"median_percent"`
	// MAE is the mean absolute error in the target's unit; R2 the share of the
	// values' variance that is explained.
	MAE float64 `json:"mae"`
	R2  float64 `json:"r2"`
	// Coverage is the share of values inside their interval, Width the mean
	// width of the intervals over the predictions, both in percent; 0 for
	// models without intervals.
	Coverage float64 `json:"coverage_percent,omitempty"`
	Width    float64 `json:"width_percent,omitempty"`
	// LeastCoverage and MostCoverage are those of single repetitions.
	LeastCoverage float64 `json:"least_coverage_percent,omitempty"`
	MostCoverage  float64 `json:"most_coverage_percent,omitempty"`
	// ConstantCoverage and ConstantWidth are the same of conformal intervals that
	// are equally wide for all machines; 0 for models that have no others.
	ConstantCoverage float64 `json:"constant_coverage_percent,omitempty"`
	ConstantWidth    float64 `json:"constant_width_percent,omitempty"`
	// Seconds is the time of one training of all targets.
	Seconds float64 `json:"train_seconds"`
}

// Series is what a model predicted for a target, with the measured values.
type Series struct {
	Model     string    `json:"model"`
	Target    string    `json:"target"`
	Unit      string    `json:"unit"`
	Row       []int     `json:"row"`
	Measured  []float64 `json:"measured"`
	Predicted []float64 `json:"predicted"`
	// Low and High are the intervals' ends; empty for models without.
	Low  []float64 `json:"low,omitempty"`
	High []float64 `json:"high,omitempty"`
}

func newReport(t *dataset.Table, o Options, folds int) *Report {
	groups := slices.Clone(t.Groups[o.Group])
	slices.Sort(groups)
	return &Report{Table: t.Name, Rows: t.Rows, Group: o.Group, Groups: len(slices.Compact(groups)), Folds: folds, Seed: o.Seed, Repeats: o.repeats()}
}

// add scores a model's predictions and keeps them.
func (r *Report) add(t *dataset.Table, name string, targets []string, out *outcome) error {
	for k, target := range targets {
		y, err := t.Target(target)
		if err != nil {
			return err
		}
		s := Series{Model: name, Target: target, Unit: y.Unit}
		var kept, constant []model.Estimate
		least, most := math.Inf(1), 0.0
		for from := 0; from < len(out.predicted[k]); from += t.Rows {
			before := len(kept)
			for i, v := range y.Values {
				e := out.predicted[k][from+i]
				if !(v > 0) || math.IsNaN(e.Value) {
					continue
				}
				s.add(i, v, e)
				kept = append(kept, e)
				if out.constant != nil {
					constant = append(constant, out.constant[k][from+i])
				}
			}
			coverage, _ := intervals(s.Measured[before:], kept[before:])
			least, most = min(least, coverage), max(most, coverage)
		}
		if len(kept) == 0 {
			return fmt.Errorf("%s of %s: %w", target, name, ErrNothing)
		}
		score := Measure(s.Measured, kept)
		score.Model, score.Target, score.Seconds = name, target, out.seconds
		score.LeastCoverage, score.MostCoverage = least, most
		if constant != nil {
			score.ConstantCoverage, score.ConstantWidth = intervals(s.Measured, constant)
		}
		r.Scores, r.Points = append(r.Scores, score), append(r.Points, s)
	}
	if shares := meanImportances(out.importances); shares != nil {
		r.Importances = append(r.Importances, Importances{name, targets[0], shares})
	}
	return nil
}

func (s *Series) add(row int, measured float64, e model.Estimate) {
	s.Row, s.Measured, s.Predicted = append(s.Row, row), append(s.Measured, measured), append(s.Predicted, e.Value)
	if !math.IsNaN(e.Low) {
		s.Low, s.High = append(s.Low, e.Low), append(s.High, e.High)
	}
}

// meanImportances averages the folds' shares, largest first.
func meanImportances(folds [][]model.Importance) []model.Importance {
	sums := map[string]float64{}
	for _, shares := range folds {
		for _, i := range shares {
			sums[i.Feature] += i.Share / float64(len(folds))
		}
	}
	var out []model.Importance
	for _, feature := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, model.Importance{Feature: feature, Share: sums[feature]})
	}
	slices.SortStableFunc(out, func(a, b model.Importance) int { return cmp.Compare(b.Share, a.Share) })
	return out
}

// Measure scores estimates against measured values, which are positive and as
// many.
func Measure(measured []float64, p []model.Estimate) Score {
	s := Score{N: len(measured)}
	errs := make([]float64, len(measured))
	middle, residual, total := 0.0, 0.0, 0.0
	for _, v := range measured {
		middle += v / float64(s.N)
	}
	for i, v := range measured {
		off := math.Abs(p[i].Value - v)
		errs[i] = 100 * off / v
		s.MAPE += errs[i] / float64(s.N)
		s.MAE += off / float64(s.N)
		residual += off * off
		total += (v - middle) * (v - middle)
	}
	s.R2 = 1 - residual/total
	if total == 0 {
		s.R2 = 0
	}
	slices.Sort(errs)
	s.Median = (errs[(s.N-1)/2] + errs[s.N/2]) / 2
	s.Coverage, s.Width = intervals(measured, p)
	return s
}

// intervals returns coverage and mean relative width in percent.
func intervals(measured []float64, p []model.Estimate) (coverage, width float64) {
	n := float64(len(measured))
	for i, v := range measured {
		if math.IsNaN(p[i].Low) {
			return 0, 0
		}
		if p[i].Low <= v && v <= p[i].High {
			coverage += 100 / n
		}
		width += 100 * (p[i].High - p[i].Low) / p[i].Value / n
	}
	return coverage, width
}

// Mean averages the scores of a model over the targets, of which skip are left
// out. It returns ErrNothing if none is left.
func (r *Report) Mean(name string, skip ...string) (Score, error) {
	out := Score{Model: name, Target: "mean"}
	n := 0.0
	for _, s := range r.Scores {
		if s.Model != name || slices.Contains(skip, s.Target) {
			continue
		}
		n++
		out.N = s.N
		out.MAPE += s.MAPE
		out.Median += s.Median
		out.MAE += s.MAE
		out.R2 += s.R2
		out.Coverage += s.Coverage
		out.Width += s.Width
		out.LeastCoverage += s.LeastCoverage
		out.MostCoverage += s.MostCoverage
		out.ConstantCoverage += s.ConstantCoverage
		out.ConstantWidth += s.ConstantWidth
		out.Seconds = s.Seconds
	}
	if n == 0 {
		return out, fmt.Errorf("mean over the targets of %s: %w", name, ErrNothing)
	}
	for _, v := range []*float64{&out.MAPE, &out.Median, &out.MAE, &out.R2, &out.Coverage, &out.Width, &out.LeastCoverage, &out.MostCoverage, &out.ConstantCoverage, &out.ConstantWidth} {
		*v /= n
	}
	return out, nil
}
