// Package model holds what learns from a dataset.Table: one interface for all
// of them, the baselines and tree and linear models, intervals that hold on
// unseen groups, and model files.
package model

import (
	"context"
	"errors"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// Errors of training, prediction and model files; all are wrapped with what
// was attempted.
var (
	// ErrTooFew says that there are not enough rows (or groups) to learn from.
	ErrTooFew = errors.New("not enough rows")
	// ErrVersion says that a model file is of another version.
	ErrVersion = errors.New("model file of another version")
	// ErrKind says that a model file holds a kind of model that nobody decodes.
	ErrKind = errors.New("unknown kind of model")
	// ErrFile says that a model file cannot be read or contradicts itself.
	ErrFile = errors.New("bad model file")
)

// Trainer makes models. Trainers are plain values holding hyperparameters; a
// Trainer may be used from several goroutines at once.
type Trainer interface {
	// Name is short and distinct: "ridge", "trees", "ncpp".
	Name() string
	// Fit learns the named targets from the table, each as ln(value/base) (see
	// dataset.Table.LogRatio), leaving out rows where a target is NaN. Encoders
	// and scalers are fitted inside, on these rows only. The same table,
	// targets and seed give the same model bit for bit, however many
	// goroutines Fit uses. It returns ErrTooFew where it cannot learn, and
	// ctx's error soon after ctx is done.
	Fit(ctx context.Context, train *dataset.Table, targets []string, seed uint64) (Model, error)
}

// Model is what a Trainer made. It is read-only: Predict may be called from
// several goroutines at once.
type Model interface {
	// Kind names the model's type in model files: "ridge".
	Kind() string
	// Targets are the names given to Fit, in that order.
	Targets() []string
	// Predict returns the estimates as [target][row]. Columns that the model
	// learnt from and that rows lacks count as missing, columns it does not
	// know are ignored; a target's base column must be there.
	Predict(rows *dataset.Table) ([][]Estimate, error)
	// Parts returns all that Predict needs, for a file; the kind's Decoder makes
	// the model of it again.
	Parts() Parts
}

// Estimate is a predicted value in the target's unit. A model that cannot say
// how sure it is has NaN as Low and High; Conformal adds intervals to any.
type Estimate struct {
	Value float64
	// Low and High are the ends of the interval that holds the true value with
	// the probability that the model was calibrated for (0.9).
	Low, High float64
}

// Plain is a model whose intervals suit the machine and that can also give the
// plainest ones, of the same relative width everywhere, to compare them with.
type Plain interface {
	ConstantWidth() Model
}

// Importancer is a model that knows how much each feature matters.
type Importancer interface {
	// Importances returns shares per feature that sum to 1 over all features
	// for the target (as numbered in Targets), the largest first.
	Importances(target int) []Importance
}

// Importance is a feature's share in what a model learnt.
type Importance struct {
	Feature string  `json:"feature"`
	Share   float64 `json:"share"`
}
