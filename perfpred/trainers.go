// Package perfpred predicts what SPEC CPU2017 would give on a machine from what
// is known about it: it trains, keeps and asks the models of package model on
// the tables of package dataset.
package perfpred

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/perfpred/model"
	"github.com/gpubench/gpubench/perfpred/nn"
)

// Errors of this package; all are wrapped with what was attempted.
var (
	// ErrUnknownTrainer says that there is no trainer of that name.
	ErrUnknownTrainer = errors.New("unknown model")
	// ErrUnknownCPU says that a CPU is not among the known ones and that too
	// little was said about it.
	ErrUnknownCPU = errors.New("unknown CPU")
	// ErrTooFar says that a machine is so unlike the known ones that a number
	// would be a guess.
	ErrTooFar = errors.New("outside the known hardware")
)

// BestTrainer is the name of the trainer that predicts unseen CPU models best.
const BestTrainer = "stack"

// calibrationFolds is the number of folds that intervals are calibrated on. With
// five the models of the folds know a fifth of the CPUs less than the final one,
// err more, and intervals are too wide (92.5 % instead of 90 % covered).
const calibrationFolds = 10

// Trainers returns all models that can be trained, the plain ones first. Those
// that say how sure they are have intervals for 90 %.
func Trainers() []model.Trainer {
	lines := model.Ridge{Pairs: true}
	trees := model.DefaultBoost()
	both := model.Residual{First: lines, Then: trees}
	stack := model.Stack{Label: BestTrainer, Members: []model.Trainer{lines, both, trees}}
	sure := func(t model.Trainer) model.Trainer {
		return model.Guard{Trainer: model.Conformal{Trainer: t, Folds: calibrationFolds}, Shift: t}
	}
	return []model.Trainer{
		model.Constant{},
		model.Neighbour{},
		sure(model.Ridge{}),
		sure(lines),
		sure(trees),
		nn.Default(),
		model.Guard{Trainer: model.Conformal{Trainer: stack, Folds: calibrationFolds}, Shift: both},
	}
}

// TrainerNames returns the names of Trainers in their order.
func TrainerNames() []string {
	var names []string
	for _, t := range Trainers() {
		names = append(names, t.Name())
	}
	return names
}

// Trainer returns the trainer of that name, or ErrUnknownTrainer.
func Trainer(name string) (model.Trainer, error) {
	for _, t := range Trainers() {
		if t.Name() == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%w: %q; there are %s", ErrUnknownTrainer, name, strings.Join(TrainerNames(), ", "))
}

// decoders reads all models that Trainers makes.
func decoders() model.Decoders {
	all := model.Kinds()
	for kind, d := range nn.Decoders() {
		all[kind] = d
	}
	return all
}
