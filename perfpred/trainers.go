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

// bare returns all models that can be trained, the plain ones first, without
// intervals.
func bare() []model.Trainer {
	lines, trees := model.Ridge{Pairs: true}, model.DefaultBoost()
	both := model.Residual{First: lines, Then: trees}
	return []model.Trainer{
		model.Constant{},
		model.Neighbour{},
		model.Ridge{},
		lines,
		trees,
		nn.Default(),
		model.Stack{Label: BestTrainer, Members: []model.Trainer{lines, both, trees}},
	}
}

// sure gives a trainer intervals for 90 %, but for the two plainest.
func sure(t model.Trainer) model.Trainer {
	switch t := t.(type) {
	case model.Constant, model.Neighbour:
		return t
	case nn.NCPP:
		// It is slow to train: its intervals have one width, calibrated on three
		// folds by half as many networks.
		half := t
		half.Members /= 2
		return model.Guard{Trainer: model.Conformal{Trainer: t, Folds: 3, Constant: true, Folded: half}}
	}
	return model.Guard{Trainer: model.Conformal{Trainer: t}, Shift: t}
}

// TrainerNames returns the names that Trainer knows.
func TrainerNames() []string {
	var names []string
	for _, t := range bare() {
		names = append(names, t.Name())
	}
	return names
}

// Trainer returns the trainer of that name, or ErrUnknownTrainer. Its models say
// how sure they are, but for the plainest.
func Trainer(name string) (model.Trainer, error) {
	t, err := Bare(name)
	if err != nil {
		return nil, err
	}
	return sure(t), nil
}

// Bare returns the trainer of that name without intervals, for tables that are
// too small to calibrate any, or ErrUnknownTrainer.
func Bare(name string) (model.Trainer, error) {
	for _, t := range bare() {
		if t.Name() == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%w: %q; there are %s", ErrUnknownTrainer, name, strings.Join(TrainerNames(), ", "))
}

// decoders reads all models that trainers make.
func decoders() model.Decoders {
	all := model.Kinds()
	for kind, d := range nn.Decoders() {
		all[kind] = d
	}
	return all
}
