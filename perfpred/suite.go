package perfpred

import (
	"context"
	"fmt"
	"io"

	"github.com/gpubench/gpubench/perfpred/dataset"
	"github.com/gpubench/gpubench/perfpred/model"
)

// Suite is a trained model of one SPEC CPU2017 suite, with what is usual for
// the CPUs and makers that it has seen, to fill the blanks of descriptions.
type Suite struct {
	Name    string
	Trainer string
	Rows    int
	Seed    uint64
	model   model.Model
	cpus    factBook
	makers  factBook
}

// Train fits the trainer to a suite's table.
func Train(ctx context.Context, t *dataset.Table, tr model.Trainer, seed uint64) (*Suite, error) {
	s := &Suite{Name: t.Name, Trainer: tr.Name(), Rows: t.Rows, Seed: seed}
	var err error
	if s.cpus, err = factsByGroup(t, dataset.GroupCPU, append(ofCPU(), ofMachine()...)); err != nil {
		return nil, fmt.Errorf("train %s: %w", t.Name, err)
	}
	if s.makers, err = factsByGroup(t, dataset.GroupVendor, ofMachine()); err != nil {
		return nil, fmt.Errorf("train %s: %w", t.Name, err)
	}
	if s.model, err = tr.Fit(ctx, t, t.TargetNames(), seed); err != nil {
		return nil, fmt.Errorf("train %s: %w", t.Name, err)
	}
	return s, nil
}

const suiteKind = "spec-cpu2017"

type suiteFile struct {
	Suite   string   `json:"suite"`
	Trainer string   `json:"trainer"`
	Rows    int      `json:"rows"`
	Seed    uint64   `json:"seed"`
	CPUs    factBook `json:"cpus"`
	Makers  factBook `json:"makers"`
}

// suiteModel is a Suite as a model file.
type suiteModel struct {
	model.Model
	suite *Suite
}

// Kind is "spec-cpu2017".
func (suiteModel) Kind() string { return suiteKind }

// Parts are the suite's and its model.
func (m suiteModel) Parts() model.Parts {
	s := m.suite
	return model.Parts{Settings: suiteFile{s.Name, s.Trainer, s.Rows, s.Seed, s.cpus, s.makers}, Inner: []model.Model{s.model}}
}

func decodeSuite(stored *model.Stored, inner []model.Model) (model.Model, error) {
	var f suiteFile
	if err := stored.ReadSettings(&f); err != nil {
		return nil, err
	}
	if len(inner) != 1 {
		return nil, fmt.Errorf("%w: %d models where there is one", model.ErrFile, len(inner))
	}
	s := &Suite{Name: f.Suite, Trainer: f.Trainer, Rows: f.Rows, Seed: f.Seed, model: inner[0], cpus: f.CPUs, makers: f.Makers}
	return suiteModel{inner[0], s}, nil
}

// Write writes the suite as a versioned JSON document.
func (s *Suite) Write(w io.Writer) error { return model.Save(w, suiteModel{s.model, s}) }

// Read reads what Write wrote. It returns model.ErrFile, model.ErrVersion or
// model.ErrKind.
func Read(file []byte) (*Suite, error) {
	known := decoders()
	known[suiteKind] = decodeSuite
	m, err := model.Load(file, known)
	if err != nil {
		return nil, fmt.Errorf("read a model of a suite: %w", err)
	}
	s, ok := m.(suiteModel)
	if !ok {
		return nil, fmt.Errorf("read a model of a suite: a %s alone: %w", m.Kind(), model.ErrKind)
	}
	return s.suite, nil
}
